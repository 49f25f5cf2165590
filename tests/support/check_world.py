"""A small tenant for the checks: accounts as plain dicts, written as the files that earlier stages leave."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from trueup.transforms.attributes import CHECKED, ManagedAttribute
from trueup.transforms.history import History
from trueup.transforms.run_files import RunFiles
from trueup.transforms.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

WORK_EMAIL = 'emails[type eq "work"].value'
NUMBER = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber"
DEPARTMENT = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department"
MANAGER = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value"
ATTRIBUTES = (
    ManagedAttribute("userName", source_columns=("mail", "userPrincipalName"), required=True),
    ManagedAttribute("active", kind="boolean", source_columns=("accountEnabled",)),
    ManagedAttribute("name.givenName", source_columns=("givenName",), required=True),
    ManagedAttribute("name.familyName", source_columns=("surname",), required=True),
    ManagedAttribute(WORK_EMAIL, source_columns=("mail", "userPrincipalName")),
    ManagedAttribute("title", source_columns=("jobTitle",)),
    ManagedAttribute(DEPARTMENT, source_columns=("department",)),
    ManagedAttribute(NUMBER, source_columns=("employeeId",)),
    ManagedAttribute(MANAGER, kind="reference", source_columns=("manager",)),
)
_TYPES = {
    "accountEnabled": pa.bool_(),
    "showInAddressList": pa.bool_(),
    "isResourceAccount": pa.bool_(),
    "assignedLicensesCount": pa.int64(),
    "groups": pa.list_(pa.string()),
}
_FIRST = ("Anna", "José", "Lin", "Omar", "Zoë", "Mia", "Ravi", "Ingrid", "Kofi", "Yuki", "Elif", "Dmitri")
_LAST = ("Schmidt", "García", "Wang", "Haddad", "Novák", "Rossi", "Patel", "Berg", "Mensah", "Sato", "Kaya", "Orlov")


def person(number: int, **more: Any) -> dict[str, Any]:
    """An ordinary employee; any field may be replaced."""
    first = _FIRST[number % 12]
    last = _LAST[(number // 12 + number) % 12] + ("" if number < 144 else f"-{_LAST[number % 7]}")
    local = f"{first}.{last}{number}".lower()
    upn = f"{local}@contoso.example"
    return {
        "id": f"id-{number:05d}",
        "userPrincipalName": upn,
        "displayName": f"{first} {last}",
        "givenName": first,
        "surname": last,
        "mail": upn,
        "mailNickname": local,
        "accountEnabled": True,
        "userType": "Member",
        "employeeId": f"E{number:05d}",
        "employeeType": "Employee",
        "jobTitle": ("Engineer", "Accountant", "Nurse", "Planner", "Buyer")[number % 5],
        "department": f"Department {number % 15}",
        "manager": f"id-{number // 8:05d}" if number else None,
        "assignedLicensesCount": 1,
        "showInAddressList": True,
        "createdDateTime": "2021-03-01T08:00:00Z",
    } | more


@dataclass(slots=True)
class World:
    """One run's directory with a source, what the mapping made of it, and a target."""

    files: RunFiles
    accounts: list[dict[str, Any]]
    columns: tuple[str, ...] = CHECKED
    """Columns of ``source.parquet``; leave one out and it was not readable."""
    out_of_scope: set[str] = field(default_factory=set)
    profiles: list[dict[str, Any]] = field(default_factory=list)
    problems: list[tuple[str, str, str]] = field(default_factory=list)
    desired_changes: dict[str, dict[str, Any]] = field(default_factory=dict)

    def write(self) -> None:
        """Write every file the checks read."""
        self.files.work.mkdir(parents=True, exist_ok=True)
        pq.write_table(table(self.accounts, self.columns), self.files.source)
        pq.write_table(self._desired(), self.files.desired)
        scope = [
            {"key": a["id"], "in_scope": a["id"] not in self.out_of_scope, "reason_code": None, "excluded_by": None}
            for a in self.accounts
        ]
        pq.write_table(
            pa.Table.from_pylist(
                scope,
                pa.schema(
                    [
                        ("key", pa.string()),
                        ("in_scope", pa.bool_()),
                        ("reason_code", pa.string()),
                        ("excluded_by", pa.string()),
                    ]
                ),
            ),
            self.files.work_scope,
        )
        names = ("id", "version", "resource", "externalId", "userName", *(a.path for a in ATTRIBUTES))
        schema = pa.schema([(n, pa.bool_() if n == "active" else pa.string()) for n in dict.fromkeys(names)])
        pq.write_table(pa.Table.from_pylist(self.profiles, schema), self.files.target)
        if self.problems:
            rows = [dict(zip(("key", "attribute", "problem"), row, strict=True)) for row in self.problems]
            pq.write_table(pa.Table.from_pylist(rows), self.files.work_problems)

    def _desired(self) -> pa.Table:
        rows = []
        for a in self.accounts:
            name = a.get("mail") or a.get("userPrincipalName")
            row = {
                "key": a["id"],
                "userName": name,
                "active": a.get("accountEnabled"),
                "name.givenName": a.get("givenName"),
                "name.familyName": a.get("surname"),
                WORK_EMAIL: name,
                "title": a.get("jobTitle"),
                DEPARTMENT: a.get("department"),
                NUMBER: a.get("employeeId"),
                MANAGER: a.get("manager"),
                "left_alone": [],
            }
            rows.append(row | self.desired_changes.get(a["id"], {}))
        kinds = {"active": pa.bool_(), "left_alone": pa.list_(pa.string())}
        names = ("key", *(a.path for a in ATTRIBUTES), "left_alone")
        return pa.Table.from_pylist(rows, pa.schema([(n, kinds.get(n, pa.string())) for n in names]))


def table(accounts: list[dict[str, Any]], columns: tuple[str, ...]) -> pa.Table:
    """The accounts as ``source.parquet`` has them."""
    schema = pa.schema([(name, _TYPES.get(name, pa.string())) for name in columns])
    return pa.Table.from_pylist([{n: a.get(n) for n in columns} for a in accounts], schema)


def profile_of(account: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The profile an earlier run would have made of the account."""
    name = account.get("mail") or account.get("userPrincipalName")
    return {
        "id": f"p-{account['id']}",
        "externalId": account["id"],
        "userName": name,
        "active": True,
        "name.givenName": account.get("givenName"),
        "name.familyName": account.get("surname"),
        WORK_EMAIL: name,
        "title": account.get("jobTitle"),
        DEPARTMENT: account.get("department"),
        NUMBER: account.get("employeeId"),
        "resource": "{}",
    } | more


def world(path: Path, accounts: list[dict[str, Any]], **more: Any) -> World:
    """A world in a new run directory below ``path``."""
    files = RunFiles(path / "20261123T010000Z-0001")
    files.path.mkdir(parents=True, exist_ok=True)
    return World(files, accounts, **more)


def settings(**sections: Any) -> Settings:
    """Settings with defaults but for the sections given."""
    return Settings.model_validate(sections)


NO_HISTORY = History()
