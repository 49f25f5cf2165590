"""Modules that Great Expectations imports and a night never uses, loaded when something of them is asked for.

Altair draws what its data docs show and ``scipy.stats`` measures distributions, in expectations that only own checks
may name; together they are a third of its import. Python's own ``LazyLoader`` does not do: ``import x`` itself looks at
the module and so loads it.
"""

from __future__ import annotations

import sys
import threading
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Any

LATER = ("altair", "scipy.stats")
_LOADING = threading.RLock()


class _Later(ModuleType):
    """Stands where a module will, and is it as soon as it matters."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name not in {"__path__", "__all__", "__version__"}:
            raise AttributeError(name)  # what is asked of every module, by import and by warnings, needs no loading
        with _LOADING:
            if sys.modules.get(self.__name__) is self:
                del sys.modules[self.__name__]
                import_module(self.__name__)
            return getattr(sys.modules[self.__name__], name)


def load_later(*names: str) -> None:
    """From now on ``import`` of ``names`` costs nothing until one of their members is used."""
    for name in names:
        if name not in sys.modules and (spec := find_spec(name)) is not None:
            sys.modules[name] = module = _Later(name)
            module.__spec__ = spec
