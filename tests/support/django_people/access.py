"""A bearer token as the sign-in."""

from __future__ import annotations

from typing import Any

from tests.support.scim_directory import TOKEN


class Caller:
    """Whoever has the token."""

    is_anonymous = False
    is_authenticated = True
    is_active = True


def bearer(get_response: Any) -> Any:
    """Middleware: the token makes a caller."""

    def answer(request: Any) -> Any:
        if request.headers.get("Authorization") == f"Bearer {TOKEN}":
            request.user = Caller()
        return get_response(request)

    return answer


def let_in(user: Any) -> bool:
    """Whether django-scim2 takes the request."""
    return bool(user.is_authenticated)
