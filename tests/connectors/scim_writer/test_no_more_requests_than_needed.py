"""What is known already is not asked again, and what does not answer is not asked for ever."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

import pytest

from tests.support.scim_directory import Directory, serving
from tests.support.scim_kills import applied
from tests.support.scim_runs import brisk, plan, settings_for
from trueup.connectors.scim_writer.applying import apply_run
from trueup.connectors.scim_writer.sender import Sender
from trueup.transforms.work import plan_work

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.scim_runs import Wish
    from trueup.connectors.scim.responses import Answer


def titled(directory: Directory, many: int) -> list[Wish]:
    for n in range(many):
        directory.add({"id": f"p{n}", "userName": f"u{n}@x.example", "title": "Old"})
    return [(f"k{n}", "update", f"p{n}", {"title": ("Old", "New")}) for n in range(many)]


@pytest.mark.parametrize("filters", ["good", "ignored"])
def test_the_whole_list_is_read_for_newcomers_only_where_filters_do_not_find_people(
    tmp_path: Path, filters: str
) -> None:
    listed: list[int] = []
    with serving(Directory()) as directory:
        for n in range(2):
            directory.add({"id": f"p{n}", "userName": f"known{n}@x.example"})
        files = plan(tmp_path / "run", directory, [("k1", "create", None, {"userName": (None, "new@x.example")})])
        directory.manners.filters = filters
        directory.manners.shift = lambda _directory, start: listed.append(start)
        assert applied(directory, files).applied == 1
    whether_it_answers_at_all = [1]
    assert (listed == whether_it_answers_at_all) is (filters == "good")


def test_an_answer_of_a_target_that_tells_the_truth_is_not_checked_for_each_person(tmp_path: Path) -> None:
    with serving(Directory()) as directory:
        files = plan(tmp_path / "run", directory, titled(directory, 3))
        known = {"answers_true": ["title"], "forms": {"title": "patch_path"}, "harmless": {"patch_path": ["title"]}}
        assert applied(directory, files, known, concurrency=1).applied == 3
        asked = [sum(request == ("GET", f"/Users/p{n}") for request in directory.log) for n in range(3)]
        assert sorted(asked) == [1, 1, 2], "one of them is compared, and each was looked at before it was written"


@pytest.mark.parametrize(("what", "times"), [("profile", 4), ("filter", 2)])
def test_what_is_only_read_is_asked_again_so_often_and_no_more(what: str, times: int) -> None:
    async def ask(directory: Directory) -> Answer:
        async with Sender(settings_for(directory), brisk()) as sender:
            return await (sender.get_profile("p1") if what == "profile" else sender.find('userName eq "u"'))

    with serving(Directory()) as directory:
        directory.fault = lambda _method, _path, _number: "refuse"
        assert asyncio.run(ask(directory)).status == 500
        assert len(directory.log) == times


def test_a_stop_leaves_no_more_people_to_be_finished_than_twice_the_requests_at_once_and_two(tmp_path: Path) -> None:
    with serving(Directory()) as directory:
        files, stop = plan(tmp_path / "run", directory, titled(directory, 30)), threading.Event()

        def stops(method: str, _path: str, _number: int) -> None:
            if method == "PATCH":
                stop.set()

        directory.fault = stops
        work = plan_work(files)
        result = apply_run(settings_for(directory, concurrency=2), files, work, stop=stop, pace=brisk())
        work.close()
        assert result.interrupted
        assert result.applied == 2 * 2 + 2
