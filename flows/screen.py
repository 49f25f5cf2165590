"""What the command line shows: results on stdout, everything else on stderr."""

from __future__ import annotations

import io
import json
import os
import re
import sys
import time
import traceback
from contextlib import contextmanager, nullcontext, redirect_stdout, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.text import Text

from trueup.connectors.redaction import redacted
from trueup.transforms.errors import Failed, Refused

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType

    from trueup.flows.bars import Bars
    from trueup.transforms.errors import TrueupError

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def visible(text: str) -> str:
    """``text`` with control characters and direction overrides spelt out, so that no name can repaint a screen."""
    return _CONTROL.sub(lambda found: f"\\u{ord(found.group()):04x}", text)


def made_ready() -> None:
    """Make both streams such that nothing shown on them can break a command.

    One that was closed is opened on nothing, lest the next file that is opened be taken for it; what the terminal's
    encoding lacks is spelt out.
    """
    for name in ("stdin", "stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            number = os.open(os.devnull, os.O_RDONLY if name == "stdin" else os.O_WRONLY)
            setattr(sys, name, os.fdopen(number, "r" if name == "stdin" else "w", encoding="utf-8"))
        elif name != "stdin" and isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _write(text: str) -> None:
    """Put ``text`` on stdout at once; a reader that stops early (``| head``) ends nothing.

    Raises:
        Failed: it cannot be written.
    """
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        leave_the_pipe()
    except OSError as error:
        leave_the_pipe()
        raise not_shown(error) from error


def leave_the_pipe() -> None:
    """Let what is still said on stdout go nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def not_shown(error: OSError) -> Failed:
    """The failure to raise where stdout takes nothing."""
    return Failed(
        f"The result could not be shown: {error.strerror or type(error).__name__}.",
        remedy="What was done is archived; see it with: trueup runs, trueup show latest",
    )


def is_seen_whole() -> bool:
    """Whether one person sees both stdout and stderr, so that nothing need be said on both."""
    return sys.stdout.isatty() and sys.stderr.isatty()


def is_for_a_person() -> bool:
    """Whether somebody sits at a terminal, and so may give another command soon; a schedule never does."""
    wanted = os.environ.get("TRUEUP_KEEP_SERVER", "yes").lower() not in {"0", "no", "false"}
    return wanted and all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stderr))


def say(renderable: RenderableType) -> None:
    """Show a result; where it is not a terminal, plain, unwrapped and without blanks at the ends of lines."""
    shown = Text(visible(renderable)) if isinstance(renderable, str) else renderable
    if sys.stdout.isatty():
        Console(highlight=False).print(shown)
        return
    plain = io.StringIO()
    Console(file=plain, highlight=False, width=120, no_color=True, force_terminal=False, soft_wrap=True).print(shown)
    _write("".join(f"{line.rstrip()}\n" for line in plain.getvalue().removesuffix("\n").split("\n")))


def note(sentence: str) -> None:
    """Say something by the way, on stderr."""
    Console(stderr=True, highlight=False, soft_wrap=True).print(Text(visible(redacted(sentence)), style="dim"))


def complain(error: TrueupError) -> None:
    """Say on stderr what went wrong and what to do."""
    words = {1: "Failed", 2: "Usage", 3: "Refused"}
    screen = Console(stderr=True, highlight=False, soft_wrap=True)
    message = redacted(error.message)
    if error.names and sys.stderr.isatty():
        from trueup.reports.keys import with_names

        message = with_names(message, error.names)
    screen.print(Text.assemble((f"{words.get(error.exit_code, 'Failed')}: ", "bold red"), visible(message)))
    if error.remedy:
        screen.print(Text(visible(redacted(error.remedy))))


def document(value: Any) -> None:
    """One JSON document on stdout and nothing else."""
    _documents.append(True)
    is_utf8 = sys.stdout.encoding.lower().replace("-", "") == "utf8"
    _write(json.dumps(value, ensure_ascii=not is_utf8, indent=2, default=str) + "\n")


def document_of_error(error: TrueupError) -> None:
    """The one JSON document of a command that ended by ``error`` before it had one to give."""
    if _documents:
        return
    refusals = [refusal.as_json() for refusal in error.refusals] if isinstance(error, Refused) else []
    message, remedy = redacted(error.message), redacted(error.remedy)
    document({"error": message, "remedy": remedy, "exit_code": error.exit_code, "refusals": refusals})


_documents: list[bool] = []


@contextmanager
def without_stdout() -> Iterator[None]:
    """Let nothing reach stdout: for flows of a service, where Prefect prints tracebacks while its server is away."""
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere, redirect_stdout(nowhere):
        yield


PROGRESS = "TRUEUP_PROGRESS"
"""Set by a process that began this one and wants to know how far it is: one JSON object a line on stderr."""
_PAUSE_S = 0.25
_told: list[float] = []
"""When it was told last; empty where nobody wants to know."""
_current: list[Bars] = []


def progress(stage: str, done: int, total: int | None = None) -> None:
    """Report to whatever bars are shown now; flows hand this on so that no object travels as a parameter."""
    if _current:
        _current[-1](stage, done, total)
    if _told and (time.monotonic() - _told[-1] > _PAUSE_S or done == total):
        _told[-1] = time.monotonic()
        with suppress(OSError):  # nobody listens any more; what is at work goes on
            sys.stderr.write(json.dumps({"stage": stage, "done": done, "total": total}) + "\n")
            sys.stderr.flush()


def end_bars() -> None:
    """Take away whatever bars are shown now: the process ends where it is."""
    if _current:
        _current[-1].end()


@contextmanager
def at_work(stage: str) -> Iterator[None]:
    """Show that ``stage`` is at work for the length of the block, on whatever bars are shown now."""
    with _current[-1].stage(stage) if _current else nullcontext():
        yield


@contextmanager
def bars(*, show: bool) -> Iterator[None]:
    """Show progress bars on stderr for the block, where stderr is a terminal; lines for a process that asks."""
    if PROGRESS in os.environ:
        _told.append(0.0)
    if not (show and sys.stderr.isatty()):
        yield
        return
    from trueup.flows.bars import drawn_on

    with drawn_on(Console(stderr=True)) as drawn:
        _current.append(drawn)
        try:
            yield
        finally:
            _current.pop()


def trace(error: BaseException) -> None:
    """With ``TRUEUP_DEBUG`` set, show the whole traceback on stderr; it may hold personal data."""
    if os.environ.get("TRUEUP_DEBUG"):
        traceback.print_exception(error, file=sys.stderr)


def raw_line(text: str) -> None:
    """One text on stdout as it is, at once, so that a pipe can act on it."""
    _write(text.rstrip("\n") + "\n")
