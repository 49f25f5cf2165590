"""What an error may say once it leaves a step: Prefect keeps its words, a screen shows them, a manifest seals them."""

from __future__ import annotations

import functools
from dataclasses import replace
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from trueup.connectors.redaction import redacted
from trueup.flows import screen, unforeseen
from trueup.flows.termination import go_on
from trueup.transforms.errors import Refused, TrueupError
from trueup.transforms.people_apart import KEY, NOBODY

if TYPE_CHECKING:
    from collections.abc import Callable

P = ParamSpec("P")
R = TypeVar("R")


def sanitize_errors(doing: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Make a step raise nothing but errors of ours, without a secret in their words.

    An unforeseen error's text may hold a person's data or a server's words, and Prefect's database would keep it: its
    kind and its place must do. ``TRUEUP_DEBUG`` shows the whole on stderr. What Prefect makes of our own errors names
    nobody by key either; the caller of the flow still finds the whole message.

    Args:
        doing: what the step does, for the sentence, such as "reading the source".

    Raises:
        KeyboardInterrupt: also where an error of another kind was made of it.
    """

    def decorate(step: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(step)
        def discreet_step(*args: P.args, **kwargs: P.kwargs) -> R:
            try:
                return step(*args, **kwargs)
            except Exception as error:
                go_on(error)
                if isinstance(error, TrueupError):
                    cut_out_secrets(error)
                    error.outside = impersonal(f"{error.message} {error.remedy}".strip())
                    raise
                screen.trace(error)
                raise unforeseen.told(error, doing) from error

        return discreet_step

    return decorate


def impersonal(text: str) -> str:
    """``text`` without keys of people (object ids, addresses, ids of profiles), and without secrets."""
    return KEY.sub(NOBODY, redacted(text))


def cut_out_secrets(error: TrueupError) -> None:
    """Take any secret this process has held out of what ``error`` says."""
    error.message, error.remedy = redacted(error.message), redacted(error.remedy)
    error.args = (error.message,)
    if isinstance(error, Refused):
        error.refusals = tuple(
            replace(one, message=redacted(one.message), remedy=redacted(one.remedy)) for one in error.refusals
        )
