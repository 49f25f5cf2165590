"""What a person sees while a run is at work: each stage by its own name, and none that stands still after its end."""

from __future__ import annotations

import io
import threading

from rich.console import Console

from trueup.flows.bars import NAMES, Bars, drawn_on


def shown(bars: Bars) -> list[tuple[str, bool]]:
    return [(task.description, task.finished) for task in bars._drawn.tasks]


def terminal() -> Console:
    return Console(file=io.StringIO(), force_terminal=True, width=100)


def test_while_people_are_checked_nothing_else_stands_there_unfinished() -> None:
    with drawn_on(terminal()) as bars:
        with bars.stage("source"):
            bars("reading users", 999)
            bars("reading users", 1200)
            bars("reading managers", 7, 30)
            assert not any(finished for _, finished in shown(bars))
        with bars.stage("check"):
            assert shown(bars) == [
                ("reading users", True),
                ("reading managers", True),
                ("checking people", False),
            ]
        assert shown(bars)[-1] == ("checking people", True)


def test_two_reads_beside_each_other_end_each_by_itself() -> None:
    with drawn_on(terminal()) as bars:
        ended, go_on = threading.Event(), threading.Event()

        def read_source() -> None:
            with bars.stage("source"):
                bars("reading users", 10)
                go_on.wait(10)

        reading = threading.Thread(target=read_source)
        reading.start()
        with bars.stage("target"):
            bars("reading profiles", 5, 5)
        ended.set()
        assert ("reading profiles", True) in shown(bars)
        go_on.set()
        reading.join()
        assert all(finished for _, finished in shown(bars))


def test_what_is_counted_is_told_and_a_stage_without_a_count_tells_none() -> None:
    console = terminal()
    with drawn_on(console) as bars, bars.stage("target"):
        bars("reading profiles", 1234, 56789)
        with bars.stage("plan"):
            bars._drawn.refresh()
    said = console.file.getvalue()  # type: ignore[attr-defined] # a StringIO
    assert "1,234 of 56,789" in said
    assert "0/?" not in said
    assert "0 of" not in said


def test_no_two_stages_have_one_name() -> None:
    assert len(set(NAMES.values())) == len(NAMES)
