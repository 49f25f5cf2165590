"""Whatever a directory's weakness: it ends as planned, or what it cannot keep is named; then nothing is planned."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.first_night import people, profile_before
from tests.support.sandbox import close, shared
from tests.support.scim_directory import TOKEN
from tests.support.scim_nights import Nights, writes
from trueup.sandbox import DirectoryData, Weaknesses
from trueup.sandbox.directory.data import ENTERPRISE
from trueup.transforms.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NAME = 'a%20é "b"?c#d@x.example'
"""A user name that is hard to put into an address."""


@pytest.fixture(scope="module", autouse=True)
def _one_sandbox() -> Iterator[None]:
    yield
    close()


def resource(key: str, **values: Any) -> dict[str, Any]:
    return profile_before(key, id=f"p-{key}", **values)


BEFORE = (
    resource("old"),
    resource("bare", emails=None, title=None),
    resource("left"),
    resource("off", active=False),
    resource("swapa", userName="swapb@x.example"),
    resource("swapb", userName="swapa@x.example"),
    resource("stranger"),
)


W = Weaknesses
EVERY: dict[str, Weaknesses] = {
    "good": W(),
    "plain lists, no patch": W(discovery="plain_lists", patch="none"),
    "no discovery, small pages, no location": W(discovery="missing", largest_page=3, no_location=True),
    "html discovery, large page refused": W(discovery="html", largest_page=100, large_page_refused=True),
    "denies, few rows unless asked": W(discovery="denies", default_page=2, patch_returns_body=True),
    "boasts, explicit paging": W(discovery="boasts", explicit_paging_only=True, patch="with_path"),
    "count fails, filter ignored": W(count_fails=True, default_page=3, strict_start=True, filter_ignored=True),
    "first page again, total too high": W(past_the_end="first_page", largest_page=3, total_off_by=2),
    "last page again, total too low": W(past_the_end="last_page", largest_page=3, total_off_by=-2),
    "unsteady order": W(unsteady_order=True, largest_page=4),
    "sort refused, etags absent": W(sort_refused=True, etags="absent"),
    "cursors offered": W(cursors="offered", largest_page=3),
    "cursors only": W(cursors="only", largest_page=3),
    "filter ignored": W(filter_ignored=True, etags="ignored"),
    "filter refused": W(filter_refused=True, plain_json=True),
    "externalId finds nothing": W(external_id_filter="nothing", and_finds_nothing=True),
    "externalId fails, case exact": W(external_id_filter="fails", user_name_case_exact=True),
    "filter doubles": W(filter_doubles=True),
    "inactive unlisted": W(inactive_unlisted=True),
    "active missing": W(active_missing=True),
    "active as text": W(active_as_text=True, text_for_active_refused=True),
    "patch without path": W(patch="pathless", patch_refused_with=400),
    "patch with path": W(patch="with_path", patch_refused_with=500, errors="html"),
    "no patch, active disabled": W(patch="none", patch_refused_with=405, put_without_active="disables"),
    "no patch, active enabled": W(patch="none", put_without_active="enables", put_keeps_emails=True),
    "no put, no such element": W(missing_element="no_target", put_refused=True),
    "no such element fails": W(missing_element="fails"),
    "drops": W(drops=("externalId", "title", "nickName")),
    "drops extension": W(drops=(ENTERPRISE,), patch="none"),
    "drops types": W(drops=("emails.type", "phoneNumbers.type")),
    "refuses": W(refuses=("externalId", "title", "nickName"), errors="empty"),
    "refuses extension": W(refuses=(ENTERPRISE,), errors="text"),
    "refuses with 501": W(refuses=("nickName", "phoneNumbers"), refused_with=501),
    "refuses, no patch": W(refuses=("nickName", "phoneNumbers"), patch="none"),
    "null refused": W(null_refused=True, delete="deactivates"),
    "lower cases": W(lower_cases=("userName", "emails", "title"), conflict_without_type=True),
    "trims, reformats": W(trims=True, reformats_phones=True, recomputes_formatted=True, duplicates_allowed=True),
    "deactivated vanish": W(deactivated_vanish=True),
    "ids are names": W(ids_are_names=True),
    "fails after": W(every_write_fails_after=3, every_read_fails=5),
    "lost": W(every_write_lost=3),
    "fails before": W(every_write_fails_before=3),
}
NEVER_SEEN = {"inactive unlisted": {"off": "create"}}
"""A profile no list shows and no run knew: its user name is taken, and that is said every night."""


@pytest.fixture
def nights(tmp_path: Path) -> Nights:
    sandbox, _ = shared()
    sandbox.directory.begin_again(DirectoryData(BEFORE, TOKEN))
    return Nights(tmp_path, sandbox.scim_url, people(odd=NAME))


@pytest.mark.parametrize("name", EVERY)
def test_it_converges_or_is_named_and_the_next_night_plans_nothing(nights: Nights, name: str) -> None:
    sandbox, _ = shared()
    sandbox.directory.weaknesses = EVERY[name]
    stranger = sandbox.directory.profile("p-stranger")
    first = nights.night()
    never_seen = NEVER_SEEN.get(name, {})
    fell_short = {row["key"]: row for row in first.result.records if row["result"] != "applied"}
    assert fell_short.keys() == never_seen.keys(), fell_short
    kinds = {kind for (key, _), kind in first.residual.items() if key not in never_seen}
    assert kinds <= {"not_kept", "normalised"}, first.residual
    again = nights.plan()
    assert writes(again) == never_seen, (first.residual, again.changes)
    assert sandbox.directory.profile("p-stranger") == stranger, "somebody nobody planned for was touched"
    assert len(sandbox.directory.profiles()) == len(BEFORE) + 2 - (name == "deactivated vanish")
    if name != "deactivated vanish":
        assert sandbox.directory.profile("p-left")["active"] is False


def test_a_list_whose_pages_overlap_and_lose_somebody_is_no_list(nights: Nights) -> None:
    sandbox, _ = shared()
    sandbox.directory.weaknesses = W(rows_repeat=True, largest_page=4)
    with pytest.raises(Refused, match="overlap"):
        nights.plan()


def test_a_token_that_may_not_write_today_is_no_reason_to_forget_a_change(nights: Nights) -> None:
    sandbox, _ = shared()
    everything = ("userName", "title", "name", "emails", "active", "phoneNumbers", "nickName", "externalId", ENTERPRISE)
    sandbox.directory.weaknesses = W(refuses=everything, refused_with=403)
    first = nights.night()
    assert first.result.applied == 0
    sandbox.directory.weaknesses = W()
    second = nights.night()
    assert set(writes(second.planned)) >= {"new", "odd", "old", "bare", "left", "off", "swapa", "swapb"}
    assert (second.result.failed, second.residual) == (0, {})
