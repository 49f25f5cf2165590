"""Lists a target keeps without ``type``: which element a path means there."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypedDict

from trueup.transforms.values.paths import parse

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trueup.transforms.values.paths import ScimPath


class Meant(TypedDict):
    """What :func:`trueup.transforms.values.paths.get` and ``put`` are told of a path."""

    untyped: bool
    was: Any


@dataclass(slots=True)
class Typeless:
    """The lists without types, and what the plan found in them.

    An element is the path's whose value it holds, or held when the plan was made. Where one path is managed of a list,
    its only element is that one's, whatever it holds; where several are (work and mobile phone), it may be any one's.
    """

    names: set[str] = field(default_factory=set)
    """Attributes, in lower case, whose elements come back without ``type``; may grow."""
    shared: frozenset[str] = frozenset()
    """Attributes, in lower case, of which several kinds of elements are managed."""
    _was: dict[tuple[str, str], Any] = field(default_factory=dict)

    def note(self, profile_id: str, attribute: str, value: Any) -> None:
        """The plan found ``value`` at that path of the profile."""
        path = parse(attribute)
        if value is not None and path.kind_of_element is not None:
            self._was[profile_id, str(path)] = value

    def meant(self, resource: dict[str, Any], path: ScimPath) -> Meant:
        """How the path's element is told in this profile."""
        whole = path.whole.lower()
        if whole not in self.names:
            return {"untyped": False, "was": None}
        return {"untyped": whole not in self.shared, "was": self._was.get((str(resource.get("id")), str(path)))}


def shared_lists(attributes: Iterable[str]) -> frozenset[str]:
    """Lists, in lower case, of which ``attributes`` name several kinds of elements."""
    paths = map(parse, attributes)
    kinds = {(path.whole.lower(), kind.lower()) for path in paths if (kind := path.kind_of_element) is not None}
    counted = Counter(whole for whole, _ in kinds)
    return frozenset(whole for whole, count in counted.items() if count > 1)
