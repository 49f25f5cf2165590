"""What a rollback undoes, and for which people."""

from functools import partial

from trueup.transforms.duck import database

PACKAGE = __name__
"""What the runner is told, to find the statements of this folder."""
statement = partial(database.statement, package=PACKAGE)
"""The text of a statement of this folder, by its name."""
