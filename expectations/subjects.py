"""Which managed attribute is the first name, the user name and so on: what the suites look at in this mapping."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trueup.transforms.attributes import ManagedAttribute

GIVEN = "name.givenName"
FAMILY = "name.familyName"
USER_NAME = "userName"
EMAIL = 'emails[type eq "work"].value'


@dataclass(frozen=True, slots=True)
class Subjects:
    """Paths in ``desired.parquet``; empty where the mapping does not manage one."""

    given: str = ""
    family: str = ""
    user_name: str = ""
    email: str = ""
    employee_number: str = ""
    names_required: bool = False
    required: tuple[str, ...] = ()
    """Further text attributes the target cannot be without."""
    state_was_read: bool = True
    """Whether the source could say if accounts are enabled."""

    @property
    def texts(self) -> tuple[str, ...]:
        """What people read and machines match: looked at letter by letter."""
        return tuple(path for path in (self.given, self.family, self.user_name, self.email) if path)

    @property
    def paths(self) -> tuple[str, ...]:
        """Every path the suites look at, each once."""
        return tuple(dict.fromkeys((*self.texts, *self.required)))


def subjects_of(
    attributes: Iterable[ManagedAttribute], columns: frozenset[str], *, state_was_read: bool = True
) -> Subjects:
    """The subjects among ``attributes`` that ``desired.parquet`` has a column for."""
    managed = {attribute.path: attribute for attribute in attributes if attribute.path in columns}
    named = {GIVEN, FAMILY, USER_NAME, EMAIL}
    emails = [EMAIL, *(path for path in managed if path.startswith("emails") and path.endswith("value"))]
    numbers = [path for path in managed if path.rpartition(":")[2] == "employeeNumber"]
    return Subjects(
        given=GIVEN if GIVEN in managed else "",
        family=FAMILY if FAMILY in managed else "",
        user_name=USER_NAME if USER_NAME in managed else "",
        email=next((path for path in emails if path in managed), ""),
        employee_number=numbers[0] if numbers else "",
        names_required=any(path in managed and managed[path].required for path in (GIVEN, FAMILY)),
        required=tuple(
            path
            for path, a in managed.items()
            if a.required and a.kind == "text" and path not in named and not a.default
        ),
        state_was_read=state_was_read,
    )
