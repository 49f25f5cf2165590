"""After each run and each act: its figures go where ``[metrics]`` says. What does not arrive fails nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trueup.flows import screen
from trueup.flows.safe_errors import sanitize_errors
from trueup.transforms.errors import Failed

if TYPE_CHECKING:
    from trueup.transforms.history import History
    from trueup.transforms.settings import Settings


def measure(settings: Settings, history: History | None = None) -> None:
    """Leave the figures of the newest run; ``history`` where it is at hand."""
    if not (settings.metrics.textfile or settings.metrics.otlp):
        return
    from trueup.connectors.archive import open_archive
    from trueup.transforms.measures import measures

    found = measures(history or open_archive(settings).history(settings.target.url))
    target = settings.target.url
    if settings.metrics.textfile:
        from trueup.connectors.metrics.textfile import write_textfile

        try:
            write_textfile(settings.place(settings.metrics.textfile), found, target)
        except OSError as error:
            screen.note(
                f"The file of [metrics] textfile could not be written: {error.strerror or type(error).__name__}."
            )
    if settings.metrics.otlp:
        from trueup.connectors.metrics.otlp import send_otlp

        try:
            problem = sanitize_errors("sending the figures")(send_otlp)(settings.metrics.otlp, found, target)
        except Failed as error:
            problem = error.message.rstrip(".")
        if problem:
            screen.note(f"The figures could not be sent to [metrics] otlp: {problem}.")
