"""Words and numbers that stand in more than one place have one definition: SQL and documents are held against it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from trueup.transforms.run_files import RUN_ID
from trueup.transforms.vocabulary import Cause, Decision, Exit, Kept, Result, Severity

ROOT = Path(__file__).parents[2]
STATEMENTS = sorted(
    path
    for room in ("transforms", "connectors", "expectations", "reports", "sandbox")
    for path in (ROOT / room).rglob("*.sql")
)
WORDS: dict[str, set[str]] = {
    "decision": {*Decision} | {"outcome", "restore"},
    "operation": set(Decision) | {"restore"},
    "result": set(Result),
    "severity": set(Severity),
    "class": set(Kept),
    "cause": set(Cause),
}
COMPARED = re.compile(r"\b(\w+)\b\s*(?:=|<>|(?:NOT )?IN)\s*(\([^()]*\)|'[^']*')")


@pytest.mark.parametrize("path", STATEMENTS, ids=lambda path: path.name)
def test_sql_compares_with_words_there_are(path: Path) -> None:
    text = re.sub(r"--.*", "", path.read_text(encoding="utf-8"))
    for column, said in COMPARED.findall(text):
        if column in WORDS:
            assert set(re.findall(r"'([^']*)'", said)) <= WORDS[column], said


def test_the_readme_lists_every_exit_code() -> None:
    table = (ROOT / "README.md").read_text(encoding="utf-8").split("| exit code | meaning |")[1].split("\n\n")[0]
    assert [int(number) for number in re.findall(r"^\| (\d) \|", table, re.MULTILINE)] == [code.value for code in Exit]


def test_what_a_run_is_called_is_written_down_once() -> None:
    assert RUN_ID.fullmatch("20261123T010000Z-7f3a")
    again = [
        path.name
        for room in ("transforms", "connectors", "flows", "reports", "expectations")
        for path in (ROOT / room).rglob("*.py")
        if r"\d{8}T" in path.read_text(encoding="utf-8") and path.name != "run_files.py"
    ]
    assert again == []
