"""The nights a reviewer meets, each as a ``Case``: what the golden reports and the browser show."""

from __future__ import annotations

from tests.support.report_runs import (
    DEPARTMENT,
    MAIL,
    MANAGER,
    PHONE,
    Case,
    Change,
    Someone,
    key_of,
    limit,
    someone,
    usual_limits,
)
from trueup.transforms.errors import Refusal
from trueup.transforms.vocabulary import Kind, Outcome

SOURCE = "source_changed"
_NO_SURNAME = (
    "last_name_present",
    "warning",
    "The account has no last name.",
    "Fill in surname in Entra ID; the person is let through the night after.",
)
_DUPLICATE_MAIL = (
    "mail_unique",
    "warning",
    "Two people in scope have the same work e-mail address.",
    "Give one of them another address in Entra ID.",
)


def _create(number: int, cause: str = SOURCE) -> Someone:
    person = someone(number, "create")
    return someone(
        number,
        "create",
        ("userName", None, person.user_name, cause),
        ("displayName", None, person.name, cause),
        (MAIL, None, person.user_name, cause),
        ("title", None, "Analyst", cause),
        (DEPARTMENT, None, "Finance", cause),
        (MANAGER, None, key_of(40), cause),
        ("active", None, True, cause),
        reason="In scope and without a profile.",
        reason_code="new",
    )


def _leaver(number: int) -> Someone:
    return someone(
        number,
        "deactivate",
        ("active", True, False, SOURCE),
        reason_code="disabled",
        reason="The account was disabled at the source.",
    )


def _unchanged(start: int, count: int) -> tuple[Someone, ...]:
    return tuple(someone(number, "unchanged", reason="Nothing differs.") for number in range(start, start + count))


def _quiet() -> tuple[Someone, ...]:
    """Those nothing happens to, whatever the night."""
    return (
        *(someone(n, "hold", reason_code="finding", reason=_NO_SURNAME[2], findings=(_NO_SURNAME,)) for n in (60, 61)),
        *(
            someone(n, "hold", reason_code="finding", reason=_DUPLICATE_MAIL[2], findings=(_DUPLICATE_MAIL,))
            for n in (62, 63)
        ),
        *(
            someone(
                n,
                "out_of_scope",
                reason_code="not_a_person",
                reason="A service account, by its name and because nobody ever signed in.",
                verdict="service_account",
            )
            for n in (70, 71, 72)
        ),
        someone(73, "out_of_scope", reason_code="not_assigned", reason="Not assigned to the enterprise application."),
        *(
            Someone(
                f"profile:p-{n}",
                f"contractor{n}@partner.example",
                f"Contractor {n}",
                "unmanaged",
                reason_code="unknown_profile",
                reason="Neither linked to a user nor matched by one; never touched.",
                verdict=None,
                matched_by=None,
            )
            for n in (1, 2)
        ),
        someone(
            80,
            "conflict",
            reason_code="profile_claimed_twice",
            reason="Another user claims the same profile.",
            findings=(("mail_shape", "info", "The address has an unusual ending.", ""),),
        ),
        *_unchanged(100, 40),
    )


def ordinary() -> Case:
    """A quiet night: joiners, leavers, moves, an edit in the target."""
    return Case(
        (
            _create(1),
            _create(2),
            someone(3, "update", ("title", "Analyst", "Senior Analyst", SOURCE)),
            someone(4, "update", (DEPARTMENT, "Sales", "Marketing", SOURCE), (MANAGER, key_of(40), key_of(41), SOURCE)),
            someone(5, "update", (DEPARTMENT, "Sales", "Marketing", SOURCE)),
            someone(6, "update", (PHONE, "+49 30 1234567", "+49 30 1234568", SOURCE), ("title", "Clerk", None, SOURCE)),
            someone(7, "update", ("displayName", "Hanne Lovelace", "Hanne Petersen", "edited_in_target")),
            someone(8, "update", ("userName", "Ivo@contoso.example", "ivo@contoso.example", SOURCE)),
            someone(9, "reactivate", ("active", False, True, SOURCE), reason_code="returned", reason="Enabled again."),
            _leaver(10),
            someone(40, "unchanged"),
            someone(41, "unchanged"),
            *_quiet(),
        ),
        limits=usual_limits(create=2, update=6, deactivate=1, reactivate=1, hold=4),
        notes=("The source did not say who has a mailbox: MailboxSettings.Read is not granted.",),
    )


def empty() -> Case:
    """Nothing differs."""
    return Case(
        _unchanged(100, 12), outcome=Outcome.NOTHING_TO_DO, limits=usual_limits(), manifest={"findings": {"info": 0}}
    )


def refused() -> Case:
    """More leavers than the limit allows."""
    people = (*(_leaver(n) for n in range(1, 33)), *_quiet())
    used = limit("deactivate", 32, 400, 0.05)
    return Case(
        people,
        outcome=Outcome.REFUSED,
        refusals=(
            Refusal(
                "limit_deactivate",
                "The plan deactivates 32 of 400 profiles (8 %); the limit is 5 %.",
                used=0.08,
                limit=0.05,
                overridable=True,
                remedy='Read the report, then: trueup approve 20261123T010000Z-7f3a --allow deactivate --reason "…"',
            ),
        ),
        limits=(used, *(use for use in usual_limits(hold=4) if use.name != "deactivate")),
    )


def reorganisation() -> Case:
    """One department becomes another, with its manager and a cost centre."""
    moved: tuple[Change, ...] = (
        (DEPARTMENT, "Sales", "Customer Success", SOURCE),
        (MANAGER, key_of(40), key_of(41), SOURCE),
    )
    return Case(
        (
            *(someone(n, "update", *moved) for n in range(1, 25)),
            *(someone(n, "update", moved[0], ("title", "Rep", "Advisor", SOURCE)) for n in range(25, 31)),
            *(someone(n, "update", (DEPARTMENT, "IT", "Engineering", SOURCE)) for n in range(31, 36)),
            someone(40, "unchanged"),
            someone(41, "unchanged"),
            *_quiet(),
        ),
        limits=usual_limits(update=35, hold=4),
    )


def leaver_wave() -> Case:
    """Many leave at once, within the limit, and two are deleted."""
    return Case(
        (
            *(_leaver(n) for n in range(1, 18)),
            *(someone(n, "delete", reason_code="deleted", reason="Deleted at the source.") for n in (18, 19)),
            *_quiet(),
        ),
        limits=usual_limits(deactivate=17, delete=2, hold=4),
        notes=("Pingboard keeps deactivated profiles, but takes them out of the chart.",),
    )


def first_ever() -> Case:
    """An empty target, one adopted profile."""
    return Case(
        (
            *(_create(n) for n in range(1, 9)),
            someone(
                9,
                "update",
                ("externalId", None, key_of(9), "first_adoption"),
                ("title", "CEO", "Chief Executive", "first_adoption"),
                matched_by="userName",
                reason_code="adopted",
                reason="Matched by userName and adopted.",
            ),
            someone(40, "unchanged"),
            *_quiet(),
        ),
        first_run=True,
        history=False,
        limits=(limit("create", 8, 9, 0.2, exempt="first run"), *usual_limits(update=1, hold=4)[1:]),
    )


def mapping_changed() -> Case:
    """A changed expression touches everybody."""
    return Case(
        (
            *(
                someone(n, "update", ("displayName", f"Person {n}", f"{n}, Person", "mapping_changed"))
                for n in range(1, 41)
            ),
            someone(41, "update", (PHONE, "030 99", "", "mapping_changed")),
            someone(42, "update", ("nickName", {"a": [1, "x"]}, None, "mapping_changed")),
            *_quiet(),
        ),
        limits=usual_limits(update=42, hold=4),
    )


def rollback() -> Case:
    """Last night is taken back."""
    return Case(
        (
            someone(3, "update", ("title", "Senior Analyst", "Analyst", "rollback")),
            someone(
                1,
                "deactivate",
                ("active", True, False, "rollback"),
                reason_code="created_then",
                reason="Created by the run that is taken back.",
            ),
            someone(
                10,
                "reactivate",
                ("active", False, True, "rollback"),
                reason_code="restored",
                reason="Deactivated then.",
            ),
            *_unchanged(100, 5),
        ),
        kind=Kind.ROLLBACK,
        limits=usual_limits(update=1, deactivate=1, reactivate=1),
        manifest={
            "parent_run": "20261122T010000Z-0b1c",
            "rollback": {"mode": "undo", "cannot_come_back": ["One invitation that was sent cannot be unsent."]},
        },
    )


HOSTILE = (
    "<script>document.title='owned'</script>",
    '"><img src=x onerror="document.title=\'owned\'">',
    "javascript:alert(1)",
    "[click](javascript:alert(1))",
    "![x](https://evil.example/x.png)",
    '=HYPERLINK("https://evil.example","x")',
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "\x1b[31mred\x1b[0m\x1b]8;;https://evil.example\x07link\x1b]8;;\x07",
    "Ada \u202egnp.exe",
    "zero\u200bwidth\u2066x\u2069\ufeff",
    "| a | b |\n|---|---|",
    "</script><script>document.title='owned'</script>",
    "<!-- <script> -->",
    "{{ 7 * 7 }} {% raw %} ${7*7}",
    "\u0000nul\r\nreturn\ttab",
    "`code` *bold* _it_ ~~no~~ # head\n- item\n> quote",
    "’; DROP TABLE decisions; --",
    "👨\u200d👩\u200d👧 Ω≈ç√ ",
    "  two  spaces ",
    "\u2028line\u2029",
)
"""Values that look like code to something."""


def hostile() -> Case:
    """Every hostile value as name, user name, before, after, reason and remedy."""
    return Case(
        (
            *(
                someone(
                    n,
                    "update",
                    ("title", value, "plain", SOURCE),
                    ("displayName", "plain", value, SOURCE),
                    (DEPARTMENT, value, HOSTILE[0], SOURCE),
                    name=value,
                    user_name=value,
                    reason=value,
                )
                for n, value in enumerate(HOSTILE, 1)
            ),
            *(
                someone(
                    n,
                    "hold",
                    reason_code="finding",
                    reason=value,
                    name=value,
                    findings=((f"check_{n}", "warning", value, value),),
                )
                for n, value in enumerate(HOSTILE, 101)
            ),
            *(
                Someone(
                    f"profile:{value}", value, value, "unmanaged", verdict=None, reason=value, reason_code="unknown"
                )
                for value in HOSTILE
            ),
        ),
        notes=HOSTILE,
        limits=usual_limits(update=20),
    )


CASES = {
    "ordinary": ordinary,
    "empty": empty,
    "refused": refused,
    "reorganisation": reorganisation,
    "leaver_wave": leaver_wave,
    "first_ever": first_ever,
    "mapping_changed": mapping_changed,
    "rollback": rollback,
    "hostile": hostile,
}
