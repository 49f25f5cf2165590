"""An object store, from its address: reached, and found out to do what an archive needs of it."""

from __future__ import annotations

import json
import secrets
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from trueup.connectors.archive.atomic_files import Access, on_disk, protect
from trueup.connectors.archive.cipher import keys_of
from trueup.connectors.archive.object_store import ObjectStore
from trueup.connectors.archive.places import attach, place_of
from trueup.connectors.archive.remote import RemotePlace
from trueup.connectors.archive.store import ABSENT, Changed
from trueup.connectors.archive.vault import Vault, opened_below
from trueup.connectors.secrets import reveal
from trueup.transforms.archive_url import parts_of
from trueup.transforms.errors import Misused, Refusal, Refused

if TYPE_CHECKING:
    from pathlib import Path

    from trueup.connectors.archive.store import Version
    from trueup.transforms.settings import Settings

_PROBE = "probe"
_ROUNDS = 3
_READ_RETRIES: dict[str, Any] = {"max_retries": 4, "retry_timeout": timedelta(seconds=30)}
_NO_RETRIES: dict[str, Any] = {"max_retries": 0}
_CLIENT: dict[str, Any] = {"timeout": "60s", "connect_timeout": "10s", "pool_idle_timeout": "20s"}
_REFERENCES = ("env:", "file:")
_AZURE = {"sas_token": "sas_key"}
_GOOGLE = {"endpoint": "base_url"}
"""Our names of options, where obstore has others."""


_KNOWN: set[str] = set()
"""Archives whose store this process has found fit."""


def reach(settings: Settings, root: Path, *, writable: bool) -> Path:
    """The archive's folder in the cache, with all records the store has by now; returns ``root``.

    Raises:
        Refused: the store does not keep two writers apart.
        Failed: it cannot be reached, listed or written; the disk is full.
    """
    with on_disk(f"The archive's cache {root} cannot be written"):
        root.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        root.mkdir(mode=0o700, exist_ok=True)
        protect(root, Access())
    place, keys = place_of(root), keys_of(settings)
    if not isinstance(place, RemotePlace) or place.vault.keys != keys:
        opened = opened_below(settings.place(settings.archive.cache), root) if keys else None
        vault = Vault(root, keys, opened)
        place = RemotePlace(
            reached(settings),
            vault,
            lease_seconds=settings.archive.lease_seconds,
            request_seconds=settings.target.timeout_seconds,
        )
    if writable and str(root) not in _KNOWN:
        refuse_without_conditions(place.objects)
        _KNOWN.add(str(root))
    attach(root, place)
    place.look_again()
    return root


def reached(settings: Settings, address: str = "") -> ObjectStore:
    """The store at ``[archive] path``, or another address, with ``[archive.options]``; nothing is asked of it yet.

    Raises:
        Misused: a reference does not resolve, or an option does not fit the store.
    """
    address = address or settings.archive.path
    options = {
        key: reveal(value, key=f"archive.options.{key}", folder=settings.folder).get_secret_value()
        if value.startswith(_REFERENCES)
        else value
        for key, value in settings.archive.options.items()
    }
    try:
        reads, writes = (_client(address, options, retries) for retries in (_READ_RETRIES, _NO_RETRIES))
    except Exception as error:
        if isinstance(error, TypeError) or type(error).__module__.startswith("obstore"):
            raise Misused(
                f"[archive.options] does not fit {address}: {type(error).__name__}.",
                remedy="See docs/archive.md for the options of each store.",
            ) from None  # the error's text may hold what an option says
        raise
    return ObjectStore(address, reads, writes)


def _client(address: str, options: dict[str, str], retries: dict[str, Any]) -> Any:
    from obstore.store import AzureStore, GCSStore, S3Store

    scheme, bucket, prefix = parts_of(address)
    client: Any = dict(_CLIENT)
    if options.get("endpoint", "").startswith("http://"):
        client["allow_http"] = True
    more: Any = {"client_options": client, "retry_config": retries}
    if scheme == "s3":
        config: Any = {"virtual_hosted_style_request": "false", **options}
        if "endpoint" in options:
            config.setdefault("region", "us-east-1")
        return S3Store(bucket, prefix=prefix or None, config=config, **more)
    if scheme == "az":
        return AzureStore(bucket, prefix=prefix or None, config=_renamed(options, _AZURE), **more)
    return GCSStore(bucket, prefix=prefix or None, config=_renamed(options, _GOOGLE), **more)


def _renamed(options: dict[str, str], names: dict[str, str]) -> Any:
    return {names.get(key, key): value for key, value in options.items()}


def refuse_without_conditions(store: ObjectStore) -> None:
    """Return where the store keeps two writers apart; found by letting two try, on an object of its own.

    Raises:
        Refused: both got through, or neither could: ``store_without_conditions``.
        Failed: the store cannot be reached, listed or written.
    """
    store.list()
    try:
        store.create_if_absent(_PROBE, _fresh())
    except FileExistsError:
        pass
    else:
        if _second_is_created(store):
            raise _unfit("it creates an object that is there already")
    for _ in range(_ROUNDS):
        seen = store.version(_PROBE)
        if seen == ABSENT:
            raise _unfit("an object that was just written is not there")
        with ThreadPoolExecutor(2) as both:
            won = list(both.map(partial(_replaces, store, seen), (_fresh(), _fresh())))
        if all(won) or _replaces(store, seen, _fresh()):
            raise _unfit("of two who replace what they have seen, both get through")
        if any(won):
            return


def _second_is_created(store: ObjectStore) -> bool:
    try:
        store.create_if_absent(_PROBE, _fresh())
    except FileExistsError:
        return False
    return True


def _replaces(store: ObjectStore, seen: Version, content: bytes) -> bool:
    try:
        store.replace_if_match(_PROBE, content, seen)
    except Changed:
        return False
    return True


def _fresh() -> bytes:
    return json.dumps({"fresh": secrets.token_hex(16)}).encode()


def _unfit(why: str) -> Refused:
    return Refused(
        Refusal(
            "store_without_conditions",
            f"The object store cannot hold an archive: {why}.",
            remedy="Use one that honours If-None-Match and If-Match on writes (docs/archive.md), or a folder.",
        )
    )
