"""The people of one run, kept in memory so that a part of them is found, sorted and sent in a few milliseconds.

It asks what the report's own script asks where it has everybody (``templates/script/filters.js``): the same filters
with the same meaning, a search for every word, the same sorting.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from trueup.reports.listed import (
    DECISIONS,
    Codes,
    Pool,
    change_columns,
    codes_of,
    detail_of,
    people_columns,
    vocabulary,
)
from trueup.reports.team.searched import LONGEST_SEARCH, Searched, all_folded
from trueup.transforms.errors import Misused
from trueup.transforms.values.labels import label
from trueup.transforms.vocabulary import WRITING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from numpy.typing import NDArray

    from trueup.reports.model import ReportView

MOST_ROWS = 500
"""People in one part of the list."""
MOST_KEYS = 20_000
"""People asked for by key at once."""
_KEPT = 32
"""Answers that are kept: which people fit, in which order."""
_PEOPLE = (
    "key", "name", "user_name", "profile_id", "decision", "reason", "events", "event", "remedy", "held_since",
    "left_out_by", "is_new",
)  # fmt: skip
_CHANGES = ("person", "attribute", "before_shown", "after_shown", "cause", "grp")
_SORTS = ("name", "decision", "changes", "reason")
"""What each column of the list is sorted by."""
_KINDS = ("attribute", "attribute-changed", "attribute-filled", "attribute-emptied")


@dataclass(frozen=True)
class Question:
    """Which part of the list is wanted."""

    start: int
    length: int
    search: str
    order: tuple[tuple[int, bool], ...]
    """Column and whether it descends."""
    filters: tuple[tuple[str, str], ...]
    """Facet and what it must be."""

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> Question:
        """As the page says it.

        Raises:
            Misused: it says something else.
        """
        start, length, search = said.get("start", 0), said.get("length", 50), said.get("search", "")
        order, filters = said.get("order", []), said.get("filters", [])
        whole = isinstance(search, str) and len(search) <= LONGEST_SEARCH
        whole = whole and type(start) is int and start >= 0 and type(length) is int and 0 < length <= MOST_ROWS
        whole = whole and isinstance(order, list) and all(map(_is_order, order)) and len(order) <= len(_SORTS)
        whole = whole and isinstance(filters, list) and all(map(_is_filter, filters)) and len(filters) <= 10
        if not whole:
            raise refused()
        return cls(
            start,
            length,
            search,
            tuple((column, descends) for column, descends in order),
            tuple((facet, wanted) for facet, wanted in filters),
        )


def refused() -> Misused:
    """What is said to a page that asks for what is not there."""
    return Misused("The page asks for something that is not in this run.", remedy="Load the page anew.")


def _is_order(one: Any) -> bool:
    fits = isinstance(one, list) and len(one) == 2 and type(one[0]) is int and type(one[1]) is bool
    return fits and 0 <= one[0] < len(_SORTS)


def _is_filter(one: Any) -> bool:
    return isinstance(one, list) and len(one) == 2 and all(isinstance(part, str) and len(part) < 400 for part in one)


@dataclass(frozen=True)
class Listing:
    """Everybody a run's report lists, with their changes; nothing in it changes."""

    people: pa.Table
    changes: pa.Table
    at: datetime
    codes: Codes
    texts: Searched
    """What is searched of each person."""
    first: NDArray[np.int32]
    """Where each person's changes begin; one more than there are people."""
    decisions: NDArray[np.int8]
    events: NDArray[np.int32]
    details: Mapping[str, dict[str, Any]]
    """Key → what opens beside the person."""
    words: Mapping[str, Any]
    """What the script must know, whichever people it lists."""
    known: OrderedDict[Any, NDArray[np.int32]] = field(default_factory=OrderedDict, compare=False)
    lock: threading.Lock = field(default_factory=threading.Lock, compare=False)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name not in {"known", "lock"}}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, known=OrderedDict(), lock=threading.Lock())

    @property
    def size(self) -> int:
        """People listed."""
        return int(self.people.num_rows)

    @property
    def weight(self) -> int:
        """Roughly how many bytes it takes in memory."""
        return int(self.people.nbytes + self.changes.nbytes + self.texts.nbytes)

    def counts(self) -> list[int]:
        """People listed by the number of their decision."""
        found = np.bincount(self.decisions, minlength=len(DECISIONS))
        return [int(one) for one in found]

    def part(self, question: Question) -> bytes:
        """JSON: how many fit, and the wanted part of them with their changes, in columns."""
        rows = self._fitting(question)
        chosen = rows[question.start : question.start + question.length]
        return orjson.dumps({"total": self.size, "filtered": len(rows), **self.columns(chosen)})

    def person(self, key: str) -> bytes:
        """JSON: one person, with what opens beside them.

        Raises:
            Misused: nobody of that key is listed.
        """
        rows = self.rows_of([key])
        if not len(rows):
            raise refused()
        return orjson.dumps({"detail": self.details.get(key), **self.columns(rows)})

    def members(self, group: Any) -> bytes:
        """JSON: everybody in a group of identical changes."""
        if type(group) is not int or not 0 <= group < len(self.words["groups"]):
            raise refused()
        return orjson.dumps(self.columns(np.flatnonzero(self._mask("group", str(group))).astype(np.int32)))

    def those(self, keys: Any) -> bytes:
        """JSON: the people of these keys; who is not listed is left away."""
        if not isinstance(keys, list) or len(keys) > MOST_KEYS or not all(isinstance(key, str) for key in keys):
            raise refused()
        return orjson.dumps(self.columns(self.rows_of(keys)))

    def rows_of(self, keys: Sequence[str]) -> NDArray[np.int32]:
        """The rows of these keys, in the order of the list."""
        wanted = pc.is_in(self.people["key"], value_set=pa.array(keys, pa.string()))
        return pc.indices_nonzero(wanted).to_numpy().astype(np.int32)  # type: ignore[no-any-return] # pyarrow is untyped

    def selectors(self, group: int) -> tuple[str, ...]:
        """``key/attribute`` of each change in a group whose person is written."""
        if not 0 <= group < len(self.words["groups"]):
            raise refused()
        chosen = self.changes.filter(pc.equal(self.changes["grp"], group))
        persons = chosen["person"].to_numpy()
        writes = np.isin(self.decisions[persons], [DECISIONS.index(one) for one in WRITING])
        keys = self.people["key"].take(pa.array(persons[writes])).to_pylist()
        paths = chosen["attribute"].filter(pa.array(writes)).to_pylist()
        return tuple(f"{key}/{path}" for key, path in zip(keys, paths, strict=True))

    def understands(self, selectors: Sequence[str]) -> bool:
        """Whether each is a decision, an attribute, a group, a person's key or ``KEY/ATTRIBUTE`` of what is listed."""
        plain = {*DECISIONS, *self.codes.attributes, *(f"group:{n}" for n in range(len(self.words["groups"])))}
        rest = {one for one in selectors if one not in plain}
        found = pc.is_in(pa.array(sorted(rest), pa.string()), value_set=self.people["key"])
        changes = {one for one, is_key in zip(sorted(rest), found.to_pylist(), strict=True) if not is_key}
        parted = [one.rpartition("/") for one in changes]
        if not all(path in self.codes.attributes for _, _, path in parted):
            return False
        keys = {key for key, _, _ in parted}
        return len(self.rows_of(list(keys))) == len(keys)

    def columns(self, rows: NDArray[np.int32]) -> dict[str, Any]:
        """These people and their changes as the script takes them."""
        begins, ends = self.first[rows], self.first[rows + 1]
        spans = [np.arange(begin, end, dtype=np.int32) for begin, end in zip(begins, ends, strict=True)]
        at = np.concatenate(spans) if spans else np.empty(0, np.int32)
        pool = Pool()
        chosen = self.people.take(pa.array(rows))
        people = {"id": chosen["key"].to_pylist(), **people_columns(chosen, pool, self.codes, self.at)}
        changes = change_columns(self.changes.take(pa.array(at)), pool, self.codes)
        return {
            "rows": rows.tolist(),
            "people": {**people, "first": begins.tolist(), "end": ends.tolist()},
            "at": at.tolist(),
            "changes": changes,
            "strings": pool.texts,
        }

    def _fitting(self, question: Question) -> NDArray[np.int32]:
        key = (question.search, question.order, question.filters)
        with self.lock:
            if key in self.known:
                self.known.move_to_end(key)
                return self.known[key]
        found = self._find(question)
        with self.lock:
            self.known[key] = found
            while len(self.known) > _KEPT:
                self.known.popitem(last=False)
        return found

    def _find(self, question: Question) -> NDArray[np.int32]:
        fits = np.ones(self.size, dtype=bool)
        for facet, wanted in question.filters:
            fits &= self._mask(facet, wanted)
        rows = np.flatnonzero(fits).astype(np.int32)
        if question.search.split():
            found = self.texts.rows(question.search)
            rows = found[fits[found]]
        for column, descends in reversed(question.order):
            rank = self._rank(_SORTS[column])[rows]
            rows = rows[np.argsort(-rank if descends else rank, kind="stable")]
        return rows

    def _rank(self, by: str) -> NDArray[np.int64]:
        """Each person's place, sorted by one column; the same for the same text."""
        if by == "decision":
            return self.decisions.astype(np.int64)
        if by == "changes":
            return np.diff(self.first).astype(np.int64)
        with self.lock:
            kept: NDArray[np.int64] | None = self.known.get(by)  # type: ignore[assignment] # ranks lie beside answers
        if kept is None:
            texts = pc.utf8_lower(pc.fill_null(self.people[by], "")).combine_chunks()
            kept = pc.rank(texts, tiebreaker="dense").to_numpy().astype(np.int64)
            with self.lock:
                self.known[by] = kept  # type: ignore[assignment] # as above
        return kept

    def _mask(self, facet: str, wanted: str) -> NDArray[np.bool_]:
        of_people: dict[str, Callable[[str], NDArray[np.bool_]]] = {
            "decision": self._decided,
            "new": lambda _: self.people["is_new"].to_numpy(),
            "event": self._happened,
        }
        if facet in of_people:
            return of_people[facet](wanted)
        mask = np.zeros(self.size, dtype=bool)
        mask[self.changes["person"].to_numpy()[self._changed(facet, wanted)]] = True
        return mask

    def _decided(self, wanted: str) -> NDArray[np.bool_]:
        if wanted != "writes" and wanted not in DECISIONS:
            raise refused()
        names = WRITING if wanted == "writes" else (wanted,)
        return np.isin(self.decisions, [DECISIONS.index(one) for one in names])

    def _happened(self, wanted: str) -> NDArray[np.bool_]:
        return np.isin(self.events, [n for n, text in enumerate(self.codes.events) if wanted in text.split(",")])

    def _changed(self, facet: str, wanted: str) -> NDArray[np.bool_]:
        changes = self.changes
        if facet == "group" and wanted.isdecimal() and len(wanted) < 10:
            return pc.equal(changes["grp"], int(wanted)).to_numpy()  # type: ignore[no-any-return] # pyarrow is untyped
        if facet == "cause" and wanted in self.codes.causes:
            return pc.equal(changes["cause"], wanted).to_numpy()  # type: ignore[no-any-return] # pyarrow is untyped
        if facet not in _KINDS or wanted not in self.codes.attributes:
            raise refused()
        fits = pc.equal(changes["attribute"], wanted).to_numpy()
        before = pc.is_valid(changes["before_shown"]).to_numpy()
        after = pc.is_valid(changes["after_shown"]).to_numpy()
        kinds = {_KINDS[0]: True, _KINDS[1]: before & after, _KINDS[2]: ~before, _KINDS[3]: before & ~after}
        return fits & kinds[facet]  # type: ignore[no-any-return] # pyarrow is untyped


def listing_of(view: ReportView) -> Listing:
    """The listing of a view's people and changes."""
    people, changes = view.people, view.changes
    codes = codes_of(people, changes)
    words = vocabulary(view, codes)
    persons = changes["person"].to_numpy()
    first = np.zeros(people.num_rows + 1, dtype=np.int32)
    np.cumsum(np.bincount(persons, minlength=people.num_rows), out=first[1:])
    numbers = pc.index_in(people["decision"], value_set=pa.array(DECISIONS, pa.string())).to_numpy()
    joined = pc.binary_join(people["events"], ",")
    events = pc.index_in(joined, value_set=pa.array(codes.events, pa.string()))
    keys = people["key"]
    return Listing(
        people=people.select(list(_PEOPLE)).combine_chunks(),
        changes=changes.select(list(_CHANGES)).combine_chunks(),
        at=view.at,
        codes=codes,
        texts=_texts(people, changes, first),
        first=first,
        decisions=numbers.astype(np.int8),
        events=pc.fill_null(events, -1).to_numpy().astype(np.int32),
        details={keys[one.row].as_py(): detail_of(one) for one in view.details},
        words=words,
    )


def _texts(people: pa.Table, changes: pa.Table, first: NDArray[np.int32]) -> Searched:
    """What is searched of each person: what the list shows of them, a line each."""
    own = [pc.fill_null(people[name], "").combine_chunks() for name in
           ("key", "name", "user_name", "reason", "event", "remedy", "profile_id")]  # fmt: skip
    together = pc.binary_join_element_wise(*own, "\n")
    lines = pc.binary_join_element_wise(
        pa.array([label(path) for path in changes["attribute"].to_pylist()], pa.string()),
        pc.fill_null(changes["before_shown"], "").combine_chunks(),
        pc.fill_null(changes["after_shown"], "").combine_chunks(),
        "\n",
    )
    of_each = pa.ListArray.from_arrays(pa.array(first, pa.int32()), lines)
    whole = pc.binary_join_element_wise(together, pc.binary_join(of_each, "\n"), "\n")
    return Searched.of(all_folded(whole))
