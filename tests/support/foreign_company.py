"""A company in a file, a directory that held people before, and what of each person a raw profile shows."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.foreign_servers import Place

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
HERE_BEFORE = 6
"""So many of the company have a profile already, with things in it that nobody manages."""
EVERYBODY = 57
"""More than any page of these servers."""
_ODD = (
    {"givenName": "Zoë", "surname": "O'Brien-Łuk", "jobTitle": 'Head, "R&D" \\ EMEA', "department": "R&D; Süd"},
    {"givenName": "Anna Maria", "surname": "van der Berg", "displayName": "Anna Maria van der Berg"},
    {"businessPhones": ["+49 (30) 123-45 67"], "mobilePhone": "+49 170 000", "officeLocation": "Haus 3, Süd"},
    {"jobTitle": None, "department": None, "employeeId": None, "manager": None},
    {"jobTitle": "  spaced  out ", "department": "100 % [true]"},
)


def one(number: int) -> dict[str, Any]:
    """A user of the tenant."""
    address = f"p{number:02}.smith@x.example"
    plain = {
        "id": f"0f000000-0000-4000-8000-{number:012d}",
        "userPrincipalName": address,
        "mail": address,
        "givenName": "Pat",
        "surname": f"Smith{number:02}",
        "displayName": f"Pat Smith{number:02}",
        "jobTitle": "Engineer",
        "department": "Research",
        "businessPhones": [f"+1 555 01{number:02}"] if number % 2 else [],
        "mobilePhone": None,
        "officeLocation": "Berlin" if number % 3 else None,
        "employeeId": f"E{number:02}",
        "accountEnabled": True,
        "userType": "Member",
        "manager": {"id": f"0f000000-0000-4000-8000-{number // 5:012d}"} if number else None,
    }
    odd = _ODD[number % 10] if number % 10 < len(_ODD) and number > 9 else {}
    return plain | odd


def everybody() -> dict[int, dict[str, Any]]:
    """The tenant on the first night."""
    return {number: one(number) for number in range(EVERYBODY)}


def change_day(users: dict[int, dict[str, Any]]) -> None:
    """Somebody's every attribute changes, is taken away, or comes; a leaver, a newcomer, two who swap addresses."""
    users[1] |= {"jobTitle": "Chief", "department": "Board"}
    users[2] |= {"givenName": "Patricia", "surname": "Jones", "displayName": "Patricia Jones"}
    users[3] |= {"businessPhones": [], "officeLocation": None, "employeeId": "E-3"}
    users[7] |= {"mail": "pat.moved@x.example", "userPrincipalName": "pat.moved@x.example"}
    users[9] |= {"jobTitle": None, "department": None, "businessPhones": ["+44 20 1"]}
    users[12] |= {"mobilePhone": None, "businessPhones": ["+1 555 777"], "officeLocation": "Wien"}
    users[14] |= {"manager": {"id": users[1]["id"]}, "department": None}
    users[20] |= {"accountEnabled": False}
    users[21] |= {"manager": None}
    users[22] |= {"mobilePhone": "+1 555 999", "employeeId": None}
    users[EVERYBODY] = one(EVERYBODY)


def before(number: int) -> dict[str, Any]:
    """The profile somebody had before the first night: some of it as the source has it, much beside."""
    user = one(number)
    return {
        "schemas": [USER, ENTERPRISE],
        "userName": user["mail"],
        "active": True,
        "displayName": user["displayName"],
        "name": {"givenName": "Pat", "familyName": "Before", "middleName": "Q"},
        "title": "Before",
        "locale": "de-DE",
        "emails": [
            {"type": "work", "value": user["mail"], "primary": True},
            {"type": "home", "value": f"home{number}@y.example"},
        ],
        "phoneNumbers": [{"type": "work", "value": "+1 555 0000"}, {"type": "fax", "value": "+1 555 9999"}],
        ENTERPRISE: {"department": "Before", "costCenter": f"C{number}", "division": "D"},
    }


def stranger(number: int) -> dict[str, Any]:
    """Somebody the tenant does not know."""
    address = f"guest{number}@z.example"
    return before(number) | {
        "userName": address,
        "displayName": f"Guest {number}",
        "emails": [{"type": "work", "value": address, "primary": True}],
        "nickName": "Strange",
    }


def shown(profile: dict[str, Any], wish: dict[str, Any]) -> dict[str, Any]:
    """The managed values of a raw profile, by path.

    Of lists the first of its type; where no element has a type, the one that is wished for, or the only one that is
    not wished for as another.
    """
    extension = profile.get(ENTERPRISE) or {}
    manager = extension.get("manager") or {}

    def typed(name: str, kind: str, sub: str = "value") -> Any:
        rows = [row if isinstance(row, dict) else {"value": row} for row in profile.get(name) or ()]
        if any("type" in row for row in rows):
            return next((row.get(sub) for row in rows if row.get("type") == kind), None)
        wanted = wish.get(f'{name}[type eq "{kind}"].{sub}')
        others = {value for path, value in wish.items() if path.startswith(f"{name}[") and value != wanted}
        left = [row.get(sub) for row in rows if row.get(sub) not in others]
        return wanted if wanted in left else left[0] if len(left) == 1 else None

    return {
        "externalId": profile.get("externalId"),
        "userName": profile.get("userName"),
        "active": profile.get("active"),
        "name.givenName": (profile.get("name") or {}).get("givenName"),
        "name.familyName": (profile.get("name") or {}).get("familyName"),
        "displayName": profile.get("displayName"),
        "title": profile.get("title"),
        'emails[type eq "work"].value': typed("emails", "work"),
        'phoneNumbers[type eq "work"].value': typed("phoneNumbers", "work"),
        'phoneNumbers[type eq "mobile"].value': typed("phoneNumbers", "mobile"),
        'addresses[type eq "work"].formatted': typed("addresses", "work", "formatted"),
        f"{ENTERPRISE}:employeeNumber": extension.get("employeeNumber"),
        f"{ENTERPRISE}:department": extension.get("department"),
        f"{ENTERPRISE}:manager": manager.get("value") if isinstance(manager, dict) else manager,
    }


def unmanaged(profile: dict[str, Any]) -> dict[str, Any]:
    """What of a raw profile made by ``before`` no mapping names: nothing we write may ever change it."""
    extension = profile.get(ENTERPRISE) or {}
    rows = [*(profile.get("emails") or ()), *(profile.get("phoneNumbers") or ())]
    values = [str(row.get("value") if isinstance(row, dict) else row) for row in rows]
    return {
        "locale": profile.get("locale"),
        "middleName": (profile.get("name") or {}).get("middleName"),
        "costCenter": extension.get("costCenter"),
        "division": extension.get("division"),
        "home": sorted(value for value in values if value.startswith("home")),
        "fax": sorted(value for value in values if value.endswith("9999")),
    }


def wanted(user: dict[str, Any], ids: dict[str, str]) -> dict[str, Any]:
    """The same as the tenant has it; ``ids``: source id → profile id."""
    return {
        "externalId": user["id"],
        "userName": user["mail"],
        "active": user["accountEnabled"],
        "name.givenName": user["givenName"],
        "name.familyName": user["surname"],
        "displayName": user["displayName"],
        "title": user["jobTitle"],
        'emails[type eq "work"].value': user["mail"],
        'phoneNumbers[type eq "work"].value': next(iter(user["businessPhones"]), None),
        'phoneNumbers[type eq "mobile"].value': user["mobilePhone"],
        'addresses[type eq "work"].formatted': user["officeLocation"],
        f"{ENTERPRISE}:employeeNumber": user["employeeId"],
        f"{ENTERPRISE}:department": user["department"],
        f"{ENTERPRISE}:manager": ids.get((user["manager"] or {}).get("id", "")),
    }


def unordered(value: Any) -> Any:
    """``value``; a list in an order of its own, since SCIM knows none."""
    return sorted(value, key=lambda row: json.dumps(row, sort_keys=True)) if isinstance(value, list) else value


def doubled(profiles: dict[str, dict[str, Any]]) -> list[str]:
    """What is there twice: people of one user name, values of one list, elements of one type."""
    names = Counter(str(profile.get("userName")).lower() for profile in profiles.values())
    found = [f"userName {name}" for name, count in names.items() if count > 1]
    for profile_id, profile in profiles.items():
        for name in ("emails", "phoneNumbers", "addresses"):
            rows = [row if isinstance(row, dict) else {"value": row} for row in profile.get(name) or ()]
            for member in ("value", "type", "formatted"):
                held = Counter(str(row[member]) for row in rows if row.get(member))
                found += [f"{profile_id}: {name}.{member} {value}" for value, n in held.items() if n > 1]
    return found


@dataclass
class RawDirectory:
    """The server asked by plain HTTP; no product code is in the way."""

    place: Place
    client: httpx.Client = field(init=False)

    def __post_init__(self) -> None:
        headers = {"Authorization": f"Bearer {self.place.token}", "Content-Type": "application/scim+json"}
        self.client = httpx.Client(base_url=self.place.url, headers=headers, trust_env=False, timeout=60)

    def add(self, profile: dict[str, Any]) -> str:
        """The id of a profile made by hand; of what the server does not know by its schema, without that."""
        made = self.client.post("/Users", json=profile)
        if made.status_code == 400:
            made = self.client.post("/Users", json=self._by_schema(profile))
        assert made.status_code == 201, made.text
        return str(made.json()["id"])

    def _by_schema(self, profile: dict[str, Any]) -> dict[str, Any]:
        """What of ``profile`` the server's schemas name, and the full name, which some require."""
        told = {row["id"]: row["attributes"] for row in self.client.get("/Schemas").json()["Resources"]}
        name = profile["name"] | {"formatted": f"{profile['name']['givenName']} {profile['name']['familyName']}"}
        core = _named(profile | {"name": name}, told[USER])
        beside = {urn: _named(profile[urn], told[urn]) for urn in (ENTERPRISE,) if urn in told}
        return {"schemas": [USER, *beside]} | core | beside

    def everything(self) -> dict[str, dict[str, Any]]:
        """Every profile but its ``meta``, by id."""
        found: dict[str, dict[str, Any]] = {}
        while True:
            page = self._page(len(found) + 1)
            new = {row["id"]: row for row in page.get("Resources") or () if row["id"] not in found}
            if not new:
                return {i: {k: v for k, v in row.items() if k != "meta"} for i, row in found.items()}
            found |= new

    def _page(self, start: int) -> dict[str, Any]:
        """The rows from ``start`` on; a server that fails on any ``count`` is not given one."""
        answer = self.client.get("/Users", params={"startIndex": start, "count": 20})
        if answer.status_code == 500:
            answer = self.client.get("/Users", params={"startIndex": start})
        return dict(answer.json())


def _named(given: dict[str, Any], attributes: list[dict[str, Any]]) -> dict[str, Any]:
    """What of ``given`` the schema's ``attributes`` name, in whole and in parts."""
    kept = {}
    for attribute in attributes:
        value, parts = given.get(attribute["name"]), [one["name"] for one in attribute.get("subAttributes") or ()]
        if value is None:
            continue
        if parts and isinstance(value, list):
            value = [{part: row[part] for part in parts if part in row} for row in value]
        elif parts:
            value = {part: value[part] for part in parts if part in value}
        kept[attribute["name"]] = value
    return kept


def write_source(path: Path, users: dict[int, dict[str, Any]]) -> None:
    """The tenant as Graph-shaped JSON."""
    path.write_text(json.dumps({"value": list(users.values())}, ensure_ascii=False), encoding="utf-8")
