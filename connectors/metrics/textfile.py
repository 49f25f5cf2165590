"""Figures as a file in the Prometheus text format, whole or not there, for everybody to read."""

from __future__ import annotations

import contextlib
import os
import secrets
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from trueup.transforms.measures import Measure

_MODE = 0o644
"""Another account's exporter reads it, whatever the umask; nobody stands in it."""


def write_textfile(path: Path, measures: Iterable[Measure], target: str) -> None:
    """``path`` holds ``measures`` of ``target``, and nothing of what was there before.

    Raises:
        OSError: it cannot be written; what was there before is still there.
    """
    content = exposition(measures, target)
    # Not a name that ends like the file's: an exporter that looks into the folder must not read half of it.
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    number = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, _MODE)
    try:
        with os.fdopen(number, "wb") as file:
            os.fchmod(file.fileno(), _MODE)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            draft.unlink()
        raise


def exposition(measures: Iterable[Measure], target: str) -> bytes:
    """As Prometheus reads it."""
    from prometheus_client import CollectorRegistry, Gauge, generate_latest

    registry = CollectorRegistry()
    for one in measures:
        labels = ["target", *([one.label] if one.label else [])]
        gauge = Gauge(one.name, one.words, labels, registry=registry)
        for value, figure in one.values:
            gauge.labels(*([target, value] if one.label else [target])).set(figure)
    return generate_latest(registry)
