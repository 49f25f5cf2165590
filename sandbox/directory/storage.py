"""The profiles in memory: ``scim2-server``'s own storage, quicker at listing everybody."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from scim2_models import Meta
from scim2_server.memory import InMemoryStorage
from scim2_server.storage import SearchPage

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from scim2_models import Resource, ResourceType, SearchRequest

_USER = "User"


class ProfileStorage(InMemoryStorage):
    """Profiles by id, in the order they came; a page of everybody costs the page, not the directory."""

    def __init__(self) -> None:
        super().__init__()
        self._order: dict[str, None] = {}
        self.duplicates_allowed = False
        """Whether two profiles may have one userName."""
        self.name_ids = False
        """Whether a new profile's id is its userName."""
        self.lists_inactive = True
        """Whether deactivated profiles are found by a search."""

    def load(self, model: type[Resource[Any]], profiles: Sequence[Mapping[str, Any]]) -> None:
        """Add resources as they are, ids included."""
        with self.lock:
            for profile in profiles:
                resource = model.model_validate(dict(profile))
                now = self.clock()
                resource.meta = Meta(resource_type=_USER, created=now, last_modified=now, version=self.next_version())
                self._store(resource, self._values_of(resource))

    def user(self, profile_id: str) -> Resource[Any] | None:
        """The stored resource itself, or none."""
        found: Resource[Any] | None = self._resources.get(_USER, {}).get(profile_id)
        return found

    def stretch(self, start: int, count: int) -> list[Resource[Any]]:
        """The stored users themselves, from the place ``start`` (0 is the first) on, as a plain search lists them."""
        held = self._resources.get(_USER, {})
        keys = self._order if self.lists_inactive else [key for key in self._order if _is_listed(held[key])]
        return [held[key] for key in islice(keys, start, start + count)]

    def listed(self) -> int:
        """How many users a plain search lists."""
        held = self._resources.get(_USER, {})
        return len(held) if self.lists_inactive else sum(map(_is_listed, held.values()))

    def drop(self, profile_id: str) -> None:
        """Take a profile out, whatever its version."""
        with self.lock:
            self._remove((_USER, profile_id))
            self._order.pop(profile_id, None)

    def generate_id(self, resource_type: ResourceType, resource: Resource[Any]) -> str:
        """A random id, or the userName where the directory is of that kind."""
        name = getattr(resource, "user_name", None)
        if self.name_ids and name:
            return str(name)
        return str(super().generate_id(resource_type, resource))

    def search(
        self, resource_types: list[ResourceType], search_request: SearchRequest[Any], *, position: Any = None
    ) -> SearchPage:
        """A page; without filter, sorting and cursor it is cut from the profiles in the order they came."""
        plain = search_request.filter is None and search_request.sort_by is None and search_request.cursor is None
        if not plain or [each.name for each in resource_types] != [_USER]:
            return super().search(resource_types, search_request, position=position)
        with self.lock:
            total = self.listed()
            count = total if search_request.count is None else search_request.count
            found = self.stretch(search_request.start_index_0 or 0, count)
            return SearchPage(total, [resource.model_copy(deep=True) for resource in found])

    def delete(self, resource_type: ResourceType, resource_id: str, *, expected_version: str | None = None) -> None:
        """Take a resource out; a user's place in the order goes with it."""
        with self.lock:
            super().delete(resource_type, resource_id, expected_version=expected_version)
            if resource_type.name == _USER:
                self._order.pop(resource_id, None)

    def _candidates(self, names: list[str | None], scim_filter: Any) -> list[Resource[Any]]:
        found = super()._candidates(names, scim_filter)
        return list(found) if self.lists_inactive else [resource for resource in found if _is_listed(resource)]

    def _store(self, resource: Resource[Any], values: dict[str, Any]) -> None:
        super()._store(resource, values)
        if resource.meta is not None and resource.meta.resource_type == _USER:
            self._order.setdefault(str(resource.id))

    def _check_uniqueness(self, resource: Resource[Any], values: dict[str, Any]) -> None:
        if not self.duplicates_allowed:
            super()._check_uniqueness(resource, values)


def _is_listed(resource: Resource[Any]) -> bool:
    return getattr(resource, "active", None) is not False
