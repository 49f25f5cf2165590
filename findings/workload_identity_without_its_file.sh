#!/bin/sh
# The projected token of a workload identity is not where AZURE_FEDERATED_TOKEN_FILE says.
#
# One would guess: azure-identity answers as for every other way to sign in that this machine lacks, with
# CredentialUnavailableError (a chain of credentials then goes on to the next one), when the credential is made or
# when a token is asked for.
#
# What happens: making the credential goes well, as long as the variable is set, and asking for a token raises a plain
# FileNotFoundError, which is not one of azure's errors.
#
# Why it matters here: whoever treats what is not azure's own error as a fault that may pass asks again for as long as a
# network is waited for, and tells a missing file as an address that does not answer. Trueup looks at the file itself.
#
# azure-identity 1.27.0, 2026-11-29. Nothing is sent anywhere: the file is read before any request.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check azure-identity==1.27.0
AZURE_FEDERATED_TOKEN_FILE="$folder/gone" "$folder/venv/bin/python" - <<'PYTHON'
import os
import sys

from azure.core.exceptions import AzureError
from azure.identity import WorkloadIdentityCredential

credential = WorkloadIdentityCredential(
    tenant_id="11111111-1111-1111-1111-111111111111", client_id="22222222-2222-2222-2222-222222222222"
)
print("made without a word, though", os.environ["AZURE_FEDERATED_TOKEN_FILE"], "is not there")
try:
    credential.get_token("https://graph.microsoft.com/.default")
except Exception as error:
    print("asking for a token raises", type(error).__name__, "- one of azure's errors:", isinstance(error, AzureError))
    sys.exit(not (isinstance(error, FileNotFoundError) and not isinstance(error, AzureError)))
sys.exit("a token without its file: this has changed")
PYTHON
