"""What lies in ``deploy/``, run as far as it can be without Docker and systemd: its own words, on this machine."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.support.clock import Clock, PrefectServer, free_port, until
from tests.support.postgresql import a_database
from trueup.sandbox import running

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.end_to_end.conftest import Office
    from tests.support.postgresql import Database

pytestmark = [pytest.mark.services, pytest.mark.timeout(900)]
DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
UNITS = sorted(path.name for path in (*DEPLOY.glob("*.service"), *DEPLOY.glob("*.timer")))


@pytest.mark.parametrize("unit", UNITS)
def test_systemd_takes_every_line_of_a_unit(unit: str, tmp_path: Path) -> None:
    for name in UNITS:
        text = (DEPLOY / name).read_text(encoding="utf-8")
        # Whatever is started must be there to be started.
        text = re.sub(r"^(ExecStart)=\S+", rf"\1={sys.executable}", text, flags=re.MULTILINE)
        (tmp_path / name).write_text(text, encoding="utf-8")
    found = subprocess.run(
        ["systemd-analyze", "verify", str(tmp_path / unit.replace("@", "@pingboard"))],
        env={**os.environ, "SYSTEMD_UNIT_PATH": f"{tmp_path}:/lib/systemd/system:/usr/lib/systemd/system"},
        capture_output=True,
        text=True,
        check=False,
    )
    # A misspelt key is only a warning, with exit code 0.
    assert (found.returncode, found.stderr) == (0, "")


def test_the_image_is_built_as_hadolint_would_have_it() -> None:
    tool = Path(sys.executable).with_name("hadolint")
    found = subprocess.run([tool, DEPLOY / "Dockerfile"], capture_output=True, text=True, check=False)
    assert (found.returncode, found.stdout) == (0, "")


def test_the_image_gets_nothing_of_a_checkout_but_the_product() -> None:
    lines = (DEPLOY.parent / ".dockerignore").read_text(encoding="utf-8").splitlines()
    kept = {line.removeprefix("!") for line in lines if line.startswith("!")}
    assert "*" in lines
    assert not {"data", "data/runs", "trueup.toml", ".git", ".venv", "deploy"} & kept
    links = {path.readlink().name for path in (DEPLOY.parent / "trueup").iterdir() if path.is_symlink()}
    assert links <= {Path(name).parts[0] for name in kept}, "every room of the package is in the image"


@pytest.fixture
def database() -> Iterator[Database]:
    with a_database() as made:
        yield made


def test_the_services_of_the_compose_file_make_a_night_together(database: Database, tmp_path: Path) -> None:
    services: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))["services"]
    prefect, trueup = services["prefect"], services["trueup"]
    here = {
        "@db:5432": f"@127.0.0.1:{database.port}",
        "${PREFECT_DB_PASSWORD}": database.password.replace(" ", "%20"),
        "0.0.0.0": "127.0.0.1",  # noqa: S104 - what stands in the file
        "4200": "{port}",
    }

    def at_home(text: str) -> str:
        for word, ours in here.items():
            text = text.replace(word, ours)
        return text

    settings = {name: at_home(str(value)) for name, value in prefect["environment"].items()}
    (tmp_path / "server").mkdir()
    settings["PREFECT_HOME"] = str(tmp_path / "server")
    command = tuple(at_home(word) for word in prefect["entrypoint"])
    server = PrefectServer(tmp_path / "server", free_port(), more=settings, command=command)
    with running() as sandbox:
        clock = Clock(tmp_path, sandbox, real=server)
        clock.more = {"PREFECT_RUNNER_POLL_FREQUENCY": trueup["environment"]["PREFECT_RUNNER_POLL_FREQUENCY"]}
        assert trueup["command"] == ["serve"]
        try:
            server.start()
            clock.configure()
            service = clock.serve()
            until(lambda: any(run.was_planned for run in clock.nights()), "a night", 300)
            clock.end(service)
        finally:
            clock.close()
            server.stop()


def test_a_backup_in_another_place_is_whole_and_plans_what_the_archive_would(office: Office, tmp_path: Path) -> None:
    plan = office.plan()
    office.accept(plan)
    office.apply(plan)
    drill = replace(office, folder=tmp_path / "drill")
    shutil.copytree(office.archive, drill.archive, ignore=shutil.ignore_patterns(".locks", ".cache"))
    drill.configure()
    checked = drill.trueup("verify", "--archive", "--json")
    assert (checked.code, checked.json["whole"], checked.json["runs"]) == (0, True, 1), checked.out
    again = drill.plan()
    assert (again["outcome"], again["counts"]) == (office.plan()["outcome"], office.plan()["counts"])
    assert again["outcome"] == "nothing_to_do"
