"""What an apply believes of a target: what an earlier one noted is where it begins, and never the last word."""

from __future__ import annotations

import pytest

from trueup.connectors.scim.shape import Shape
from trueup.connectors.scim_writer.agenda import Agenda
from trueup.connectors.scim_writer.etags import IfMatch
from trueup.connectors.scim_writer.forms import BY_NAME, Form
from trueup.connectors.scim_writer.target_profile import TargetBehaviour
from trueup.transforms.vocabulary import Kept

PATH, NULL, PLAIN, PUT = BY_NAME.values()


def knowing(update: str = "auto", **noted: object) -> TargetBehaviour:
    return TargetBehaviour(update, noted)


def names(behaviour: TargetBehaviour, *, alone: bool = False, attribute: str = "title") -> list[str]:
    return [form.name for form in behaviour.forms_for(attribute, clearing=False, alone=alone)]


def test_a_refusal_of_an_earlier_apply_is_a_suspicion_until_two_more() -> None:
    target = knowing(refuses=["title"])
    for so_far in range(2):
        assert target.is_suspect("title")
        assert not target.refuses("title"), so_far
        target.refused("title")
    assert target.refuses("title")
    assert target.is_settled("title", clearing=False) is True
    assert target.as_json()["refuses"] == ["title"]


def test_what_was_taken_once_is_not_refused_whatever_was_noted() -> None:
    target = knowing(refuses=["title"])
    for _ in range(3):
        target.refused("title")
    target.read_back("title", "Boss", "Boss", Kept.KEPT)
    assert not target.is_suspect("title")
    assert not target.refuses("title")
    assert target.as_json()["refuses"] == []
    target.read_back("nickName", "Al", "x", Kept.NOT_KEPT)
    target.refused("nickName")
    assert target.is_suspect("nickName"), "what was not kept was not taken"


def test_the_form_that_worked_is_the_first_one_next_time() -> None:
    target = knowing()
    assert (target.form, names(target)[0]) == (None, "patch_path")
    target.took(PLAIN, ["title"])
    assert target.form is PLAIN
    noted = target.as_json()
    assert (noted["dialect"], noted["forms"]) == ("patch_plain", {"title": "patch_plain"})
    again = TargetBehaviour("auto", noted)
    assert names(again) == ["patch_plain", "patch_path"], "first, and once"
    assert again.was_kept("title")
    assert not again.was_kept("title", PATH)


@pytest.mark.parametrize(("update", "first"), [("patch", "patch_path"), ("put", "put")])
def test_the_configuration_says_which_methods_are_used(update: str, first: str) -> None:
    target = knowing(update, dialect="patch_plain" if update == "put" else "put")
    assert names(target, alone=True)[0] == first
    assert all(BY_NAME[name].method.lower() == update for name in names(target, alone=True))


def test_put_is_not_the_first_thing_that_is_tried() -> None:
    target = knowing()
    assert "put" not in names(target)
    assert "put" in names(target, alone=True)
    target.hides = ("password",)
    target.said_yes(PATH)
    assert "put" not in names(target, alone=True), "something no reading shows is at stake, and PATCH is known"


def test_a_form_that_took_something_away_is_not_used_there_again() -> None:
    target = knowing()
    target.was_harmful(PATH, ["name.givenName"], "takes_away", beyond=False)
    assert "patch_path" not in names(target, attribute="name.familyName")
    assert "patch_path" in names(target, attribute="title")
    assert target.has_harmed("name.familyName")
    assert not target.has_harmed("title")
    again = TargetBehaviour("auto", target.as_json())
    assert "patch_path" not in names(again, attribute="name.givenName")
    assert not again.no_form_is_safe("name.givenName", clearing=False)
    for form in BY_NAME.values():
        again.was_harmful(form, ["name.givenName"], "takes_away", beyond=False)
    assert again.no_form_is_safe("name.givenName", clearing=False)
    assert again.is_settled("name.givenName", clearing=False) is True, "nothing is left to try"


@pytest.mark.parametrize("harmful", ["patch_path", "patch_null"])
def test_a_form_is_not_used_where_the_one_that_differs_only_in_taking_away_did_harm(harmful: str) -> None:
    target = knowing()
    target.was_harmful(BY_NAME[harmful], ["name.givenName"], "takes_away", beyond=False)
    usable = target.forms_for("name.familyName", clearing=True, alone=False)
    assert [form.name for form in usable] == ["patch_plain"]


def putting_back(behaviour: TargetBehaviour, avoid: Form = NULL) -> list[str]:
    return [form.name for form in behaviour.safe_for(["title"], avoid=avoid)]


def test_what_was_lost_is_put_back_by_what_says_whole_values_and_worked_before() -> None:
    target = knowing()
    assert putting_back(target) == ["patch_plain", "patch_path", "put"]
    assert putting_back(target, PLAIN) == ["patch_path", "put"], "never by what lost it"
    target.took(PATH, ["title"])
    assert putting_back(target) == ["patch_plain", "patch_path", "put"]
    target.took(PUT, ["title"])
    assert putting_back(target) == ["put", "patch_plain", "patch_path"]


def test_what_altered_something_else_before_is_the_last_to_put_anything_back() -> None:
    target = knowing()
    target.was_harmful(PLAIN, ["title"], "alters", beyond=False)
    assert putting_back(target) == ["patch_path", "put", "patch_plain"]
    target.took(PLAIN, ["title"])
    assert putting_back(target) == ["patch_path", "put", "patch_plain"]


@pytest.mark.parametrize(
    ("update", "hides", "patches", "puts"),
    [
        ("auto", (), True, True),
        ("auto", ("password",), True, False),
        ("auto", ("password",), False, True),
        ("put", ("password",), True, True),
    ],
)
def test_nothing_is_put_back_by_a_put_that_would_lose_what_no_reading_shows(
    update: str, hides: tuple[str, ...], patches: bool, puts: bool
) -> None:
    target = knowing(update)
    target.hides = hides
    if patches:
        target.said_yes(PATH)
    assert ("put" in putting_back(target)) is puts


def test_a_form_that_did_no_harm_is_not_watched_again_the_next_night() -> None:
    target = knowing()
    target.was_harmless(PATH, ["name.givenName"])
    again = TargetBehaviour("auto", target.as_json())
    assert again.is_proven(PATH, "name.familyName")
    assert not again.is_proven(PATH, "title")
    assert not again.is_proven(PLAIN, "name.familyName")


def test_what_the_target_sets_itself_is_remembered_and_no_form_is_to_blame() -> None:
    target = knowing(derived=["formatted"])
    for form in (PATH, PLAIN):
        target.was_harmful(form, ["title"], "alters", beyond=False)
        target.derives(form, ["nickName"])
        noted = target.as_json()
        assert (noted["derived"], noted["harms"]) == (["formatted", "nickname"], {})
    target.was_harmful(PATH, ["name.givenName"], "takes_away", beyond=False)
    target.was_harmful(PUT, ["title"], "alters", beyond=False)
    target.derives(PATH, ["nickName"])
    harms = target.as_json()["harms"]
    assert harms["patch_path"] == {"name": "takes_away"}, "what was lost was not set by the target"
    assert harms["put"] == {"title": "alters"}, "nobody spoke of this form"


def test_an_attribute_is_tried_by_everybody_at_once_only_when_it_is_known_how_to_write_it() -> None:
    target = knowing()
    agenda = Agenda(target, Shape(), {"title": "T"})
    assert agenda.is_open("title")
    target.took(PATH, ["title"])
    assert not agenda.is_open("title")


def test_what_only_put_writes_takes_the_others_along_once_put_is_known_to_do_no_harm() -> None:
    target, wanted = knowing(), {"title": "Boss", "nickName": "Al"}
    target.took(PATH, ["title"])
    target.took(PUT, ["nickName"])
    assert Agenda(target, Shape(), wanted).next(list(wanted)) == (["title"], PATH)
    target.was_harmless(PUT, ["nickName"])
    assert Agenda(target, Shape(), wanted).next(list(wanted)) == (["title", "nickName"], PUT)


def test_null_is_said_to_take_a_value_away_and_nothing_else_by_it() -> None:
    target, tried = knowing(), []
    for value in ("Boss", None):
        agenda = Agenda(target, Shape(), {"title": value})
        while (form := agenda.next(["title"])[1]) is not None:
            tried.append((value, form.name))
            agenda.refused(form, ["title"])
    assert ("Boss", "patch_null") not in tried
    assert (None, "patch_null") in tried


def test_what_no_form_brings_is_settled_and_noted_as_not_kept() -> None:
    target = knowing()
    assert target.is_settled("title", clearing=False) is False
    for form in BY_NAME.values():
        for _ in range(2):
            target.not_effective(form, ["title"], said_yes=True)
    assert target.is_settled("title", clearing=False) is True
    assert target.as_json()["not_kept"] == ["title"]
    assert target.says_yes_to("title")
    assert TargetBehaviour("auto", target.as_json()).is_settled("title", clearing=False)


def test_a_form_that_brought_nothing_twice_is_not_tried_again_while_another_one_may() -> None:
    target = knowing()
    target.not_effective(PATH, ["title"])
    assert names(target) == ["patch_path", "patch_plain"]
    target.not_effective(PATH, ["title"])
    assert names(target) == ["patch_plain"]
    target.took(PLAIN, ["title"])
    assert names(target) == ["patch_plain"], "once, though it was open before"
    assert target.as_json()["not_kept"] == []


def test_a_write_goes_without_a_version_once_two_were_refused_for_a_profile_that_had_not_moved() -> None:
    match = IfMatch(knowing())
    for read in ('W/"1"', 'W/"2"'):
        held = {"id": "p1", "title": "Old", "meta": {"version": read}}
        assert match.version(held) == read
        match.refused(held)
    assert match.version({"id": "p1", "title": "Old", "meta": {"version": 'W/"3"'}}) is None


def test_a_version_that_was_refused_because_somebody_edited_says_nothing_of_versions() -> None:
    match = IfMatch(knowing())
    for title in ("Old", "Edited", "Edited again", "And again"):
        held = {"id": "p1", "title": title, "meta": {"version": title}}
        assert match.version(held) == title
        match.refused(held)


def test_an_answer_is_believed_after_three_true_ones_and_never_after_a_false_one() -> None:
    target = knowing()
    for so_far in range(3):
        assert not target.believes_answer(["title"])
        assert target.believes_answer(["title"], lacking=1) is (so_far == 2)
        target.compared("title", truthful=True)
    assert target.believes_answer(["title"])
    assert not target.believes_answer(["title", "nickName"])
    assert not target.believes_answer(["title"], "creation")
    again = TargetBehaviour("auto", target.as_json())
    assert not again.believes_answer(["title"]), "servers change between applies"
    again.compared("title", truthful=True)
    assert again.believes_answer(["title"])
    again.compared("title", truthful=False)
    assert not again.believes_answer(["title"])
    assert again.as_json()["answers_true"] == []


def test_a_failure_counts_as_a_refusal_where_it_failed_in_the_apply_before_too() -> None:
    target = knowing()
    assert not target.fails_again("title")
    noted = target.as_json()
    assert noted["fails_on"] == ["title"]
    again = TargetBehaviour("auto", noted)
    assert again.fails_again("title")
    assert not again.fails_again("nickName")
    again.read_back("title", "Boss", "Boss", Kept.KEPT)
    assert not again.fails_again("title")
    assert again.as_json()["fails_on"] == ["nickName"]


def test_attributes_called_read_only_are_news_once() -> None:
    target = knowing()
    assert not target.called_read_only([])
    assert target.read_only == set()
    assert target.called_read_only(["title"])
    assert target.read_only == {"title", "groups"}
    assert not target.called_read_only(["title"])


def test_what_becomes_of_the_deactivated_is_looked_at_once_in_each_apply() -> None:
    assert not knowing().is_deactivation_known
    target = knowing(survived=7)
    assert not target.is_deactivation_known
    target.survived += 1
    assert target.is_deactivation_known
    assert (target.as_json()["survived"], target.as_json()["deactivation"]) == (3, "survives")
    assert knowing().as_json()["deactivation"] == "unknown"
    target.deactivation_deletes = True
    assert target.as_json()["deactivation"] == "deletes"


def test_what_is_stored_in_another_case_is_noted() -> None:
    target = knowing()
    target.read_back("title", "BOSS", "boss", Kept.NORMALISED)
    target.read_back("nickName", "x  y", "x y", Kept.NORMALISED)
    assert target.as_json()["alters_case"] == ["title"]


def test_a_method_that_is_not_there_is_given_up_once_another_one_works() -> None:
    target = knowing()
    for _ in range(3):
        target.not_offered(PATH)
    assert "patch_path" in names(target), "it may be the attribute"
    target.took(PLAIN, ["nickName"])
    assert "patch_path" not in names(target)


@pytest.mark.parametrize("beyond", [False, True])
def test_a_form_that_altered_something_else_is_the_last_to_be_tried(*, beyond: bool) -> None:
    target = knowing()
    target.was_harmful(PATH, ["title"], "alters", beyond=beyond)
    assert names(target) == ["patch_plain", "patch_path"]
    target.took(PATH, ["title"])
    target.took(PLAIN, ["title"])
    target.took(PATH, ["title"])
    assert names(target) == ["patch_plain", "patch_path"], "however often it worked"


def test_where_nothing_brings_a_value_it_is_said_in_the_form_that_is_at_least_answered_with_yes() -> None:
    target = knowing()
    for _ in range(2):
        target.not_effective(PATH, ["title"])
        target.not_effective(PLAIN, ["title"], said_yes=True)
    assert names(target) == ["patch_plain"]


def test_two_attributes_that_undid_one_another_are_said_one_by_one_and_in_another_form() -> None:
    agenda = Agenda(knowing(), Shape(), {"title": "T", "nickName": "N"})
    assert agenda.next(["title", "nickName"]) == (["title", "nickName"], PATH)
    agenda.taken_back(PATH, ["title", "nickName"])
    assert agenda.next(["title", "nickName"]) == (["title"], PLAIN)
    assert agenda.next(["nickName"]) == (["nickName"], PLAIN)
