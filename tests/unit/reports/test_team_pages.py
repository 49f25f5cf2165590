"""The pages of a shared review as HTML: nothing inline, nobody's name becomes markup, readers see no action."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import date
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
import pytest

from tests.support.report_cases import CASES
from tests.support.report_runs import AT, DEPARTMENT, history_of, key_of, write_run
from tests.support.report_scale import write_big_run
from trueup.reports.nights import NightLine, nights_view
from trueup.reports.pictures import Pictures
from trueup.reports.team.assets import names, served
from trueup.reports.team.listing import Listing, Question, listing_of
from trueup.reports.team.model import (
    DecisionLine,
    ErrorKind,
    Found,
    Frame,
    NightsPage,
    PeoplePage,
    PersonChange,
    PersonPage,
    PersonRun,
    RunLine,
    RunPage,
    SessionLine,
    SessionsPage,
    TargetNights,
    Viewer,
)
from trueup.reports.team.pages import error_page, page
from trueup.reports.view import build_view
from trueup.transforms.errors import Misused
from trueup.transforms.history import History

if TYPE_CHECKING:
    from pathlib import Path

    from trueup.reports.model import ReportView

EVIL = "<script>alert(1)</script><img src=x onerror=alert(2)>\u202e\"'"
REVIEWER = Viewer(EVIL, "ana", True, True, "", True, "to<ken", "")  # noqa: FBT003 - a record in the order of its fields
FIGURES: dict[str, list[Any]] = {
    name: [] for name in ("all", "causes", "ages", "moved", "approvals", "departments", "headcount")
}


class Seen(HTMLParser):
    """What a browser would make of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def of(self, *tags: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.tags if tag in tags]


def framed(viewer: Viewer | None = REVIEWER) -> Frame:
    return Frame(viewer, "/", "n0nce")


def run_page(view: ReportView, **more: Any) -> RunPage:
    facts = {"acts": 0, "decisions": (), "is_open": True, **more}
    return RunPage(view=view, listing=listing_of(view), pictures=Pictures({}), **facts)


def view_of_case(folder: Path, name: str) -> ReportView:
    case = CASES[name]()
    files, manifest = write_run(folder, case)
    history = history_of(folder) if case.history else History()
    return build_view(files, manifest, history, at=AT)


def check_harmless(text: str) -> Seen:
    """Nothing inline, nothing from elsewhere, everything that runs carries the nonce."""
    seen = Seen(text)
    for tag, attributes in seen.tags:
        assert "style" not in attributes, (tag, attributes)
        assert not [name for name in attributes if name.startswith("on")], (tag, attributes)
        for name in ("src", "href", "action"):
            place = attributes.get(name) or ""
            assert place.startswith(("/", "#")) or not place, (tag, place)
            assert not place.startswith("//"), (tag, place)
    names = [attributes["id"] for _, attributes in seen.tags if "id" in attributes]
    assert len(names) == len(set(names)), "two places of one name"
    for script in seen.of("script"):
        assert script.get("type") == "application/json" or script.get("nonce") == "n0nce"
    for sheet in seen.of("link"):
        assert sheet.get("rel") == "icon" or sheet.get("nonce") == "n0nce"
    # With no-referrer a browser says "Origin: null" of our own forms, and they are turned away.
    assert [one["content"] for one in seen.of("meta") if one.get("name") == "referrer"] == ["same-origin"]
    assert not seen.of("style", "img", "iframe", "object", "embed", "base")
    assert "\u202e" not in text
    return seen


def every_page(tmp_path: Path) -> dict[str, str]:
    """Each page with a hostile name wherever somebody is named."""
    line = RunLine("20261123T010000Z-7f3a", "reconcile", AT, "ready", {"update": 3}, 3, EVIL, (EVIL,))
    nights = replace(nights_view(FIGURES, left_out=[EVIL]), nights=(), causes=((EVIL, 1),), approvals=((EVIL, 2),))
    told = DecisionLine("approved", EVIL, AT, "accepted it", "signed in", EVIL)
    change = PersonChange("title", EVIL, None, EVIL)
    ran = PersonRun("20261123T010000Z-7f3a", "2026-11-23T01:00:00Z", "reconcile", "applied", "update", "update", EVIL,
                    "applied", EVIL, EVIL, (change,))  # fmt: skip
    frame = framed()
    found = (Found(key_of(1), EVIL, EVIL, is_gone=True), Found(f"profile:{EVIL}", EVIL, EVIL, is_gone=False))
    views: dict[str, Any] = {
        "nights": NightsPage((TargetNights(EVIL, (line,), (line,), nights),)),
        "run": run_page(view_of_case(tmp_path, "hostile"), decisions=(told,), left_by={key_of(1): EVIL}),
        "people": PeoplePage(asked=True, found=found, more=3, known=9, left_out=(EVIL,)),
        "person": PersonPage(EVIL, EVIL, EVIL, (("title", EVIL),), (ran,), (EVIL,)),
    }  # fmt: skip
    return {name: page(view, frame) for name, view in views.items()}


def test_no_name_becomes_markup_anywhere(tmp_path: Path) -> None:
    for name, text in every_page(tmp_path).items():
        seen = check_harmless(text)
        assert "<script>alert" not in text, name
        assert len(seen.of("script")) == (3 if name == "run" else 0)


def test_only_object_ids_stand_in_addresses(tmp_path: Path) -> None:
    seen = Seen(every_page(tmp_path)["people"])
    leading = [place for link in seen.of("a") if (place := link.get("href") or "").startswith("/people/")]
    assert leading == [f"/people/{key_of(1)}"]
    assert all(form.get("method") == "post" for form in seen.of("form"))


def test_a_reader_sees_the_report_and_no_action(tmp_path: Path) -> None:
    shown = run_page(view_of_case(tmp_path, "ordinary"))
    reader = replace(REVIEWER, is_reviewer=False, may_decide=False, may_apply=False)
    text = page(shown, framed(reader))
    check_harmless(text)
    assert not re.search(r'id="(sign|accept|reject|note)"', text)
    assert "data-leave" not in text
    assert "An ordinary night" in text
    assert 'id="accept"' in page(shown, framed())
    doubtful = replace(REVIEWER, may_decide=False, why_not="Your right could not be checked.")
    text = page(shown, framed(doubtful))
    assert 'id="accept"' not in text
    assert "Your right could not be checked." in text


def test_a_refused_run_asks_why_for_each_limit_and_an_interrupted_one_says_how_it_goes_on(tmp_path: Path) -> None:
    view = view_of_case(tmp_path, "refused")
    text = page(run_page(view), framed())
    asked = [one.get("data-limit") for one in Seen(text).of("input") if one.get("class") == "allow"]
    assert asked == [one.limit_name for one in view.refusals if one.overridable]
    closed = page(run_page(view, is_open=False, why_closed="A newer plan replaced it."), framed())
    assert "A newer plan replaced it." in closed
    assert 'id="accept"' not in closed
    begun = page(run_page(replace(view, state="interrupted")), framed())
    assert f"resumes it: <code>trueup apply {view.run_id}</code>" in begun
    assert 'id="accept"' in begun


def test_an_empty_archive_says_how_to_begin() -> None:
    text = page(NightsPage(()), framed())
    check_harmless(text)
    assert "There are no runs yet" in text
    assert "trueup plan" in text
    assert "Find a person" in page(PeoplePage(), framed())


def test_many_nights_are_one_page() -> None:
    lines = tuple(
        NightLine(date(2025 + n // 366, 1 + n // 31 % 12, 1 + n % 28), f"r{n}", "applied", n, 0, 1, n, (), {}, "ann")
        for n in range(400)
    )
    lines = tuple(sorted({one.night: one for one in lines}.values(), key=lambda one: one.night))
    nights = replace(nights_view(FIGURES, left_out=()), nights=lines)
    text = page(NightsPage((TargetNights("https://x.example", (), (), nights),)), framed())
    check_harmless(text)
    assert "Nothing waits" in text
    assert text.count('<li class="applied"') == len(lines)


@pytest.mark.parametrize("kind", get_args(ErrorKind))
@pytest.mark.parametrize("viewer", [None, REVIEWER])
def test_every_error_has_a_page_that_says_what_to_do(kind: ErrorKind, viewer: Viewer | None) -> None:
    text = error_page(kind, framed(viewer), text="Said by the server.")
    seen = check_harmless(text)
    assert "Said by the server." in text
    assert len(seen.of("h1")) == 1
    assert "Traceback" not in text


def test_somebodys_own_sessions_are_theirs_to_end_and_an_old_browser_is_warned() -> None:
    lines = (
        SessionLine("one", "Firefox on Windows", "192.0.2.7", AT, AT, is_this=True),
        SessionLine("two", "<script>alert(1)</script>", "", AT, AT, is_this=False),
        SessionLine("three", "Safari on an iPhone", "192.0.2.8", AT, AT, is_this=False),
    )
    text = page(SessionsPage(lines), replace(framed(), is_old=True))
    check_harmless(text)
    assert "You are signed in 3 times" in text
    assert [f'name="session" value="{one}"' in text for one in ("one", "two", "three", "others")] == [
        False,
        *[True] * 3,
    ]
    assert "an unknown address" in text
    assert "too old to protect you" in text
    alone = page(SessionsPage(lines[:1]), framed())
    assert ("here and nowhere else" in alone, "End" in alone, "too old" in alone) == (True, False, False)


def test_static_files_are_named_by_what_they_hold() -> None:
    assert {name.rpartition("-")[0] for name in served()} == {"run", "pages", "mark"}
    assert set(names()) == {"run.js", "run.css", "pages.css", "mark.svg"}
    for asset in served().values():
        assert len(asset.gzipped) < len(asset.content) or asset.media_type == "image/svg+xml"


# --- the list in parts, against everybody


@pytest.fixture(scope="module")
def big(tmp_path_factory: pytest.TempPathFactory) -> tuple[ReportView, Listing]:
    files, manifest = write_big_run(tmp_path_factory.mktemp("big"), 20_000)
    view = build_view(files, manifest, History(), at=AT)
    return view, listing_of(view)


def _asked(listing: Listing, **said: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(listing.part(Question.of(said)))
    return found


def test_parts_of_ten_thousand_people_are_everybody_once(big: tuple[ReportView, Listing]) -> None:
    view, listing = big
    assert listing.size == 10_000
    keys: list[str] = []
    for start in range(0, 10_000, 500):
        part = _asked(listing, start=start, length=500)
        assert (part["total"], part["filtered"]) == (10_000, 10_000)
        keys += part["people"]["id"]
    assert keys == view.people["key"].to_pylist()


def test_a_part_holds_each_persons_changes(big: tuple[ReportView, Listing]) -> None:
    view, listing = big
    part = _asked(listing, start=700, length=3, filters=[["decision", "writes"]])
    rows = view.changes.to_pylist()
    for n, row in enumerate(part["rows"]):
        mine = [one for one in rows if one["person"] == row]
        at = list(range(part["people"]["first"][n], part["people"]["end"][n]))
        assert [rows[i]["key"] for i in at] == [one["key"] for one in mine]
        for i, one in zip(at, mine, strict=True):
            place = part["at"].index(i)
            assert part["strings"][part["changes"]["after"][place]] == one["after_shown"]
            assert listing.words["attributes"][part["changes"]["attribute"][place]]["path"] == one["attribute"]


@pytest.mark.parametrize(
    ("filters", "fits"),
    [
        ([["decision", "hold"]], lambda people, _: people["decision"] == "hold"),
        ([["event", "moved"]], lambda people, _: "moved" in people["events"]),
        ([["cause", "edited_in_target"]], lambda _, own: any(c["cause"] == "edited_in_target" for c in own)),
        ([["attribute", "title"]], lambda _, own: any(c["attribute"] == "title" for c in own)),
        ([["attribute-emptied", "title"]], lambda _people, _own: False),
        (
            [["attribute-changed", DEPARTMENT], ["decision", "update"]],
            lambda people, own: people["decision"] == "update" and any(c["attribute"] == DEPARTMENT for c in own),
        ),
        ([["group", "0"]], lambda _, own: any(c["grp"] == 0 for c in own)),
    ],
)
def test_a_filter_finds_whom_it_names(big: tuple[ReportView, Listing], filters: list[list[str]], fits: Any) -> None:
    view, listing = big
    own: dict[int, list[dict[str, Any]]] = {}
    for one in view.changes.to_pylist():
        own.setdefault(one["person"], []).append(one)
    wanted = [one["key"] for one in view.people.to_pylist() if fits(one, own.get(one["person"], []))]
    part = _asked(listing, filters=filters, length=500)
    assert part["filtered"] == len(wanted)
    assert part["people"]["id"] == wanted[:500]


def test_search_needs_every_word_and_no_accent_or_capital(tmp_path: Path) -> None:
    listing = listing_of(view_of_case(tmp_path, "ordinary"))
    assert _asked(listing, search="bjorn LOVELACE")["rows"] == _asked(listing, search="Björn Lovelace")["rows"] != []
    assert _asked(listing, search="senior analyst dmitri")["filtered"] == 1
    assert _asked(listing, search="senior analyst zzz")["filtered"] == 0
    assert _asked(listing, search=".*")["filtered"] == 0


def test_sorting_goes_both_ways(big: tuple[ReportView, Listing]) -> None:
    _, listing = big
    up = _asked(listing, order=[[0, False]], length=500)
    down = _asked(listing, order=[[0, True]], length=500)
    named = [up["strings"][n] for n in up["people"]["name"]]
    assert named == sorted(named, key=str.lower)
    assert [down["strings"][n] for n in down["people"]["name"]] != named
    most = _asked(listing, order=[[2, True]], length=1)["people"]
    assert most["end"][0] - most["first"][0] == int(np.diff(listing.first).max())


@pytest.mark.parametrize(
    "said",
    [
        {"start": -1},
        {"length": 501},
        {"length": True},
        {"search": "x" * 201},
        {"search": None},
        {"order": [[9, True]]},
        {"order": [["0", True]]},
        {"filters": [["decision", "everything"]]},
        {"filters": [["attribute", "no such"]]},
        {"filters": [["cause", "'; DROP TABLE people"]]},
        {"filters": [["group", "-1"]]},
        {"filters": [["__class__", "x"]]},
        {"filters": "decision"},
    ],
)
def test_a_question_that_does_not_fit_is_refused(big: tuple[ReportView, Listing], said: dict[str, Any]) -> None:
    with pytest.raises(Misused):
        _asked(big[1], **said)


def test_a_group_is_named_by_its_changes(big: tuple[ReportView, Listing]) -> None:
    view, listing = big
    of_group = [one for one in view.changes.to_pylist() if one["grp"] == 0]
    writes = {one["key"] for one in view.people.to_pylist() if one["decision"] in {"create", "update"}}
    assert set(listing.selectors(0)) == {f"{one['key']}/{one['attribute']}" for one in of_group if one["key"] in writes}
    members = json.loads(listing.members(0))
    assert set(members["people"]["id"]) == {one["key"] for one in of_group}
    for wrong in (-1, 10**6, "0", None):
        with pytest.raises(Misused):
            listing.members(wrong)


def test_people_by_key_are_those_of_the_run_only(big: tuple[ReportView, Listing]) -> None:
    view, listing = big
    key = view.people["key"][4].as_py()
    assert json.loads(listing.those([key, "nobody", EVIL]))["people"]["id"] == [key]
    assert json.loads(listing.person(key))["people"]["id"] == [key]
    with pytest.raises(Misused):
        listing.person("nobody")
    with pytest.raises(Misused):
        listing.those("k" * 10)
