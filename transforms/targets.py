"""When two addresses mean the same target."""

from __future__ import annotations

import hashlib
from urllib.parse import urlsplit, urlunsplit


def same_target(url: str) -> str:
    """One spelling per target: no credentials, lower-case host, no default port, no slash at the end."""
    parts = urlsplit(url.strip())
    host = (parts.hostname or "").lower()
    if ":" in host:
        host = f"[{host}]"
    usual = {"http": 80, "https": 443}.get(parts.scheme.lower())
    if parts.port not in (None, usual):
        host = f"{host}:{parts.port}"
    return urlunsplit((parts.scheme.lower(), host, parts.path.rstrip("/"), parts.query, ""))


def target_digest(url: str) -> str:
    """A target's name in names of files: the same for every spelling of its address."""
    return hashlib.sha256(same_target(url).encode()).hexdigest()[:16]
