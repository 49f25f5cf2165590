"""Texts and JSON without one person: rows about them go, and what names them elsewhere gives way to a token. Pure.

What others are called is never touched: an address within a longer address, a name within a longer name.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from trueup.transforms.erasure.person import is_name, json_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trueup.transforms.erasure.person import Person

_BEFORE, _AFTER = r"(?<![\w.+\-%@])", r"(?![\w\-@]|\.\w)"
SENTENCES = frozenset(
    ["reason", "because", "remedy", "problem", "text", "message", "note", "notes", "error", "excluded_by", "signals"]
)
"""Names of columns and members that hold sentences: a single word of a name counts there too."""
_ASIDE = frozenset({"who", "identity", "sha256", "previous_sha256", "previous_manifest_sha256", "fingerprint", "files"})
"""Members of records that say who decided, or are hashes: they stay."""
_SELECTORS = frozenset({"only", "exclude", "keys", "looked"})
"""Members of acts, manifests and reviews that list people by key, also as KEY/ATTRIBUTE."""
GONE = object()
"""The value of what goes altogether."""


def without(text: str, person: Person, *, sentence: bool = False) -> str:
    """``text`` with the person's names, addresses and ids replaced by the token."""
    pattern = _pattern(person, sentence)
    return pattern.sub(lambda found: found.group() if found.group().lower() in person.kept else person.token, text)


def names(text: str, person: Person) -> bool:
    """Whether a text, in whatever escaping it stands, names the person."""
    return without(text, person, sentence=True) != text


def forgotten(value: Any, person: Person, at: str = "") -> Any:
    """A JSON value without the person; :data:`GONE` where all of it is about them.

    Args:
        value: what ``json.loads`` gives.
        person: who goes.
        at: the path of the value, which says whether it names somebody else.
    """
    if isinstance(value, dict):
        if _is_about(value, person):
            return GONE
        of = str(value.get("attribute") or at)
        pairs = {
            name: one if name in _ASIDE else forgotten(one, person, f"{of}.{name}" if of else name)
            for name, one in value.items()
            if name not in person.keys
        }
        return {name: one for name, one in pairs.items() if one is not GONE}
    if isinstance(value, list):
        kept = [one for each in value if (one := forgotten(each, person, at)) is not GONE]
        return _scalars_of_others(kept, person) if len(kept) < len(value) else kept
    return text_at(value, person, at) if isinstance(value, str) else value


def text_at(text: str, person: Person, at: str) -> str:
    """A text that stands at path ``at``: what names its own person stays, what names this one goes."""
    if (inner := json_in(text)) is not None:
        said = forgotten(inner, person, "" if at == "resource" else at)
        return text if said == inner else json.dumps(None if said is GONE else said, ensure_ascii=False)
    last = re.split(r"[.:\]/]", at)[-1]
    key, slash, rest = text.partition("/")
    if last in _SELECTORS and key in person.keys:
        return f"{person.token}{slash}{rest}"
    if "manager" in at.lower():
        return _of_a_manager(text, person)
    if text in person.keys and text in person.sought:
        return person.token
    return text if is_name(at) else without(text, person, sentence=last in SENTENCES)


def _of_a_manager(text: str, person: Person) -> str:
    """What stands where somebody else must stand: there an id or a name counts however short it is."""
    if text in person.bare or text in person.words or text in person.keys:
        return person.token
    head, slash, tail = text.rpartition("/")
    return f"{head}{slash}{person.token}" if tail in person.keys else without(text, person, sentence=True)


def lines_without(content: bytes, person: Person) -> bytes:
    """JSON Lines without the lines about the person, and without what names them in others."""
    kept: list[bytes] = []
    for line in content.splitlines(keepends=True):
        try:
            record = json.loads(line)
        except ValueError:
            # A line cut short by a crash stays unreadable, and says nothing any more where it names the person.
            text = line.decode(errors="replace")
            kept.append(b"{\n" if any(one in text for one in person.keys | person.words) else line)
            continue
        said = forgotten(record, person)
        if said is not GONE:
            kept.append(line if said == record else json.dumps(said, ensure_ascii=False).encode() + b"\n")
    return b"".join(kept)


@lru_cache(maxsize=8)
def _pattern(person: Person, sentence: bool) -> re.Pattern[str]:  # noqa: FBT001 - the cache knows it by place
    sought = {*person.sought, *(one for one in person.words | person.clear if sentence and len(one) > 4)}
    every = sorted({*sought, *(one for one in person.kept)}, key=len, reverse=True)
    if not sought:
        return re.compile(r"(?!)")
    return re.compile(f"{_BEFORE}(?:{'|'.join(re.escape(one) for one in every)}){_AFTER}", re.IGNORECASE)


def _is_about(value: dict[str, Any], person: Person) -> bool:
    own = [value.get(name) for name in ("key", "source_id", "profile_id")]
    return any(isinstance(one, str) and one in person.keys for one in own)


def _scalars_of_others(kept: list[Any], person: Person) -> list[Any]:
    return [one for one in kept if not (isinstance(one, str) and one in person.values)]


def spellings(word: str) -> Iterator[str]:
    """How a word may stand in a file: as it is, and as JSON writes it in ASCII."""
    yield word
    if (escaped := json.dumps(word)[1:-1]) != word:
        yield escaped
    if "/" in word:
        yield word.replace("/", "\\/")
