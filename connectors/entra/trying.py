"""The source's credential tried once: signed in, one user asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trueup.connectors.entra.graph import connected
from trueup.connectors.entra.responses import GraphError
from trueup.connectors.entra.retry import RetryPolicy
from trueup.connectors.entra.scope import forbidden
from trueup.transforms.errors import Refused, Unreachable

if TYPE_CHECKING:
    from trueup.transforms.settings import Settings

BRIEF = RetryPolicy(reaching=3.0, answering=3.0, throttled=0.0, signing_in=3.0)
"""What does not answer within this is left to the read, which waits for longer."""


async def try_source(settings: Settings, patience: RetryPolicy = BRIEF) -> None:
    """Return when the credential is good, or when nothing can be said about it.

    Raises:
        Failed: signing in is refused, Graph turns the token down, or the app may not read users.
        Misused: the configuration does not say how to sign in.
    """
    try:
        async with connected(settings, patience) as graph:
            await graph.json("users?$select=id&$top=1")
    except GraphError as answer:
        if answer.status in {401, 403}:
            raise forbidden(answer, "users", "User.Read.All") from answer
    except (Unreachable, Refused):
        return
