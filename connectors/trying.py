"""Both credentials, tried before anything is read: a wrong one is said at once, and not after a whole tenant."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from trueup.transforms.errors import Failed, Misused, TrueupError

if TYPE_CHECKING:
    from collections.abc import Callable

    from trueup.transforms.settings import Settings


def try_credentials(settings: Settings) -> None:
    """Sign in to both sides at once and ask each one small question.

    Only a credential that is turned down ends it. Whatever else goes wrong (no answer, an answer of another kind) is
    left to the read, which is patient and says it in its own words.

    Raises:
        Failed: a credential is refused or cannot be used; both are named where both are.
        Misused: the configuration does not say how to sign in.
    """
    tries: list[Callable[[Settings], None]] = [_source, _target]
    with ThreadPoolExecutor(len(tries), thread_name_prefix="trying") as pool:
        errors = [error for error in pool.map(lambda attempt: _error(attempt, settings), tries) if error is not None]
    if not errors:
        return
    if len(errors) == 1 or isinstance(errors[0], Misused):
        raise errors[0]
    if isinstance(errors[1], Misused):
        raise errors[1]
    raise Failed(
        " ".join(error.message for error in errors), remedy=" ".join(error.remedy for error in errors if error.remedy)
    ) from errors[0]


def _error(attempt: Callable[[Settings], None], settings: Settings) -> TrueupError | None:
    try:
        attempt(settings)
    except TrueupError as error:
        return error
    return None


def _source(settings: Settings) -> None:
    if settings.source.kind == "entra":
        import asyncio

        from trueup.connectors.entra.trying import try_source

        asyncio.run(try_source(settings))


def _target(settings: Settings) -> None:
    from trueup.connectors.scim.session import open_session

    with open_session(settings) as session:
        session.try_token()
