"""What a page says instead of what was asked for: what happened, and what to do; never how the server is made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trueup.reports.team.model import MessagePage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trueup.reports.team.model import ErrorKind

_HOME = ("/", "To all nights")
_SAID: Mapping[ErrorKind, tuple[str, str, str, tuple[str, str]]] = {
    "signed_out": (
        "You are signed out",
        "Nothing of it stays in this browser.",
        "Close the window on a shared computer.",
        ("/sign-in", "Sign in again"),
    ),
    "sign_in_failed": (
        "The sign-in did not succeed",
        "You are not signed in here.",
        "Try again. If it fails again, tell the people who run Trueup; the security log says why.",
        ("/sign-in", "Try again"),
    ),
    "not_allowed": (
        "You are not allowed to see this",
        "Your company account is known, but it is neither a reader nor a reviewer here.",
        "Ask the people who run Trueup to add you: [review] readers or reviewers.",
        _HOME,
    ),
    "not_found": (
        "There is no such page",
        "The address is wrong, or what it showed is not in the archive any more.",
        "",
        _HOME,
    ),
    "damaged": (
        "This run is damaged",
        "Its files are not what was written. It is not shown, and nothing of it can be accepted or applied.",
        "Tell the people who run Trueup: trueup verify --archive says what is wrong.",
        ("/health", "To the archive's health"),
    ),
    "provider_away": (
        "The company's sign-in does not answer",
        "Nobody can sign in until it does. Who is signed in already can go on reading.",
        "Try again in a few minutes.",
        ("/sign-in", "Try again"),
    ),
    "broke": (
        "Something broke",
        "It is in the log of the server. Nothing was accepted, rejected or written by this.",
        "Try again. If it happens again, tell the people who run Trueup.",
        _HOME,
    ),
    "too_many": (
        "Too many requests",
        "More pages are asked for at the moment than this server makes at once.",
        "Wait a minute and try again.",
        _HOME,
    ),
    "sign_in": (
        "Sign in to go on",
        "This page is for those who review and read here.",
        "",
        ("/sign-in", "Sign in"),
    ),
    "sign_in_again": (
        "Sign in again to go on",
        "Accepting, applying and ending sessions ask you to prove once more who you are.",
        "What you noted and left out is kept.",
        ("/sign-in", "Sign in"),
    ),
    "bad_request": (
        "That was not understood",
        "The page sent something that does not fit, or you had it open for too long.",
        "Load the page again.",
        _HOME,
    ),
}


def message(
    kind: ErrorKind, *, text: str = "", remedy: str = "", action: str = "", action_label: str = ""
) -> MessagePage:
    """The page for ``kind``; ``text`` is said below our own, ``remedy`` and ``action`` instead of ours."""
    title, said, ours, (path, words) = _SAID[kind]
    return MessagePage(title, f"{said} {text}".strip(), remedy or ours, action or path, action_label or words)
