"""Everything Trueup raises on purpose.

    TrueupError
    ├── Refused   we chose not to            exit 3
    ├── Failed    something broke            exit 1
    │   └── Unreachable   nothing answers
    └── Misused   arguments or configuration exit 2

A message says what happened, how many, against which limit, and what to do. People are named by key
only, secrets never. The low-level error survives as ``__cause__``. Exit 4 is a result, not an error.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from trueup.transforms.vocabulary import Exit

if TYPE_CHECKING:
    from collections.abc import Iterable


class TrueupError(Exception):
    """Base of all deliberate errors; ``exit_code`` is what the command line ends with."""

    exit_code: ClassVar[int] = Exit.FAILED

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        self.outside = ""
        """What to say where nobody may be named, not even by key; empty as long as the message itself may be said."""
        self.names: dict[str, str] = {}
        """Names of people in the message, by key; said on a terminal and nowhere else."""

    def __str__(self) -> str:
        return self.outside or (f"{self.message}\n{self.remedy}" if self.remedy else self.message)


class Failed(TrueupError):
    """Something broke: network, credentials, disk, an unwritable archive."""

    exit_code = Exit.FAILED


class Unreachable(Failed):
    """Nothing answers at all (network, name, certificate), so nothing can be said about a credential."""


class Misused(TrueupError):
    """Wrong arguments or configuration; the message names file, key and remedy."""

    exit_code = Exit.MISUSED


@dataclass(frozen=True, slots=True)
class Refusal:
    """One reason why a run is refused, as it stands in ``manifest.json``."""

    code: str
    """Machine word, e.g. ``limit_deactivate``, ``source_incomplete``; limits start with ``limit_``."""
    message: str
    """A sentence with the figures."""
    used: float | None = None
    """How much the plan uses: a share between 0 and 1, or a count."""
    limit: float | None = None
    """The bound, in the same unit as ``used``."""
    overridable: bool = False
    """True for limits only; ``approve --allow <limit>`` lifts it."""
    remedy: str = ""

    @property
    def limit_name(self) -> str:
        """The word ``--allow`` takes: the code without its ``limit_``."""
        return self.code.removeprefix("limit_")

    def as_json(self) -> dict[str, Any]:
        """The refusal with the keys it has in ``manifest.json``."""
        return asdict(self)


class Refused(TrueupError):
    """Trueup chose not to go on; carries every refusal, not only the first."""

    exit_code = Exit.REFUSED

    def __init__(self, refusals: Iterable[Refusal] | Refusal) -> None:
        self.refusals = (refusals,) if isinstance(refusals, Refusal) else tuple(refusals)
        super().__init__(
            "\n".join(refusal.message for refusal in self.refusals),
            remedy="\n".join(dict.fromkeys(r.remedy for r in self.refusals if r.remedy)),
        )
