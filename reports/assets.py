"""Style, script and the grid of the page, and what a strict content security policy says of them."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

SCRIPTS = (
    "data",
    "difference",
    "filters",
    "cells",
    "grid",
    "groups",
    "panel",
    "keyboard",
    "review",
    "summary",
    "ready",
)
"""The parts of the page's own script (``templates/script``), in order; they share one module."""
STYLES = (
    "base",
    "opening",
    "fold",
    "sections",
    "changes",
    "organisation",
    "people",
    "panel",
    "review",
    "small",
    "print",
)
"""The parts of the page's style sheet (``templates/style``), in order: later ones win."""

_EXPORT = re.compile(r"export\s*\{([^{}]*)\}\s*;?")
_OPENS_MARKUP = re.compile(r"<(?=!--|/?script)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Assets:
    """What stands inside the page beside its text."""

    grid: str
    """JavaScript that makes ``grid.jQuery`` (with DataTables)."""
    script: str
    style: str
    licence: str
    """Whose grid it is, for the foot of the page."""

    @property
    def module(self) -> str:
        """The one script of the page."""
        return f"{self.grid}\n{self.script}"

    def policy(self, *, served: bool) -> str:
        """Content security policy: nothing but this style and this script; requests only to the review's own server."""
        return "; ".join(
            (
                "default-src 'none'",
                f"script-src '{_hash(self.module)}'",
                f"style-src '{_hash(self.style)}'",
                "connect-src 'self'" if served else "connect-src 'none'",
                "base-uri 'none'",
                "form-action 'none'",
            )
        )


@cache
def assets() -> Assets:
    """The page's own files and the grid as it ships inside the ``itables`` package."""
    bundle = _beside("itables").joinpath("html", "dt_bundle.js").read_text(encoding="utf-8")
    return Assets(
        grid=grid_script(bundle),
        script=own_script(SCRIPTS),
        style=_plain(style_sheet()),
        licence=(
            f"The list is drawn by DataTables and jQuery as shipped in itables {version('itables')}; "
            "all are under the MIT licence, and their notices stand in this page's source."
        ),
    )


def style_sheet() -> str:
    """The style every page of ours has."""
    return own_style(STYLES)


def own_style(names: tuple[str, ...]) -> str:
    """These parts of the style sheet, in order."""
    return _joined("style", names, "css")


def own_script(names: tuple[str, ...]) -> str:
    """These parts of the script, in order, as one module that may stand inside a page."""
    return _plain(_joined("script", names, "js"))


def _joined(folder: str, names: tuple[str, ...], ending: str) -> str:
    own = files("trueup.reports.templates").joinpath(folder)
    return "\n".join(own.joinpath(f"{name}.{ending}").read_text(encoding="utf-8") for name in names)


def _beside(package: str) -> Path:
    """Where an installed package lies, without importing it: itables would bring pandas along."""
    found = find_spec(package)
    places = (found.submodule_search_locations if found else None) or []
    return Path(next(iter(places)))


def grid_script(bundle: str) -> str:
    """``bundle``, an ES module, as a script that may stand inside a page: its exports become ``grid``.

    Its licence comments stay. What would end or nest a script element is spelt with an escape.
    """
    found = list(_EXPORT.finditer(bundle))
    if not found:
        message = "the grid's bundle exports nothing: this itables release is not one Trueup knows"
        raise ValueError(message)
    last = found[-1]
    pairs = (pair.split(" as ") for pair in last.group(1).split(","))
    names = ",".join(f"{(pair[1] if len(pair) > 1 else pair[0]).strip()}:{pair[0].strip()}" for pair in pairs)
    return _plain(f"{bundle[: last.start()]}const grid={{{names}}};{bundle[last.end() :]}")


def _plain(text: str) -> str:
    """Line ends as a browser hashes them, and nothing that opens or closes a script."""
    return _OPENS_MARKUP.sub(r"\\x3c", text.replace("\r\n", "\n").replace("\r", "\n"))


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")
