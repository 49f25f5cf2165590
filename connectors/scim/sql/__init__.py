"""What a target is expected to hold after an apply."""

from functools import partial

from trueup.transforms.duck import database

statement = partial(database.statement, package=__name__)
"""The text of a statement of this folder, by its name."""
