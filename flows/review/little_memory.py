"""Processes of the review that need no pandas do without it: Arrow would load it, 40 MB, for nothing."""

from __future__ import annotations

import sys
from importlib.abc import MetaPathFinder


class _WithoutPandas(MetaPathFinder):
    """Says that there is no pandas.

    Whenever Arrow turns Python values into its own, it loads pandas where it can, to see whether they are pandas'.
    Without it Arrow goes on as where it is not installed.
    """

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> None:
        """Raises ``ModuleNotFoundError`` for pandas."""
        del path, target
        if fullname == "pandas":
            raise ModuleNotFoundError("pandas has no use here.", name=fullname)


def do_without_pandas() -> None:
    """For the rest of this process's life, pandas is not found."""
    sys.meta_path.insert(0, _WithoutPandas())
