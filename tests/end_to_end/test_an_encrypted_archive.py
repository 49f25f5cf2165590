"""An archive with a key, over the command line: everything works as without, and no byte on the disk names anybody."""

from __future__ import annotations

import base64
import os
import re
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

import trueup
from tests.end_to_end.test_a_leaver_is_erased import CALLED, NAME, spellings, the_company
from tests.end_to_end.test_decisions_over_nights import key
from trueup.connectors.archive import open_archive
from trueup.flows import configuration
from trueup.sandbox import Weaknesses

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.end_to_end.conftest import Office
    from tests.support.warm_commands import Warm

pytestmark = [pytest.mark.nights, pytest.mark.xdist_group("nights")]

WORDS = (key("zoe"), "zoe@contoso.example", NAME, "O'Brien-Müller", CALLED["mobilePhone"], key("ann"), "bob@contoso")

SPELT = re.compile(b"|".join(re.escape(spelt.encode()) for word in WORDS for spelt in spellings(word)))


def encrypted(office: Office, name: str = "TRUEUP_ARCHIVE_KEY", **more: str) -> str:
    """Give the office's archive a new key; returns it."""
    made = base64.b64encode(os.urandom(32)).decode()
    office.environment[name] = made
    lines = [f'encryption_key = "env:{name}"', *(f'{one} = "{said}"' for one, said in more.items())]
    text = office.config.read_text(encoding="utf-8")
    text = "\n".join(line for line in text.splitlines() if not line.startswith("encryption_key"))
    office.config.write_text(text.replace("[archive]\n", "[archive]\n" + "\n".join(lines) + "\n"), encoding="utf-8")
    return made


def in_clear(folder: Path) -> list[tuple[str, str]]:
    """Every file below the folder with a person's words in it, whatever its form."""
    found: list[tuple[str, str]] = []
    for path in sorted(folder.rglob("*")):
        with suppress(FileNotFoundError, IsADirectoryError):  # what somebody works on comes and goes
            content, name = path.read_bytes(), str(path.relative_to(folder))
            found += [(name, word.decode()) for word in {*SPELT.findall(content)}]
            lines = content.partition(b"\n")[2] if content.startswith(b'{"segment"') else content
            if content[:4] == b"PAR1" or (path.suffix == ".jsonl" and lines[:1] == b"{"):
                found.append((name, "a form in clear"))
    return found


@dataclass
class Looking:
    """Looks at every file below some folders, again and again, for as long as something goes on there."""

    folders: tuple[Path, ...]
    found: set[tuple[str, str]] = field(default_factory=set)
    names: set[str] = field(default_factory=set)
    """Of all files that were there at any moment."""

    def look(self) -> None:
        for folder in self.folders:
            with suppress(FileNotFoundError):
                self.names |= {path.name for path in folder.rglob("*")}
                self.found |= {*in_clear(folder)}


@contextmanager
def looked_at(*folders: Path) -> Iterator[Looking]:
    looking, over = Looking(folders), threading.Event()

    def look() -> None:
        while not over.wait(0.02):
            looking.look()

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield looking
    finally:
        over.set()
        thread.join()
    assert looking.found == set()


def test_nights_with_a_key_leave_nothing_of_anybody_in_clear(
    tmp_path: Path, warm: Warm, monkeypatch: pytest.MonkeyPatch
) -> None:
    with the_company(tmp_path, warm) as office:
        office.configure(**{'scope = "assigned"': 'scope = "assigned"\nread = "incremental"'})
        secret = encrypted(office)
        places = (office.archive, tmp_path / "data", tmp_path / "temp")
        places[-1].mkdir()
        office.environment["TMPDIR"] = str(places[-1])
        with looked_at(*places) as looking:
            first = office.plan()
            office.accept(first, "--exclude", f"{key('zoe')}/title")
            office.sandbox.directory.weaknesses = Weaknesses(latency_seconds=0.05)
            office.apply(first)
        assert looking.names >= {"journal.jsonl", "users.parquet", "left_out.parquet", "in-use"}, "looked in the middle"
        office.sandbox.directory.weaknesses = Weaknesses()
        assert office.trueup("verify", first["run_id"], "--json").json["converged"] is True
        back = office.trueup("rollback", first["run_id"], "--json").json
        office.accept(back)
        office.apply(back)
        second = office.plan()
        assert office.trueup("verify", "--archive", "--json").json == {"whole": True, "runs": 3, "damages": []}
        assert [one for place in places for one in in_clear(place)] == []
        assert not [path for path in tmp_path.rglob("*") if path.is_file() and secret.encode() in path.read_bytes()]

        asked = office.trueup("sql", "SELECT count(display_name) AS n FROM people", "--format", "json")
        assert asked.json == [{"n": 13}]
        assert len(office.trueup("history", key("zoe"), "--json").json) > 1
        assert NAME in office.trueup("show", first["run_id"], "--format", "csv").out
        exported = office.trueup("export", "--to", "parquet", str(tmp_path / "exported"))
        assert "lies in clear" in exported.err
        monkeypatch.setenv("TRUEUP_ARCHIVE_KEY", secret)
        with trueup.open(office.config) as data:
            assert len(data.people().fetchall()) == 13
        run = open_archive(configuration.load(office.config)).load(second["run_id"])
        assert run.manifest.completeness["source"]["read"] == "incremental", "yesterday's file is what was sealed"

        assert office.trueup("sql", "SELECT 1", TRUEUP_ARCHIVE_KEY="").code == 2
        office.configure()
        for words in (("sql", "FROM people"), ("export", "--to", "parquet", str(tmp_path / "none")), ("plan",)):
            without = office.trueup(*words)
            assert without.code == 2
            assert "Set [archive] encryption_key to a reference to the key" in without.err
        assert not (tmp_path / "none").exists()
