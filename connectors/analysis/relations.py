"""The views as SQL text: for the connection that is given out, and for the DuckDB shell."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from trueup.connectors.analysis.contents import file_record
from trueup.connectors.archive import reading
from trueup.connectors.archive.views import COLUMNS, records_view, states_view, table_view
from trueup.transforms.duck.database import statement
from trueup.transforms.duck.parquet import rows_of, schema_of
from trueup.transforms.duck.quoting import identifier, literal
from trueup.transforms.run_files import RUN_ID
from trueup.transforms.summary import COLUMNS as COLUMNS_OF_PEOPLE
from trueup.transforms.summary import directory, directory_of
from trueup.transforms.summary.directory import OUTCOME, chosen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from trueup.connectors.analysis.contents import Contents, Night
    from trueup.transforms.history import PriorRun

PACKAGE = "trueup.connectors.analysis.sql"
_AT_ONCE = 100
_PEOPLE = ("actual.parquet", "decisions.parquet", "outcome.parquet")
_NAMES = ("actual.parquet", "desired.parquet")
_TABLES = {name: (f"{name}.parquet",) for name in COLUMNS}
FILES: dict[str, tuple[str, ...]] = {
    **_TABLES,
    "people": _PEOPLE,
    "names": _NAMES,
    "moves": ("changes.parquet", "outcome.parquet", *_NAMES),
    "holds": ("decisions.parquet", "findings.parquet", *_NAMES),
    "headcount": ("summary",),
    "figures": ("summary",),
}
"""View → files of each run that it rests on; ``summary`` stands for all of a run's summaries."""
NEEDS: dict[str, tuple[str, ...]] = {
    "runs": ("states",),
    "acts_by": ("acts",),
    "nights": ("whole_nights", "runs", "acts_by", "manifest_parts"),
    "people": ("read_actual", "read_decisions", "read_outcome"),
    "moves": ("whole_nights", "changes", "outcome", "names", "acts_by"),
    "holds": ("whole_nights", "decisions", "findings", "names"),
    "headcount": ("directory_nights", "figures"),
}
"""View → views it is made of."""
VIEWS = ("runs", "acts", *COLUMNS, "people", "moves", "holds", "nights", "headcount")
"""What people ask for, in the order of the documentation."""
EVERY = (
    "states",
    "acts",
    "acts_by",
    "manifest_parts",
    "whole_nights",
    "directory_nights",
    "figures",
    "names",
    "read_actual",
    "read_decisions",
    "read_outcome",
    *VIEWS,
)


def with_needs(views: Iterable[str]) -> tuple[str, ...]:
    """The views and all they are made of, each after what it needs."""
    found: dict[str, None] = {}

    def add(view: str) -> None:
        for needed in NEEDS.get(view, ()):
            add(needed)
        found[view] = None

    for view in views:
        if view in EVERY:
            add(view)
    return tuple(found)


@dataclass(frozen=True)
class Relations:
    """The views over what ``contents`` holds."""

    contents: Contents
    place: Callable[[Path], str]
    """How a file is named in SQL: absolute, or relative to the archive."""
    summaries: Callable[[PriorRun], list[tuple[int, Path]]]
    """A run's summaries by number; 0 is the plan's."""
    without: frozenset[str] = frozenset()
    """Runs whose data files cannot be believed."""

    def create(self, view: str) -> str:
        """``CREATE OR REPLACE VIEW view …``."""
        runs = self.contents.runs
        if view == "states":
            return states_view(runs)
        if view in {"runs", "acts", "manifest_parts"}:
            template = statement(view, PACKAGE) if view == "manifest_parts" else ""
            return records_view(view, self._records(view), template=template)
        if view in COLUMNS:
            paths = [run.files.file(f"{view}.parquet") for run in self.having(view)]
            return table_view(view, paths, named=self.place)
        made = {
            "whole_nights": self._whole_nights,
            "directory_nights": self._directory_nights,
            "figures": self._figures,
            "names": self._names,
            "people": self._people,
            "read_actual": self._read_actual,
            "read_decisions": self._read_decisions,
            "read_outcome": self._read_outcome,
        }
        return made[view]() if view in made else statement(view, PACKAGE)

    def people_of(self, night: Night) -> str:
        """``SELECT run_id, night, key, …``: the directory after that night."""
        files, has_outcome = night.run.files, file_record(night.run, "outcome.parquet") is not None
        return directory(files, columns_of(files.actual), night=night.night, applied=has_outcome)

    def having(self, stem: str) -> list[PriorRun]:
        """Runs with ``<stem>.parquet`` that can be believed."""
        return [
            run
            for run in self.contents.runs
            if run.run_id not in self.without and file_record(run, f"{stem}.parquet") is not None
        ]

    @cached_property
    def named(self) -> list[tuple[PriorRun, list[Path]]]:
        """Runs whose people have display names, newest first, with the files that hold them."""
        found = []
        for run in reversed(self.contents.runs):
            stems = [one for one in ("desired", "actual") if run.run_id not in self.without]
            paths = [run.files.file(f"{one}.parquet") for one in stems if file_record(run, f"{one}.parquet")]
            if paths:
                found.append((run, paths))
        return found

    def names_of(self, paths: Iterable[Path]) -> str:
        """``SELECT key, display_name`` of some files; empty where none manages display names."""
        parts = [
            f"SELECT key, {identifier(name)} AS display_name FROM {rows_of(path, named=self.place)}"
            for path in paths
            for name in columns_of(path)
            if name.lower() == "displayname"
        ]
        return " UNION ALL ".join(parts) or "SELECT NULL::VARCHAR AS key, NULL::VARCHAR AS display_name WHERE FALSE"

    def _records(self, view: str) -> list[str]:
        runs = self.contents.runs
        if view == "acts":
            return [
                self.place(run.files.file(f"acts/{path.name}")) for run in runs for path in reading.act_paths(run.files)
            ]
        return [self.place(run.files.file(run.files.manifest.name)) for run in runs]

    def _whole_nights(self) -> str:
        has = {run.run_id for run in self.having("decisions")}
        rows = [_night(night, night.run.run_id in has) for night in self.contents.nights]
        return _values("whole_nights", "night, run_id, has_people", rows, "(DATE '1970-01-01', '', FALSE)")

    def _directory_nights(self) -> str:
        rows = [_night(night) for night in self.contents.directory_nights]
        return _values("directory_nights", "night, run_id", rows, "(DATE '1970-01-01', '')")

    def _figures(self) -> str:
        parts = []
        for number, paths in self._summaries_by_number().items():
            parts.append(
                f"SELECT regexp_extract(filename, '({RUN_ID.pattern})[^T]*$', 1) AS run_id, "
                f"{number} AS number, measure, word, detail, people "
                f"FROM {rows_of(*paths, options='filename = true', named=self.place)}"
            )
        empty = "SELECT NULL::VARCHAR AS run_id, 0 AS number, NULL::VARCHAR AS measure, NULL::VARCHAR AS word, "
        empty += "NULL::VARCHAR AS detail, NULL::BIGINT AS people WHERE FALSE"
        return f"CREATE OR REPLACE VIEW figures AS {' UNION ALL '.join([empty, *parts])};"

    def _summaries_by_number(self) -> dict[int, list[Path]]:
        found: dict[int, list[Path]] = {}
        for run in self.contents.runs:
            for number, path in self.summaries(run) if run.run_id not in self.without else ():
                found.setdefault(number, []).append(path)
        return found

    def _names(self) -> str:
        parts = [
            f"SELECT key, display_name, {literal(run.run_id)} AS run_id FROM ({self.names_of(paths)})"
            for run, paths in self.named
        ]
        rows = " UNION ALL ".join(parts) or "SELECT NULL AS key, NULL AS display_name, NULL AS run_id WHERE FALSE"
        return (
            "CREATE OR REPLACE VIEW names AS SELECT key, arg_max(display_name, run_id) AS display_name "
            f"FROM ({rows}) WHERE display_name IS NOT NULL GROUP BY key;"
        )

    def _people(self) -> str:
        query = directory_of(actual="read_actual", decisions="read_decisions", outcome="read_outcome")
        return f"CREATE OR REPLACE VIEW people AS {query};"

    def _read_actual(self) -> str:
        """Runs with the same columns are read at once; each attribute has the name it has in ``people``."""
        by_columns: dict[str, list[Night]] = {}
        for night in self._directory():
            by_columns.setdefault(chosen(columns_of(night.run.files.actual)), []).append(night)
        parts = [self._of_nights("actual", nights, f"key, {columns}") for columns, nights in by_columns.items()]
        nothing = f"SELECT run_id, night, key, {', '.join(COLUMNS_OF_PEOPLE)} FROM ({NOBODY})"
        return f"CREATE OR REPLACE VIEW read_actual AS {' UNION ALL '.join([nothing, *parts])};"

    def _read_decisions(self) -> str:
        nothing = f"SELECT run_id, night, key, decision FROM ({NOBODY})"
        parts = [self._of_nights("decisions", nights, "key, decision") for nights in [self._directory()] if nights]
        return f"CREATE OR REPLACE VIEW read_decisions AS {' UNION ALL '.join([nothing, *parts])};"

    def _read_outcome(self) -> str:
        having = {run.run_id for run in self.having("outcome")}
        nights = [night for night in self._directory() if night.run.run_id in having]
        wanted = ("key", "operation", "result", "written", "found")
        typed = ", ".join(f"NULL::{kind} AS {identifier(name)}" for name, kind in OUTCOME if name in wanted)
        nothing = f"SELECT NULL::VARCHAR AS run_id, NULL::DATE AS night, {typed} WHERE FALSE"
        columns = ", ".join(name for name, _ in OUTCOME if name in wanted)
        parts = [self._of_nights("outcome", some, columns) for some in [nights] if some]
        return f"CREATE OR REPLACE VIEW read_outcome AS {' UNION ALL BY NAME '.join([nothing, *parts])};"

    def _directory(self) -> list[Night]:
        whole = {run.run_id for run in self.having("actual")} & {run.run_id for run in self.having("decisions")}
        return [night for night in self.contents.directory_nights if night.run.run_id in whole]

    def _of_nights(self, stem: str, nights: list[Night], columns: str) -> str:
        """``night`` is a function of the file's name alone: DuckDB then opens no file that a condition rules out.

        It works that out for each file anew, over all dates it is given; in portions that is half the time.
        """
        portions = (nights[first : first + _AT_ONCE] for first in range(0, len(nights), _AT_ONCE))
        return " UNION ALL ".join(self._of_some_nights(stem, portion, columns) for portion in portions)

    def _of_some_nights(self, stem: str, nights: list[Night], columns: str) -> str:
        paths = [night.run.files.file(f"{stem}.parquet") for night in nights]
        dates = ", ".join(f"{literal(night.run.run_id)}: DATE {literal(night.night.isoformat())}" for night in nights)
        run_id = "split_part(filename, '/', -2)"
        return (
            f"SELECT {run_id} AS run_id, (MAP {{{dates}}})[{run_id}] AS night, {columns} "
            f"FROM {rows_of(*paths, options='filename = true', named=self.place)}"
        )


NOBODY = (
    "SELECT NULL::VARCHAR AS run_id, NULL::DATE AS night, NULL::VARCHAR AS key, NULL::VARCHAR AS user_name, "
    "NULL::VARCHAR AS display_name, NULL::VARCHAR AS department, NULL::VARCHAR AS title, NULL::VARCHAR AS manager_key, "
    "NULL::VARCHAR AS manager_name, NULL::BOOLEAN AS active, NULL::VARCHAR AS decision WHERE FALSE"
)
"""``people`` where there is nobody."""


def columns_of(path: Path) -> list[str]:
    """The columns of a Parquet file."""
    return list(schema_of(path).names)


def _night(night: Night, *more: bool) -> str:
    words = [f"DATE {literal(night.night.isoformat())}", literal(night.run.run_id), *(literal(one) for one in more)]
    return f"({', '.join(words)})"


def _values(view: str, columns: str, rows: list[str], nothing: str) -> str:
    listed = ", ".join([nothing, *rows])
    return f"CREATE OR REPLACE VIEW {view} AS FROM (VALUES {listed}) AS t({columns}) WHERE run_id <> '';"
