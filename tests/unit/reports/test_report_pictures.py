"""Pictures of the organisation: drawn the same every time, of plain shapes only, and never the end of a night."""

from __future__ import annotations

import json
import sys
from datetime import date, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

from tests.support.report_cases import HOSTILE
from trueup.reports import pictures as module
from trueup.reports.organisation import NOWHERE, Organisation, Series, Way
from trueup.reports.pictures import NOT_DRAWN, pictures
from trueup.reports.plots import lines, ways

if TYPE_CHECKING:
    from pathlib import Path

FIRST = date(2026, 11, 1)


def series(name: str, *counts: int) -> Series:
    return Series(name, tuple((FIRST + timedelta(days=n), count) for n, count in enumerate(counts)))


LENS = Organisation(
    ways=(*(Way(name, HOSTILE[0], n + 1) for n, name in enumerate(HOSTILE)), Way("Sales", NOWHERE, 7)),
    headcount=(series("Sales", 3, 4, 5), series(HOSTILE[1], 1, 0, 0)),
    holds=(series("mononym", 0, 2),),
)


def test_a_drawing_is_the_same_each_time_and_has_plain_shapes_only() -> None:
    one, two = pictures(LENS), pictures(LENS)
    assert one == two
    assert set(one.drawn) == {"ways", "headcount", "holds"}
    for name, svg in one.drawn.items():
        root = ET.fromstring(str(svg))  # noqa: S314 - our own
        kinds = {element.tag for element in root.iter()}
        assert kinds <= {"svg", "title", "desc", "g", "path", "rect", "line", "text"}
        named = {attribute for element in root.iter() for attribute in element.attrib}
        assert not named & {"style", "href", "onload", "class"}
        assert root.attrib["aria-labelledby"] == f"t-{name} d-{name}"
        assert "\u202e" not in svg
        assert "NaN" not in svg
    words = [element.text or "" for element in ET.fromstring(str(one.drawn["ways"])).iter("text")]  # noqa: S314 - our own
    assert any(word.startswith("Sales · 7") for word in words)
    assert any(word.startswith("<script>") for word in words)


def test_nothing_to_draw_starts_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere")
    assert pictures(Organisation()).drawn == {}
    assert pictures(None).not_drawn == ""


@pytest.mark.parametrize(
    "program",
    [
        pytest.param("import sys; sys.exit(3)", id="it breaks"),
        pytest.param("import os, signal; os.kill(os.getpid(), signal.SIGTRAP)", id="it is killed"),
        pytest.param("print('[]')", id="it draws too little"),
        pytest.param("print('{}')", id="it answers something else"),
        pytest.param('print(\'["<svg", "", ""]\')', id="it draws rubbish"),
        pytest.param("import time; time.sleep(60)", id="it never ends"),
    ],
)
def test_a_drawing_that_fails_is_a_sentence(program: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = tmp_path / "pictures.py"
    (tmp_path / "draw_alone.py").write_text(program, encoding="utf-8")
    monkeypatch.setattr(module, "__file__", str(other))
    monkeypatch.setattr(module, "_SECONDS", 1)
    assert pictures(LENS) == module.Pictures({}, NOT_DRAWN)


def test_without_room_for_the_engine_the_night_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A real engine in 1 GB of address space, of which it would reserve more: it ends its process, not ours."""
    room = tmp_path / "python"
    room.write_text(f'#!/bin/sh\nulimit -v 1000000\nulimit -c 0\nexec {sys.executable} "$@"\n', encoding="utf-8")
    room.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(room))
    assert pictures(LENS) == module.Pictures({}, NOT_DRAWN)


def test_names_at_the_end_of_lines_stand_apart_and_inside() -> None:
    many = tuple(series(f"Department {n}", 10, 10) for n in range(9))
    ends = lines(many)["layer"][2]["data"]["values"]
    heights = sorted(one["at"] for one in ends)
    assert all(after - before >= 15.9 for before, after in pairwise(heights))
    assert heights[0] >= 0
    assert heights[-1] <= 220
    assert json.dumps(ways(LENS))
    single = lines((series("Sales", 5),))
    assert len(single["layer"]) == 5
