"""The organisation as pictures: Vega-Lite specifications drawn to SVG by vl-convert, in a process of its own.

The drawing engine is a whole JavaScript machine. Where it has no room (a limit on address space, say) it ends its
process, and no exception says so: a night must not end with it. What it draws is taken apart and built anew from a
short list of shapes, so that no name from the directory can become anything else in the page.
"""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

from markupsafe import Markup, escape

from trueup.reports.escaping import visible
from trueup.reports.plots import lines, ways

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trueup.reports.organisation import Organisation

_SECONDS = 60
"""The longest a drawing may take; under a second is usual."""
NOT_DRAWN = "The pictures could not be drawn this time; the tables have the same figures."
_LOG = logging.getLogger("trueup")


@dataclass(frozen=True, slots=True)
class Pictures:
    """What can be shown of an organisation, and a sentence where it could not be drawn."""

    drawn: Mapping[str, Markup]
    not_drawn: str = ""


def pictures(lens: Organisation | None) -> Pictures:
    """``ways``, ``headcount`` and ``holds``, as far as there is something to draw; never an error."""
    specifications: dict[str, tuple[dict[str, Any], str, str]] = {}
    if lens is not None and lens.ways:
        text = "; ".join(f"{way.before} to {way.after}: {way.people}" for way in lens.ways)
        specifications["ways"] = (ways(lens), "Who moves from which department to which", text)
    for name, title, series in (
        ("headcount", "People active and managed by department, night by night", lens.headcount if lens else ()),
        ("holds", "People held by reason, night by night", lens.holds if lens else ()),
    ):
        if series:
            text = "; ".join(f"{line.name}: {line.points[0][1]}, now {line.points[-1][1]}" for line in series)
            specifications[name] = (lines(series), title, text)
    if not specifications:
        return Pictures({})
    try:
        drawn = _draw([specification for specification, _, _ in specifications.values()])
        shown = {
            name: _clean(svg, name, title, visible(text))
            for svg, (name, (_, title, text)) in zip(drawn, specifications.items(), strict=True)
        }
    except (OSError, ValueError, subprocess.SubprocessError, ET.ParseError) as error:
        _LOG.warning("Pictures are left out of the report: %s.", type(error).__name__)
        return Pictures({}, NOT_DRAWN)
    return Pictures(shown)


def _draw(specifications: list[dict[str, Any]]) -> list[str]:
    """Each as SVG.

    Raises:
        OSError, subprocess.SubprocessError: the process could not be started, broke or took too long.
        ValueError: it answered something else than drawings.
    """
    command = [sys.executable, "-I", str(Path(__file__).with_name("draw_alone.py"))]
    done = subprocess.run(  # noqa: S603 - this Python and a file of ours
        command, input=json.dumps(specifications).encode(), capture_output=True, timeout=_SECONDS, check=True
    )
    drawn = json.loads(done.stdout)
    if not isinstance(drawn, list) or not all(isinstance(one, str) for one in drawn):
        message = "the drawing process answered something else"
        raise ValueError(message)
    return drawn


_SVG = "{http://www.w3.org/2000/svg}"
_SHAPES = {
    "g": ("transform", "opacity"),
    "path": ("transform", "d", "fill", "stroke", "stroke-width", "opacity", "stroke-linecap"),
    "rect": ("x", "y", "width", "height", "fill", "stroke", "transform"),
    "line": ("transform", "x1", "x2", "y1", "y2", "stroke", "stroke-width", "opacity"),
    "text": ("transform", "text-anchor", "font-size", "fill", "opacity"),
}
"""Element → attributes that are taken over; there is no place for a script, an address or a style among them."""


def _clean(svg: str, name: str, title: str, description: str) -> Markup:
    """The drawing built anew of plain shapes, with a title and a description for those who do not see it."""
    root = ET.fromstring(svg)  # noqa: S314 - our own drawing engine wrote it, without a document type
    box = " ".join(str(float(part)).removesuffix(".0") for part in root.attrib["viewBox"].split())
    inner = Markup("").join(_shape(child) for child in root)
    return Markup(
        '<svg viewBox="{}" role="img" aria-labelledby="t-{} d-{}"><title id="t-{}">{}</title><desc id="d-{}">{}</desc>'
        "{}</svg>"
    ).format(box, name, name, name, title, name, description, inner)


def _shape(element: ET.Element) -> Markup:
    kind = element.tag.removeprefix(_SVG)
    if kind not in _SHAPES or element.attrib.get("display") == "none":
        return Markup("")
    inner = Markup("").join(_shape(child) for child in element)
    if kind == "g" and not inner:
        return Markup("")
    if kind == "path" and "stroke" not in element.attrib and "fill" not in element.attrib:
        return Markup("")
    given = [(key, element.attrib[key]) for key in _SHAPES[kind] if key in element.attrib]
    said = Markup("").join(Markup(' {}="{}"').format(key, value) for key, value in given)
    text = escape(element.text or "") if kind == "text" else ""
    return Markup("<{}{}>{}{}</{}>").format(kind, said, text, inner, kind)
