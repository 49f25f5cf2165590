"""How a flow run ends in Prefect: as what it came to, in words and counts, and without people.

What was refused, failed or was applied in part ends in the type and the name ``Failed``, so that an automation on
``prefect.flow-run.Failed`` fires; all else is ``Completed``. The message says which it was, and so does a tag.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ParamSpec, Protocol

from trueup.flows import flow_runs, termination
from trueup.flows.safe_errors import impersonal
from trueup.transforms.errors import Refused, TrueupError
from trueup.transforms.vocabulary import Act, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable

    from prefect.client.schemas.objects import State

    from trueup.transforms.manifest import Manifest

P = ParamSpec("P")

_LONGEST = 2000
"""Characters of a message: Prefect shows it in one line."""


class Written(Protocol):
    """What is told of an apply."""

    @property
    def applied(self) -> int:
        """People whose write is settled."""

    @property
    def skipped(self) -> int:
        """People who were left as they are."""

    @property
    def failed(self) -> int:
        """People whose write the target refused."""

    @property
    def interrupted(self) -> bool:
        """Whether it stopped before its end."""

    @property
    def is_partial(self) -> bool:
        """Whether something approved is not so in the target."""


@dataclass(frozen=True, slots=True)
class Ending:
    """What a flow run came to."""

    message: str
    tag: str
    is_failure: bool = False

    def state(self, result: Any = None) -> State[Any]:
        """The state to return from a flow; ``result`` stays in this process."""
        from prefect.states import Completed, Failed

        flow_runs.tag_with(self.tag)
        kind = Failed if self.is_failure else Completed
        return kind(message=impersonal(self.message)[:_LONGEST], data=result)


_WORDS = {
    Outcome.READY: "Awaiting approval",
    Outcome.NOTHING_TO_DO: "Nothing to do",
    Act.APPLIED: "Applied",
    Act.REJECTED: "Rejected",
}


def of_plan(manifest: Manifest) -> Ending:
    """How planning ended."""
    if manifest.outcome is Outcome.REFUSED:
        return _failure("Refused", " ".join(refusal.message for refusal in manifest.refusals))
    if manifest.outcome is Outcome.FAILED:
        return _failure("Failed", manifest.error)
    return _success(_WORDS[manifest.outcome])


def of_apply(result: Written) -> Ending:
    """How an apply ended."""
    if not (result.interrupted or result.is_partial):
        return _success(_WORDS[Act.APPLIED])
    broken_off = " It was broken off and goes on with: trueup apply." if result.interrupted else ""
    return _failure("Partly applied", f"{counts(result)}.{broken_off}")


def of_rejection() -> Ending:
    """A person turned the plan down."""
    return _success(_WORDS[Act.REJECTED])


def of_nothing_left() -> Ending:
    """Somebody else has brought the run to its end meanwhile, whatever that was: nothing is left to send."""
    return _success(_WORDS[Outcome.NOTHING_TO_DO])


def of_look(targets: int) -> Ending:
    """How a look after all targets of a pool ended."""
    return _success("Looked after", f"{targets} target{'' if targets == 1 else 's'}")


def of_error(error: TrueupError) -> Ending:
    """What kept a flow from its end."""
    return _failure("Refused" if isinstance(error, Refused) else "Failed", f"{error.message} {error.remedy}".strip())


def counts(result: Written) -> str:
    """People by the result of their writes."""
    return f"{result.applied} applied, {result.skipped} skipped, {result.failed} failed"


def _success(message: str, more: str = "") -> Ending:
    return Ending(f"{message}: {more}" if more else message, _tag(message))


def _failure(word: str, why: str) -> Ending:
    return Ending(f"{word}: {why}", _tag(word), is_failure=True)


def _tag(word: str) -> str:
    return word.lower().replace(" ", "-")


def told(flow: Callable[P, Any]) -> Callable[P, Any]:
    """A flow that ends by an error of ours ends in the state that says so; the caller finds the error in it."""

    @functools.wraps(flow)
    def truthful(*args: P.args, **kwargs: P.kwargs) -> Any:
        termination.heed()
        try:
            with flow_runs.at_work():
                return flow(*args, **kwargs)
        except TrueupError as error:
            return of_error(error).state(error)

    return truthful
