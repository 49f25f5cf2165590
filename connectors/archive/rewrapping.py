"""A new configured key: every keyset is wrapped by it, and nothing else is written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from trueup.connectors.archive import reading
from trueup.connectors.archive.atomic_files import on_disk
from trueup.connectors.archive.cipher import KEY_FILE, OF_ARCHIVE, key_id, unwrapped, wrapped
from trueup.connectors.archive.places import place_of, vault_of
from trueup.connectors.archive.remote import RemotePlace
from trueup.connectors.archive.store import Changed
from trueup.transforms.doctor import Line
from trueup.transforms.errors import Misused

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Rewrapped:
    """What there was to do."""

    key_id: str
    rewrapped: int
    encrypted: int
    """Keysets in all."""


def rewrap(root: Path) -> Rewrapped:
    """Every key file is wrapped by the configured key; killed in between, the next time goes on.

    Raises:
        Misused: no key is configured.
        Failed: a keyset is wrapped by neither of the configured keys.
        Refused: a key file is damaged.
    """
    place, keys = place_of(root), vault_of(root).keys
    if keys is None:
        raise Misused("No key is configured.", remedy="Set [archive] encryption_key.")
    done = every = 0
    for run_id in (OF_ARCHIVE, *(files.run_id for files in reading.directories(root))):
        name = KEY_FILE if run_id == OF_ARCHIVE else f"{run_id}/{KEY_FILE}"
        while True:
            seen = place.shared.version(name)
            if not seen.mark:
                break
            cipher = unwrapped(keys, run_id, place.shared.read(name))
            if cipher.key_id == key_id(keys.current):
                every += 1
                break
            content = wrapped(keys, cipher)
            with on_disk(f"{name} cannot be written"):
                try:
                    now = place.shared.replace_if_match(name, content, seen)
                except Changed:
                    continue
            if isinstance(place, RemotePlace) and run_id != OF_ARCHIVE:
                place.mirror.take(name, content, now)
            done += 1
    return Rewrapped(key_id(keys.current), done, every)


def at_rest(root: Path) -> list[Line]:
    """What doctor says: whether the oldest and the newest encrypted run open, and how many are in clear.

    Raises:
        TrueupError: one does not open.
    """
    vault = vault_of(root)
    runs = [files.run_id for files in reading.sealed(root)]
    encrypted = [run_id for run_id in runs if vault.is_encrypted(run_id)]
    if vault.keys is None and not encrypted:
        return []
    ciphers = [cipher for run_id in {*encrypted[:1], *encrypted[-1:]} if (cipher := vault.cipher(run_id)) is not None]
    for cipher in ciphers:
        reading.read_manifest(place_of(root).run(cipher.run_id))
    lines = []
    if encrypted:
        text = f"{len(encrypted)} runs are encrypted; the newest and the oldest of them open with the configured key."
        lines.append(Line("ok", "archive key", text))
    if older := len(runs) - len(encrypted):
        text = f"{older} runs are older than the key and lie in clear."
        remedy = "They go with [archive] keep_days; or encrypt them: trueup archive copy FROM TO --move"
        lines.append(Line("warning", "archive key", text, remedy))
    if vault.keys is not None and any(cipher.key_id != key_id(vault.keys.current) for cipher in ciphers):
        text = "Keysets are still wrapped by the key before."
        lines.append(Line("warning", "archive key", text, "Wrap them anew: trueup archive rewrap"))
    return lines
