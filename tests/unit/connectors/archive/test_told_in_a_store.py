"""What was told of a target whose archive lies in a store: the same for every host, so that nobody is told twice."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from tests.support.archive_runs import settings_in
from tests.support.mailbox import Hook, webhook
from trueup.connectors.archive.reaching import reached
from trueup.connectors.notify import SharedLedger
from trueup.connectors.notify.ledger import TRIES
from trueup.flows import notify
from trueup.transforms.messages import Event

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.object_stores import Bucket
    from trueup.transforms.settings import Settings


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hook]:
    with webhook() as found:
        monkeypatch.setenv("HOOK", found.url.replace("http", "json"))
        yield found


@pytest.fixture
def hosts(bucket: Bucket, tmp_path: Path) -> list[Settings]:
    """Two hosts, each with a cache of its own."""
    return [
        settings_in(tmp_path, archive=bucket.section(cache=str(tmp_path / name)), notify={"urls": ["env:HOOK"]})
        for name in ("one", "two")
    ]


def test_what_one_host_has_told_no_other_tells_again(hosts: list[Settings], hook: Hook) -> None:
    for settings in (*hosts, *hosts):
        notify.say(settings, Event.SILENCE, "No run has succeeded.", once="silence:none")
        notify.say(settings, Event.BROKEN_OFF, "The night was broken off.", once="broken off:1")
    assert len(hook.posts) == 2
    # Trouble that one host told of is over on another one, once.
    assert [notify.ledger_of(settings).trouble_is_over() != "" for settings in (*hosts, *hosts)] == [
        True,
        False,
        False,
        False,
    ]
    assert "silence" not in reached(hosts[0]).read(next(iter(reached(hosts[0]).every("told")))).decode()


def test_what_reached_nobody_is_told_again_by_any_host_and_a_failing_channel_is_known_to_all(
    hosts: list[Settings], hook: Hook, capsys: pytest.CaptureFixture[str]
) -> None:
    hook.status = 500
    for number in range(TRIES + 3):
        notify.say(hosts[number % 2], Event.DIED, "Run 1 died.", once="died:1")
    assert len(hook.posts) == TRIES
    assert notify.ledger_of(hosts[1]).has_arrived("died:1") is False
    [note] = notify.not_arriving(hosts[0])
    assert f"did not arrive, {TRIES} messages in a row since" in note
    hook.status = 200
    notify.say(hosts[0], Event.DIED, "Run 2 died.", once="died:2")
    assert notify.not_arriving(hosts[1]) == ()
    capsys.readouterr()


def test_of_hosts_that_notice_it_at_once_one_tells(hosts: list[Settings]) -> None:
    ledgers = [notify.ledger_of(settings) for settings in hosts * 4]
    together = threading.Barrier(len(ledgers))
    tells: list[bool] = []

    def notice(ledger: object) -> None:
        assert isinstance(ledger, SharedLedger)
        together.wait()
        with ledger.telling("silence:none") as attempt:
            tells.append(attempt is not None)
            if attempt is not None:
                together_told.wait(timeout=30)

    together_told = threading.Event()
    threads = [threading.Thread(target=notice, args=(ledger,)) for ledger in ledgers]
    for thread in threads:
        thread.start()
    while len(tells) < len(threads):
        together_told.wait(timeout=0.05)
    together_told.set()
    for thread in threads:
        thread.join()
    assert sorted(tells) == [False] * 7 + [True]


def test_one_that_ends_while_it_tells_leaves_it_to_the_next(hosts: list[Settings]) -> None:
    with pytest.raises(KeyboardInterrupt), notify.ledger_of(hosts[0]).telling("died:1"):
        raise KeyboardInterrupt
    assert notify.ledger_of(hosts[1]).has_arrived("died:1") is None
    with notify.ledger_of(hosts[1]).telling("died:1") as attempt:
        assert attempt is not None


def test_where_the_store_is_away_it_is_told_all_the_same(tmp_path: Path, bucket: Bucket) -> None:
    nobody_listens = bucket.through("http://127.0.0.1:1").section()
    ledger = notify.ledger_of(settings_in(tmp_path, archive=nobody_listens))
    with ledger.telling("silence:none") as attempt:
        assert attempt is not None
    assert ledger.failing(["a"]) == []
    assert ledger.has_arrived("silence:none") is True
    assert ledger.trouble_is_over() == ""
