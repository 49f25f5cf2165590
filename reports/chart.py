"""Where the bars of the trend stand: geometry, no drawing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trueup.reports.model import TrendPoint

_STEP = 24.0
_BAR = 16.0
_HEIGHT = 100.0


@dataclass(frozen=True, slots=True)
class Piece:
    """One colour of one bar."""

    name: str
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class Bar:
    """One run."""

    point: TrendPoint
    x: float
    width: float
    pieces: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """Bars from left to right, oldest first, in the units of the view box."""

    width: float
    height: float
    bars: tuple[Bar, ...]


def chart(points: tuple[TrendPoint, ...]) -> Chart:
    """Stacked bars, the tallest as high as the chart; at least ten steps wide."""
    most = max((point.writes for point in points), default=0) or 1
    width = _STEP * max(len(points), 10)
    start = width - _STEP * len(points)
    bars = tuple(
        Bar(point, round(start + number * _STEP + (_STEP - _BAR) / 2, 2), _BAR, _pieces(point, most))
        for number, point in enumerate(points)
    )
    return Chart(width, _HEIGHT, bars)


def _pieces(point: TrendPoint, most: int) -> tuple[Piece, ...]:
    pieces, foot = [], _HEIGHT
    for name, count in (("updated", point.updated), ("created", point.created), ("ended", point.ended)):
        height = count / most * _HEIGHT
        foot -= height
        if count:
            pieces.append(Piece(name, round(foot, 2), round(height, 2)))
    return tuple(pieces)
