"""Every example of docs/analysis.md and of its notebook runs, in SQL and in pandas, and both say the same."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import trueup
from tests.support.many_nights import many_nights

if TYPE_CHECKING:
    from collections.abc import Iterator

DOCS = Path(__file__).resolve().parents[4] / "docs"
TEXT = (DOCS / "analysis.md").read_text(encoding="utf-8")
QUESTIONS = {
    title: (sql, python)
    for title, sql, python in re.findall(r"### (.+?)\n.*?```sql\n(.+?)```\n\n```python\n(.+?)```", TEXT, re.DOTALL)
}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return many_nights(tmp_path_factory.mktemp("nights"), nights=4, people=1000, changing=10).path


@pytest.fixture
def archive(root: Path) -> Iterator[trueup.Archive]:
    with trueup.open(root) as opened:
        yield opened


def test_there_are_ten_questions() -> None:
    assert len(QUESTIONS) == 10


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_question_is_answered_in_sql_and_in_pandas(archive: trueup.Archive, question: str) -> None:
    sql, python = QUESTIONS[question]
    rows = archive.connection().sql(sql).fetchall()
    names: dict[str, Any] = {"archive": archive}
    exec(python, names)  # noqa: S102 - the documentation's own examples
    last = python.strip().splitlines()[-1].partition(" = ")[0]
    assert len(names[last]) == len(rows)


def test_the_questions_find_something(archive: trueup.Archive) -> None:
    found = {question for question, (sql, _) in QUESTIONS.items() if archive.connection().sql(sql).fetchall()}
    assert {question.split()[0] for question in found} >= {"Who", "What"}
    assert len(found) >= 4


def test_the_first_example_runs(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code = TEXT.partition("```python\n")[2].partition("```")[0].replace('"trueup.toml"', repr(str(root)))
    exec(code, {})  # noqa: S102 - the documentation's own example
    assert "1000" in capsys.readouterr().out


def test_the_notebook_runs(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRUEUP_ARCHIVE", str(root))
    notebook = json.loads((DOCS / "analysis.ipynb").read_text(encoding="utf-8"))
    cells = ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]
    names: dict[str, Any] = {}
    for cell in cells:
        exec(cell, names)  # noqa: S102 - the documentation's own notebook
    assert len(names["nights"]) == 4
    assert len(names["directory"]) == 1000


def test_every_column_of_a_view_is_documented(archive: trueup.Archive) -> None:
    for view in ("people", "moves", "holds", "nights", "headcount", "runs", "acts"):
        (line,) = re.findall(rf"^\| `{view}` \|.*$", TEXT, re.MULTILINE)
        columns = archive.connection().sql(f"FROM {view}").columns
        missing = [name for name in columns if f"`{name}`" not in line and f'`"{name}"`' not in line]
        assert not missing
