"""DuckDB over an archive: locked against everything but reading it, with views made when they are first asked for."""

from __future__ import annotations

import threading
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trueup.connectors.analysis.contents import LeftOut, brought, file_record
from trueup.connectors.analysis.relations import FILES, VIEWS, Relations, with_needs
from trueup.connectors.analysis.statements import judge
from trueup.connectors.analysis.summarised import summaries_of
from trueup.connectors.archive.places import vault_of
from trueup.transforms.duck.database import connect
from trueup.transforms.duck.quoting import literal
from trueup.transforms.errors import Misused
from trueup.transforms.private import SCHEME, address
from trueup.transforms.summary import word_macro

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import pandas as pd
    import pyarrow as pa
    from duckdb import DuckDBPyRelation

    from trueup.connectors.analysis.checked import Checked
    from trueup.connectors.analysis.contents import Contents, Night
    from trueup.transforms.history import PriorRun

_LOOKS = 20
"""So many runs are asked one by one for a name the newest does not know; then all others at once."""


class Engine:
    """One archive, opened."""

    def __init__(self, contents: Contents, checked: Checked) -> None:
        """Open DuckDB; no data file is read yet."""
        self.contents = contents
        self.checked = checked
        self.left_out: list[LeftOut] = list(contents.left_out)
        self._damaged: set[str] = set()
        self._kinds: set[str] = set()
        self._made: set[str] = set()
        self._named_for: set[str] = set()
        self._lock = threading.Lock()
        root = str(contents.root.resolve())
        self._duck = connect(spill=self.checked.private / "spill")
        self._duck.execute("SET GLOBAL TimeZone = 'UTC'")
        self._duck.execute(word_macro())
        opened = vault_of(contents.root).opened
        places = (root, str(self.checked.folder), *([address(opened)] if opened else []))
        folders = ", ".join(literal(one) for one in places)
        self._duck.execute(f"SET allowed_directories = [{folders}]")
        self._duck.execute("SET autoload_known_extensions = false")
        self._duck.execute("SET enable_external_access = false")
        self._duck.execute("SET lock_configuration = true")
        self._relations = self._related()

    def judge(self, text: str) -> None:
        """Return when ``text`` only reads; raises ``Misused``."""
        judge(self._duck, text)

    def rows(self, text: str) -> list[tuple[Any, ...]]:
        """The answer to a statement that only reads, as tuples; see ``_ask``."""
        with self._asked(text) as answer:
            return answer.fetchall()

    def frame(self, text: str) -> pd.DataFrame:
        """The same as a pandas frame, through Arrow: DuckDB's own way warns with pandas 3.1 where times have a zone."""
        frame: pd.DataFrame = self.table(text).to_pandas(date_as_object=False)
        return frame

    def table(self, text: str) -> pa.Table:
        """The same as an Arrow table; sums of whole numbers are whole numbers there too."""
        with self._asked(text) as answer:
            return _with_whole_numbers(answer.to_arrow_table())

    @contextmanager
    def _asked(self, text: str) -> Iterator[DuckDBPyRelation]:
        """The answer to a statement; the files it rests on are checked first, and damaged runs left out.

        Raises:
            Misused: it does more than read, or asks for what is not there.
        """
        import duckdb

        with self._lock:
            reads = judge(self._duck, text)
            self._check_named(reads.files)
            self.prepare(reads.views)
            self.checked.remember()
            cursor = self._duck.cursor()
        try:
            yield cursor.sql(text)
        except duckdb.CatalogException as error:
            raise Misused(f"DuckDB says: {str(error).strip()}", remedy=f"Views: {', '.join(VIEWS)}.") from error
        except duckdb.Error as error:
            raise Misused(f"DuckDB says: {str(error).strip()}") from error
        finally:
            cursor.close()

    def night_of_people(self, night: Night) -> str:
        """``SELECT …`` of one night's people, from that night's files alone; without rows where they are damaged."""
        from trueup.connectors.analysis.relations import NOBODY

        with self._lock:
            whole = all(self._is_whole(night.run, name) for name in FILES["people"])
            self.checked.remember()
        has = file_record(night.run, "actual.parquet") and file_record(night.run, "decisions.parquet")
        return self._relations.people_of(night) if whole and has else NOBODY

    def prepare(self, views: Iterable[str]) -> None:
        """Make ``views`` and all they need, of runs whose files fit their hashes."""
        wanted = with_needs(views)
        kinds = {name for view in wanted for name in FILES.get(view, ())}
        before = len(self._damaged)
        for kind in sorted(kinds - self._kinds):
            for run in self.contents.runs:
                for name in _names(run, kind):
                    self._is_whole(run, name)
            self._kinds.add(kind)
        if len(self._damaged) > before:
            self._made.clear()
            self._relations = self._related()
        about = {"changes", "decisions"} & set(wanted)
        if "names" in wanted and not about <= self._named_for:
            self._named_for |= about
            self._made.discard("names")
        for view in wanted:
            if view not in self._made:
                if view == "names":
                    self._make_names()
                else:
                    self._duck.execute(self._relations.create(view))
                self._made.add(view)

    @property
    def damaged(self) -> frozenset[str]:
        """Runs whose data files were looked at and found changed."""
        return frozenset(self._damaged)

    def close(self) -> None:
        """Let DuckDB and the cache go."""
        self.end()
        self.checked.close()

    def end(self) -> None:
        """Let DuckDB go."""
        self._duck.close()

    def beside(self, other: Engine) -> None:
        """What ``other``, over some of the same runs, has found to be damaged is damaged here too."""
        self._damaged |= other.damaged
        self.left_out += [one for one in other.left_out if one not in self.left_out]
        self._made.clear()
        self._relations = self._related()

    def _related(self) -> Relations:
        return Relations(
            self.contents,
            lambda path: address(path.resolve()),
            lambda run: summaries_of(run, self.checked),
            frozenset(self._damaged),
        )

    def _is_whole(self, run: PriorRun, name: str) -> bool:
        record = file_record(run, name)
        if run.run_id in self._damaged:
            return False
        if record is None or self.checked.is_as_written(brought(run, name), record):
            return True
        self._damaged.add(run.run_id)
        text = f"Run {run.run_id} is damaged: {name} is not what was written. No view has its people."
        self.left_out.append(LeftOut(run.run_id, "damaged", text))
        return False

    def _check_named(self, names: Iterable[str]) -> None:
        root = self.contents.root.resolve()
        opened = vault_of(root).opened
        known = {run.run_id: run for run in self.contents.runs}
        for name in names:
            path = Path(name.removeprefix(f"{SCHEME}://"))
            run = known.get(path.parent.name)
            inside = path.is_absolute() and path.parent.parent in {root, opened} and run is not None
            if not inside or run is None or file_record(run, path.name) is None:
                raise Misused(
                    f"{name!r} is not a file of a run in this archive.",
                    remedy="Only files that a manifest or an act of the archive lists can be read, by absolute path.",
                )
            if path.parent.parent == root and vault_of(root).is_encrypted(run.run_id):
                raise Misused(
                    f"Run {run.run_id} is encrypted: its files are not read by name.",
                    remedy="Ask the views; or copy the archive in clear: trueup archive copy FROM TO --decrypt",
                )
            if not self._is_whole(run, path.name):
                raise Misused(f"{name!r} is not what was written.", remedy="See: trueup verify --archive")

    def _make_names(self) -> None:
        """``names``: of everybody a move or hold is about, as the newest run that knows it."""
        duck, related = self._duck, self._relations
        duck.execute("CREATE OR REPLACE TABLE names (key VARCHAR, display_name VARCHAR)")
        people = []
        if "changes" in self._named_for:
            people.append("SELECT DISTINCT key FROM changes")
        if "decisions" in self._named_for:
            people.append("SELECT DISTINCT key FROM decisions WHERE decision = 'hold'")
        if not people:
            people = ["SELECT NULL::VARCHAR AS key WHERE FALSE"]
        duck.execute(f"CREATE OR REPLACE TABLE unnamed AS {' UNION '.join(people)}")
        named = related.named if self._unnamed() else []
        looks = [paths for _, paths in named[:_LOOKS]]
        if rest := [path for _, paths in named[_LOOKS:] for path in paths]:
            looks.append(rest)
        for paths in looks:
            if not self._unnamed():
                break
            duck.execute(
                "INSERT INTO names SELECT u.key, any_value(n.display_name) FROM unnamed AS u "
                f"JOIN ({related.names_of(paths)}) AS n ON n.key = u.key WHERE n.display_name IS NOT NULL "
                "GROUP BY u.key"
            )
            duck.execute("DELETE FROM unnamed WHERE key IN (SELECT key FROM names)")
        duck.execute("DROP TABLE unnamed")

    def _unnamed(self) -> int:
        row: Any = self._duck.execute("SELECT count(*) FROM unnamed").fetchone()
        return int(row[0])


def _with_whole_numbers(rows: pa.Table) -> pa.Table:
    """``rows`` with 64-bit numbers for DuckDB's 128-bit ones, which a sum gives and Arrow has as decimals."""
    import pyarrow as pa

    for place, field in enumerate(rows.schema):
        if field.type == pa.decimal128(38, 0):
            with suppress(pa.ArrowInvalid):  # larger than 64 bits: they stay
                rows = rows.set_column(place, field.with_type(pa.int64()), rows.column(place).cast(pa.int64()))
    return rows


def _names(run: PriorRun, kind: str) -> list[str]:
    if kind != "summary":
        return [kind]
    names = {*run.manifest.files, *(name for act in run.acts for name in act.files)}
    return sorted(name for name in names if name.startswith("summary"))
