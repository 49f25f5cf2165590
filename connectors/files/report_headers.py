"""The headers of a directory report: which column is what, and which are passed over, by name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trueup.transforms.errors import Misused

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
MANAGER = f"{ENTERPRISE}:manager"

EMAIL_HEADERS = ("email", "e-mail", "email address", "e-mail address", "work email", "work e-mail", "primary email")
ID_HEADERS = ("pingboard user id", "pingboard id", "user id", "id")
DEFAULT_COLUMNS = {
    "first name": "name.givenName",
    "given name": "name.givenName",
    "last name": "name.familyName",
    "surname": "name.familyName",
    "family name": "name.familyName",
    "nickname": "nickName",
    "preferred name": "nickName",
    "display name": "displayName",
    "full name": "displayName",
    "job title": "title",
    "title": "title",
    "department": f"{ENTERPRISE}:department",
    "departments": f"{ENTERPRISE}:department",
    "employee id": f"{ENTERPRISE}:employeeNumber",
    "employee number": f"{ENTERPRISE}:employeeNumber",
    "cost center": f"{ENTERPRISE}:costCenter",
    "division": f"{ENTERPRISE}:division",
    "company": f"{ENTERPRISE}:organization",
    "phone": 'phoneNumbers[type eq "work"].value',
    "work phone": 'phoneNumbers[type eq "work"].value',
    "office phone": 'phoneNumbers[type eq "work"].value',
    "mobile": 'phoneNumbers[type eq "mobile"].value',
    "mobile phone": 'phoneNumbers[type eq "mobile"].value',
    "cell phone": 'phoneNumbers[type eq "mobile"].value',
    "office": 'addresses[type eq "work"].formatted',
    "location": 'addresses[type eq "work"].formatted',
    "manager email": MANAGER,
    "reports to email": MANAGER,
    "reports to id": MANAGER,
    "manager id": MANAGER,
    "reports to": MANAGER,
    "manager": MANAGER,
}
"""Header without case → SCIM path. Of several for one path the earlier here is taken: an e-mail or an id says more
exactly who the manager is than a name."""

_WHO = ("email", "id")


@dataclass(frozen=True, slots=True)
class Headers:
    """Where each thing stands in a row, and sentences on the headers that are passed over."""

    places: dict[str, int]
    """``email``, ``id`` or a SCIM path → index of the column."""
    notes: tuple[str, ...]


def headers_of(header: list[Any], columns: Mapping[str, str], *, managed: Iterable[str] | None, file: str) -> Headers:
    """What the columns of a report are; see ``read_everything_report``.

    Raises:
        Misused: nothing says who a row is about, nothing is there to restore, or ``columns`` does not fit the header.
    """
    written = [str(cell or "").removeprefix("\ufeff").strip() for cell in header]
    own = _own(written, columns, file)
    chosen = _chosen(written, own)
    places = dict(chosen)
    if "email" not in places:
        # A header mapped to a path of its own still says who the row is about.
        mail = next((at for at, name in enumerate(written) if name.casefold() in EMAIL_HEADERS), None)
        places |= {} if mail is None else {"email": mail}
    _require(places, written, file)
    used = set(places.values())
    notes = _passed_over(written, used, chosen, own)
    if managed is not None:
        known = frozenset(managed) | frozenset(_WHO)
        notes += [
            f"The mapping does not manage {path}, so the report's {written[at]!r} is not restored."
            for path, at in places.items()
            if path not in known
        ]
    return Headers(places, tuple(notes))


def _own(written: list[str], columns: Mapping[str, str], file: str) -> dict[int, str]:
    """Index → target, for the headers the caller maps."""
    own: dict[int, str] = {}
    for name, target in columns.items():
        fitting = [at for at, one in enumerate(written) if one.casefold() == name.strip().casefold()]
        if len(fitting) != 1:
            what = "has no column" if not fitting else f"has {len(fitting)} columns"
            raise Misused(
                f"{file} {what} {name.strip()!r}.",
                remedy=f"Its headers are: {', '.join(one for one in written if one)}.",
            )
        if target in own.values():
            raise Misused(f"Two columns are mapped to {target}.", remedy="Map one column to each SCIM path.")
        own[fitting[0]] = target
    return own


def _chosen(written: list[str], own: dict[int, str]) -> dict[str, int]:
    """Target → index: the caller's first, then of each target the header that is known to say it best."""
    chosen = {target: at for at, target in own.items()}
    lowered = [name.casefold() for name in written]
    known = {**dict.fromkeys(EMAIL_HEADERS, "email"), **dict.fromkeys(ID_HEADERS, "id"), **DEFAULT_COLUMNS}
    for name, target in known.items():
        if name in lowered and lowered.index(name) not in own:
            chosen.setdefault(target, lowered.index(name))
    return chosen


def _require(places: dict[str, int], written: list[str], file: str) -> None:
    named = "displayName" in places or {"name.givenName", "name.familyName"} <= places.keys()
    if not named and not places.keys() & set(_WHO):
        raise Misused(
            f"{file} has no column that says who a row is about: an e-mail, an id, or a first and a last name. "
            f"Its headers are: {', '.join(one for one in written if one) or 'none'}.",
            remedy='Name the column with the e-mail addresses: --column "HEADER=email".',
        )
    if not places.keys() - set(_WHO):
        raise Misused(
            f"{file} has no column that is known besides who a row is about, so there is nothing to restore.",
            remedy='Map its columns: --column "HEADER=SCIM path". Known are: ' + ", ".join(DEFAULT_COLUMNS) + ".",
        )


def _passed_over(written: list[str], used: set[int], chosen: dict[str, int], own: dict[int, str]) -> list[str]:
    """A sentence on headers that are not understood, and one on each that says again what another says."""
    unknown, notes = [], []
    for at, name in enumerate(written):
        if at in used:
            continue
        folded = name.casefold()
        target = "email" if folded in EMAIL_HEADERS else "id" if folded in ID_HEADERS else DEFAULT_COLUMNS.get(folded)
        taken = chosen.get(target or "")
        if target and taken is not None and at not in own:
            notes.append(f"The report's {name!r} is passed over: {target} is taken from {written[taken]!r}.")
        else:
            unknown.append(name or f"column {at + 1}, which has no header")
    if unknown:
        what = "1 column of the report is" if len(unknown) == 1 else f"{len(unknown)} columns of the report are"
        notes.insert(
            0,
            f"{what} not understood and passed over: {', '.join(unknown)}. "
            f'One can be mapped: --column "{unknown[0]}=SCIM path".',
        )
    return notes
