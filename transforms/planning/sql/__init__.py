"""One statement per file, named for its result; values are parameters."""

from functools import partial

from trueup.transforms.duck import database

statement = partial(database.statement, package=__name__)
"""The text of a statement of this folder, by its name."""
