"""What a page says instead of what was asked for: what happened, and what to do; never how the server is made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trueup.reports.team.model import MessagePage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trueup.reports.team.model import ErrorKind

_HOME = ("/", "To all nights")
_SIGN_IN = ("/sign-in", "Sign in")
_SAID: Mapping[ErrorKind, tuple[int, str, str, str, tuple[str, str]]] = {
    "sign_in": (
        401,
        "Sign in to read and review",
        "What stands here is personal data of your colleagues. Sign in with your company account.",
        "",
        _SIGN_IN,
    ),
    "signed_out": (
        200,
        "You are signed out",
        "Nothing of it stays in this browser.",
        "Close the window on a shared computer.",
        ("/sign-in", "Sign in again"),
    ),
    "sign_in_failed": (
        403,
        "The sign-in did not succeed",
        "Your account was not taken over from the company's sign-in.",
        "Try again. If it fails again, tell whoever runs Trueup; the security log says why.",
        ("/sign-in", "Try again"),
    ),
    "not_allowed": (
        403,
        "You are not allowed to see this",
        "Your account is signed in, but it is neither a reader nor a reviewer here, or it may read and not decide.",
        "Ask whoever runs Trueup to add you: [review] readers or reviewers.",
        _HOME,
    ),
    "not_found": (
        404,
        "There is no such page",
        "The address is wrong, or what it showed is not in the archive any more.",
        "",
        _HOME,
    ),
    "pruned": (
        410,
        "This run was pruned",
        "Its people were removed because the run is old; its figures and who decided what stay.",
        "Nothing was decided.",
        _HOME,
    ),
    "erased": (
        410,
        "This was erased",
        "A person's data were taken out of the archive on request. Nobody can show them any more.",
        "Nothing was decided.",
        _HOME,
    ),
    "superseded": (
        409,
        "A newer plan has replaced this one",
        "It was made while you had this page open. What you read here is not what would be written now.",
        "Nothing was decided. Look at the newer plan.",
        _HOME,
    ),
    "damaged": (
        409,
        "This run is damaged",
        "Its files are not what was written. It is not shown, and nothing of it can be accepted or applied.",
        "Tell whoever runs Trueup: trueup verify --archive says what is wrong.",
        ("/health", "To the archive's health"),
    ),
    "provider_away": (
        503,
        "The company's sign-in does not answer",
        "Nobody can sign in until it does. Who is signed in already can go on reading.",
        "Try again in a few minutes.",
        ("/sign-in", "Try again"),
    ),
    "broke": (
        500,
        "Something broke",
        "It is in the log of the server. Nothing was accepted, rejected or written by this.",
        "Try again. If it happens again, tell whoever runs Trueup.",
        _HOME,
    ),
    "too_many": (
        429,
        "Too many requests",
        "This browser, or all of them together, asked for more than is answered.",
        "Wait a minute and try again.",
        _HOME,
    ),
    "bad_request": (
        400,
        "That was not understood",
        "The page sent something that does not fit, or it was open for too long.",
        "Load the page again.",
        _HOME,
    ),
    "wrong_host": (
        421,
        "This is not the address of the review",
        "The server is asked for under a name it does not know.",
        "Open it under the address in [review] url.",
        ("", ""),
    ),
}


def message(
    kind: ErrorKind, run_id: str = "", *, text: str = "", remedy: str = "", action: str = "", action_label: str = ""
) -> MessagePage:
    """The page for ``kind``; ``text`` is said below our own, ``remedy`` and ``action`` instead of ours."""
    status, title, said, ours, (path, words) = _SAID[kind]
    of_run = f" (run {run_id})" if run_id else ""
    return MessagePage(
        status,
        f"{title}{of_run}",
        f"{said} {text}".strip(),
        remedy or ours,
        action or path,
        action_label or words,
    )
