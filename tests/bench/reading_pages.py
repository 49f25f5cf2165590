"""100,000 profiles from a target that answers each page after 20 ms: side by side against one page after another."""

from __future__ import annotations

import json
import tempfile
import time
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from tests.support.listening import handling
from tests.support.scim_directory import Directory
from tests.support.scim_runs import settings_for
from trueup.connectors.scim import snapshot
from trueup.transforms.run_files import RunFiles
from trueup.transforms.settings import TargetSettings

if TYPE_CHECKING:
    from collections.abc import Iterator

_PEOPLE = 100_000
_PAGE = 50
_ANSWERS_AFTER_S = 0.02
_DEFAULT = int(TargetSettings.model_fields["read_concurrency"].default)
_ROWS = [json.dumps({"id": f"p{n:06d}", "userName": f"u{n}@x.example", "active": True}) for n in range(_PEOPLE)]


class _Pages(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 65536

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        status, text = 404, "{}"
        if parts.path.endswith("/Users"):
            start = int(parse_qs(parts.query).get("startIndex", ["1"])[0])
            time.sleep(_ANSWERS_AFTER_S)
            rows = ",".join(_ROWS[start - 1 : start - 1 + _PAGE])
            status, text = 200, f'{{"totalResults": {_PEOPLE}, "Resources": [{rows}]}}'
        self.send_response(status)
        self.send_header("Content-Type", "application/scim+json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())


def run() -> Iterator[tuple[str, str]]:
    """Seconds each way, and their ratio."""
    seconds = {}
    with handling(_Pages) as root, tempfile.TemporaryDirectory() as folder:
        for at_once in (1, _DEFAULT, 16):
            settings = settings_for(Directory(url=f"{root}/scim/v2"), read_concurrency=at_once)
            begun = time.perf_counter()
            read = snapshot(settings, [], [], RunFiles(Path(folder)), known=None)
            seconds[at_once] = time.perf_counter() - begun
            yield f"{read.profiles:,} profiles, pages of {_PAGE}, {at_once} at a time", f"{seconds[at_once]:.1f} s"
    for at_once in (_DEFAULT, 16):
        yield f"one page after another / {at_once} at a time (must reach 5)", f"{seconds[1] / seconds[at_once]:.1f}"
