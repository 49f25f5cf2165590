"""Our HTML templates: everything is escaped, and what is invisible is spelt out."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from trueup.reports.escaping import visible

if TYPE_CHECKING:
    from jinja2 import Template


@cache
def template(name: str) -> Template:
    """The template ``name`` of this package."""
    environment = Environment(
        loader=PackageLoader("trueup.reports", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=_finalize,
    )
    return environment.get_template(name)


def _finalize(value: Any) -> Any:
    """Every value a template writes goes through here."""
    return visible(value) if type(value) is str else value
