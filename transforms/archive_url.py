"""The address of an archive in an object store, taken apart."""

from __future__ import annotations

import hashlib

from trueup.transforms.setting_values import ARCHIVE_URL


def is_url(path: str) -> bool:
    """Whether ``[archive] path`` names an object store, not a folder."""
    return "://" in path


def parts_of(address: str) -> tuple[str, str, str]:
    """Scheme, bucket or container, prefix."""
    fits = ARCHIVE_URL.fullmatch(address)
    if fits is None:
        raise ValueError(address)
    return fits.group(1), fits.group(2), (fits.group(3) or "").strip("/")


def cache_name(address: str, endpoint: str = "") -> str:
    """The folder of this archive in the cache; another store at the same address has another one."""
    scheme, bucket, prefix = parts_of(address)
    own = hashlib.sha256(f"{endpoint.rstrip('/')}\n{scheme}://{bucket}/{prefix}".encode()).hexdigest()[:12]
    return f"{scheme}-{bucket}-{own}"
