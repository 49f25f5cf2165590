"""Azure Blob as azurite serves it: conditional writes that hold, a seal, acts, a lease, and a second host."""

from __future__ import annotations

import base64
import email.utils
import hashlib
import hmac
import http.client
import shutil
import socket
import subprocess
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.archive_runs import TARGET, applied, approved, sealed_run, settings_in
from tests.support.object_stores import one_of_two_wins
from trueup.connectors.archive import apply_lock, check_archive, open_archive
from trueup.connectors.archive.reaching import reached, refuse_without_conditions
from trueup.transforms.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ACCOUNT = "devstoreaccount1"
# The key every azurite has for its one account: published with it, and good for nothing else.
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


@contextmanager
def azurite(folder: Path) -> Iterator[dict[str, Any]]:
    """Serve one container; gives ``[archive]``."""
    npm, node = shutil.which("npm"), shutil.which("node")
    assert npm, "npm is missing: make test-services installs it"
    assert node
    install = [npm, "install", "--silent", "--no-audit", "--no-fund", "--no-save", "--prefix", str(folder)]
    subprocess.run([*install, "azurite@3.35.0"], check=True, capture_output=True, timeout=300)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    main = folder / "node_modules/azurite/dist/src/blob/main.js"
    where = ["--blobHost", "127.0.0.1", "--blobPort", str(port), "--location", str(folder / "data")]
    how = ["--silent", "--skipApiVersionCheck", "--disableTelemetry"]
    with subprocess.Popen([node, str(main), *where, *how], stdout=subprocess.DEVNULL) as child:
        try:
            for _ in range(300):
                with socket.socket() as one:
                    if one.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.2)
            _make_container(port)
            endpoint = f"http://127.0.0.1:{port}/{ACCOUNT}"
            options = {"endpoint": endpoint, "account_name": ACCOUNT, "account_key": "env:STORE_KEY"}
            yield {"path": "az://archive/company/runs", "lease_seconds": 3, "options": options}
        finally:
            child.kill()


def _make_container(port: int) -> None:
    date = email.utils.formatdate(usegmt=True)
    said = f"x-ms-date:{date}\nx-ms-version:2021-08-06\n/{ACCOUNT}/{ACCOUNT}/archive\nrestype:container"
    signed = "PUT" + "\n" * 12 + said
    signature = base64.b64encode(hmac.new(base64.b64decode(KEY), signed.encode(), hashlib.sha256).digest()).decode()
    headers = {
        "x-ms-date": date,
        "x-ms-version": "2021-08-06",
        "Authorization": f"SharedKey {ACCOUNT}:{signature}",
        "Content-Length": "0",
    }
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("PUT", f"/{ACCOUNT}/archive?restype=container", headers=headers)
    assert connection.getresponse().status == 201
    connection.close()


@pytest.mark.services
def test_two_hosts_share_an_archive_in_azurite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORE_KEY", KEY)
    with azurite(tmp_path) as section:
        store = reached(settings_in(tmp_path, archive=section))
        refuse_without_conditions(store)
        one_of_two_wins(store, 200)

        folders = {name: tmp_path / name for name in "abc"}
        for folder in folders.values():
            folder.mkdir()
        here = open_archive(settings_in(folders["a"], archive=section))
        run = applied(here, approved(here, sealed_run(here)))
        there = open_archive(settings_in(folders["b"], archive=section))
        assert there.load(run.run_id).acts == run.acts
        taken = pytest.raises(Refused, match="The target is taken: apply here")
        with apply_lock(here.path, TARGET, "apply here"), taken, apply_lock(there.path, TARGET, "apply there"):
            pass
        sealed_run(there, days=1)
        third = open_archive(settings_in(folders["c"], archive=section))
        assert check_archive(third.path) == []
        assert len(third.runs()) == 2
