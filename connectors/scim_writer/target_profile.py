"""What apply has learnt of this target while working: nothing is believed that was not seen."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from trueup.connectors.scim_writer.payloads import DIALECTS, Dialect
from trueup.transforms.values.equality import differs_only_in_case
from trueup.transforms.vocabulary import Kept

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_SURE = 3
"""So many agreeing observations make a habit."""


class TargetBehaviour:
    """Habits of one target. Starts from what an earlier apply noted, and is noted again at the end."""

    def __init__(self, update: str, earlier: Mapping[str, Any] | None = None) -> None:
        known = (earlier or {}).get("dialect")
        allowed: tuple[Dialect, ...] = {"patch": DIALECTS[:2], "put": DIALECTS[2:]}.get(update, DIALECTS)
        first: list[Dialect] = [dialect for dialect in allowed if dialect == known]
        self._order: list[Dialect] = first + [dialect for dialect in allowed if dialect not in first]
        self._forced = update != "auto"
        self.worked: Counter[Dialect] = Counter()
        self._echo_true: Counter[str] = Counter()
        self._echo_false: set[str] = set()
        self._refused: Counter[str] = Counter()
        self._by_value: set[str] = set()
        self._accepted: set[str] = set()
        self._hopeless: Counter[tuple[str, Dialect]] = Counter()
        self.survived = 0
        """Deactivated profiles that still answered afterwards."""
        self.deactivation_deletes = False
        self.alters_case: set[str] = set()
        self.collateral: Counter[str] = Counter()
        """Attributes that changed though nobody wrote them."""
        self._failed_before = frozenset(str(name) for name in (earlier or {}).get("fails_on") or ())
        self._fails_on: set[str] = set()
        self._not_offered: Counter[Dialect] = Counter()
        self.matched_in_vain = 0
        """412s after which the profile read as before."""
        self.read_only: set[str] = set()
        """Attributes a PUT must not say, since the target called them read-only."""

    @property
    def dialect(self) -> Dialect | None:
        """The form that works here; none while nothing was written."""
        if not self.worked:
            return None
        best: Dialect = max(self._order, key=lambda dialect: self.worked[dialect])
        return best

    def dialects(self) -> tuple[Dialect, ...]:
        """The forms to try, best first. PUT, which rewrites everything, only while no PATCH form has worked."""
        patch_works = any(self.worked[dialect] for dialect in DIALECTS[:2])
        order = [d for d in self._order if not (patch_works and d == "put" and not self.worked[d])]
        order = [d for d in order if self._not_offered[d] < _SURE or self.worked[d]] or order
        return tuple(sorted(order, key=lambda d: -self.worked[d])) if self.worked else tuple(order)

    def not_offered(self, dialect: Dialect) -> None:
        """The target has no such method (405)."""
        self._not_offered[dialect] += 1

    def fails_again(self, attribute: str) -> bool:
        """The target failed (500) on this attribute alone; whether it did so in the apply before as well, and only so.

        One bad day proves nothing; the same attribute on another day, and never taken on either, does.
        """
        self._fails_on.add(attribute)
        return attribute in self._failed_before and attribute not in self._accepted

    def called_read_only(self, attributes: Iterable[str]) -> bool:
        """The target refused a PUT that said ``attributes``, since they are read-only; whether that is news.

        From then on PUT leaves them out, and ``groups`` with them, which are read-only everywhere (RFC 7643 §4.1.2).
        """
        new = set(attributes) - self.read_only
        self.read_only |= new | {"groups"} if new else set()
        return bool(new)

    def succeeded(self, dialect: Dialect) -> None:
        """The target took ``dialect`` and kept something of it."""
        self.worked[dialect] += 1

    def worth_trying(self, attribute: str, dialect: Dialect) -> bool:
        """Whether ``dialect`` has not yet proven useless for ``attribute``."""
        return self._hopeless[attribute, dialect] < _SURE

    def in_vain(self, attributes: Iterable[str], dialect: Dialect) -> None:
        """The target said yes to ``dialect`` and kept none of ``attributes``."""
        for attribute in attributes:
            self._hopeless[attribute, dialect] += 1

    def believes_answer(self, attributes: Iterable[str]) -> bool:
        """Whether the body of a 200 may stand for reading back: it told the truth of each of these before."""
        return all(self._echo_true[a] >= _SURE and a not in self._echo_false for a in attributes)

    def compared(self, attribute: str, *, truthful: bool) -> None:
        """The body of a 200 was checked by reading back."""
        if truthful:
            self._echo_true[attribute] += 1
        else:
            self._echo_false.add(attribute)

    def refuses(self, attribute: str) -> bool:
        """Whether the target refuses this attribute whatever its value."""
        return self._refused[attribute] >= _SURE and attribute not in self._accepted

    def refuses_value(self, attribute: str) -> bool:
        """Whether a refusal of this attribute was about it, and not about us: said so, or others were taken."""
        return attribute in self._by_value or bool(self.worked)

    def refused(self, attribute: str, *, by_value: bool = False) -> None:
        """The attribute was refused when sent alone; ``by_value``: the answer spoke of what was sent."""
        self._refused[attribute] += 1
        if by_value:
            self._by_value.add(attribute)

    def read_back(self, attribute: str, written: Any, found: Any, kept: Kept) -> None:
        """What came of one value."""
        if kept is not Kept.NOT_KEPT:
            self._accepted.add(attribute)
        if kept is Kept.NORMALISED and differs_only_in_case(written, found):
            self.alters_case.add(attribute)

    @property
    def versions_fit(self) -> bool:
        """Whether ``If-Match`` means anything here."""
        return self.matched_in_vain < _SURE

    @property
    def is_deactivation_known(self) -> bool:
        """Whether it is settled what becomes of a deactivated profile."""
        return self.deactivation_deletes or self.survived >= _SURE

    def as_json(self) -> dict[str, Any]:
        """For the act that closes the apply, and for the next apply to start from."""
        deactivation = "deletes" if self.deactivation_deletes else "survives" if self.survived else "unknown"
        return {
            "dialect": self.dialect,
            "deactivation": deactivation,
            "deactivation_deletes": self.deactivation_deletes,
            "alters_case": sorted(self.alters_case),
            "refuses": sorted(a for a, n in self._refused.items() if n and a not in self._accepted),
            "fails_on": sorted(self._fails_on - self._accepted),
            "also_changed": dict(sorted(self.collateral.items())),
        }
