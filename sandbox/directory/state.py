"""The sandbox directory as it stands: what tests compare with, and what people do to it by hand."""

from __future__ import annotations

import secrets
import threading
import time
from collections import Counter, deque
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from scim2_models import Context, Pagination, ScimProvider
from scim2_server.service import ScimService
from scim2_server.testserver.application import BEARER_TOKEN_SCHEME, BearerTokenApplication
from scim2_server.utils import (
    load_default_resource_types,
    load_default_schemas,
    load_default_service_provider_config,
)

from trueup.sandbox.directory.storage import ProfileStorage
from trueup.sandbox.directory.weaknesses import Weaknesses

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from scim2_models import Resource

    from trueup.sandbox.directory.data import DirectoryData
    from trueup.sandbox.directory.exchange import Asked, Given

Profile = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Seen:
    """One request that reached the directory, for tests to look at."""

    method: str
    path: str
    query: Mapping[str, str]
    status: int
    answered: bool
    """False where the connection was dropped after the work was done."""


class Directory:
    """A live directory."""

    def __init__(self, data: DirectoryData, weaknesses: Weaknesses | None = None) -> None:
        self._lock = threading.Lock()
        self.begin_again(data, weaknesses)

    def begin_again(self, data: DirectoryData, weaknesses: Weaknesses | None = None) -> None:
        """Forget everything, requests too, and be this directory."""
        self.token = data.token
        self.storage = ProfileStorage()
        self.requests: deque[Seen] = deque(maxlen=200_000)
        """The last requests, oldest first."""
        self.published: dict[tuple[str, str], tuple[str, Profile]] = {}
        """What the server made of profiles: version and JSON, by root URL and id."""
        self.junk: dict[str, Profile] = {}
        """By profile id: what a server made of paths it took for names."""
        self._turns: Counter[str] = Counter()
        self._second = (0, 0)
        self._weaknesses = weaknesses or Weaknesses()
        self._serve()
        self.load(data.profiles)

    @property
    def weaknesses(self) -> Weaknesses:
        """How the server misbehaves; assign to change it while it runs."""
        return self._weaknesses

    @weaknesses.setter
    def weaknesses(self, weaknesses: Weaknesses) -> None:
        before, self._weaknesses = self._weaknesses, weaknesses
        if before.cursors != weaknesses.cursors:
            self._serve()
        self._tell_storage()

    # What a test looks at, and what people do by hand

    def profiles(self) -> list[Profile]:
        """Every profile as SCIM JSON, without ``meta`` and ``schemas``, sorted by id."""
        with self.storage.lock, self.provider:
            found = [self._document(resource) for resource in self.storage.resources if self._is_user(resource)]
        return sorted(found, key=lambda profile: str(profile["id"]))

    def profile(self, key: str) -> Profile:
        """The profile with this id, userName or externalId; KeyError without one."""
        found = self.held(key)
        if found is not None:
            return found
        for profile in self.profiles():
            if key == profile.get("externalId") or key.casefold() == str(profile.get("userName", "")).casefold():
                return profile
        raise KeyError(key)

    def load(self, profiles: Iterable[Mapping[str, Any]]) -> None:
        """Add profiles as they are, ids included."""
        with self.provider:
            self.storage.load(self._model, list(profiles))

    def edit(self, key: str, **attributes: Any) -> None:
        """Edit a profile by hand: top-level SCIM attributes by name, None takes one away."""
        with self.storage.lock:
            document = {**self.profile(key), **attributes}
            self.store(document["id"], {name: value for name, value in document.items() if value is not None})

    def remove(self, key: str) -> None:
        """Somebody deletes a profile by hand."""
        with self.storage.lock:
            self.storage.drop(self.profile(key)["id"])

    # What the weaknesses use

    def held(self, profile_id: str) -> Profile | None:
        """The profile with this id as it is stored, or none."""
        with self.storage.lock, self.provider:
            resource = self.storage.user(profile_id)
            return None if resource is None else self._document(resource)

    def store(self, profile_id: str, profile: Profile) -> None:
        """Put the profile in the place of the one with that id, as a new version."""
        self.load([{**profile, "id": profile_id}])

    def turn(self, name: str) -> int:
        """Counts up by one each time it is asked under that name, beginning at 1."""
        with self._lock:
            self._turns[name] += 1
            return self._turns[name]

    def within_rate(self, requests: int) -> bool:
        """Whether one request more fits into this second."""
        second = int(time.monotonic())
        with self._lock:
            count = self._second[1] + 1 if self._second[0] == second else 1
            self._second = (second, count)
            return count <= requests

    def see(self, asked: Asked, given: Given) -> None:
        """Remember a request."""
        self.requests.append(Seen(asked.method, asked.path, asked.query, given.status, not given.hang_up))

    def _serve(self) -> None:
        """Build the server behind the weaknesses, over the profiles as they are."""
        self.provider = _provider(self._weaknesses.cursors)
        self._service = ScimService(self.provider, secret=secrets.token_urlsafe(32))
        self.application = BearerTokenApplication(
            self.storage, self.provider, service=self._service, bearer_tokens=[self.token]
        )
        self._tell_storage()

    def _tell_storage(self) -> None:
        self.storage.duplicates_allowed = self._weaknesses.duplicates_allowed
        self.storage.name_ids = self._weaknesses.ids_are_names
        self.storage.lists_inactive = not self._weaknesses.inactive_unlisted

    @property
    def _model(self) -> type[Resource[Any]]:
        return self._service.get_model(self._service.resource_type_at("/Users"))

    @staticmethod
    def _is_user(resource: Resource[Any]) -> bool:
        return resource.meta is not None and resource.meta.resource_type == "User"

    @staticmethod
    def _document(resource: Resource[Any]) -> Profile:
        document: Profile = resource.model_dump(scim_ctx=Context.DEFAULT)
        return {name: value for name, value in document.items() if name not in ("meta", "schemas")}


@cache
def _provider(cursors: str) -> ScimProvider:
    """What the server behind is: the schemas of the RFC, and how it pages. Costly to make, and never changes."""
    config = load_default_service_provider_config()
    config.authentication_schemes = [BEARER_TOKEN_SCHEME]
    if cursors != "off":
        method = Pagination.DefaultPaginationMethod
        config.pagination = Pagination(
            cursor=True,
            index=cursors == "offered",
            default_pagination_method=method.cursor if cursors == "only" else method.index,
            default_page_size=100,
            max_page_size=1000,
        )
    return ScimProvider.from_discovery(
        load_default_schemas().values(), load_default_resource_types().values(), config=config
    )
