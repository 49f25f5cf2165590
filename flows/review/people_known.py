"""Who the archive knows, to be searched by name; and one person over all runs."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from trueup.flows.review import building
from trueup.flows.review.reading import removals
from trueup.reports.attributes import event_of
from trueup.reports.sentences import CAUSE_WORDS, LABELS
from trueup.reports.team.model import Found, PeoplePage, PersonChange, PersonPage, PersonRun
from trueup.reports.team.searched import LONGEST_SEARCH, Searched, all_folded
from trueup.transforms.errors import Misused
from trueup.transforms.values.labels import label
from trueup.transforms.vocabulary import WRITING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trueup.flows.review.building import Story
    from trueup.flows.review.reading import Seen
    from trueup.transforms.settings import Settings

_SHOWN = 60
"""People of one search that are shown; what is beyond is counted."""
_FACTS = ("department", "title", "manager_name")


class PeopleKnown:
    """Everybody in any run, the newest word on each; grows with the runs, and is made anew when some lose people."""

    def __init__(self, settings: Settings) -> None:
        """Of the archive that ``settings`` name."""
        self._settings = settings
        self._lock = threading.Lock()
        self._runs: tuple[str, ...] = ()
        self._removed: tuple[Any, ...] = ()
        self._people = building.KNOWN.empty_table()
        self._texts = Searched.of(pa.array([], pa.string()))
        self._newest = 0
        self._left_out: tuple[str, ...] = ()

    def refresh(self, seen: Seen) -> None:
        """Know everybody in ``seen``: only runs that are new are read."""
        with self._lock:
            runs = tuple(run.run_id for run in seen.good if run.manifest.counts)
            removed = tuple((run.run_id, removals(run)) for run in seen.good if removals(run))
            bad = tuple(run_id for run_id, _ in seen.bad)
            if (runs, (removed, bad)) == (self._runs, self._removed):
                return
            told = tuple(refused.message.split("\n")[0] for _, refused in seen.bad)
            grown = self._removed == (removed, bad) and runs[-len(self._runs) :] == self._runs and bool(self._runs)
            asked = runs[: len(runs) - len(self._runs)] if grown else runs
            known = building.know(self._settings, asked)
            people = known.people
            if grown:
                older = pc.is_in(self._people["key"], value_set=people["key"].combine_chunks())
                people = pa.concat_tables([people, self._people.filter(pc.invert(older))])
            self._people = people.combine_chunks()
            self._texts = _texts(self._people)
            self._newest = known.newest
            self._left_out = (*told, *known.left_out)
            self._runs, self._removed = runs, (removed, bad)

    def page(self) -> PeoplePage:
        """The search before anything is searched."""
        return PeoplePage(known=self._people.num_rows, left_out=self._left_out)

    def find(self, text: str) -> PeoplePage:
        """Who fits every word of ``text``.

        Raises:
            Misused: it is too long.
        """
        if len(text) > LONGEST_SEARCH:
            raise Misused("That is too long to be searched.", remedy=f"At most {LONGEST_SEARCH} characters.")
        people, texts, newest = self._people, self._texts, self._newest
        if not text.split():
            return self.page()
        rows = texts.rows(text)
        numbers = rows[:_SHOWN].tolist()
        found = people.take(pa.array(numbers, pa.int32())).to_pylist()
        return PeoplePage(
            asked=True,
            text=text.strip(),
            found=tuple(
                Found(
                    one["key"],
                    one["name"] or one["user_name"] or one["key"],
                    one["user_name"] or one["mail"] or "",
                    number >= newest,
                )
                for number, one in zip(numbers, found, strict=True)
            ),
            more=max(0, len(rows) - len(found)),
            known=people.num_rows,
            left_out=self._left_out,
        )

    def names(self, keys: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Key → ``name``, ``user_name`` of those that are known."""
        wanted = pc.is_in(self._people["key"], value_set=pa.array(keys, pa.string()))
        return {one["key"]: one for one in self._people.filter(wanted).to_pylist()}


def person_page(key: str, story: Story | None, known: PeopleKnown) -> PersonPage | None:
    """One person over all runs; None where no run knows them.

    Args:
        key: object id, or ``profile:ID``.
        story: what all runs say; none where there is no archive yet.
        known: gives names.
    """
    rows, now = (story.rows, story.now) if story is not None else ((), ())
    own = known.names([key]).get(key)
    if own is None and not rows:
        return None
    referred = {text for row in rows for value in (row[6], row[7]) if (text := _text(value)) and len(text) < 100}
    named = known.names(sorted(referred))
    runs: dict[str, list[tuple[Any, ...]]] = {}
    for row in rows:
        runs.setdefault(row[1], []).append(row)
    facts = [(label(name).replace("_name", ""), str(one[name])) for one in now for name in _FACTS if one.get(name)]
    facts += [("active", "yes" if one["active"] else "no") for one in now if one.get("active") is not None]
    return PersonPage(
        key=key,
        name=(own or {}).get("name") or (own or {}).get("user_name") or key,
        user_name=(own or {}).get("user_name") or "",
        facts=tuple((name.replace("_", " "), value) for name, value in facts),
        runs=tuple(_run(told, named) for told in runs.values()),
        left_out=story.left_out if story is not None else (),
    )


def _run(rows: list[tuple[Any, ...]], named: dict[str, dict[str, Any]]) -> PersonRun:
    at, run_id, kind, state, decision, *_ = first = rows[0]
    was_written = decision in WRITING  # of whoever was not, an apply and who approved it say nothing
    return PersonRun(
        run_id=run_id,
        at=at,
        kind=kind,
        state=state if was_written else "",
        decision=decision,
        label=LABELS.get(decision, decision),
        reason=first[9] or "",
        result=first[10] or "" if was_written else "",
        because=first[11] or "",
        approved_by=first[12] or "" if was_written else "",
        changes=tuple(
            PersonChange(label(row[5]), _shown(row[5], row[6], named), _shown(row[5], row[7], named), _cause(row[8]))
            for row in rows
            if row[5]
        ),
    )


def _cause(cause: str | None) -> str:
    return CAUSE_WORDS.get(cause or "", cause or "")


def _shown(attribute: str, value: str | None, named: dict[str, dict[str, Any]]) -> str | None:
    text = _text(value)
    if text in named and event_of(attribute) == event_of("manager"):
        return named[text]["name"] or text
    return text


def _text(value: str | None) -> str | None:
    """A value of ``changes.parquet`` as it is read."""
    if value is None:
        return None
    try:
        found = json.loads(value)
    except ValueError:
        return value
    return found if isinstance(found, str) else value


def _texts(people: pa.Table) -> Searched:
    """What is searched of each."""
    parts = [pc.fill_null(people[name], "") for name in ("key", "name", "user_name", "mail")]
    whole = pc.binary_join_element_wise(*parts, "\n").combine_chunks()
    if isinstance(whole, pa.ChunkedArray):
        whole = pa.concat_arrays(whole.chunks) if whole.num_chunks else pa.array([], pa.string())
    return Searched.of(all_folded(whole))
