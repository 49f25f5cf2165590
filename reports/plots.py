"""What the pictures of the organisation look like: Vega-Lite specifications, nothing drawn yet.

Sizes and places are fixed and no text is measured, so that every machine draws the same. Colours are the page's own,
by name, so that a picture is dark where the page is.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

from trueup.reports.escaping import visible

if TYPE_CHECKING:
    from trueup.reports.organisation import Organisation, Series

_LABEL = 18
"""Characters of a name in a picture; the table beside it has all of them."""
_ROW, _BROADEST = 38, 30
"""Height of a department in the picture of ways, and of the band or bands of the largest."""
_COLOURS = tuple(f"var(--line-{number})" for number in range(1, 10))


def _short(name: str) -> str:
    shown = visible(name)
    return shown if len(shown) <= _LABEL else f"{shown[: _LABEL - 1]}…"


def _view(width: int, height: int, layer: list[dict[str, Any]]) -> dict[str, Any]:
    """Sizes are fixed and no text is measured, so that every machine draws the same."""
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
        "width": width,
        "height": height,
        "padding": 0,
        "autosize": "none",
        "background": None,
        "config": {"view": {"stroke": None}, "font": "inherit", "aria": False},
        "layer": layer,
    }


def ways(lens: Organisation) -> dict[str, Any]:
    """Departments before on the left, after on the right, and bands as broad as the people are many."""
    before, after = _sides(lens, "before"), _sides(lens, "after")
    height = _ROW * max(len(before), len(after)) + 12
    most = max(people for places in (before, after) for _, people in places.values())
    broad = [max(1.5, _BROADEST * way.people / most) for way in lens.ways]
    starts = _stacked([before[way.before][0] for way in lens.ways], [after[way.after][0] for way in lens.ways], broad)
    ends = _stacked([after[way.after][0] for way in lens.ways], [before[way.before][0] for way in lens.ways], broad)
    bands = [
        {"way": number, "x": x, "y": round(place, 1), "wide": round(wide, 1)}
        for number, (start, end, wide) in enumerate(zip(starts, ends, broad, strict=True))
        for x, place in ((0, start), (0.15, start), (0.85, end), (1, end))
    ]
    x = {"field": "x", "type": "quantitative", "axis": None, "scale": {"domain": [0, 1], "range": [185, 355]}}
    y: dict[str, Any] = {"field": "y", "type": "quantitative", "axis": None}
    y["scale"] = {"domain": [0, height], "range": [0, height], "zero": False}
    band = {
        "data": {"values": bands},
        "mark": {
            "type": "line",
            "interpolate": "monotone",
            "opacity": 0.6,
            "strokeCap": "butt",
            "stroke": "var(--band)",
        },
        "encoding": {
            "x": x,
            "y": y,
            "detail": {"field": "way", "type": "nominal"},
            "strokeWidth": {"field": "wide", "type": "quantitative", "scale": None, "legend": None},
        },
    }
    labels = [
        {
            "x": side,
            "y": place,
            "label": f"{_short(name)} · {people:,}" if side == 0 else f"{people:,} · {_short(name)}",
        }
        for side, places in ((0, before), (1, after))
        for name, (place, people) in places.items()
    ]
    texts = [
        _text([one for one in labels if one["x"] == side], x, y, align=align, dx=dx)
        for side, align, dx in ((0, "right", -8), (1, "left", 8))
    ]
    return _view(560, height, [band, *texts])


def _sides(lens: Organisation, side: str) -> dict[str, tuple[float, int]]:
    """Department → height in the picture and people, the most first."""
    people: dict[str, int] = {}
    for way in lens.ways:
        name = way.before if side == "before" else way.after
        people[name] = people.get(name, 0) + way.people
    ranked = sorted(people, key=lambda name: (-people[name], name))
    return {name: (6 + _ROW * (place + 0.5), people[name]) for place, name in enumerate(ranked)}


def _stacked(here: list[float], there: list[float], broad: list[float]) -> list[float]:
    """Where the middle of each band meets its department: bands of one lie beside each other, in the order they end."""
    room = {place: sum(wide for at, wide in zip(here, broad, strict=True) if at == place) for place in here}
    next_free = {place: place - whole / 2 for place, whole in room.items()}
    found = list(here)
    for n in sorted(range(len(here)), key=lambda n: (there[n], n)):
        found[n] = next_free[here[n]] + broad[n] / 2
        next_free[here[n]] += broad[n]
    return found


def _text(values: list[dict[str, Any]], x: dict[str, Any], y: dict[str, Any], **mark: Any) -> dict[str, Any]:
    return {
        "data": {"values": values},
        "mark": {"type": "text", "baseline": "middle", "fontSize": 14, "fill": "var(--ink)", **mark},
        "encoding": {"x": x, "y": y, "text": {"field": "label", "type": "nominal"}},
    }


def lines(series: tuple[Series, ...]) -> dict[str, Any]:
    """A line per name, with the name at its end; where ends would overlap, names are moved apart."""
    height, width, nights = 220, 560, len(series[0].points)
    top = max(1, *(count for line in series for _, count in line.points))
    scale = {"domain": [0, top * 1.05], "range": [height - 26, 8]}
    x = {
        "field": "n",
        "type": "quantitative",
        "axis": None,
        "scale": {"domain": [0, max(1, nights - 1)], "range": [44, 350]},
    }
    y = {"field": "people", "type": "quantitative", "axis": None, "scale": {**scale, "zero": False}}
    values = [
        {"n": n, "people": count, "line": place, "colour": _COLOURS[place % len(_COLOURS)]}
        for place, line in enumerate(series)
        for n, (_, count) in enumerate(line.points)
    ]
    stroke = {"field": "colour", "type": "nominal", "scale": None, "legend": None}
    drawn = {
        "data": {"values": values},
        "mark": {"type": "line", "strokeWidth": 2, "interpolate": "monotone"},
        "encoding": {"x": x, "y": y, "detail": {"field": "line", "type": "nominal"}, "stroke": stroke},
    }
    ends = _apart([(height - 26 - (height - 34) * line.points[-1][1] / (top * 1.05)) for line in series], height)
    names = [
        {"n": nights - 1, "at": at, "label": f"{_short(line.name)} · {line.points[-1][1]:,}", "colour": _COLOURS[n % 9]}
        for n, (line, at) in enumerate(zip(series, ends, strict=True))
    ]
    at = {"field": "at", "type": "quantitative", "axis": None, "scale": {"domain": [0, height], "range": [0, height]}}
    labels = _text(names, x, at, align="left", dx=10)
    labels["mark"].pop("fill")
    labels["encoding"]["fill"] = stroke
    days = [
        {"n": n, "at": height - 8, "label": f"{series[0].points[n][0]:%-d %b %Y}", "align": align}
        for n, align in ((0, "left"), (nights - 1, "right"))
    ]
    foot = [_text([day], x, at, align=day["align"], fontSize=12, fill="var(--soft)") for day in days[: min(nights, 2)]]
    ticks = [{"n": 0, "people": count, "label": f"{count:,}"} for count in sorted({0, top})]
    left = _text(ticks, x, y, align="right", dx=-8, fontSize=12, fill="var(--soft)")
    rule = {
        "data": {"values": ticks},
        "mark": {"type": "rule", "stroke": "var(--line)"},
        "encoding": {"x": {"value": 44}, "x2": {"value": 350}, "y": y},
    }
    layers = [rule, drawn, labels, left, *foot]
    return {**_view(width, height, layers), "resolve": {"scale": {"y": "independent"}}}


def _apart(heights: list[float], height: int) -> list[float]:
    """The same heights, at least a line of text apart, within the picture."""
    order = sorted(range(len(heights)), key=lambda n: heights[n])
    placed = list(heights)
    for before, after in pairwise(order):
        placed[after] = max(placed[after], placed[before] + 16)
    over = max(0.0, placed[order[-1]] - (height - 30))
    for n in order:
        placed[n] -= over
    return [round(one, 1) for one in placed]
