"""What the tenant says of a person now: whether they may still sign in, and which of some groups they are in.

Asked of Microsoft Graph by the application itself, with its own credential: ``User.Read.All`` and
``GroupMember.Read.All`` (application permissions, read only). The person's own token is not used, and an address that a
token names is never followed.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from trueup.connectors.entra.clouds import endpoints
from trueup.connectors.redaction import remember
from trueup.transforms.errors import Failed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trueup.connectors.oidc.registration import Registration
    from trueup.transforms.settings import Settings

PERMISSIONS = ("User.Read.All", "GroupMember.Read.All")
TIMEOUT_S = 8.0
_AT_ONCE = 20
"""Groups one question may name."""


class Gone(Exception):
    """There is no such person in the tenant, or the account is disabled."""


class Membership:
    """Questions about one person. Safe to use from several threads; may wait for the network."""

    def __init__(self, settings: Settings, registration: Registration) -> None:
        ends = endpoints(settings.source)
        self._graph = f"{ends.graph}/v1.0"
        self._scope = ends.scope
        self._token_url = f"{ends.login}/{registration.tenant_id}/oauth2/v2.0/token"
        self._registration = registration
        self._lock = threading.Lock()
        self._token, self._ends = "", 0.0

    def groups_of(self, person: str, groups: Iterable[str]) -> frozenset[str]:
        """Those of ``groups`` (object ids) the person is in, nested ones included.

        Raises:
            Gone: the person is not there or may not sign in.
            Failed: it cannot be found out now.
        """
        known = self._ask("GET", f"users/{quote(person, safe='')}?$select=id,accountEnabled")
        if known is None or known.get("accountEnabled") is False:
            raise Gone
        wanted, found = sorted(set(groups)), set[str]()
        for first in range(0, len(wanted), _AT_ONCE):
            asked = {"groupIds": wanted[first : first + _AT_ONCE]}
            said = self._ask("POST", f"users/{quote(person, safe='')}/checkMemberGroups", asked)
            if said is None or not isinstance(said.get("value"), list):
                raise Failed("Graph does not say which groups a person is in.")
            found |= {str(one).lower() for one in said["value"]}
        return frozenset(found & {one.lower() for one in wanted})

    def object_id_of(self, user_principal_name: str) -> str | None:
        """The object id of a user by name; None without one.

        Raises:
            Failed: it cannot be found out now.
        """
        said = self._ask("GET", f"users/{quote(user_principal_name, safe='')}?$select=id")
        return str(said["id"]).lower() if said and said.get("id") else None

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any] | None:
        """The document; None for 404. A token that is turned down is renewed once."""
        for attempt in (1, 2):
            response = self._send(method, f"{self._graph}/{path}", body)
            if response.status_code == 401 and attempt == 1:
                with self._lock:
                    self._ends = 0.0
                continue
            break
        if response.status_code == 404:
            return None
        if response.status_code == 403:
            raise Failed(
                f"Graph does not let the review's application ask: it needs {' and '.join(PERMISSIONS)}.",
                remedy="Grant these application permissions to the app registration [review] client_id names.",
            )
        if response.status_code != 200:
            raise Failed(f"Graph answers {response.status_code} to a question about a person's rights.")
        try:
            said = response.json()
        except ValueError as error:
            raise Failed("Graph answers with something that is not JSON.") from error
        if not isinstance(said, dict):
            raise Failed("Graph answers with something that is not an object.")
        return said

    def _send(self, method: str, address: str, body: dict[str, Any] | None) -> Any:
        import httpx2

        headers = {"Authorization": f"Bearer {self._bearer()}", "Accept": "application/json"}
        try:
            with httpx2.Client(verify=self._registration.verify, timeout=TIMEOUT_S, follow_redirects=False) as client:
                return client.request(method, address, headers=headers, json=body)
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise Failed(f"Graph does not answer ({type(error).__name__}).") from error

    def _bearer(self) -> str:
        import httpx2

        own = self._registration
        with self._lock:
            if time.monotonic() < self._ends:
                return self._token
            form = {
                "grant_type": "client_credentials",
                "client_id": own.client_id,
                "client_secret": own.client_secret,
                "scope": self._scope,
            }
            try:
                with httpx2.Client(verify=own.verify, timeout=TIMEOUT_S, follow_redirects=False) as client:
                    response = client.post(self._token_url, data=form)
                said = response.json() if response.status_code == 200 else {}
                token, lives = str(said.get("access_token", "")), float(said.get("expires_in", 0))
            except (httpx2.HTTPError, httpx2.InvalidURL, ValueError, TypeError, AttributeError) as error:
                raise Failed(f"The tenant gives no token to ask Graph with ({type(error).__name__}).") from error
            if not token:
                raise Failed(f"The tenant gives no token to ask Graph with ({response.status_code}).")
            self._token, self._ends = remember(token), time.monotonic() + lives - min(300.0, lives / 4)
            return self._token
