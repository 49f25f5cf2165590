"""Messages on the wire: real mail, real webhooks, and what is said of a channel that fails."""

from __future__ import annotations

import io
import logging
import sys
import time
from typing import TYPE_CHECKING

import pytest

from tests.support.archive_runs import settings_in
from tests.support.mailbox import Hook, Mailbox, mailbox, webhook
from trueup.connectors.notify import channels, deliver
from trueup.reports.messages import letter_of
from trueup.transforms.messages import Event, Group, Message

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from trueup.transforms.settings import Settings

MESSAGE = Message(
    Event.READY,
    "plan:20261123T010000Z-7f3a",
    "Trueup, contoso.example: ready for review",
    ("An ordinary night: 3 people change.", "You are asked to accept 3 updates."),
    run_id="20261123T010000Z-7f3a",
    counts=(("update", 3), ("out_of_scope", 12)),
    commands=("trueup review 20261123T010000Z-7f3a",),
    link="https://reports.example/20261123T010000Z-7f3a/report.html",
    people=(Group("Leaving", ("Ada <b>Lovelace</b>", "Björn Ångström"), 2),),
)
SECRET = "T0k3n-marker-of-the-team"


@pytest.fixture(scope="module")
def box() -> Iterator[Mailbox]:
    with mailbox() as found:
        yield found


@pytest.fixture
def hook() -> Iterator[Hook]:
    with webhook() as found:
        yield found


def configured(folder: Path, monkeypatch: pytest.MonkeyPatch, *addresses: str) -> Settings:
    for number, address in enumerate(addresses):
        monkeypatch.setenv(f"ADDRESS_{number}", address)
    return settings_in(folder, notify={"urls": [f"env:ADDRESS_{number}" for number in range(len(addresses))]})


def test_a_mail_is_a_page_and_a_text_and_a_chat_gets_no_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, box: Mailbox, hook: Hook
) -> None:
    settings = configured(
        tmp_path,
        monkeypatch,
        f"mailto://127.0.0.1:{box.port}?from=trueup@contoso.example&to=ann@contoso.example",
        f"{hook.url.replace('http', 'json')}/{SECRET}",
    )
    answers = deliver(channels(settings), letter_of(MESSAGE))
    assert answers == {'notify.urls "env:ADDRESS_0"': "", 'notify.urls "env:ADDRESS_1"': ""}
    mail = box.mails.pop()
    assert mail["Subject"] == MESSAGE.title
    assert mail["From"] == "trueup@contoso.example"
    assert mail["X-To"] == "ann@contoso.example"
    page, text = (mail.get_body([kind]) for kind in ("html", "plain"))
    assert page is not None
    assert text is not None
    for form in (page.get_content(), text.get_content()):
        assert "An ordinary night: 3 people change." in form
        assert "trueup review 20261123T010000Z-7f3a" in form
        assert MESSAGE.link in form
        assert "Björn Ångström and 2 more" in form
    assert "Ada &lt;b&gt;Lovelace&lt;/b&gt;" in page.get_content()
    assert "github" not in mail.as_string(), "something of Apprise's own is sent along"
    [(path, body)] = hook.posts
    assert path == f"/{SECRET}"
    assert body["title"] == MESSAGE.title
    assert body["message"].splitlines() == [
        "An ordinary night: 3 people change.",
        "You are asked to accept 3 updates.",
        "3 update · 12 out of scope.",
        "Next: trueup review 20261123T010000Z-7f3a",
        f"Report: {MESSAGE.link}",
    ]
    assert "Ångström" not in str(hook.posts)


def test_why_a_channel_fails_is_said_without_its_address(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    box: Mailbox,
    hook: Hook,
    capfd: pytest.CaptureFixture[str],
) -> None:
    office = io.StringIO()
    everything = logging.StreamHandler(office)
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", [*root.handlers, everything])
    monkeypatch.setattr(root, "level", logging.DEBUG)  # an office that logs whatever there is
    hook.status = 404
    addresses = {
        f"{hook.url.replace('http', 'json')}/{SECRET}": "error=404",
        f"json://127.0.0.1:9/{SECRET}": "(Connection refused)",
        f"mailto://bot:{SECRET}@127.0.0.1:{box.port}?from=trueup@contoso.example&to=ann@contoso.example": "(535)",
        f"slack://{SECRET}/wrong": "Slack Token",
        f"workflows://contoso.example/{SECRET}": "invalid Signature",
        f"no-such-kind://{SECRET}": "cannot read",
        f"{SECRET}": "cannot read",
    }
    answers = deliver(channels(configured(tmp_path, monkeypatch, *addresses)), letter_of(MESSAGE))
    for why, expected in zip(answers.values(), addresses.values(), strict=True):
        assert expected in why, answers
    shown = "\n".join([*answers.values(), office.getvalue(), *capfd.readouterr()])
    assert SECRET.lower() not in shown.lower()
    assert not [part for part in ("127.0.0.1", "contoso.example", str(box.port)) if part in str(answers)]


def test_a_channel_that_never_ends_its_answer_holds_nobody_up_and_the_others_get_theirs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, box: Mailbox
) -> None:
    box.mails.clear()
    with webhook() as hook:
        hook.drips = True
        settings = configured(
            tmp_path,
            monkeypatch,
            f"{hook.url.replace('http', 'json')}/x",
            f"mailto://127.0.0.1:{box.port}?from=trueup@contoso.example&to=ann@contoso.example",
        )
        asked = channels(settings)
        begun = time.monotonic()
        answers = deliver(asked, letter_of(MESSAGE), seconds=2)
        assert time.monotonic() - begun < 15, "it waited for the answer to end, which takes forty seconds"
    assert list(answers.values()) == ["no answer within 2 seconds.", ""]
    assert len(box.mails) == 1


def test_a_webhook_and_a_command_of_ones_own_get_the_same_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hook: Hook
) -> None:
    monkeypatch.setenv("HOOK", f"{hook.url}/{SECRET}")
    script = tmp_path / "told.py"
    script.write_text(
        "import os, json\ntold = {k: v for k, v in os.environ.items() if 'TRUEUP_' in k}\n"
        f"open({str(tmp_path / 'told')!r}, 'w').write(json.dumps(told))",
        encoding="utf-8",
    )
    settings = settings_in(tmp_path, notify={"url": "env:HOOK", "command": f"{sys.executable} {script}"})
    assert deliver(channels(settings), letter_of(MESSAGE)) == {'notify.url "env:HOOK"': "", "notify.command": ""}
    [(_path, body)] = hook.posts
    assert body["text"].startswith(f"{MESSAGE.title}\nAn ordinary night")
    told = (tmp_path / "told").read_text(encoding="utf-8")
    assert '"TRUEUP_EVENT": "ready"' in told
    assert "\\n" not in told
    assert "3 update" in told
