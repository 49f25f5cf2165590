"""An archive opened as data: what ``trueup.open`` gives."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager, suppress
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

from trueup.connectors.analysis.checked import Checked
from trueup.connectors.analysis.contents import contents, from_on
from trueup.connectors.analysis.engine import Engine
from trueup.connectors.analysis.relations import NOBODY, PACKAGE
from trueup.connectors.analysis.result import Result
from trueup.connectors.archive import reading
from trueup.connectors.archive.erasing import finish_pending
from trueup.connectors.archive.views import mails
from trueup.transforms.duck.database import statement
from trueup.transforms.duck.quoting import literal
from trueup.transforms.errors import Misused, TrueupError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path
    from types import TracebackType

    from trueup.connectors.analysis.contents import LeftOut
    from trueup.transforms.history import PriorRun

_ARCHIVE_SQL = "trueup.connectors.archive.sql"


class Connection:
    """SQL over the archive's views; nothing can be written through it."""

    def __init__(self, engine: Engine) -> None:
        """Ask ``engine``."""
        self._engine = engine

    def sql(self, text: str) -> Result:
        """The answer to one SELECT, DESCRIBE or SUMMARIZE.

        Raises:
            Misused: it is another statement, or several.
        """
        self._engine.judge(text)
        return Result(self._engine, text.strip().rstrip(";"))


class Archive:
    """The runs of one target as data. Nothing here writes; use it as a context manager, or close it."""

    def __init__(self, root: Path, *, target: str | None = None, timezone: str = "UTC") -> None:
        """Look at the runs in ``root``; see :func:`trueup.open`."""
        place = root.resolve()
        if not place.is_dir():
            raise Misused(f"No archive lies at {root}.", remedy="Give the folder with the runs, or trueup.toml.")
        with suppress(TrueupError):  # a read-only caller finds what can be believed of it until then
            finish_pending(place)
        with ExitStack() as failed:
            checked = Checked(place)
            failed.callback(checked.close)
            self._contents = contents(place, target=target, timezone=timezone, checked=checked)
            checked.remember()
            self._engine = Engine(self._contents, checked)
            failed.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Archive({str(self._contents.root)!r}): {len(self._contents.runs)} runs"

    def close(self) -> None:
        """Let go of what is open."""
        self._engine.close()

    @property
    def left_out(self) -> tuple[LeftOut, ...]:
        """Runs that are not in the views, or not whole: damaged, unfinished, pruned. Grows as files are first used."""
        return tuple(self._engine.left_out)

    @property
    def nights(self) -> tuple[date, ...]:
        """The dates that have a whole run, oldest first."""
        return tuple(one.night for one in self._contents.nights)

    def runs(self) -> Result:
        """Every run of every kind, newest first."""
        return self._result("SELECT * FROM runs ORDER BY run_id DESC")

    def run(self, run_id: str) -> Result:
        """One run, by its id, the beginning of it, or ``latest``; one row.

        Raises:
            Misused: no run, or several, are called that.
        """
        found = reading.find(self._contents.root, run_id)
        return self._result(f"SELECT * FROM runs WHERE run_id = {literal(found.run_id)}")

    def people(self, at: date | str | None = None) -> Result:
        """The directory after the last night at or before ``at`` that reached it; without ``at``, the newest.

        Raises:
            Misused: ``at`` is not a date.
        """
        day = _date(at) if at is not None else date.max
        night = next((one for one in reversed(self._contents.directory_nights) if one.night <= day), None)
        return Result(self._engine, self._engine.night_of_people(night) if night else NOBODY)

    def people_of_night(self, night: date) -> Result:
        """The directory after exactly that night; without rows where it did not reach the directory."""
        found = next((one for one in self._contents.directory_nights if one.night == night), None)
        return Result(self._engine, self._engine.night_of_people(found) if found else NOBODY)

    def versions_of_nights(self) -> dict[date, str]:
        """Each night with a word that changes whenever something happens to a run of that night."""
        return {
            night: " ".join(run.acts[-1].sha256 if run.acts else run.manifest.sha256 for run in runs)
            for night, runs in self._runs_of_nights.items()
        }

    def left_out_of(self, night: date) -> frozenset[str]:
        """What kinds of ``left_out`` the runs of that night are among, as far as their files were used."""
        runs = {run.run_id for run in self._runs_of_nights.get(night, ())}
        return frozenset(one.kind for one in self._engine.left_out if one.run_id in runs)

    @cached_property
    def _runs_of_nights(self) -> dict[date, list[PriorRun]]:
        """The run that stands for each night, and where that is another, the one that reached the directory."""
        reached = {one.night: one.run for one in self._contents.directory_nights}
        return {
            one.night: list({run.run_id: run for run in (one.run, reached.get(one.night, one.run))}.values())
            for one in self._contents.nights
        }

    def changes(self, since: date | str | None = None, until: date | str | None = None) -> Result:
        """What was to change, night by night, from ``since`` to ``until``, both included: the view ``moves``."""
        bounds = [f"night >= DATE {literal(_date(since).isoformat())}"] if since is not None else []
        bounds += [f"night <= DATE {literal(_date(until).isoformat())}"] if until is not None else []
        where = f" WHERE {' AND '.join(bounds)}" if bounds else ""
        return self._result(f"SELECT * FROM moves{where} ORDER BY night, key, attribute")

    def holds(self) -> Result:
        """Who is held by the newest night, by what, and since when."""
        return self._result(
            "SELECT * FROM holds WHERE night = (SELECT max(night) FROM whole_nights) ORDER BY since, key"
        )

    def history(self, key: str) -> Result:
        """Everything that was decided for one person, newest first; object id, user name, e-mail or ``profile:ID``."""
        keys = _select(statement("history_keys", _ARCHIVE_SQL).replace("$name", literal(key.strip())))
        keys = keys.replace("CREATE TABLE person AS", "", 1)
        newest = tuple(reversed(self._contents.runs))
        story = _select(statement("history", _ARCHIVE_SQL)).replace("WITH said AS", "said AS", 1)
        return self._result(f"WITH mails AS ({mails(newest)}), person AS ({keys}), {story}")

    def figures_of_nights(self) -> dict[str, list[tuple[Any, ...]]]:
        """What the page of all nights shows: name of a ``nights_….sql`` → its rows. No person stands in it."""
        names = ("all", "causes", "ages", "moved", "approvals", "departments", "headcount")
        return {name: self._result(_select(statement(f"nights_{name}", PACKAGE))).fetchall() for name in names}

    def connection(self) -> Connection:
        """SQL over the views, read-only."""
        return Connection(self._engine)

    @contextmanager
    def connection_from(self, nights: Collection[date]) -> Iterator[Connection]:
        """SQL over the first of ``nights`` and all after it: of them it says the same, and reads less."""
        engine = Engine(from_on(self._contents, nights), self._engine.checked)
        try:
            yield Connection(engine)
        finally:
            self._engine.beside(engine)
            engine.end()

    def _result(self, text: str) -> Result:
        return Result(self._engine, text)


def _select(text: str) -> str:
    lines = (line for line in text.split("\n") if not line.startswith("--"))
    return "\n".join(lines).strip().rstrip(";")


def _date(value: date | str) -> date:
    try:
        return value if isinstance(value, date) else date.fromisoformat(value)
    except (TypeError, ValueError) as error:
        raise Misused(f"{value!r} is not a date.", remedy='Write one like "2026-11-23".') from error
