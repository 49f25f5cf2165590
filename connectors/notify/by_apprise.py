"""One address, sent to through Apprise: False is failure, whatever happened, and the reason is only in its log."""

from __future__ import annotations

import errno
import logging
import os
import re
import threading
import warnings
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import unquote

from trueup.connectors.redaction import REMOVED, foreign
from trueup.transforms.errors import Misused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from apprise import Apprise
    from apprise.plugins import NotifyBase

    from trueup.transforms.messages import Letter

_MAIL = frozenset(
    {
        "brevo",
        "email",
        "mailersend",
        "mailgun",
        "office365",
        "postmark",
        "resend",
        "sendgrid",
        "sendpulse",
        "ses",
        "smtp2go",
        "sparkpost",
    }
)
"""Apprise's modules that send mail: only these get the page."""
_SHORTEST_PART = 3
_LONGEST = 200
_EXCHANGE = re.compile(r"^Socket Exception: (?:\((\d{3}), .*|.*\[Errno -?\d+\] ([A-Za-z ]+))", re.DOTALL)
"""A status of SMTP, or what the system said of the connection."""
_SOMEBODY = re.compile(r"\S+@\S+")
_BRACKETS = re.compile(r"\s*\([^)]*\)")


def sender(address: str) -> Callable[[Letter], str]:
    """What sends a letter to ``address``.

    Raises:
        Misused: Apprise knows no such address; the sentence does not hold it.
    """
    quiet = _quiet()
    with _listening(quiet) as said:
        one = _prepared()
        known = one.add(address) and len(one) == 1
    if not known:
        raise Misused(
            _reason(said, address, otherwise="Apprise cannot read this address."),
            remedy="See the form of addresses in Apprise's documentation; try it with: trueup notify --test",
        )
    return partial(_send, one, address)


def _send(one: Apprise, address: str, letter: Letter) -> str:
    from apprise import NotifyFormat

    plugin = next(iter(one))
    mail = _is_mail(plugin)
    with _listening(_quiet()) as said:
        taken = one.notify(
            title=letter.title,
            body=letter.page if mail else letter.text,
            body_format=NotifyFormat.HTML if mail else NotifyFormat.TEXT,
            notify_type=_tone(letter),
        )
    return "" if taken else _reason(said, address, otherwise="it was not taken.")


def _prepared() -> Apprise:
    """Nothing of Apprise's own is sent along or left on disk, and nothing is said but through its log."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its plugins import modules that Python is about to drop
        from apprise import Apprise, AppriseAsset

        asset = AppriseAsset(
            app_id="Trueup",
            app_desc="Trueup",
            app_url="",
            image_url_mask="",
            image_url_logo="",
            image_path_mask="",
            async_mode=False,
            storage_mode="memory",
            pgp_autogen=False,
            pem_autogen=False,
        )
        one = Apprise(asset=asset)
        one.add("json://127.0.0.1")  # loads every plugin now, under the filter
        one.clear()
    return one


def _is_mail(plugin: NotifyBase) -> bool:
    return bool(_MAIL.intersection(type(plugin).__module__.split(".")))


def _tone(letter: Letter) -> str:
    good = {"applied": "success", "recovered": "success", "ready": "info", "test": "info"}
    bad = {"failed": "failure", "refused": "failure", "silence": "failure"}
    return {**good, **bad}.get(letter.event.value, "warning")


def _quiet() -> logging.Logger:
    """Apprise's log reaches nobody else: at its lower levels it holds whole addresses, as do those of what it uses."""
    for below in ("urllib3", "requests"):
        logging.getLogger(below).setLevel(logging.ERROR)
    logger = logging.getLogger("apprise")
    logger.propagate = False
    logger.setLevel(logging.DEBUG)
    return logger


@contextmanager
def _listening(logger: logging.Logger) -> Iterator[list[str]]:
    """What Apprise says in this thread within the block: its warnings, and of a broken exchange what the other said.

    Only at its lowest level it tells a refused password from a server that is away.
    """
    said: list[str] = []
    thread = threading.get_ident()

    class Ear(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.thread != thread:
                return
            if record.levelno >= logging.WARNING:
                error = record.exc_info[0].__name__ if record.exc_info and record.exc_info[0] else ""
                said.append(f"{record.getMessage()} {error}".strip())
            elif said and (found := _EXCHANGE.search(record.getMessage())):
                said[-1] += f" ({found[1] or found[2]})"

    ear = Ear()
    logger.addHandler(ear)
    try:
        yield said
    finally:
        logger.removeHandler(ear)


def _reason(said: list[str], address: str, *, otherwise: str) -> str:
    """The last thing Apprise said, without any part of the address, as it puts those into its sentences."""
    kept = [one for one in said if "URL" not in one]
    if not kept:
        return otherwise
    text = foreign(_BRACKETS.sub(_kept_bracket, kept[-1].splitlines()[0]))
    parts = {unquote(part) for part in re.split(r"[:/?&=@#,;\s]+", address)} | set(re.split(r"[:/?&=@#,;\s]+", address))
    for part in sorted(parts, key=len, reverse=True):
        if len(part) >= _SHORTEST_PART and part.lower() not in _WORDS:
            text = re.sub(re.escape(part), REMOVED, text, flags=re.IGNORECASE)
    text = _SOMEBODY.sub(REMOVED, text)
    return text[:_LONGEST].rstrip(".") + "."


def _kept_bracket(found: re.Match[str]) -> str:
    """Brackets hold values of the address, but for those that we add."""
    inside = found.group().strip(" ()")
    return found.group() if inside.isdigit() or inside in _OF_THE_SYSTEM else ""


_OF_THE_SYSTEM = frozenset(os.strerror(number) for number in errno.errorcode)
_WORDS = frozenset(
    {"json", "xml", "form", "mailto", "mailtos", "slack", "workflows", "discord", "post", "mode", "https"}
)
"""Kinds of address and options: no secret, and words of Apprise's sentences."""
