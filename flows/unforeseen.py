"""What is told of an error that nobody foresaw: its kind and its place. Its text may hold a person's data."""

from __future__ import annotations

from pathlib import Path

from trueup.transforms.errors import Failed


def told(error: BaseException, doing: str = "") -> Failed:
    """The failure to raise or show in place of ``error``; ``doing`` is what was being done, such as "deciding"."""
    during = f" while {doing}" if doing else ""
    if _is_out_of_room(error):
        return Failed(
            f"There was not enough memory{during}, nor room on the disk to go on there.",
            remedy="Free memory, or space on the archive's disk; docs/performance.md says how many people were tried.",
        )
    return Failed(
        f"An unexpected error occurred{during}: {type(error).__name__} at {where(error)}.",
        remedy="TRUEUP_DEBUG=1 shows the whole traceback, which may hold personal data.",
    )


def _is_out_of_room(error: BaseException) -> bool:
    """Whether Python or DuckDB had no more memory; DuckDB's is known by its name, as not every command loads it."""
    return isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryException"


def where(error: BaseException) -> str:
    """File and line an error came from, without its text."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}" if trace else "an unknown place"
