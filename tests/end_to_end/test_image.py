"""The image, built step by step in a bare Debian root and run as a container would be: not root, nothing writable."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import httpx
import pytest
import yaml

from tests.support.allowed import EVERYTHING
from tests.support.clock import free_port, until
from tests.support.image import ROOT, build
from trueup.sandbox import running

pytestmark = [pytest.mark.soak, pytest.mark.timeout(1800), pytest.mark.xdist_group("image")]


def test_each_step_of_the_image_works_and_its_services_run_unprivileged_on_a_root_they_cannot_write(
    tmp_path: Path,
) -> None:
    bare = tmp_path / "bare"
    subprocess.run([Path(__file__).with_name("bare_root.sh"), bare], check=True)
    image = build(bare, tmp_path)
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    subprocess.run(["chown", f"{image.user}:{image.user}", home], check=True)
    assert image.run(["id", "-u"], home) == (0, "10001\n")
    for place in ("/opt/trueup/new", "/etc/new", "/new"):
        code, said = image.run(["touch", place], home)
        assert (code, "Read-only file system" in said) == (1, True), said
    code, said = image.run([*image.entrypoint, "--version"], home)
    assert code == 0, said

    with running() as sandbox:
        text = sandbox.configuration("runs", more=f'[schedule]\ncron = "0 3 29 2 *"\n[limits]\n{EVERYTHING}\n')
        (home / "trueup.toml").write_text(text, encoding="utf-8")
        subprocess.run(["chown", "-R", f"{image.user}:{image.user}", home], check=True)
        code, said = image.run([*image.entrypoint, "plan"], home, **sandbox.environment)
        assert code == 0, said
        assert len(list((home / "runs").glob("2*/manifest.json"))) == 1
        assert {path.stat().st_uid for path in (home / "runs").rglob("*")} == {10001}

        # Its own command, and what Docker would ask it.
        service = image.start([*image.entrypoint, *image.command], home, **sandbox.environment)
        try:
            until(lambda: image.run(image.health, home)[0] == 0 or service.poll() is not None, "a sign of life", 300)
            assert service.poll() is None
        finally:
            sys.stdout.write(image.kill(service))
        code, said = image.run(image.health, home)
        assert code == 1, said

    services = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text(encoding="utf-8"))["services"]
    port = str(free_port())
    words = [word.replace("4200", port).replace("0.0.0.0", "127.0.0.1") for word in services["prefect"]["entrypoint"]]  # noqa: S104 - what stands in the file
    asks = [word.replace("4200", port) for word in services["prefect"]["healthcheck"]["test"][1:]]
    server = image.start(words, home)
    try:
        until(lambda: image.run(asks, home)[0] == 0 or server.poll() is not None, "Prefect's server", 300)
        assert httpx.get(f"http://127.0.0.1:{port}/api/health", trust_env=False).status_code == 200
    finally:
        sys.stdout.write(image.kill(server))
