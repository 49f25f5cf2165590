"""Encryption at rest: one keyset a run, wrapped by the configured key, and every file of the run under it.

The keyset is Tink's ``AES256_GCM_HKDF_1MB`` (streaming AEAD); what is encrypted is bound to the run and to the file's
name, so that bytes of one file in another's place open nowhere. ``key.json`` holds the wrapped keyset, beside the run's
files and outside all hashes: a new configured key means new wrapping, and nothing else is written.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import io
import json
import os
import secrets
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import IO, TYPE_CHECKING, Any, cast

from typing_extensions import override

from trueup.connectors.secrets import reveal
from trueup.transforms.errors import Failed, Misused, Refusal, Refused
from trueup.transforms.manifest import SCHEMA_VERSION

if TYPE_CHECKING:
    from _typeshed import SupportsWrite

    from trueup.transforms.settings import Settings

KEY_FILE = "key.json"
"""In a run's directory, and in the archive itself for what belongs to no run; in clear."""
OF_ARCHIVE = "archive"
"""In the place of a run's id, for what belongs to no run."""
_BYTES = 32
_NONCE = 12
_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Keys:
    """What the configuration gives; never shown."""

    current: bytes = field(repr=False)
    previous: bytes | None = field(default=None, repr=False)


def keys_of(settings: Settings) -> Keys | None:
    """The keys of ``[archive]``; None where there is none, and the archive is written in clear.

    Raises:
        Misused: a reference does not resolve, or does not hold 32 bytes in base64.
    """
    said = settings.archive
    if not said.encryption_key:
        if said.encryption_key_previous:
            raise Misused(
                "archive.encryption_key_previous is set, and archive.encryption_key is not.",
                remedy="Set the new key as encryption_key, or take encryption_key_previous out.",
            )
        return None
    previous = said.encryption_key_previous
    return Keys(
        _key(settings, "encryption_key", said.encryption_key),
        _key(settings, "encryption_key_previous", previous) if previous else None,
    )


def _key(settings: Settings, name: str, reference: str) -> bytes:
    value = reveal(reference, key=f"archive.{name}", folder=settings.folder).get_secret_value()
    try:
        key = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != _BYTES:
        raise Misused(
            f"archive.{name}: what {reference.partition(':')[0]}:… leads to is not {_BYTES} bytes in base64.",
            remedy="Make one: openssl rand -base64 32. Keep it where a lost disk does not take it along.",
        ) from None
    return key


def key_id(key: bytes) -> str:
    """A name for a key that says nothing of it."""
    return hmac.new(key, b"trueup: name of this key", hashlib.sha256).hexdigest()[:16]


@dataclass(frozen=True)
class Cipher:
    """Opens and closes the files of one run."""

    run_id: str
    key_id: str
    """Of the configured key that wraps its keyset."""
    keyset: bytes = field(repr=False)

    @cached_property
    def _primitive(self) -> Any:
        from tink import proto_keyset_format, secret_key_access

        streaming_aead = _streaming_aead()
        return proto_keyset_format.parse(self.keyset, secret_key_access.TOKEN).primitive(streaming_aead.StreamingAead)

    def encrypt(self, name: str, content: bytes) -> bytes:
        """``content`` as it is kept under ``name``."""
        into = _Kept()
        self.encrypt_stream(name, io.BytesIO(content), into)
        return into.content

    def encrypt_stream(self, name: str, source: IO[bytes], into: IO[bytes]) -> None:
        """The same, piece by piece; ``into`` is closed."""
        with self._primitive.new_encrypting_stream(into, self._bound(name)) as sink:
            while block := source.read(_BLOCK):
                sink.write(block)

    def decrypt(self, name: str, content: bytes) -> bytes:
        """What is kept under ``name``.

        Raises:
            Refused: these bytes are not what was written there.
        """
        into = io.BytesIO()
        self.decrypt_stream(name, io.BytesIO(content), into)
        return into.getvalue()

    def decrypt_stream(self, name: str, source: IO[bytes], into: SupportsWrite[bytes]) -> None:
        """The same, piece by piece."""
        from tink import TinkError

        try:
            with self._primitive.new_decrypting_stream(source, self._bound(name)) as opened:
                while block := opened.read(_BLOCK):
                    into.write(block)
        except TinkError:
            raise _damaged(self.run_id, f"{name} is not what was written") from None

    def _bound(self, name: str) -> bytes:
        return f"{self.run_id}/{name}".encode()


@cache
def _streaming_aead() -> Any:
    """Made known to Tink once: that takes longer than to open a run's records."""
    from tink import streaming_aead

    streaming_aead.register()
    return streaming_aead


class _Kept(io.BytesIO):
    """Says what was written to it after it was closed, as Tink closes it."""

    content = b""

    @override
    def close(self) -> None:
        if not self.closed:
            self.content = self.getvalue()
        super().close()


def new_cipher(keys: Keys, run_id: str) -> Cipher:
    """A new keyset for a run."""
    import tink
    from tink import proto_keyset_format, secret_key_access

    streaming_aead = _streaming_aead()
    handle = tink.new_keyset_handle(streaming_aead.streaming_aead_key_templates.AES256_GCM_HKDF_1MB)
    keyset = cast("bytes", proto_keyset_format.serialize(handle, secret_key_access.TOKEN))
    return Cipher(run_id, key_id(keys.current), keyset)


def wrapped(keys: Keys, cipher: Cipher) -> bytes:
    """``key.json``: the run's keyset, wrapped by the configured key; another text each time."""
    nonce = os.urandom(_NONCE)
    sealed = nonce + _aead(keys.current).encrypt(nonce, cipher.keyset, _bound(cipher.run_id))
    said = {
        "run_id": cipher.run_id,
        "schema_version": SCHEMA_VERSION,
        "key_id": key_id(keys.current),
        "keyset": base64.b64encode(sealed).decode(),
        "fresh": secrets.token_hex(16),
    }
    return json.dumps(said, indent=2).encode() + b"\n"


def unwrapped(keys: Keys | None, run_id: str, content: bytes) -> Cipher:
    """The cipher of the run whose ``key.json`` this is.

    Raises:
        Misused: no key is configured.
        Failed: it was wrapped by another key.
        Refused: it is damaged, that of another run, or of a later version.
    """
    try:
        said = json.loads(content)
        owner, version, name = str(said["run_id"]), int(said["schema_version"]), str(said["key_id"])
        sealed = base64.b64decode(said["keyset"], validate=True)
    except (ValueError, KeyError, TypeError):
        raise _damaged(run_id, f"{KEY_FILE} is not readable") from None
    if version > SCHEMA_VERSION:
        raise Refused(
            Refusal(
                "format_newer",
                f"{_called(run_id)} has format {version}; this version of Trueup reads formats up to {SCHEMA_VERSION}.",
                remedy="Use a later version of Trueup with this archive.",
            )
        )
    if keys is None:
        raise Misused(
            f"{_called(run_id)} is encrypted, and no key is configured.",
            remedy="Set [archive] encryption_key to a reference to the key (its id is "
            f"{_plain(name)}), and give the configuration rather than the folder.",
        )
    for key in (keys.current, keys.previous):
        if key is not None and key_id(key) == name:
            return Cipher(run_id, name, _opened(key, run_id, owner, sealed))
    raise Failed(
        f"{_called(run_id)} is encrypted with another key (id {_plain(name)}) than those configured "
        f"({', '.join(key_id(key) for key in (keys.current, keys.previous) if key is not None)}).",
        remedy="Set [archive] encryption_key to that key; after a change of keys, set the old one as "
        "encryption_key_previous until trueup archive rewrap has run.",
    )


def _opened(key: bytes, run_id: str, owner: str, sealed: bytes) -> bytes:
    from cryptography.exceptions import InvalidTag

    if owner != run_id:
        raise _damaged(run_id, f"{KEY_FILE} is that of another run")
    try:
        return cast("bytes", _aead(key).decrypt(sealed[:_NONCE], sealed[_NONCE:], _bound(run_id)))
    except (InvalidTag, ValueError):
        raise _damaged(run_id, f"{KEY_FILE} is not what was written") from None


def _aead(key: bytes) -> Any:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    return AESGCM(key)


def _bound(run_id: str) -> bytes:
    return f"{run_id}/{KEY_FILE}".encode()


def _plain(name: str) -> str:
    return name if name.isalnum() and len(name) <= _BYTES else "unreadable"


def _called(run_id: str) -> str:
    return "The archive" if run_id == OF_ARCHIVE else f"Run {run_id}"


def _damaged(run_id: str, text: str) -> Refused:
    return Refused(
        Refusal(
            "run_damaged",
            f"{_called(run_id)} is damaged: {text}.",
            remedy="Look at all of it with: trueup verify --archive. Restore it from your backup, or move it out of "
            "the archive.",
        )
    )
