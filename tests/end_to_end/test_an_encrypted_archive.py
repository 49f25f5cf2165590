"""An archive with a key, over the command line: everything works as without, and no byte on the disk names anybody."""

from __future__ import annotations

import base64
import os
from typing import TYPE_CHECKING

import pytest

from tests.end_to_end.test_a_leaver_is_erased import CALLED, NAME, night, spellings, the_company
from tests.end_to_end.test_decisions_over_nights import key

if TYPE_CHECKING:
    from pathlib import Path

    from tests.end_to_end.conftest import Office
    from tests.support.warm_commands import Warm

pytestmark = pytest.mark.xdist_group("nights")

WORDS = (key("zoe"), "zoe@contoso.example", NAME, "O'Brien-Müller", CALLED["mobilePhone"], key("ann"), "bob@contoso")


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
    found = []
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            content = path.read_bytes()
            found += [
                (str(path.relative_to(folder)), word)
                for word in WORDS
                if any(spelt.encode() in content for spelt in spellings(word))
            ]
            if content[:4] == b"PAR1" or (path.suffix == ".jsonl" and content[:1] == b"{"):
                found.append((str(path.relative_to(folder)), "a form in clear"))
    return found


def test_nights_with_a_key_leave_nothing_of_anybody_in_clear(tmp_path: Path, warm: Warm) -> None:
    with the_company(tmp_path, warm) as office:
        secret = encrypted(office)
        first = night(office)
        assert office.trueup("verify", first["run_id"], "--json").json["converged"] is True
        assert in_clear(office.archive) == []
        back = office.trueup("rollback", first["run_id"], "--json").json
        office.accept(back)
        office.apply(back)
        assert office.trueup("verify", "--archive", "--json").json == {"whole": True, "runs": 2, "damages": []}
        assert in_clear(office.archive) + in_clear(tmp_path / "data") == []
        assert not [path for path in tmp_path.rglob("*") if path.is_file() and secret.encode() in path.read_bytes()]
        asked = office.trueup("sql", "SELECT count(display_name) AS n FROM people", "--format", "json")
        assert asked.json == [{"n": 13}]
        assert len(office.trueup("history", key("zoe"), "--json").json) > 1
        assert NAME in office.trueup("show", first["run_id"], "--format", "csv").out
        assert office.trueup("sql", "SELECT 1", TRUEUP_ARCHIVE_KEY="").code == 2
