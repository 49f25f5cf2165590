"""Imports that only types need count too: a circle of types is two rooms that cannot be understood apart."""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter

import grimp


def _circle(imports: dict[str, set[str]]) -> list[str]:
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def test_imports_run_in_no_circle_not_even_those_for_types() -> None:
    graph = grimp.build_graph("trueup", include_external_packages=False)
    imports = {module: set(graph.find_modules_directly_imported_by(module)) for module in graph.modules}
    # Both are imported only for types: seen, or this test would prove nothing.
    assert "trueup.transforms.planning.request" in imports["trueup.transforms.planning.limits"]
    assert "trueup.transforms.mapping.builder" in imports["trueup.transforms.mapping.functions.dates"]
    assert _circle(imports) == []


def test_a_circle_of_types_is_found() -> None:
    assert _circle({"a": {"b"}, "b": {"c"}, "c": {"a"}}) != []
