"""The page on architecture names what there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "docs/architecture.md", *sorted((ROOT / "docs/adr").glob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_module_a_page_names_is_there(page: Path) -> None:
    for name in re.findall(r"`trueup\.([a-z_.]+)", page.read_text(encoding="utf-8")):
        place = ROOT / name.rstrip(".").replace(".", "/")
        is_module = place.is_dir() or place.with_suffix(".py").exists()
        inside_of = ROOT / "trueup" if place.parent == ROOT else place.parent
        around = (place.parent.with_suffix(".py"), inside_of / "__init__.py")
        assert is_module or any(place.name in inside.read_text("utf-8") for inside in around if inside.exists()), name


def test_the_tree_shows_every_room() -> None:
    tree = PAGES[0].read_text(encoding="utf-8").split("```")[1]
    for room in ("connectors", "transforms"):
        found = {path.parent.name for path in (ROOT / room).glob("*/__init__.py")} - {"sql"}
        assert found <= set(re.findall(r"([a-z_]+)/", tree))
