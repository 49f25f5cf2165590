"""How a command ends: its exit code, and in words what went wrong."""

from __future__ import annotations

import atexit
import os
import sys
import traceback
from typing import TYPE_CHECKING

import typer
from typer.exceptions import TyperException

from trueup.flows import screen
from trueup.flows.termination import heed, is_ctrl_c, say_stopped
from trueup.transforms.errors import Misused, TrueupError
from trueup.transforms.vocabulary import Exit

if TYPE_CHECKING:
    from collections.abc import Callable

_INTERRUPTED = 130


def _misuse(error: TyperException) -> Misused:
    """Which words do not fit; where there were none, which there are."""
    context = getattr(error, "ctx", None)
    message = error.format_message()
    if context is None:
        return Misused(message, remedy="See: trueup --help")
    if "\n" in message:
        return Misused("a command is missing.", remedy=message)
    return Misused(message, remedy=f"See: {context.command_path} --help")


def _ended_by(error: TrueupError) -> int:
    """Say what ended the command: in words on stderr, and with ``--json`` as the one document on stdout."""
    screen.complain(error)
    if "--json" in sys.argv:
        screen.document_of_error(error)
    _let_go(error)
    return error.exit_code


def _let_go(error: BaseException | None) -> None:
    """Close what the frames behind ``error`` still hold open: DuckDB would complain of it when the process ends."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        traceback.clear_frames(error.__traceback__)
        error = error.__cause__ or error.__context__


def end_quickly() -> Callable[[int], None]:
    """Have the process gone as soon as its threads and exit handlers are done; call this before others register theirs.

    Python would then free everything it holds object by object, module by module: a second of a small company's plan,
    for memory that the system takes back at once. Whatever must happen at the end happens before: exit handlers run
    in the opposite order of their registration, so that this one is the last.

    Returns:
        what to tell the exit code; untold it is that of a failure.
    """
    codes = [int(Exit.FAILED)]

    def leave() -> None:
        code = codes[-1]
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except BrokenPipeError:
                pass  # the reader has seen enough
            except (OSError, ValueError):
                code = code or int(Exit.FAILED)  # what was said is lost
        os._exit(code)

    atexit.register(leave)
    return codes.append


def run_to_its_end(app: typer.Typer) -> int:
    """Run the command line; returns the exit code of the README's table. What went wrong has been said."""
    screen.made_ready()
    heed()
    code = _run(app)
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        screen.leave_the_pipe()
    except OSError as error:
        screen.leave_the_pipe()
        failed = screen.not_shown(error)
        screen.complain(failed)
        return code or failed.exit_code
    return code


def _said(done: SystemExit) -> int | None:
    """The code of what Typer ends by itself: a shell that completes a line, a help text nobody reads to its end."""
    if isinstance(done.__context__, BrokenPipeError):
        return Exit.DONE
    return Exit.FAILED if isinstance(done.code, str) else done.code


def _ended_unforeseen(error: Exception) -> int:
    from trueup.flows import unforeseen

    return _ended_by(unforeseen.told(error))


def _run(app: typer.Typer) -> int:
    code: int | None
    try:
        code = app(standalone_mode=False)
        if code == _INTERRUPTED:
            raise typer.Abort  # Typer made of Ctrl-C a code that is none of ours
    except typer.Exit as done:
        code = done.exit_code
    except SystemExit as done:
        code = _said(done)
    except (typer.Abort, KeyboardInterrupt):
        code = say_stopped()
    except Exception as error:
        ended = say_stopped() if is_ctrl_c(error) else _ended_as_foreseen(error)
        if ended is None and os.environ.get("TRUEUP_DEBUG"):
            raise
        code = _ended_unforeseen(error) if ended is None else ended
    return code if isinstance(code, int) else Exit.DONE


def _ended_as_foreseen(error: Exception) -> int | None:
    match error:
        case TyperException():
            return _ended_by(_misuse(error))
        case TrueupError():
            return _ended_by(error)
        case BrokenPipeError():
            screen.leave_the_pipe()
            return Exit.DONE
    return None
