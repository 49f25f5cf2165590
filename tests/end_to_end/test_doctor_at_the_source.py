"""``trueup doctor`` against a token endpoint that says no, and against tokens that may do too little."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from starlette.responses import JSONResponse

from tests.support.graph_server import Tenant, serving
from trueup.connectors.entra.sign_in_errors import SENTENCES

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from tests.end_to_end.conftest import Done, Office

pytestmark = pytest.mark.xdist_group("doctor")
SOME = ("7000215", "7000222", "700016", "90002", "53003")
PRIVATE = "Trace-ID-of-the-answer"


def says_no(code: str) -> Tenant:
    """A token endpoint that answers every sign-in with this code."""

    def before(path: str, _query: dict[str, str], _request: Request) -> Response | None:
        text = f"AADSTS{code}: Something in Microsoft's words. {PRIVATE}: 1"
        body = {"error": "invalid_client", "error_description": text, "error_codes": [int(code)]}
        return JSONResponse(body, 401) if path == "token" else None

    return Tenant(before=before)


def doctor(office: Office, code: str) -> Done:
    with serving(says_no(code)) as address:
        office.configure(**{f'login_url = "{office.sandbox.login_url}"': f'login_url = "{address}"'})
        return office.trueup("doctor", "--json")


def is_a_sentence(done: Done, code: str) -> bool:
    """Exit 1 and one line on signing in, with the code's meaning, what to do, and no word of the answer."""
    meaning, remedy = SENTENCES[code]
    lines = [line for line in done.json if line["subject"] == "source sign-in"]
    said = [(line["status"], line["text"], line["remedy"]) for line in lines]
    expected = [("fix", f"Signing in to Entra ID failed: {meaning} (AADSTS{code}).", remedy)]
    return done.code == 1 and said == expected and PRIVATE not in done.out + done.err


def test_a_refused_sign_in_is_one_line_that_says_what_to_do(office: Office) -> None:
    assert [code for code in SOME if not is_a_sentence(doctor(office, code), code)] == []


@pytest.mark.soak
def test_every_refused_sign_in_is_one_line_that_says_what_to_do(office: Office) -> None:
    assert [code for code in SENTENCES if not is_a_sentence(doctor(office, code), code)] == []


def test_each_configured_feature_has_its_permission_there_or_missing(office: Office) -> None:
    office.configure('[mapping.attributes]\n"nickName" = "[lastSignInDateTime]"\n"title" = "[userPurpose]"\n')
    office.sandbox.tenant.granted.clear()
    office.sandbox.tenant.granted.update({"User.Read.All", "GroupMember.Read.All", "MailboxSettings.Read"})
    done = office.trueup("doctor", "--json")
    told = {line["text"].split()[0]: line["status"] for line in done.json if line["subject"] == "source permissions"}
    assert told == {
        "User.Read.All": "ok",
        "Application.Read.All": "fix",
        "GroupMember.Read.All": "ok",
        "AuditLog.Read.All": "warning",
        "MailboxSettings.Read": "ok",
    }
    assert done.code == 1
