"""No secret this process has held gets out by way of somebody else's words.

A server, a proxy or a library may hand back all that it was given: a token in a SCIM error's ``detail``, a client
secret in a sign-in error, a webhook's address in an exception. Whatever we reveal or receive as a secret is therefore
remembered here, in memory only, and cut out of such texts in every spelling it may have taken on the way.
"""

from __future__ import annotations

import base64
import contextlib
import html
import json
import re
import threading
from functools import lru_cache
from urllib.parse import quote, quote_plus, unquote, urlsplit

REMOVED = "(removed)"
SHORTEST = 8
"""Shorter ones are words of our own sentences ("token"): in those they stay."""
SHORTEST_IN_FOREIGN_TEXT = 4
_BEGINNING = 12
"""Whoever quotes a long secret only in part gives away no more than this many letters less one."""

_held: set[str] = set()
_lock = threading.Lock()


def remember(secret: str) -> str:
    """Return ``secret``, which ``redacted`` will know from now on."""
    if secret.strip():
        with _lock:
            _held.update({secret, secret.strip()})
    return secret


def remember_address(address: str) -> str:
    """Return ``address``, known from now on with the parts of it that are secrets by themselves.

    Its host is none: other addresses of ours, and of the same company, begin alike.
    """
    remember(address)
    with contextlib.suppress(ValueError):
        if password := urlsplit(address).password:
            remember(unquote(password))
    for part in re.split(r"[:/?&=@#,;]+", address):
        if len(part) >= SHORTEST and "." not in part and any(letter.isdigit() for letter in part):
            remember(unquote(part))
    return address


def redacted(text: str, *, shortest: int = SHORTEST) -> str:
    """``text`` without any secret this process has held: as it was, in a URL, JSON, HTML, hexadecimal or base64."""
    with _lock:
        secrets = frozenset(secret for secret in _held if len(secret) >= shortest)
    return _pattern(secrets).sub(REMOVED, text) if secrets and text else text


def foreign(text: str) -> str:
    """Words of a server or a library, fit to be kept: short secrets are cut out as well."""
    return redacted(text, shortest=SHORTEST_IN_FOREIGN_TEXT)


@lru_cache(maxsize=16)
def _pattern(secrets: frozenset[str]) -> re.Pattern[str]:
    spelt = {spelling for secret in secrets for spelling in _spellings(secret)}
    whole = [re.escape(one) for one in sorted(spelt, key=lambda one: (-len(one), one))]
    begun = [
        re.escape(secret[: _beginning(secret)]) + r"[^\s\"'<>,;]*"
        for secret in sorted(secrets)
        if len(secret) >= _BEGINNING + _beginning(secret)
    ]
    return re.compile("|".join([*whole, *begun]), re.IGNORECASE)


def _beginning(secret: str) -> int:
    """How many letters tell ``secret`` from all else: of an address more, as others begin with its host."""
    scheme, mark, rest = secret.partition("://")
    authority = rest.partition("/")[0]
    if not mark:
        return _BEGINNING
    return len(scheme) + len(mark) + _BEGINNING + (0 if "@" in authority else len(authority) + 1)


def _spellings(secret: str) -> set[str]:
    plain = secret.encode("utf-8", "surrogateescape")
    found = {secret, quote(plain), quote(plain, safe=""), quote_plus(plain), html.escape(secret), plain.hex()}
    for escaped in (json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1], repr(secret)[1:-1]):
        safe_for_html = escaped.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
        found |= {escaped, escaped.replace("/", "\\/"), safe_for_html, safe_for_html.replace("+", "\\u002b")}
    for encode in (base64.standard_b64encode, base64.urlsafe_b64encode):
        for offset in range(3):
            # In the middle of a longer text: only what does not depend on its neighbours.
            end = len(plain) + offset
            whole = encode(b"\0" * offset + plain).decode()
            found.add(whole[-(-offset * 4 // 3) : end // 3 * 4])
    return {one for one in found if len(one) >= SHORTEST_IN_FOREIGN_TEXT}
