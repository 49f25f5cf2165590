"""Requests to the target through scim2-client; an answer always comes back as data, never as an exception."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from scim2_client.client import describe_resource_models
from scim2_client.errors import SCIMClientException
from scim2_models import EnterpriseUser, ScimProvider, User
from scim2_models.exceptions import SCIMException

from trueup.connectors.scim.responses import Answer
from trueup.connectors.scim.session import UNSPEAKABLE, other_path, user_path
from trueup.connectors.scim_writer.rate_limit import Slots
from trueup.connectors.scim_writer.transport import NEVER_SENT, ConnectionLost, Response, Wire
from trueup.transforms.errors import Failed

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from types import TracebackType

    from trueup.connectors.scim_writer.rate_limit import Pace
    from trueup.transforms.settings import Settings

    _Send = Callable[[list[Response]], Awaitable[Any]]

_READ_ATTEMPTS = 6
_ASK_AGAIN = (429, 503)


class Sender:
    """A held connection that writes. Requests take turns; 429 is waited out; reads are repeated, writes never."""

    def __init__(self, settings: Settings, pace: Pace) -> None:
        models, kinds = describe_resource_models([User[EnterpriseUser]])
        self._scim = Wire(settings, ScimProvider(models=models, resource_types=kinds))
        self.pace = pace
        self._slots = Slots(settings.target.concurrency)
        self.sent: dict[str, int] = {}
        """Requests by method."""
        self._spelt: dict[str, str] = {}
        """Profile id → its address, where that is not the usual one; known once it was looked at."""

    async def __aenter__(self) -> Self:
        await self._scim.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._scim.__aexit__(kind, error, trace)

    async def get_profile(self, profile_id: str) -> Answer:
        """One profile as it is now; lost answers were asked for again."""
        try:
            answer = await self._patiently(self._path(profile_id), {})
        except ValueError:
            return UNSPEAKABLE
        other = other_path(profile_id, answer)
        if other is None or profile_id in self._spelt:
            return answer
        again = await self._patiently(other, {})
        if again.resource is None or str(again.resource["id"]) != profile_id:
            return answer
        self._spelt[profile_id] = other
        return again

    async def find(self, filter_: str) -> Answer:
        """The list under a filter the server may or may not heed."""
        return await self._patiently("/Users", {"filter": filter_}, patience=1)

    async def page(self, start: int, count: int | None, *, patience: int = 3) -> Answer:
        """One page of the whole list; without ``count`` it is as long as the server likes."""
        size = {} if count is None else {"count": str(count)}
        return await self._patiently("/Users", {"startIndex": str(start)} | size, patience=patience)

    async def schemas(self) -> Answer:
        """What the target says of its attributes."""
        return await self._patiently("/Schemas", {}, patience=1)

    async def create(self, body: dict[str, Any]) -> Answer:
        """POST; sent once, except that 429 is waited out."""
        return await self._write("POST", lambda heard: self._scim.create(resource=body, url="/Users", heard=heard))

    async def patch(self, profile_id: str, body: dict[str, Any], version: str | None) -> Answer:
        """PATCH, with ``If-Match`` where a version is known."""
        url, headers = self._path(profile_id), _if_match(version)
        return await self._write(
            "PATCH",
            lambda heard: self._scim.modify(User, "-", body, url=url, headers=headers, heard=heard),
        )

    async def put(self, profile_id: str, body: dict[str, Any], version: str | None) -> Answer:
        """PUT, with ``If-Match`` where a version is known."""
        url, headers = self._path(profile_id), _if_match(version)
        return await self._write(
            "PUT", lambda heard: self._scim.replace(resource=body, url=url, headers=headers, heard=heard)
        )

    async def delete(self, profile_id: str, version: str | None) -> Answer:
        """DELETE, with ``If-Match`` where a version is known."""
        url, headers = self._path(profile_id), _if_match(version)
        return await self._write(
            "DELETE", lambda heard: self._scim.delete(User, "-", url=url, headers=headers, heard=heard)
        )

    def _path(self, profile_id: str) -> str:
        return self._spelt.get(profile_id) or user_path(profile_id)

    async def _patiently(self, path: str, params: dict[str, str], patience: int = 3) -> Answer:
        answer = Answer(0)
        for attempt in range(_READ_ATTEMPTS):
            answer = await self._send("GET", lambda heard: self._scim.request("GET", path, params=params, heard=heard))
            if answer.status in _ASK_AGAIN:
                self.pace.slow(answer, attempt)
            elif answer.is_lost or answer.status == 0:
                if attempt >= patience:
                    break
                await self.pace.backoff(answer, attempt)
            else:
                break
        return self._with_token(answer)

    async def _write(self, method: str, send: _Send) -> Answer:
        answer = Answer(0)
        for attempt in range(_READ_ATTEMPTS):
            answer = await self._send(method, send)
            if answer.status != 429:
                if answer.status == 503:
                    self.pace.slow(answer, attempt)
                break
            self.pace.slow(answer, attempt)
        return self._with_token(answer)

    async def _send(self, method: str, send: _Send) -> Answer:
        heard: list[Response] = []
        trouble: BaseException | None = None
        await self._slots.take(write=method != "GET")
        try:
            await self.pace.turn()
            self.sent[method] = self.sent.get(method, 0) + 1
            await send(heard)
        except SCIMException:
            pass
        except SCIMClientException as error:
            trouble = error.__cause__ or error
        finally:
            self._slots.give_back()
        if not heard:
            return Answer(0, trouble=_named(trouble), sent=not isinstance(trouble, NEVER_SENT))
        response = heard[-1]
        answer = Answer(response.status_code, response.headers, response.content)
        if answer.is_ok:
            self.pace.good()
        return answer

    def _with_token(self, answer: Answer) -> Answer:
        """``answer``, unless the token is no longer taken: then nothing more may be tried.

        Raises:
            Failed: 401.
        """
        if answer.status == 401:
            raise Failed(
                "The target refuses the token (401).",
                remedy=f"{self._scim.sign_in.remedy} Then apply the same run again.",
            )
        return answer


def _if_match(version: str | None) -> dict[str, str]:
    return {"If-Match": version} if version and version.isascii() and version.isprintable() else {}


def _named(trouble: BaseException | None) -> str:
    return str(trouble) if isinstance(trouble, ConnectionLost) else type(trouble).__name__
