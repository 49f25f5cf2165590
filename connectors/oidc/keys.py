"""The provider's signing keys, and what happens when it signs with one that is not known yet."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

from trueup.connectors.oidc.errors import ProviderAway, SignInRefused

if TYPE_CHECKING:
    from collections.abc import Callable

PAUSE_S = 60.0
"""Between two fetches for the sake of unknown keys: made-up key ids cause no traffic."""
_REST_S = 5.0
"""After a fetch that failed nobody waits for another one so soon."""
_OLD_S = 86_400.0
"""Keys this old are fetched again, so that one that was withdrawn does not count for ever."""


class Keys:
    """Fetched when first needed, when an unknown key signs (once, at most every minute), and every day."""

    def __init__(self, fetch: Callable[[], dict[str, Any]], clock: Callable[[], float] = time.monotonic) -> None:
        self._fetch = fetch
        self._clock = clock
        self._lock = threading.Lock()
        self._known: list[dict[str, Any]] = []
        self._fetched = self._failed = float("-inf")

    def named(self, kid: object) -> dict[str, Any]:
        """The key called ``kid``; where the token names none, the only one there is.

        Raises:
            SignInRefused: there is no such key, also after asking again.
            ProviderAway: the keys cannot be fetched.
        """
        with self._lock:
            now = self._clock()
            is_fresh = now - self._fetched <= _OLD_S
            found = self._find(kid) if is_fresh else None
            if found is None and (not is_fresh or now - self._fetched > PAUSE_S):
                said = self._fetched_now(now).get("keys")
                self._known = [one for one in said if isinstance(one, dict)] if isinstance(said, list) else []
                self._fetched = self._clock()
                found = self._find(kid)
        if found is None:
            raise SignInRefused(
                "unknown_key",
                "The sign-in is signed with a key the identity provider does not publish.",
                remedy="Sign in again in a minute; if it stays so, tell who looks after Trueup.",
            )
        return found

    def _fetched_now(self, now: float) -> dict[str, Any]:
        if now - self._failed < _REST_S:
            raise ProviderAway("The identity provider does not give its keys.", remedy="Sign in again in a minute.")
        try:
            return self._fetch()
        except ProviderAway:
            self._failed = self._clock()
            raise

    def _find(self, kid: object) -> dict[str, Any] | None:
        signing = [one for one in self._known if one.get("use", "sig") == "sig" and one.get("kty") in {"RSA", "EC"}]
        if kid is None:
            return signing[0] if len(signing) == 1 else None
        return next((one for one in signing if one.get("kid") == kid), None)
