"""PostgreSQL of Debian, started for a test as its own account would start it."""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.clock import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass
class Database:
    """PostgreSQL of Debian with a database of its own."""

    port: int
    data: Path
    password: str

    @property
    def of_prefect(self) -> dict[str, str]:
        """What a Prefect server's environment says to use it."""
        secret = self.password.replace(" ", "%20")
        address = f"postgresql+asyncpg://prefect:{secret}@127.0.0.1:{self.port}/prefect"
        return {"PREFECT_API_DATABASE_CONNECTION_URL": address}

    def run(self, *words: str) -> None:
        known = {**os.environ, "PGPASSWORD": self.password}
        subprocess.run(words, user="postgres", cwd="/", check=True, stdout=subprocess.DEVNULL, env=known)


@contextlib.contextmanager
def a_database() -> Iterator[Database]:
    """Started for the length of the block; whatever it holds goes with it."""
    [*_, programs] = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    # Its account must reach it: not below the folders of pytest, which are root's.
    with tempfile.TemporaryDirectory(prefix="trueup-postgresql-") as folder:
        place = Path(folder)
        secret = place / "password"
        made = Database(free_port(), place / "data", "a password of its own")
        secret.write_text(made.password, encoding="utf-8")
        subprocess.run(["chown", "-R", "postgres", folder], check=True)
        made.run(
            *(str(programs / "initdb"), "--pgdata", str(made.data), "--username", "prefect"),
            *("--auth", "scram-sha-256", "--pwfile", str(secret)),
        )
        control = (str(programs / "pg_ctl"), "--pgdata", str(made.data), "--wait")
        options = f"-h 127.0.0.1 -p {made.port} -k {place}"
        made.run(*control, "--log", str(place / "log"), "--options", options, "start")
        try:
            made.run(str(programs / "createdb"), "-h", "127.0.0.1", "-p", str(made.port), "-U", "prefect", "prefect")
            yield made
        finally:
            made.run(*control, "--mode", "fast", "stop")
