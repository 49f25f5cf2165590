"""The temporary Prefect server that a person's next commands find again: where it is told of, how it is proven ours.

A private folder below ``PREFECT_HOME``, one per host, holds what commands need to know (``server.json``, 0600, with the
auth string) and two files for kernel locks: ``alive``, held by the server as long as it lives, and ``use``, held
together by the commands at work with it. So nothing rests on a process id: a process that dies, however, holds nothing.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import hmac
import http.client
import json
import os
import re
import secrets
import socket
import stat
import sys
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import IO, Any

IDLE_SECONDS = 600.0
"""So long after the last command it ends by itself."""
PROOF = "/trueup-proof/"
"""The path that answers a nonce with what only the holder of the auth string can make of it."""
WARM = "warm"
"""The lock of the process that commands start from, which holds its number."""
_LOOKING = 1.0
"""Seconds in which the server, which only looks whether it is in use, has let go again."""
_OF_THE_FOLDER = (
    (Path(".env"), b"prefect_"),
    (Path("prefect.toml"), b""),
    (Path("pyproject.toml"), b"[tool.prefect"),
)
"""Where in the working folder Prefect looks for settings, and how what is meant for it can be told."""
_NOT_A_MATTER_OF_THE_SERVER = frozenset({"PREFECT_API_URL", "PREFECT_API_AUTH_STRING"})


@dataclass(frozen=True, slots=True)
class Told:
    """What ``server.json`` says."""

    port: int
    auth: str
    pid: int
    """For people; nothing is decided by it."""
    since: str
    log: str
    likeness: str
    """What the server was started with, see :func:`likeness`."""


class InUse:
    """A kept server this process works with; it does not end before ``let_go``."""

    def __init__(self, told: Told, lock: IO[bytes], folder: Path) -> None:
        """Hold ``lock``, which is the shared one of commands in ``folder``."""
        self.told = told
        self.lock = lock
        self.folder = folder

    def let_go(self) -> None:
        """This process is done with it."""
        self.lock.close()


HANDED: list[InUse] = []
"""The kept server of the command that this process was forked off for."""


def handed() -> InUse | None:
    """The kept server that came with the command this process does the work of; it must look for none itself."""
    return HANDED[0] if HANDED else None


def home_folder() -> Path:
    """Where Prefect keeps its database and what a temporary server leaves."""
    return Path(os.environ.get("PREFECT_HOME", "~/.prefect")).expanduser()


def private_folder(home: Path) -> Path | None:
    """The folder below ``home``, made if need be; None where it is not ours alone: nothing in it can be believed."""
    host = re.sub(r"[^A-Za-z0-9.-]", "_", socket.gethostname())[:100]
    folder = home / f"trueup-kept-{host}"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        facts = folder.lstat()
    except OSError:
        return None
    mine = stat.S_ISDIR(facts.st_mode) and facts.st_uid == os.geteuid() and not facts.st_mode & 0o077
    return folder if mine else None


def likeness(home: Path, auth: str) -> str:
    """What a server was started with, keyed by its auth string: a command with anything else cannot use it.

    That is the version of all its parts, its database's home and every setting of Prefect's, which also reads files in
    the working folder. The settings may hold a password, so that only what the key makes of them is kept.
    """
    place = home.stat()
    settings = {name: value for name, value in os.environ.items() if name.startswith("PREFECT_")}
    profiles = home / "profiles.toml"
    made_of = [
        *(version(part) for part in ("trueup", "prefect")),
        Path(__file__).stat().st_mtime_ns,
        sys.executable,
        str(home.resolve()),
        place.st_dev,
        place.st_ino,
        sorted((name, value) for name, value in settings.items() if name not in _NOT_A_MATTER_OF_THE_SERVER),
        *(_digest(*one) for one in ((profiles, b""), *_OF_THE_FOLDER)),
    ]
    return proof_of(auth, json.dumps(made_of))


def _digest(file: Path, mark: bytes) -> str:
    """Of what a file with settings says; empty where there is none, or it does not have ``mark`` and says nothing."""
    try:
        content = file.read_bytes()
    except OSError:
        return ""
    return hashlib.sha256(content).hexdigest() if mark in content.lower() else ""


def proof_of(auth: str, text: str) -> str:
    """What only a holder of ``auth`` can make of ``text``."""
    return hmac.new(auth.encode(), text.encode(), hashlib.sha256).hexdigest()


def told_in(folder: Path) -> Told | None:
    """What is told of a server there; None where nothing is, or nothing that may be believed."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        with open(folder / "server.json", encoding="utf-8", opener=lambda path, _: os.open(path, flags)) as file:
            facts = os.fstat(file.fileno())
            if not stat.S_ISREG(facts.st_mode) or facts.st_uid != os.geteuid() or facts.st_mode & 0o077:
                return None
            told = Told(**json.load(file))
    except (OSError, ValueError, TypeError):
        return None
    types = (int, str, int, str, str, str)
    return told if all(type(v) is t for v, t in zip(asdict(told).values(), types, strict=True)) and told.auth else None


def told_now(home: Path, port: int, auth: str, pid: int, log: str) -> Told:
    """What to tell of a server that this process has just started."""
    return Told(port, auth, pid, datetime.now(UTC).isoformat(timespec="seconds"), log, likeness(home, auth))


def tell(folder: Path, told: Told) -> None:
    """Let later commands know of a server."""
    aside = folder / f"server.{os.getpid()}.new"
    aside.unlink(missing_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with open(aside, "w", encoding="utf-8", opener=lambda path, _: os.open(path, flags, 0o600)) as file:
        json.dump(asdict(told), file)
    aside.replace(folder / "server.json")


def forget(folder: Path) -> None:
    """Tell of no server any more: one that lives ends as soon as nobody uses it."""
    with contextlib.suppress(OSError):
        (folder / "server.json").unlink(missing_ok=True)


def opened(folder: Path, name: str) -> IO[bytes]:
    """The lock file ``name``, not locked yet; closing it lets go.

    Raises:
        OSError: the folder is gone, or the file is something else.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    return open(folder / name, "r+b", buffering=0, opener=lambda path, _: os.open(path, flags, 0o600))


def is_held(file: IO[bytes], kind: int) -> bool:
    """Whether ``file`` is locked by us from now on; it is not where somebody else's hold does not allow it."""
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def locked(folder: Path, name: str, kind: int) -> IO[bytes] | None:
    """The lock ``name`` in ``folder``, until the file is closed; None where it cannot be had."""
    try:
        file = opened(folder, name)
    except OSError:
        return None
    if is_held(file, kind):
        return file
    file.close()
    return None


def is_alive(folder: Path, name: str = "alive") -> bool:
    """Whether a kept server lives, whatever is told of it; with :data:`WARM` the process that commands start from."""
    lock = locked(folder, name, fcntl.LOCK_SH)
    if lock is not None:
        lock.close()
    return lock is None


def waited_for(folder: Path, name: str, kind: int) -> IO[bytes] | None:
    """The lock ``name``, also where somebody who only looks holds it for a moment; None where it cannot be had."""
    until = time.monotonic() + _LOOKING
    while (lock := locked(folder, name, kind)) is None and time.monotonic() < until:
        time.sleep(0.01)
    return lock


def use(folder: Path) -> IO[bytes] | None:
    """The commands' shared lock; None where it cannot be had."""
    return waited_for(folder, "use", fcntl.LOCK_SH)


def found(home: Path) -> InUse | None:
    """A kept server that lives, was started as this process would start one, and has proven that it is ours."""
    folder = private_folder(home)
    if folder is None or not (folder / "server.json").exists() or (lock := use(folder)) is None:
        return None
    told = told_in(folder)
    if told is None or told.likeness != likeness(home, told.auth) or not is_alive(folder) or not is_proven(told):
        lock.close()
        return None
    return InUse(told, lock, folder)


def is_proven(told: Told) -> bool:
    """Whether what answers at that port knows the auth string, which is not sent to it."""
    nonce = secrets.token_hex(16)
    connection = http.client.HTTPConnection("127.0.0.1", told.port, timeout=2)
    try:
        connection.request("GET", PROOF + nonce)
        said = connection.getresponse().read(200)
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
    return hmac.compare_digest(said, proof_of(told.auth, f"server {told.port} {nonce}").encode())


def free_folder(home: Path, patience: float = 3.0) -> Path | None:
    """Where a new server may be told of; None where another one is told of, or goes on with work of its own.

    One that was started otherwise than this process would start it is told of no more, so that it ends when it can.
    """
    folder = private_folder(home)
    if folder is None:
        return None
    until = time.monotonic() + patience
    while is_alive(folder):
        told = told_in(folder)
        if told is not None and told.likeness == likeness(home, told.auth):
            return None
        forget(folder)
        if time.monotonic() > until:
            return None
        time.sleep(0.05)
    return folder


def living(home: Path) -> Told | None:
    """What is told of a server that lives, for people; nothing is made and nothing asked."""
    folder = private_folder(home) if home.is_dir() else None
    return told_in(folder) if folder is not None and is_alive(folder) else None


def warm_process(home: Path) -> int | None:
    """The process that commands start from beside the kept server, for people; None where there is none, or not yet."""
    folder = private_folder(home) if home.is_dir() else None
    if folder is None or not is_alive(folder, WARM):
        return None
    with contextlib.suppress(OSError, ValueError):
        return int((folder / WARM).read_text(encoding="ascii"))
    return None


def end(home: Path, patience: float = 10.0) -> bool:
    """Have a kept server end, and the warm process beside it; False where one is in use, and ends after that."""
    folder = private_folder(home) if home.is_dir() else None
    if folder is None:
        return True
    forget(folder)
    until = time.monotonic() + patience
    while is_alive(folder) or is_alive(folder, WARM):
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True


def proving(app: Any, auth: str, port: int) -> Any:
    """``app`` (ASGI), which also answers :data:`PROOF`."""

    async def answering(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(PROOF):
            await app(scope, receive, send)
            return
        body = proof_of(auth, f"server {port} {scope['path'].removeprefix(PROOF)[:64]}").encode()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
        await send({"type": "http.response.body", "body": body})

    return answering
