"""Style, script and mark of the team's pages: files named by a digest of their content: a browser may keep them."""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from trueup.reports.assets import SCRIPTS, STYLES, assets, own_script, own_style

if TYPE_CHECKING:
    from collections.abc import Mapping

_SERVED = ("data", "served", *SCRIPTS[1:-1], "live", SCRIPTS[-1])
"""The report's own script, with people in parts and with what the others do."""
_ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="7" fill="#1c7047"/>'
    '<path d="M9 17l5 5 9-12" fill="none" stroke="#fff" stroke-width="4" stroke-linecap="round"/>'
    "</svg>"
)


@dataclass(frozen=True, slots=True)
class Asset:
    """One file as it is served."""

    content: bytes
    gzipped: bytes
    media_type: str


@cache
def names() -> Mapping[str, str]:
    """``run.js``, ``run.css``, ``pages.css`` and ``mark.svg`` → the name each is served under."""
    return {plain: name for plain, (name, _) in _files().items()}


@cache
def served() -> Mapping[str, Asset]:
    """Every file by the name it is served under; nothing of anybody stands in them."""
    return dict(_files().values())


@cache
def _files() -> Mapping[str, tuple[str, Asset]]:
    written = {
        "run.js": (f"{assets().grid}\n{own_script(_SERVED)}", "text/javascript"),
        "run.css": (own_style((*STYLES, "team")), "text/css"),
        "pages.css": (f"{own_style(STYLES)}\n{own_style(('nights', 'team'))}", "text/css"),
        "mark.svg": (_ICON, "image/svg+xml"),
    }
    return {plain: _named(plain, text.encode(), media) for plain, (text, media) in written.items()}


def _named(plain: str, content: bytes, media_type: str) -> tuple[str, Asset]:
    stem, _, ending = plain.partition(".")
    digest = hashlib.sha256(content).hexdigest()[:16]
    return f"{stem}-{digest}.{ending}", Asset(content, gzip.compress(content, 9, mtime=0), media_type)
