"""What a server said, and how it is told to a person: any body becomes a sentence."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import orjson

from trueup.connectors.http.retry import stated_wait
from trueup.connectors.redaction import REMOVED, foreign
from trueup.connectors.secrets import code_word

if TYPE_CHECKING:
    from collections.abc import Mapping

OK = range(200, 300)
_LENGTH_OF_A_DETAIL = 160
_LONGEST_PAUSE_S = 600.0
_TAG = re.compile(r"<(script|style)\b.*?</\1\s*>|<[^>]*>", re.IGNORECASE | re.DOTALL)
_SECRET = re.compile(r"(?i)\b(bearer|token|authorization|basic)\b[\s:=\"']+\S+|[A-Za-z0-9_\-]{24,}\.[A-Za-z0-9_\-.]+")
_BLANKS = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069]+")


@dataclass(frozen=True)
class Answer:
    """One response, or (``status`` 0) the lack of one. Its JSON is parsed once and shared, so nobody may change it."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    trouble: str = ""
    """Name of the transport error when there was no response."""
    sent: bool = True
    """False when the request certainly never reached the server."""

    @property
    def is_ok(self) -> bool:
        """Whether the server said yes."""
        return self.status in OK

    @property
    def is_lost(self) -> bool:
        """Whether the request may have been carried out all the same: no answer, or one of the 500s."""
        return (self.status == 0 and self.sent) or (self.status >= 500 and self.status != 501)

    @cached_property
    def json(self) -> Any:
        """The body as JSON; none for an empty or another body."""
        return parsed(self.body)

    @property
    def resource(self) -> dict[str, Any] | None:
        """The body when it is one resource with an id."""
        read = self.json
        return read if isinstance(read, dict) and read.get("id") not in (None, "") else None

    @property
    def scim_type(self) -> str:
        """``scimType`` of a SCIM error, else empty."""
        read = self.json
        return code_word(read.get("scimType")) if isinstance(read, dict) else ""

    @property
    def pause(self) -> float | None:
        """Seconds the server asked to wait, ten minutes at most; none if it did not."""
        wait = stated_wait(self.headers.get("retry-after"))
        return None if wait is None else min(wait, _LONGEST_PAUSE_S)


def parsed(body: bytes) -> Any:
    """``body`` as JSON, lone surrogates replaced; none when it is not JSON at all."""
    if not body:
        return None
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        pass
    try:
        loose = json.loads(body)
        text = json.dumps(loose, ensure_ascii=False).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def sentence(answer: Answer, *, with_detail: bool = False) -> str:
    """What the server answered, in words.

    Args:
        answer: from any server: SCIM error, HTML, text or nothing.
        with_detail: adds the server's own words, cut short, without markup, control characters, any secret of ours
            in whatever spelling, and anything that looks like a token. They may hold personal data: for the archive,
            never for logs or errors.
    """
    if answer.status == 0:
        return f"no answer ({answer.trouble or 'connection lost'})"
    kind = f", {answer.scim_type}" if answer.scim_type else ""
    text = f"answered {answer.status}{kind}"
    detail = _detail(answer) if with_detail and not answer.is_ok else ""
    return f"{text}: {detail}" if detail else text


def _detail(answer: Answer) -> str:
    read = answer.json
    words: Any = None
    if isinstance(read, dict):
        words = next((read[name] for name in ("detail", "message", "error", "title") if read.get(name)), None)
    elif read is None:
        words = _TAG.sub(" ", foreign(answer.body.decode("utf-8", "replace"))[:4000])
    # A secret is known by its letters; so before markup and blanks go, and again where they stood between the letters.
    text = foreign(_BLANKS.sub(" ", foreign(str(words or ""))))
    text = _SECRET.sub(REMOVED, text).strip()
    return text if len(text) <= _LENGTH_OF_A_DETAIL else text[:_LENGTH_OF_A_DETAIL].rstrip() + "…"
