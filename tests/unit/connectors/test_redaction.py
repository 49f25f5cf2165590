"""Secrets that were held are cut out of other people's words, however they are spelt there."""

from __future__ import annotations

import base64
import html
import json
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trueup.connectors import redaction
from trueup.connectors.entra.responses import said_no
from trueup.connectors.redaction import REMOVED, foreign, redacted, remember, remember_address
from trueup.connectors.scim.responses import Answer, sentence
from trueup.connectors.secrets import code_word, reveal
from trueup.flows.safe_errors import sanitize_errors
from trueup.transforms.errors import Failed, Refusal, Refused

if TYPE_CHECKING:
    from pathlib import Path

SECRET = 'Qz8~x/y+z =&%"<key>'


@pytest.fixture(autouse=True)
def nothing_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redaction, "_held", set())


def spellings(secret: str) -> list[str]:
    plain = secret.encode()
    return [
        secret,
        quote(secret),
        quote_plus(secret),
        quote_plus(secret).lower(),
        html.escape(secret),
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1].replace("/", "\\/"),
        plain.hex(),
    ]


@settings(max_examples=80, deadline=None)
@given(st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=8, max_size=40), st.binary(max_size=4))
def test_a_secret_is_cut_out_however_it_is_spelt(secret: str, before: bytes) -> None:
    redaction._held.clear()
    remember(secret)
    if not secret.strip():
        return
    for spelt in spellings(secret):
        assert spelt not in redacted(f"<<{spelt}>>"), spelt
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        told = encode(before + secret.encode() + b"more").decode()
        core = encode(secret.encode())[:-4].decode()
        assert redacted(told) != told
        assert len(core) < 4 or before or core not in redacted(told)


def test_a_secret_that_is_quoted_only_in_part_is_cut_out_too() -> None:
    token = "eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9.claims.signature"
    remember(token)
    assert redacted(f"Bad: {token[:20]}… (cut)") == "Bad: (removed) (cut)"


def test_short_secrets_leave_our_own_sentences_whole_but_not_those_of_others() -> None:
    remember("token")
    assert redacted("The target refuses the token (401).") == "The target refuses the token (401)."
    assert "token" not in foreign("bad value token")


def test_what_is_revealed_is_known_from_then_on(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(f"{SECRET}\n", encoding="utf-8")
    reveal("file:secret", key="target.token", folder=tmp_path)
    assert redacted(f"no {SECRET} here") == "no (removed) here"


@pytest.mark.parametrize(
    "body",
    [
        json.dumps({"detail": f"not taken: {SECRET}"}).encode(),
        json.dumps({"detail": {"echo": [SECRET]}}).encode(),
        f"<html><body>not taken: {SECRET}</body></html>".encode(),
        f"{'x' * 3995} {SECRET}".encode(),
        json.dumps({"detail": f"not taken: {SECRET.replace(' ', '  ')}"}).encode(),
        base64.b64encode(f"trueup:{SECRET}".encode()),
    ],
)
def test_a_scim_servers_own_words_are_kept_without_the_token(body: bytes) -> None:
    remember(SECRET)
    remember(SECRET.replace(" ", "  "))
    told = sentence(Answer(400, body=body), with_detail=True)
    assert told.startswith("answered 400")
    for spelt in ("Qz8", base64.b64encode(b"trueup:" + SECRET.encode()).decode()[12:24]):
        assert spelt not in told, told


def test_a_code_or_a_request_id_that_is_the_secret_is_not_taken_for_one() -> None:
    remember("plainwordsecret")
    assert code_word("plainwordsecret") == ""
    assert code_word("invalidValue") == "invalidValue"

    class Response:
        status_code, content = 400, b'{"error": {"code": "plainwordsecret", "message": ""}}'
        headers = {"request-id": "id-plainwordsecret"}  # noqa: RUF012 - never changed

    answer = said_no(Response())  # type: ignore[arg-type] # has all that is looked at
    assert "plainwordsecret" not in answer.code + answer.request_id


def test_a_step_raises_only_errors_of_ours_and_no_secret_in_them() -> None:
    remember(SECRET)

    @sanitize_errors("reading")
    def step(error: Exception) -> None:
        raise error

    with pytest.raises(Failed, match=r"^An unexpected error occurred while reading: ValueError at test_redaction"):
        step(ValueError(f"Ada Lovelace {SECRET}"))
    with pytest.raises(Failed) as failed:
        step(Failed(f"It said {SECRET}.", remedy=f"Not {SECRET}."))
    assert "Qz8" not in repr(failed.value) + str(failed.value)
    with pytest.raises(Refused) as refused:
        step(Refused(Refusal("code", f"It said {SECRET}.", remedy="Look.")))
    assert refused.value.refusals[0].message == "It said (removed)."
    assert "Qz8" not in str(refused.value)


def test_of_an_address_its_secrets_are_cut_out_and_another_of_the_same_company_stays() -> None:
    remember_address("https://contoso.webhook.example/webhookb2/4f2c-marker-7/IncomingWebhook/99aa")
    remember_address("mailtos://bot:p4ss%2Fword@smtp.contoso.example:587?from=trueup@contoso.example&to=a@b.example")
    remember_address("slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ")
    said = "The target https://contoso.webhooks.example/scim/v2 and smtp.contoso.example answered in 12 seconds."
    assert redacted(said) == said
    for told in (
        "no route to https://contoso.webhook.example/webhookb2/4f2c-marker",
        "4f2c-marker-7",
        "POST /webhookb2/4f2c-marker-7/IncomingWebhook",
        "login p4ss/word refused",
        "p4ss%2Fword",
        "mailtos://bot:p4ss%2Fword@smtp",
        "TIiajkdnlazkcOXrIdevi7FQ",
    ):
        assert REMOVED in redacted(told), told
    assert remember_address("https://[broken") == "https://[broken"
