"""A read-only answer: a statement asked anew each time, narrowed by conditions, and no handle to write with."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from trueup.connectors.analysis.engine import Engine


@dataclass(frozen=True, slots=True)
class Result:
    """Rows of the archive. Nothing is read until ``df``, ``arrow``, ``fetchall`` or ``show`` asks for them."""

    _engine: Engine = field(repr=False)
    _text: str

    def filter(self, condition: str) -> Result:
        """The rows for which a SQL condition holds: ``people.filter("department = 'Sales'")``."""
        return self._narrowed(f"SELECT * FROM (\n{self._text}\n) WHERE (\n{condition}\n)")

    def order(self, by: str) -> Result:
        """The rows in the order of SQL expressions: ``order("night DESC, key")``."""
        return self._narrowed(f"SELECT * FROM (\n{self._text}\n) ORDER BY {by}\n")

    def limit(self, rows: int) -> Result:
        """The first so many rows."""
        return self._narrowed(f"SELECT * FROM (\n{self._text}\n) LIMIT {int(rows)}")

    def df(self) -> pd.DataFrame:
        """The rows as a pandas frame."""
        return self._engine.frame(self._text)

    def arrow(self) -> pa.Table:
        """The rows as an Arrow table."""
        return self._engine.table(self._text)

    def fetchall(self) -> list[tuple[Any, ...]]:
        """The rows as tuples."""
        return self._engine.rows(self._text)

    @property
    def columns(self) -> list[str]:
        """The names of the columns."""
        return [str(row[0]) for row in self._engine.rows(f"DESCRIBE {self._text}")]

    def show(self, rows: int = 20) -> None:
        """Print the first rows as a table."""
        from rich.console import Console

        from trueup.connectors.analysis.printed import table_of

        Console(highlight=False).print(table_of(self.limit(rows).arrow()))

    def _narrowed(self, text: str) -> Result:
        self._engine.judge(text)
        return Result(self._engine, text)
