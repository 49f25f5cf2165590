"""Every account that is not simply an employee: things, services, guests, leavers, and people with difficult data.

The cases are those of the source's field notes: each is here at least once, and its name says which it is.
"""

from __future__ import annotations

from typing import Any

from trueup.sandbox.company import LICENCE, Place, User, account, person
from trueup.sandbox.tenant.data import DOMAIN

TENANT_DOMAIN = "contoso.onmicrosoft.example"
ZERO_WIDTH = "\u200b"
RIGHT_TO_LEFT = "\u202e"


def things() -> list[User]:
    """Accounts that are not people, by kind."""
    return [*_services(), *_devices(), *_rooms(), *_mailboxes(), *_administrators(), *_tests()]


def _services() -> list[User]:
    named = [
        account(f"svc-{name}", displayName=f"Service Account {name}", onPremisesDistinguishedName=_unit(name))
        for name in ("backup", "payroll-feed", "monitoring", "sql-agent", "deploy", "badge-system")
    ]
    sync = account(
        "Sync_DC01_4f2a9c11",
        displayName="On-Premises Directory Synchronization Service Account",
        userPrincipalName=f"Sync_DC01_4f2a9c11@{TENANT_DOMAIN}",
    )
    health = account("HealthMailbox5d1e", displayName="HealthMailbox-MBX01-001", mail=f"HealthMailbox5d1e@{DOMAIN}")
    discovery = account(
        "DiscoverySearchMailbox-D919BA05",
        displayName="Discovery Search Mailbox",
        userPrincipalName=f"DiscoverySearchMailbox{{D919BA05-46A6-415f-80AD-7E09334BB852}}@{TENANT_DOMAIN}",
        accountEnabled=False,
    )
    busy = account(
        "sa_reporting",
        displayName="Reporting Robot",
        signInActivity={"lastNonInteractiveSignInDateTime": "2026-11-20T03:00:00Z"},
    )
    return [*named, sync, health, discovery, busy]


def _unit(name: str) -> str:
    return f"CN=svc-{name},OU=Service Accounts,DC=contoso,DC=example"


def _devices() -> list[User]:
    printers = [
        account(name, displayName=label)
        for name, label in (
            ("printer-rtm-2", "Printer Rotterdam 2nd floor"),
            ("scan-krk", "Scan to mail Kraków"),
            ("mfp.montreal", "MFP Montréal"),
            ("copier-nbo-1", "Copier Nairobi"),
        )
    ]
    kiosks = [account(f"kiosk-{n}", displayName=f"Kiosk Warehouse {n}", assignedLicenses=[LICENCE]) for n in (1, 2, 3)]
    return [*printers, *kiosks]


def _rooms() -> list[User]:
    rooms = [
        account(
            f"room-{name.lower()}",
            displayName=f"Room {name}",
            mail=f"room-{name.lower()}@{DOMAIN}",
            accountEnabled=enabled,
            mailboxSettings={"userPurpose": "room"},
        )
        for name, enabled in (("Erasmus", False), ("Vistula", False), ("Saguenay", True), ("Mara", False))
    ]
    sample = account(
        "conf.adams", displayName="Conf Room Adams", mail=f"conf.adams@{DOMAIN}", givenName=None, surname=None
    )
    van = account(
        "pool-van", displayName="Pool van 3", accountEnabled=False, mailboxSettings={"userPurpose": "equipment"}
    )
    return [*rooms, sample, van]


def _mailboxes() -> list[User]:
    shared = [
        account(
            name,
            displayName=label,
            mail=f"{name}@{DOMAIN}",
            accountEnabled=False,
            mailboxSettings={"userPurpose": "shared"},
        )
        for name, label in (("info", "Info"), ("jobs", "Jobs at Contoso"), ("noreply", "No reply"))
    ]
    licensed = account(
        "accounting",
        displayName="Accounting Team",
        givenName="Accounting",
        surname="Team",
        mail=f"accounting@{DOMAIN}",
        assignedLicenses=[LICENCE],
        mailboxSettings={"userPurpose": "shared"},
    )
    return [*shared, licensed]


def _administrators() -> list[User]:
    glass = [
        account(f"break-glass-{n}", displayName=f"Break Glass {n}", userPrincipalName=f"bg{n}@{TENANT_DOMAIN}")
        for n in (1, 2)
    ]
    cloud = account(
        "adm-lindqvist",
        displayName="Admin Lindqvist",
        givenName="Admin",
        surname="Lindqvist",
        userPrincipalName=f"adm-lindqvist@{TENANT_DOMAIN}",
    )
    return [*glass, cloud]


def _tests() -> list[User]:
    return [
        account("test.user1", displayName="Test User", givenName="Test", surname="User", mail=f"test.user1@{DOMAIN}"),
        account("uat-onboarding", displayName="UAT Onboarding", department="Test"),
    ]


def guests() -> list[User]:
    """Invited from elsewhere: pending, accepted, and one who became a member."""
    found = [_guest(n, state) for n, state in enumerate(["Accepted"] * 7 + ["PendingAcceptance"] * 3)]
    member = _guest(10, "Accepted") | {"userType": "Member", "department": "Finance", "jobTitle": "Auditor"}
    return [*found, member]


def _guest(number: int, state: str) -> User:
    name = f"partner{number}_fabrikam.example#EXT#"
    return account(
        name,
        userPrincipalName=f"{name}@{TENANT_DOMAIN}",
        displayName=f"Partner {number} (Fabrikam)",
        givenName="Partner",
        surname=f"Fabrikam{number}",
        mail=f"partner{number}@fabrikam.example",
        userType="Guest",
        creationType="Invitation",
        externalUserState=state,
    )


def leavers(manager: str) -> list[User]:
    """Disabled accounts; the first is still somebody's manager (see :func:`difficult`)."""
    return [
        _employee(f"former.{name.lower()}", name, "Oudejans", 700 + n, manager) | {"accountEnabled": False}
        for n, name in enumerate(("Marit", "Pavel", "Ayumi", "Claude", "Njeri", "Teodor"))
    ]


def deleted(manager: str) -> list[User]:
    """In the recycle bin, each with a name the bin mangles; the last one came back as somebody new."""
    users = [_employee(f"gone.{n}", "Gone", f"Person{n}", 720 + n, manager) for n in range(4)]
    return [
        user
        | {
            "userPrincipalName": user["id"].replace("-", "") + user["userPrincipalName"],
            "deletedDateTime": "2026-11-10T09:00:00Z",
        }
        for user in users
    ]


def _employee(name: str, given: str, surname: str, number: int, manager: str | None, /, **more: Any) -> User:
    place = Place(number, "Operations", "Logistics Planner", manager)
    return person(name, given, surname, place) | more


def difficult(manager: str, leaver: str) -> list[User]:
    """People all the same: names, addresses and values that go wrong somewhere."""
    hard = [
        _employee("suharto", "Suharto", "", 600, manager, surname=None, displayName="Suharto"),
        _employee("no.given", "", "Nogiven", 601, manager, givenName=None, displayName="Nogiven"),
        _employee("blank.surname", "Blank", "   ", 602, manager),
        _employee("svetlana.conf", "Svetlana", "Conf", 603, manager),
        _employee("director.noid", "Hanneke", "Roozeboom", 604, manager, employeeId=None, jobTitle="Director of Risk"),
        _employee("zero.width", f"Zoe{ZERO_WIDTH}", "Nulbreed", 605, manager),
        _employee("rtl.mark", f"Rani{RIGHT_TO_LEFT}", "Omgekeerd", 606, manager, displayName=f"Rani{RIGHT_TO_LEFT} O"),
        _employee("layla.haddad", "ليلى", "حداد", 607, manager),
        _employee("noa.levi", "נועה", "לוי", 608, manager),
        _employee("emoji.fan", "Emma 🎉", "Feestma", 609, manager, jobTitle="Chief 🎈 Officer"),
        _employee("wang.xiaoming", "小明", "王", 610, manager),
        _employee("html.title", "Henk", "Haakjes", 611, manager, jobTitle="<script>alert(1)</script>"),
        _employee("sql.dept", "Bobby", "Tafels", 612, manager, officeLocation="'; DROP TABLE users;--"),
        _employee("formula", "Frits", "Formule", 613, manager, jobTitle='=HYPERLINK("http://example.invalid","x")'),
        _employee("formula.at", "Fay", "Atsign", 614, manager, officeLocation="@SUM(A1:A9)"),
        _employee("quote.o-brien", "Aoife", "O’Brien", 615, manager, mail=f"aoife.o'brien@{DOMAIN}"),
        _employee("UPPER.Case", "Ulla", "Upper", 616, manager, mail=f"ulla.upper@{DOMAIN}"),
        _employee("long.name", "Wolfeschlegel" * 5, "Steinhausen" * 8, 617, manager),
        _employee("twin.one", "Thea", "Tweeling", 618, manager, mail=f"tweeling@{DOMAIN}"),
        _employee("twin.two", "Theo", "Tweeling", 619, manager, mail=f"Tweeling@{DOMAIN}"),
        _employee("rehire.new", "Gone", "Person3", 723, manager),
        _employee("report.of-leaver", "Wees", "Zonderbaas", 620, leaver),
        _employee("nomail", "Noor", "Postloos", 621, manager, mail=None, proxyAddresses=[]),
        _employee("old.account", "Ouwe", "Getrouwe", 622, manager, userType=None),
        _employee("spaces", " Sjoerd ", "Spatie", 623, manager),
        _employee("placeholder", "TBD", "TBD", 624, manager),
        _employee("cr.lf", "Regel\nEinde", "Nieuweregel", 625, manager),
        _employee("combining", "Zoe\u0308", "Samengesteld", 626, manager),
    ]
    first = _employee("cycle.one", "Kringloop", "Een", 627, None)
    second = _employee("cycle.two", "Kringloop", "Twee", 628, first["id"])
    return [*hard, first | {"manager": second["id"]}, second]
