"""What can be known before anything is read is said before anything is read."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.end_to_end.test_decisions_over_nights import company, key, person, profile
from tests.support.warm_commands import CHECKOUT, PATIENCE

if TYPE_CHECKING:
    from pathlib import Path

    from tests.end_to_end.conftest import Office
    from tests.support.warm_commands import Warm

pytestmark = pytest.mark.xdist_group("tried first")
FILES = ("source", "target", "desired", "actual")


def processor_seconds() -> float:
    """What commands that have ended used; how long they took says more about what else the machine did."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@pytest.mark.parametrize("secret", ["TRUEUP_SCIM_TOKEN", "TRUEUP_CLIENT_SECRET"])
def test_a_wrong_credential_ends_a_plan_by_hand_within_seconds_and_without_a_run(
    installed: Office, secret: str
) -> None:
    before, started = processor_seconds(), time.monotonic()
    done = installed.trueup("plan", "--json", **{secret: "not-the-right-one"})
    assert time.monotonic() - started < 30, "nothing was waited for"
    assert processor_seconds() - before < 4, "so that it ends within five seconds where the machine is free"
    assert done.code == 1
    assert ("refuses the token (401)" if "SCIM" in secret else "AADSTS7000215") in done.err
    assert not list(installed.archive.glob("2*")), "no run was begun"


@pytest.mark.parametrize("auth", ["certificate", "workload_identity"])
def test_what_cannot_sign_in_is_the_same_sentence_in_doctor_and_plan(office: Office, auth: str) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    sealed = serialization.BestAvailableEncryption(b"pass")
    (office.folder / "app.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, sealed)
    )
    office.configure(
        **{
            'kind = "entra"': f'kind = "entra"\nauth = "{auth}"\ncertificate = "app.pem"',
            f'login_url = "{office.sandbox.login_url}"': "",
        }
    )
    said = {
        "certificate": "The key in source.certificate is encrypted, and source.certificate_password is not set.",
        "workload_identity": f"AZURE_FEDERATED_TOKEN_FILE names {office.folder / 'gone'}, which cannot be read",
    }[auth]
    place = {"AZURE_FEDERATED_TOKEN_FILE": str(office.folder / "gone")}
    lines = [line["text"] for line in office.trueup("doctor", "--json", **place).json if line["status"] == "fix"]
    assert len(lines) == 1
    assert lines[0].startswith(said)
    done = office.trueup("plan", "--json", **place)
    assert done.code == 1
    assert said in done.err
    assert not list(office.archive.glob("2*")), "no run was begun"


def test_a_night_whose_credential_is_refused_seals_a_small_failed_run_that_read_nothing(office: Office) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from trueup.flows.nightly import nightly; nightly('trueup.toml')"],
        cwd=office.folder,
        env={
            **os.environ,
            **office.sandbox.environment,
            **office.environment,
            "TRUEUP_SCIM_TOKEN": "not-the-token",
            "PYTHONPATH": str(CHECKOUT),
        },
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    (run,) = office.trueup("runs", "--json").json
    assert run["outcome"] == "failed", done.stderr
    folder = office.archive / run["run_id"]
    assert not [name for name in FILES if (folder / f"{name}.parquet").exists()]
    for text in (
        json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["error"],
        (folder / "report.html").read_text(encoding="utf-8"),
        office.trueup("show", run["run_id"]).out,
    ):
        assert "refuses the token (401)" in text
    assert office.trueup("verify", "--archive", "--json").code == 0


def test_names_that_look_misspelt_are_said_before_anything_is_read(tmp_path: Path, warm: Warm) -> None:
    people = [person("annabelle.lee"), person("bob")]
    profiles = [profile(name, externalId=key(name)) for name in ("annabelle.lee", "bob")]
    with company(tmp_path, warm, people, profiles) as office:
        first = office.plan()
        runs = len(list(office.archive.glob("2*")))
        done = office.trueup("plan", "--json", "--only", "bob@contoso.example", "--only", "anabele.lee@contoso.example")
        assert done.code == 2
        assert "did you mean annabelle.lee@contoso.example?" in done.err
        assert "bob@" not in done.err
        assert f"run {first['run_id']} does not know 1 of the 2 names" in done.err
        assert len(list(office.archive.glob("2*"))) == runs, "nothing was begun"

        new = person("bop")
        office.sandbox.tenant.add(new)
        done = office.trueup("plan", "--json", "--only", "bop@contoso.example")
        assert done.code in {0, 3}, "somebody new may have a short name much like another's"
        assert "unknown to run" in done.err
        assert "did you mean bob@contoso.example?" in done.err
