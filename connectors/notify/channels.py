"""The channels of ``[notify]``, asked beside each other and never for longer than ``SECONDS``."""

from __future__ import annotations

import os
import shlex
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from trueup.connectors.redaction import remember_address
from trueup.connectors.secrets import reveal
from trueup.transforms.doctor import Line
from trueup.transforms.errors import Misused, TrueupError

if TYPE_CHECKING:
    from trueup.transforms.messages import Letter
    from trueup.transforms.settings import Settings

SECONDS = 20.0
"""A night waits for all channels together no longer than this."""

Send = Callable[["Letter"], str]


@dataclass(frozen=True, slots=True)
class Channel:
    """One way out."""

    name: str
    """As it stands in the configuration, by key and reference; never the address."""
    send: Send
    """Sends, and gives what went wrong in a few words, or nothing."""


def channel_names(settings: Settings) -> list[str]:
    """What the configured channels are called; costs nothing."""
    told = settings.notify
    reference = f' "{told.url}"' if told.url.startswith(("env:", "file:")) else ""
    found = [f"notify.url{reference}"] if told.url else []
    found += ["notify.command"] if told.command else []
    return [*found, *(f'notify.urls "{one}"' for one in told.urls)]


def channels(settings: Settings) -> list[Channel]:
    """Every channel that is configured; those that cannot be made say so as they are asked to send."""
    told = settings.notify
    sends: list[Send] = [partial(_post, settings)] if told.url else []
    sends += [partial(_run, told.command)] if told.command else []
    sends += [partial(_by_apprise, settings, reference, number) for number, reference in enumerate(told.urls)]
    return [Channel(name, send) for name, send in zip(channel_names(settings), sends, strict=True)]


def examine(settings: Settings, failing: dict[str, str]) -> list[Line]:
    """Doctor's lines: whether each address can be read, and the result of its last message. Nothing is sent.

    ``failing`` is channel → why its last message did not arrive.
    """
    told = settings.notify
    tries: list[Callable[[], object]] = [partial(_address, settings)] if told.url else []
    tries += [partial(shlex.split, told.command)] if told.command else []
    tries += [partial(_read_address, settings, reference, number) for number, reference in enumerate(told.urls)]
    lines = []
    for name, attempt in zip(channel_names(settings), tries, strict=True):
        try:
            attempt()
        except TrueupError as error:
            lines.append(Line("warning", "notify", f"{name}: {error.message}", error.remedy))
        except ValueError:
            lines.append(Line("warning", "notify", f"{name} cannot be read.", "Close its quotes."))
        else:
            why = failing.get(name)
            text = f"The last message to {name} did not arrive: {why}" if why else f"{name} can be used."
            lines.append(Line("warning" if why else "ok", "notify", text, "Try it: trueup notify --test"))
    return lines


def deliver(asked: list[Channel], letter: Letter, *, seconds: float = SECONDS) -> dict[str, str]:
    """Send ``letter`` through every channel at once; gives channel → what went wrong, or nothing.

    One that has not answered in time is left alone: its thread holds nothing up, not even the end of the process.
    """
    answers: dict[str, str] = {}

    def ask(channel: Channel) -> None:
        try:
            answers[channel.name] = channel.send(letter)
        except TrueupError as error:
            answers[channel.name] = error.message
        except Exception as error:  # noqa: BLE001 - the plugins of a hundred services raise errors of their own, and what a thread raises nobody hears of: its kind is told as the answer
            answers[channel.name] = f"{type(error).__name__}."

    threads = [threading.Thread(target=ask, args=(one,), name="notify", daemon=True) for one in asked]
    for thread in threads:
        thread.start()
    until = time.monotonic() + seconds
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))
    late = f"no answer within {seconds:g} seconds."
    return {channel.name: dict(answers).get(channel.name, late) for channel in asked}


def _post(settings: Settings, letter: Letter) -> str:
    import httpx

    try:
        body = {"text": "\n".join(part for part in (letter.title, letter.text) if part)}
        response = httpx.post(_address(settings), json=body, timeout=SECONDS)
        response.raise_for_status()
    except httpx.HTTPStatusError as error:
        return f"HTTP {error.response.status_code}."
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return f"it could not be sent ({type(error).__name__})."
    return ""


def _address(settings: Settings) -> str:
    address = settings.notify.url
    if address.startswith(("env:", "file:")):
        address = reveal(address, key="notify.url", folder=settings.folder).get_secret_value()
    remember_address(address)
    if not address.startswith(("https://", "http://")):
        raise Misused("notify.url is not an address.", remedy="It begins with https://.")
    return address


def _run(command: str, letter: Letter) -> str:
    told = {
        "TRUEUP_MESSAGE": letter.line,
        "TRUEUP_TITLE": letter.title,
        "TRUEUP_EVENT": letter.event.value,
        "TRUEUP_RUN": letter.run_id,
        "TRUEUP_REPORT": letter.link,
    }
    try:
        done = subprocess.run(  # noqa: S603 - the operator's own command is what is asked for; the message is in no word of it, and no shell reads it
            shlex.split(command),
            check=False,
            timeout=SECONDS - 1,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **told},
        )
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        return f"it could not be run ({type(error).__name__})."
    return f"it ended with {done.returncode}." if done.returncode else ""


def _by_apprise(settings: Settings, reference: str, number: int, letter: Letter) -> str:
    """The address is read in the thread that asks: Apprise loads its plugins as the first one is."""
    return _read_address(settings, reference, number)(letter)


def _read_address(settings: Settings, reference: str, number: int) -> Send:
    from trueup.connectors.notify.by_apprise import sender

    address = reveal(reference, key=f"notify.urls[{number}]", folder=settings.folder).get_secret_value()
    return sender(remember_address(address))
