"""An object store behind the same few things: read, create if absent, replace if match, list; through ``obstore``.

A request that was not answered (500, 503, a reset, a lost answer) may have taken place. Whether it did is found out
by reading: everything that is replaced carries a fresh random number, so that what is ours is known as ours. An S3
ETag is a hash of the content: with equal bytes two writers would both win.
"""

from __future__ import annotations

import re
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast

import obstore
from obstore.exceptions import (
    AlreadyExistsError,
    BaseError,
    NotFoundError,
    NotSupportedError,
    PermissionDeniedError,
    PreconditionError,
    UnauthenticatedError,
)

from trueup.connectors.archive.store import ABSENT, Changed, Version
from trueup.transforms.errors import Failed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import datetime
    from pathlib import Path

    from obstore import UpdateVersion
    from obstore.store import ObjectStore as Client

T = TypeVar("T")
AT_ONCE = 16
"""Requests under way at a time where many objects are brought or sent."""
_PAUSES = (0.1, 0.3, 1.0, 3.0)
"""Seconds between tries of a write that was not answered."""
_NOT_FOUND = (NotFoundError, FileNotFoundError)
_REFUSED = re.compile(r"status code: 40[13]\b|\(code: AccessDenied\)")
"""Of a list that was refused, and of a removal, which S3 answers with 200 and says for each object."""
_DENIED = (PermissionDeniedError, UnauthenticatedError)


@dataclass(frozen=True, slots=True)
class Seen:
    """An object as the list shows it."""

    size: int
    modified: datetime
    mark: str
    """Another one after each replacement."""


class Unanswered(Exception):
    """Nothing is known of a write: it may have taken place, or may yet."""


@dataclass(frozen=True, slots=True)
class ObjectStore:
    """Objects under one prefix of one bucket or container."""

    name: str
    """What to call it in messages: its address."""
    reads: Client
    writes: Client
    """The same place, but whose failed requests are not sent again by themselves."""

    def read(self, name: str) -> bytes:
        """See :class:`~trueup.connectors.archive.store.Store`."""
        return self.get(name)[0]

    def get(self, name: str) -> tuple[bytes, Version]:
        """All of it, and which content it is.

        Raises:
            FileNotFoundError: there is nothing under this name.
        """
        with self._told("read from"):
            try:
                found = obstore.get(self.reads, name)
                return bytes(found.bytes()), _version(found.meta)
            except _NOT_FOUND as error:
                raise FileNotFoundError(name) from error

    def fetch(self, name: str, into: Path) -> None:
        """Write the object to a new file, piece by piece; raises ``FileNotFoundError`` when there is none."""
        with self._told("read from"):
            try:
                pieces = obstore.get(self.reads, name).stream(min_chunk_size=1 << 20)
            except _NOT_FOUND as error:
                raise FileNotFoundError(name) from error
            with into.open("xb") as file:
                for piece in pieces:
                    file.write(piece)

    def list(self, under: str = "") -> list[str]:
        """See :class:`~trueup.connectors.archive.store.Store`."""
        with self._told("be listed"):
            found = obstore.list_with_delimiter(self.reads, under or None)
        places = [*found["common_prefixes"], *(one["path"] for one in found["objects"])]
        return sorted({place.rstrip("/").rpartition("/")[2] for place in places})

    def every(self, under: str = "") -> dict[str, Seen]:
        """All objects whose name begins with the folder ``under``, by name."""
        found: dict[str, Seen] = {}
        with self._told("be listed"):
            for some in obstore.list(self.reads, under or None, chunk_size=1000):
                found |= {one["path"]: Seen(one["size"], one["last_modified"], tag_of(_version(one))) for one in some}
        return found

    def create_if_absent(self, name: str, content: bytes | Path) -> None:
        """See :class:`~trueup.connectors.archive.store.Store`; ``content`` may be a file."""
        was_sent = False
        for _ in self._tries(name):
            try:
                self._put(name, content, "create")
                return
            except Changed:
                # A refusal may be of our own earlier try, or of two that met (409), after which nothing is there.
                there = self._there(name)
                if there is None:
                    continue
                if was_sent and there == _bytes(content):
                    return
                raise FileExistsError(name) from None
            except Unanswered:
                was_sent = True
                there = self._there(name)
                if there is not None and there == _bytes(content):
                    return

    def version(self, name: str) -> Version:
        """See :class:`~trueup.connectors.archive.store.Store`."""
        with self._told("read from"):
            try:
                return _version(obstore.head(self.reads, name))
            except _NOT_FOUND:
                return ABSENT

    def replace_if_match(self, name: str, content: bytes, seen: Version) -> Version:
        """See :class:`~trueup.connectors.archive.store.Store`. ``content`` holds something nobody else ever writes."""
        mode: Literal["create"] | UpdateVersion = "create" if seen == ABSENT else _update(seen)
        for _ in self._tries(name):
            try:
                return self._put(name, content, mode)
            except (Changed, Unanswered) as error:
                try:
                    there, now = self.get(name)
                except FileNotFoundError:
                    there, now = b"", ABSENT
                if there == content:
                    return now
                if now != seen:
                    raise Changed(name) from error
        raise Changed(name)

    def remove(self, names: Iterable[str]) -> None:
        """Remove objects; for what is pruned alone: nothing that two agree upon is ever removed."""

        def one(name: str) -> None:
            for _ in self._tries(name):
                try:
                    with self._answered("be removed from"):
                        obstore.delete(self.writes, name)
                    return
                except FileNotFoundError:
                    return
                except Unanswered:
                    continue

        each(one, names)

    def _put(self, name: str, content: bytes | Path, mode: Literal["create"] | UpdateVersion) -> Version:
        with self._answered("be written to"):
            return _version(obstore.put(self.writes, name, content, mode=mode, use_multipart=False))

    def _there(self, name: str) -> bytes | None:
        try:
            return self.read(name)
        except FileNotFoundError:
            return None

    def _tries(self, name: str) -> Iterator[int]:
        for number, pause in enumerate((*_PAUSES, 0.0)):
            yield number
            time.sleep(pause)
        raise Failed(
            f"The archive {self.name} does not answer: whether {name} was written is not known.",
            remedy="See that the store can be reached, then run this again: what was written is found.",
        )

    @contextmanager
    def _told(self, what: str) -> Iterator[None]:
        """Say in a sentence what the store refused."""
        try:
            yield
        except BaseError as error:
            raise self.failed(what, error) from error

    @contextmanager
    def _answered(self, what: str) -> Iterator[None]:
        try:
            yield
        except (AlreadyExistsError, PreconditionError) as error:
            raise Changed(str(type(error).__name__)) from error
        except (*_DENIED, NotSupportedError) as error:
            raise self.failed(what, error) from error
        except _NOT_FOUND as error:
            raise FileNotFoundError(self.name) from error
        except BaseError as error:
            if _REFUSED.search(str(error)):
                raise self.failed(what, error) from error
            raise Unanswered from error

    def failed(self, what: str, error: BaseError | OSError) -> Failed:
        """The sentence for a request that the store refused."""
        # obstore calls some refusals a generic error, and says in its text alone what it was.
        if isinstance(error, _DENIED) or _REFUSED.search(str(error)):
            return Failed(
                f"The archive {self.name} cannot {what}: the store refuses these credentials or this right.",
                remedy="Give what [archive.options] names the rights to list, read, write and replace objects there, "
                "and to delete them for prune and erase. On Google replacing takes the right to delete too.",
            )
        if "NoSuchBucket" in str(error) or "ContainerNotFound" in str(error):
            return Failed(
                f"The archive {self.name} cannot {what}: there is no such bucket or container.",
                remedy="Create it, or correct [archive] path; see [archive.options] endpoint too.",
            )
        return Failed(
            f"The archive {self.name} cannot {what} ({type(error).__name__}).",
            remedy="See that the store can be reached: [archive] path and [archive.options]. Then run this again.",
        )


def each(do: Callable[[str], T], names: Iterable[str]) -> list[T]:
    """``do`` for each name, several at a time; the first error ends it."""
    names = list(names)
    if len(names) < 2:
        return [do(name) for name in names]
    with ThreadPoolExecutor(min(AT_ONCE, len(names))) as several:
        return list(several.map(do, names))


def _bytes(content: bytes | Path) -> bytes:
    return content if isinstance(content, bytes) else content.read_bytes()


def _version(facts: Any) -> Version:
    """S3 and Azure know a content by its ETag, Google by a number of its own: both are kept."""
    return Version(f"{facts.get('e_tag') or ''}\n{facts.get('version') or ''}")


def tag_of(seen: Version) -> str:
    """What a list shows of a content as well: of a bucket with versioning it shows no version."""
    e_tag, _, version = seen.mark.partition("\n")
    return e_tag or version


def _update(seen: Version) -> UpdateVersion:
    """``None`` given back as a version raises in obstore, so that what is not there is left out."""
    e_tag, _, version = seen.mark.partition("\n")
    return cast("UpdateVersion", {key: value for key, value in (("e_tag", e_tag), ("version", version)) if value})
