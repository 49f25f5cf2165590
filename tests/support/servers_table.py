"""The table of servers in docs/scim.md, written by the run that tries them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

PAGE = Path(__file__).resolve().parents[2] / "docs" / "scim.md"
BEGIN, END = "<!-- servers tried: begin -->", "<!-- servers tried: end -->"
_HEAD = (
    "| server | version | written by | forms given up | not kept | altered | tried |\n"
    "| --- | --- | --- | --- | --- | --- | --- |\n"
)
_ROW = re.compile(r"^\| (?P<server>[^|]+) \|", re.MULTILINE)
_URN = re.compile(r"urn:[\w:.]+:User:", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Row:
    """One server as a run found it."""

    server: str
    version: str
    cells: tuple[str, ...]

    @classmethod
    def of(cls, server: str, version: str, dialect: Mapping[str, Any], named: Mapping[tuple[str, str], str]) -> Row:
        """From what an apply noted (``dialect``) and what ``verify`` named (key and attribute → class)."""
        by_form: dict[str, list[str]] = {}
        for attribute, form in dialect["forms"].items():
            by_form.setdefault(form, []).append(_short(attribute))
        most = max(by_form, key=lambda form: len(by_form[form]))
        forms = [f"`{most}`", *(f"`{f}`: {', '.join(sorted(a))}" for f, a in sorted(by_form.items()) if f != most)]
        harms = [
            f"`{form}`: {', '.join(_short(h) or 'all' for h in sorted(heads))}"
            for form, heads in dialect["harms"].items()
        ]
        lost = {_short(a) for a in (*dialect["not_kept"], *dialect["refuses"])}
        lost |= {_short(a) for (_, a), kind in named.items() if kind == "not_kept"}
        altered = {_short(a) for (_, a), kind in named.items() if kind == "normalised"} - lost
        return cls(
            server, version, ("; ".join(forms), "; ".join(harms), ", ".join(sorted(lost)), ", ".join(sorted(altered)))
        )

    def line(self, day: str) -> str:
        """The row as Markdown."""
        cells = (cell.replace("|", "\\|") or "–" for cell in self.cells)
        return f"| {self.server} | {self.version} | {' | '.join(cells)} | {day} |"


def write_row(row: Row, page: Path = PAGE) -> None:
    """``page`` has this server's row as it was found today; other rows stay."""
    text = page.read_text(encoding="utf-8")
    start, end = text.index(BEGIN) + len(BEGIN), text.index(END)
    lines = [line for line in text[start:end].splitlines() if _is_row(line)]
    rows = {found["server"]: line for line in lines if (found := _ROW.match(line))}
    rows[row.server] = row.line(datetime.now(UTC).date().isoformat())
    table = _HEAD + "".join(f"{rows[name]}\n" for name in sorted(rows, key=str.lower))
    page.write_text(f"{text[:start]}\n{table}{text[end:]}", encoding="utf-8")


def _is_row(line: str) -> bool:
    return line.startswith("| ") and not line.startswith(("| server", "| ---"))


def _short(attribute: str) -> str:
    """Without the extension's URN, in code marks where it is a name."""
    if attribute.lower().endswith(":user"):
        return "the extension"
    name = _URN.sub("", attribute)
    return f"`{name}`" if name else ""
