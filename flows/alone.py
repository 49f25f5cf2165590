"""The people a plan for some is for, read by themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trueup.connectors.scim.profiles import TargetSnapshot
    from trueup.connectors.source_request import SourceSnapshot


@dataclass(frozen=True, slots=True)
class Named:
    """The people named, read by themselves."""

    keys: tuple[str, ...]
    """Their object ids."""
    source: SourceSnapshot
    target: TargetSnapshot

    @property
    def note(self) -> str:
        """What was read, for the reviewer."""
        people = "1 person" if len(self.keys) == 1 else f"{len(self.keys)} people"
        return (
            f"Read in part: {people} at the source and {self.target.profiles} of their profiles in the target, each by "
            "id. Nobody else was read, so that nothing was decided from somebody's being there or missing."
        )
