"""Commands that only look, or only note something down, load none of the engines of plan and apply."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

from tests.support.archive_runs import TARGET, archive_in, sealed_run

if TYPE_CHECKING:
    from pathlib import Path

HEAVY = ("prefect", "great_expectations", "sqlalchemy", "fastapi", "scim2_models", "scim2_client", "aiohttp")
LIGHT = (
    "runs",
    "show latest",
    "show latest --format html",
    "why profile:nobody",
    "nights",
    "history nobody",
    "approve latest --as me",
    "reject latest --as me",
    "verify latest",
    "verify --archive",
    "prune",
    "server",
    "doctor",
)
REFUSED = ("why profile:nobody", "history nobody", "approve latest --as me", "verify latest")
"""Nothing is shown: there is no such person, the configuration is another one, nothing was applied."""
EACH = """
import contextlib, json, os, sys
from trueup.flows.commands.cli import app
answer, said = os.dup(1), os.open("said", os.O_RDWR | os.O_CREAT)
os.dup2(said, 1)
loaded = {}
for words in json.loads(sys.argv[1]):
    os.ftruncate(said, 0)
    with contextlib.suppress(Exception, SystemExit):
        app(words.split(), standalone_mode=False)
    sys.stdout.flush()
    assert os.fstat(said).st_size or words in json.loads(sys.argv[3]), words
    loaded[words] = sorted({name.partition(".")[0] for name in sys.modules} & {*json.loads(sys.argv[2])})
os.write(answer, json.dumps(loaded).encode())
"""


def test_a_command_that_makes_no_plan_and_writes_nothing_loads_no_engine(tmp_path: Path) -> None:
    archive = archive_in(tmp_path)
    sealed_run(archive)
    text = f'[source]\nkind = "file"\npath = "none.json"\n[target]\nurl = "{TARGET}"\ntoken = "env:HOME"\n'
    (tmp_path / "trueup.toml").write_text(f'{text}[archive]\npath = "{archive.path}"\n', encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", EACH, json.dumps(LIGHT), json.dumps(HEAVY), json.dumps(REFUSED)],
        cwd=tmp_path,
        env={**os.environ, "HTTPS_PROXY": "http://127.0.0.1:9"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert not done.returncode, done.stderr
    assert json.loads(done.stdout) == {words: [] for words in LIGHT}
