"""The sandbox directory as it stands: what tests compare with, and what people do to it by hand."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from scim2_models import Context, ScimProvider
from scim2_server.service import ScimService
from scim2_server.testserver.application import BEARER_TOKEN_SCHEME, BearerTokenApplication
from scim2_server.utils import (
    load_default_resource_types,
    load_default_schemas,
    load_default_service_provider_config,
)

from connectors.sandbox.directory.storage import ProfileStorage
from connectors.sandbox.directory.weaknesses import Weaknesses

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from scim2_models import Resource

    from connectors.sandbox.directory.data import DirectoryData


class Directory:
    """A live directory."""

    def __init__(self, data: DirectoryData, weaknesses: Weaknesses | None = None) -> None:
        config = load_default_service_provider_config()
        config.authentication_schemes = [BEARER_TOKEN_SCHEME]
        self.provider = ScimProvider.from_discovery(
            load_default_schemas().values(), load_default_resource_types().values(), config=config
        )
        self.token = data.token
        self.weaknesses = weaknesses or Weaknesses()
        """Replace it to change the server's manners while it runs."""
        self.storage = ProfileStorage()
        service = ScimService(self.provider, secret=secrets.token_urlsafe(32))
        self.application = BearerTokenApplication(
            self.storage, self.provider, service=service, bearer_tokens=[data.token]
        )
        self._service = service
        self.load(data.profiles)

    def load(self, profiles: Iterable[Mapping[str, Any]]) -> None:
        """Add profiles as they are, ids included."""
        with self.provider:
            self.storage.load(self._model, list(profiles))

    def profiles(self) -> list[dict[str, Any]]:
        """Every profile as SCIM JSON, without ``meta`` and ``schemas``, sorted by id."""
        with self.storage.lock, self.provider:
            found = [self._document(resource) for resource in self.storage.resources if self._is_user(resource)]
        return sorted(found, key=lambda profile: str(profile["id"]))

    def profile(self, key: str) -> dict[str, Any]:
        """The profile with this id, userName or externalId; KeyError without one."""
        for profile in self.profiles():
            names = (profile["id"], profile.get("externalId"), str(profile.get("userName", "")).casefold())
            if key in names or key.casefold() == names[2]:
                return profile
        raise KeyError(key)

    def replace(self, profile_id: str, **attributes: Any) -> None:
        """Edit a profile by hand: top-level SCIM attributes by name, None takes one away."""
        document = {**self.profile(profile_id), **attributes}
        kept = {name: value for name, value in document.items() if value is not None}
        self.remove(document["id"])
        self.load([kept])

    def remove(self, profile_id: str) -> None:
        """Somebody deletes a profile by hand."""
        self.storage.drop(profile_id)

    @property
    def _model(self) -> type[Resource[Any]]:
        return self._service.get_model(self._service.resource_type_at("/Users"))

    @staticmethod
    def _is_user(resource: Resource[Any]) -> bool:
        return resource.meta is not None and resource.meta.resource_type == "User"

    @staticmethod
    def _document(resource: Resource[Any]) -> dict[str, Any]:
        document: dict[str, Any] = resource.model_dump(scim_ctx=Context.DEFAULT)
        return {name: value for name, value in document.items() if name not in ("meta", "schemas")}
