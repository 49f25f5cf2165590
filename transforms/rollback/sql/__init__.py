"""What a rollback undoes, and for whom."""

from functools import partial

from trueup.transforms.duck import database

statement = partial(database.statement, package=__name__)
"""The text of a statement of this folder, by its name."""
