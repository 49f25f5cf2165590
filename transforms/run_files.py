"""Where each file of a run lies. Pure path arithmetic; nothing is opened here."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

RUN_ID = re.compile(r"(\d{8}T\d{6}Z)-([0-9a-f]{4})")
"""A run's directory: when it began, in UTC, and four digits that set runs of one second apart."""

JOURNAL = "journal.jsonl"


@dataclass(frozen=True, slots=True)
class RunFiles:
    """The paths of one run's directory.

    What a stage hands to the next without being part of the archive lies in ``.work`` inside the run's
    directory and is removed before the run is sealed.
    """

    path: Path
    bring: Callable[[str], None] | None = field(default=None, compare=False, repr=False)
    """Sees to it that a data file lies in the directory when its path is asked for, where runs are kept elsewhere."""
    bring_here: Callable[[str], None] | None = field(default=None, compare=False, repr=False)
    """The first half of it: as it is kept."""
    opened: Path | None = field(default=None, compare=False, repr=False)
    """Where data files lie open for this process alone, where the archive is encrypted."""

    def file(self, name: str) -> Path:
        """The path of one data file, as it can be read; brought there first where runs are kept elsewhere.

        The journal alone is read where it is kept: it grows, line by line.
        """
        if self.bring is not None:
            self.bring(name)
        return self.place / name if name != JOURNAL else self.path / name

    def bring_kept(self, name: str) -> None:
        """See to it that the file lies in the directory as it is kept, where runs are kept elsewhere."""
        if self.bring_here is not None:
            self.bring_here(name)

    @property
    def place(self) -> Path:
        """Where files are made and read: the directory itself, or where they lie open."""
        return self.opened or self.path

    @property
    def run_id(self) -> str:
        """The directory's name."""
        return self.path.name

    @property
    def source(self) -> Path:
        """Every user of the tenant as read."""
        return self.file("source.parquet")

    @property
    def target(self) -> Path:
        """Every profile as read."""
        return self.file("target.parquet")

    @property
    def desired(self) -> Path:
        """The mapping's result for every user."""
        return self.file("desired.parquet")

    @property
    def actual(self) -> Path:
        """The managed attributes as they are, by key."""
        return self.file("actual.parquet")

    @property
    def links(self) -> Path:
        """Who is ours."""
        return self.file("links.parquet")

    @property
    def findings(self) -> Path:
        """All findings, several per person."""
        return self.file("findings.parquet")

    @property
    def decisions(self) -> Path:
        """One row per person."""
        return self.file("decisions.parquet")

    @property
    def changes(self) -> Path:
        """One row per attribute change."""
        return self.file("changes.parquet")

    @property
    def checks(self) -> Path:
        """Every expectation's result in Great Expectations' own form."""
        return self.file("checks.json")

    @property
    def mapping_sql(self) -> Path:
        """The compiled mapping."""
        return self.file("mapping.sql")

    @property
    def report_html(self) -> Path:
        """What the reviewer reads."""
        return self.file("report.html")

    @property
    def report_place(self) -> Path:
        """Where the report is kept, to be told; whoever reads it in an encrypted archive asks ``trueup show``."""
        return self.path / "report.html"

    @property
    def report_md(self) -> Path:
        """The same for a chat or a pull request."""
        return self.file("report.md")

    @property
    def summary(self) -> Path:
        """The plan in figures; no person stands in it, and it survives pruning."""
        return self.file("summary.parquet")

    @property
    def manifest(self) -> Path:
        """Written last: a run without it never happened."""
        return self.path / "manifest.json"

    @property
    def acts(self) -> Path:
        """What happened after the plan was sealed."""
        return self.path / "acts"

    @property
    def journal(self) -> Path:
        """What apply was about to do and the result."""
        return self.file(JOURNAL)

    @property
    def outcome(self) -> Path:
        """One row per person apply was to write."""
        return self.file("outcome.parquet")

    @property
    def target_after(self) -> Path:
        """The touched profiles, re-read; same columns as ``target.parquet``."""
        return self.file("target_after.parquet")

    @property
    def work(self) -> Path:
        """What stages hand on; gone before the seal."""
        return self.place / ".work"

    @property
    def work_scope(self) -> Path:
        """``key, in_scope, reason_code, excluded_by``: one row per user."""
        return self.work / "scope.parquet"

    @property
    def work_held(self) -> Path:
        """``key, reason``: people an ``IgnoreObjectFlow`` or a failing function sets aside."""
        return self.work / "held.parquet"

    @property
    def work_verdicts(self) -> Path:
        """``key, verdict, signals, overridden_by``: one row per user."""
        return self.work / "verdicts.parquet"

    @property
    def work_absent(self) -> Path:
        """``key, state``: managed people missing from the source read, confirmed ``deleted`` or ``gone``."""
        return self.work / "absent.parquet"

    @property
    def work_problems(self) -> Path:
        """``key, attribute, problem``: values of a wrong type met while reading the source."""
        return self.work / "problems.parquet"
