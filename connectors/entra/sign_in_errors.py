"""What a failed sign-in means: AADSTS codes as sentences with a remedy.

Source: Microsoft identity platform, "error codes". Microsoft advises programs to act on the OAuth ``error``;
the codes serve for help texts, which is what they are used for here.
"""

from __future__ import annotations

import re

from trueup.connectors.secrets import code_word
from trueup.transforms.errors import Failed

_CODE = re.compile(r"AADSTS(\d{4,8})")

_COPY_THE_VALUE = "Copy the secret's Value (not its Secret ID) from App registrations → Certificates & secrets."
_OTHER_CLOUD = "Check source.cloud, source.tenant_id and the overrides source.login_url and source.graph_url."

SENTENCES: dict[str, tuple[str, str]] = {
    "7000215": ("the client secret is wrong", _COPY_THE_VALUE),
    "7000222": (
        "the client secret has expired",
        "Create a new secret for the app and store it where the reference points.",
    ),
    "7000218": ("no client secret was sent", "Set source.client_secret, or choose another source.auth."),
    "700016": (
        "the app is not known in this tenant",
        "Check source.client_id and source.tenant_id: the app must be registered in, or consented to by, this tenant.",
    ),
    "700027": (
        "the certificate's signature is not accepted",
        "Upload the public part of the certificate to the app registration and check that it has not expired.",
    ),
    "50012": ("the certificate or assertion is not accepted", "Upload the certificate in use to the app registration."),
    "700024": ("the assertion is outside its time", "Check this machine's clock and the federated token."),
    "700211": (
        "no federated credential of the app matches this workload's issuer",
        "Compare issuer, subject and audience under App registrations → Federated credentials.",
    ),
    "700213": (
        "no federated credential of the app matches this workload's subject",
        "Compare issuer, subject and audience under App registrations → Federated credentials.",
    ),
    "90002": ("the tenant was not found", _OTHER_CLOUD),
    "900023": ("the tenant's name is not valid", _OTHER_CLOUD),
    "900382": ("the app belongs to another cloud", _OTHER_CLOUD),
    "900432": ("the app belongs to another cloud", _OTHER_CLOUD),
    "90038": ("the tenant belongs to a national cloud", _OTHER_CLOUD),
    "500011": ("this tenant does not know the Graph address of that cloud", _OTHER_CLOUD),
    "70011": ("the scope is not valid", _OTHER_CLOUD),
    "1002012": ("the scope is not valid", _OTHER_CLOUD),
    "7000112": ("the app is disabled", "Enable it under Enterprise applications → Properties."),
    "65001": ("nobody has consented to the app's permissions", "Grant admin consent under API permissions."),
    "90094": ("admin consent is missing", "Grant admin consent under API permissions."),
    "90008": ("the app does not ask for Microsoft Graph", "Add the permissions named in the guide and grant consent."),
    "53003": ("a Conditional Access policy blocks the sign-in", "Exclude this workload identity from the policy."),
    "530032": ("a security policy blocks the sign-in", "Ask the people who keep the tenant's security policies."),
    "7000229": (
        "the app has no service principal in this tenant",
        "Open the app once under Enterprise applications, or grant it admin consent.",
    ),
}
"""Code → what it means, what to do."""

PASSING = frozenset({"90055", "90006", "90024", "90033", "90090"})
"""Codes that say throttled or a passing fault: worth asking again."""

_BY_ERROR = {
    "invalid_client": ("the client credentials are not accepted", _COPY_THE_VALUE),
    "unauthorized_client": ("the app is not known in this tenant", "Check source.client_id and source.tenant_id."),
    "invalid_request": ("the sign-in request was refused", _OTHER_CLOUD),
    "invalid_scope": ("the scope is not valid", _OTHER_CLOUD),
    "invalid_resource": ("this tenant does not know the Graph address of that cloud", _OTHER_CLOUD),
}


def code_in(text: str) -> str:
    """The AADSTS number in ``text``, or nothing."""
    found = _CODE.search(text)
    return found.group(1) if found else ""


def is_passing(text: str) -> bool:
    """Whether the sign-in failed for a reason that waiting may cure."""
    return code_in(text) in PASSING


def refused_sign_in(text: str, *, error: str = "") -> Failed:
    """The failure to raise for what the token endpoint said; ``text`` itself is never repeated.

    Args:
        text: ``error_description`` or an SDK message holding it.
        error: the OAuth ``error`` word, where known.
    """
    code = code_in(text)
    if not error:
        error = next((word for word in _BY_ERROR if word in text), "")
    error = code_word(error)
    meaning, remedy = SENTENCES.get(code) or _BY_ERROR.get(error) or ("the sign-in was refused", _OTHER_CLOUD)
    named = f" (AADSTS{code})" if code else f" ({error})" if error else ""
    return Failed(f"Signing in to Entra ID failed: {meaning}{named}.", remedy=remedy)
