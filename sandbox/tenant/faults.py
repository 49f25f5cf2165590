"""What goes wrong on demand: each fault is armed for some requests and then gone."""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, get_args

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Kind = Literal[
    "status",
    "html",
    "truncate",
    "close",
    "empty_body",
    "slow",
    "wrong_count",
    "repeat_users",
    "missing_page",
    "missing_users",
    "self_link",
    "foreign_link",
    "no_link",
    "expired_skiptoken",
    "delta_expired",
    "delta_gone",
    "wrong_types",
    "expired_token",
]
"""``status`` answers with ``status`` and ``headers``; ``html`` with a page and 200; ``truncate`` sends half the JSON
as if it were whole; ``close`` drops the connection in the middle of the body; ``empty_body`` 200 with nothing;
``slow`` waits ``amount`` seconds first; ``wrong_count`` adds ``amount`` to a count; ``repeat_users`` sends the last
page's users again; ``missing_page`` skips a page without a word; ``missing_users`` drops ``amount`` rows of a page;
``self_link`` and ``foreign_link`` bend the nextLink, ``no_link`` drops it; ``expired_skiptoken`` refuses to go on;
``delta_expired`` is 400 syncStateNotFound, ``delta_gone`` 410 with a Location; ``wrong_types`` turns texts of the
page into numbers; ``expired_token`` answers 401."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong."""

    kind: Kind
    path: str = ""
    """Regular expression searched in ``METHOD /v1.0/path?query``; empty fits every Graph request."""
    times: int = 1
    """For how many fitting requests; -1 for ever."""
    after: int = 0
    """How many fitting requests pass unharmed before."""
    status: int = 503
    headers: Mapping[str, str] = field(default_factory=dict)
    amount: float = 1
    within_batch: bool = False
    """Whether it strikes parts of a batch instead of whole requests."""

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Fault:
        """The fault a JSON object describes; ValueError for an unknown kind, TypeError for an unknown key."""
        if document.get("kind") not in get_args(Kind):
            raise ValueError(f"unknown kind of fault; known are {', '.join(get_args(Kind))}")
        return cls(**document)


def statuses(path: str, *answers: int | tuple[int, Mapping[str, str]]) -> tuple[Fault, ...]:
    """Faults that answer the fitting requests one after the other with these statuses; 200 lets one pass."""
    faults = []
    passing = 0
    for answer in answers:
        status, headers = answer if isinstance(answer, tuple) else (answer, {})
        if status == 200:
            passing += 1
            continue
        faults.append(Fault("status", path, after=passing, status=status, headers=headers))
        passing = 0
    return tuple(faults)


class Faults:
    """The faults still to come. They are used up in the order given: of those that fit, the first one counts."""

    def __init__(self, faults: Iterable[Fault] = ()) -> None:
        self._lock = threading.Lock()
        self._armed: list[list[Any]] = []
        self.hidden: set[str] = set()
        """Object ids left out of every list, though found by id."""
        self.add(*faults)

    def add(self, *faults: Fault) -> None:
        """Arm more."""
        with self._lock:
            self._armed += [[fault, fault.after, fault.times] for fault in faults]

    def clear(self) -> None:
        """Everything works again."""
        with self._lock:
            self._armed.clear()
            self.hidden.clear()

    def take(self, request: str, *, within_batch: bool = False) -> Fault | None:
        """The fault that strikes this request, if any."""
        with self._lock:
            for armed in self._armed:
                fault: Fault = armed[0]
                if fault.within_batch != within_batch or not re.search(fault.path, request):
                    continue
                if armed[1] > 0:
                    armed[1] -= 1
                    return None
                armed[2] -= 1
                if armed[2] == 0:
                    self._armed.remove(armed)
                return fault
        return None

    @property
    def left(self) -> tuple[Fault, ...]:
        """Those that have not been used up."""
        with self._lock:
            return tuple(armed[0] for armed in self._armed)
