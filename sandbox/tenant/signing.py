"""What a tenant keeps of people's signing in: codes, and the keys it signs with, which change as Entra's do."""

from __future__ import annotations

import secrets
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from joserfc import jwt
from joserfc.jwk import RSAKey

if TYPE_CHECKING:
    from collections.abc import Callable


class SigningKeys:
    """RSA keys, the newest of which signs; made when they are first needed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._keys: list[RSAKey] = []

    def rotate(self, *, forget: bool = False) -> None:
        """From now on another key signs; with ``forget`` the earlier ones are not published any more."""
        with self._lock:
            if forget:
                self._keys.clear()
            self._keys.append(_new_key())

    def published(self, issuer: str) -> dict[str, Any]:
        """The JSON Web Key Set."""
        return {"keys": [{**key.as_dict(private=False), "issuer": issuer} for key in self._all()]}

    def signed(self, claims: dict[str, Any], header: dict[str, Any] | None = None) -> str:
        """A token with these claims by the newest key; ``header`` overrides parts of the header."""
        key = self._all()[-1]
        return jwt.encode({"typ": "JWT", "alg": "RS256", "kid": key.kid, **(header or {})}, claims, key)

    def _all(self) -> list[RSAKey]:
        with self._lock:
            if not self._keys:
                self._keys.append(_new_key())
            return list(self._keys)


def _new_key() -> RSAKey:
    parameters: Any = {"kid": secrets.token_urlsafe(16), "use": "sig"}
    return RSAKey.generate_key(2048, parameters, private=True, auto_kid=False)


@dataclass(frozen=True, slots=True)
class Code:
    """What a code stands for."""

    user_id: str
    client: str
    redirect_uri: str
    challenge: str
    nonce: str
    scope: str
    ends: float
    authenticated: int = 0
    """When the person was chosen, where the application asked (``max_age``); else 0."""


@dataclass
class PeopleSignIn:
    """What the tenant knows of people's signing in, and what a test may bend of it."""

    keys: SigningKeys = field(default_factory=SigningKeys)
    groups: str = "none"
    """What a token says of groups: ``none``, ``all``, ``overflow`` (ask Graph) or ``hasgroups`` (likewise, shorter)."""
    lifetime: float = 3600
    bend: Callable[[dict[str, Any]], str | dict[str, Any]] = field(default=lambda claims: claims)
    """Makes other claims of a token's, or another token altogether."""
    codes: dict[str, Code] = field(default_factory=dict)
    refreshing: dict[str, Code] = field(default_factory=dict)
