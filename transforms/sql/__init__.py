"""What a run has to do, item by item."""

from functools import partial

from trueup.transforms.duck import database

statement = partial(database.statement, package=__name__)
"""The text of a statement of this folder, by its name."""
