"""Tell somebody: a webhook, a command. Counts and the report's place only, no personal data."""

from __future__ import annotations

import os
import shlex
import subprocess
from typing import TYPE_CHECKING

from trueup.transforms.errors import Misused, TrueupError

if TYPE_CHECKING:
    from trueup.transforms.manifest import Manifest
    from trueup.transforms.settings import Settings

SECONDS = 20


def sentence_of(manifest: Manifest) -> str:
    """One run in one sentence, without personal data."""
    if manifest.outcome == "failed":
        return f"Trueup run {manifest.run_id} failed. Nothing was written."
    counts = ", ".join(f"{count} {word}" for word, count in manifest.counts.items() if count)
    if manifest.outcome == "refused":
        reasons = ", ".join(sorted({refusal.code for refusal in manifest.refusals}))
        return f"Trueup run {manifest.run_id} was refused ({reasons}). {counts}."
    if manifest.outcome == "nothing_to_do":
        return f"Trueup run {manifest.run_id}: nothing to do. {counts}."
    return f"Trueup run {manifest.run_id} is ready for review: {counts}; {manifest.changes} attribute changes."


def tell(settings: Settings, sentence: str, place: str) -> str:
    """Post ``sentence`` and the report's ``place`` where ``[notify]`` says; returns what went wrong, or nothing.

    A message that does not arrive never fails a run. The command gets the text as ``TRUEUP_MESSAGE`` and the place
    as ``TRUEUP_REPORT`` in its environment.
    """
    problems = []
    if settings.notify.url:
        problems.append(_post(settings, f"{sentence}\n{place}"))
    if settings.notify.command:
        problems.append(_run(settings.notify.command, sentence, place))
    return " ".join(problem for problem in problems if problem)


def _post(settings: Settings, text: str) -> str:
    import httpx

    try:
        response = httpx.post(_address(settings), json={"text": text}, timeout=SECONDS)
        response.raise_for_status()
    except httpx.HTTPStatusError as error:
        return f"The notification was not taken: HTTP {error.response.status_code}."
    except (httpx.HTTPError, httpx.InvalidURL, TrueupError) as error:
        return f"The notification could not be sent ({type(error).__name__})."
    return ""


def _address(settings: Settings) -> str:
    from trueup.connectors.secrets import reveal

    address = settings.notify.url
    if address.startswith(("env:", "file:")):
        address = reveal(address, key="notify.url", folder=settings.folder).get_secret_value()
    if not address.startswith(("https://", "http://")):
        raise Misused("notify.url is not an address.", remedy="It begins with https://.")
    return address


def _run(command: str, sentence: str, place: str) -> str:
    words = shlex.split(command)
    try:
        done = subprocess.run(  # noqa: S603 - the operator's own command, no shell
            words,
            check=False,
            timeout=SECONDS,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "TRUEUP_MESSAGE": sentence, "TRUEUP_REPORT": place},
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"The notification command could not be run ({type(error).__name__})."
    return f"The notification command ended with {done.returncode}." if done.returncode else ""
