"""What a page was asked for and is not there, or not any more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trueup.transforms.errors import TrueupError

if TYPE_CHECKING:
    from trueup.reports.team.model import ErrorKind


class Gone(TrueupError):
    """``kind`` says which page tells so: ``not_found``, or ``too_many`` where it is only not there now."""

    def __init__(self, kind: ErrorKind, message: str = "This is not there, or not any more.") -> None:
        super().__init__(message)
        self.kind: ErrorKind = kind
