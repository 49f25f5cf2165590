"""Figures of a run for Prometheus and OpenTelemetry, and the sign of life of the service."""

from __future__ import annotations

import json
import math
import os
import re
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from prometheus_client.parser import text_string_to_metric_families

from tests.support.archive_runs import AT, TARGET, applied, approved, archive_in, sealed_run, settings_in
from tests.support.listening import handling
from trueup.connectors.archive.heartbeat import MOST_SECONDS, health, living
from trueup.flows.commands.health import health_command
from trueup.flows.measure import measure
from trueup.transforms.errors import Refusal
from trueup.transforms.manifest import LimitUse

if TYPE_CHECKING:
    from collections.abc import Iterator

SECRETIVE = 0o077
DEPLOY = Path(__file__).parents[3] / "deploy"
LIMIT = LimitUse(name="deactivate", used=4, base=100, share=0.04, limit=0.05, is_share=True, tripped=False)
NONE = LimitUse(name="delete", used=1, base=100, share=0.01, limit=0, is_share=False, tripped=True)
FACTS: dict[str, Any] = {
    "counts": {"update": 3, "hold": 1},
    "changes": 5,
    "stage_seconds": {"source": 1.5, "plan": 0.25},
    "limits": (LIMIT, NONE),
}


def figures(path: Path) -> dict[tuple[str, str], float]:
    """(name, value of the further label) → figure."""
    found = {}
    for family in text_string_to_metric_families(path.read_text(encoding="utf-8")):
        for sample in family.samples:
            assert sample.labels["target"] == TARGET
            further = [value for label, value in sample.labels.items() if label != "target"]
            found[sample.name, further[0] if further else ""] = sample.value
    return found


def test_the_text_file_holds_every_series_whole_and_for_all_to_read(tmp_path: Path) -> None:
    archive = archive_in(tmp_path)
    settings = settings_in(tmp_path, metrics={"textfile": "figures/trueup.prom"})
    (tmp_path / "figures").mkdir()
    run = sealed_run(archive, **FACTS)
    before = os.umask(SECRETIVE)
    try:
        measure(settings)
    finally:
        os.umask(before)
    [path] = (tmp_path / "figures").iterdir()
    assert path.stat().st_mode & 0o777 == 0o644
    found = figures(path)
    assert found["trueup_last_success_timestamp_seconds", ""] == AT.timestamp()
    assert found["trueup_run_seconds", "source"] == 1.5
    assert (found["trueup_people", "update"], found["trueup_people", "create"]) == (3, 0)
    assert found["trueup_changes", ""] == 5
    assert found["trueup_limit_used_ratio", "deactivate"] == pytest.approx(0.8)
    assert found["trueup_limit_used_ratio", "delete"] == math.inf
    assert found["trueup_awaiting_approval", ""] == 1
    assert (found["trueup_outcome", "ready"], found["trueup_outcome", "failed"]) == (1, 0)
    approved(archive, run)
    measure(settings)
    assert figures(path)["trueup_awaiting_approval", ""] == 0
    applied(archive, archive.load(run.run_id))
    sealed_run(archive, days=1, refusals=(Refusal("source_drop", "It is half as many.", overridable=False),))
    sealed_run(archive, days=2, only=("k-1",), **FACTS)
    measure(settings)
    found = figures(path)
    assert found["trueup_outcome", "refused"] == 1, "a trial with one person says nothing of the night"
    assert found["trueup_last_success_timestamp_seconds", ""] == AT.timestamp()
    assert "ann@x.example" not in path.read_text(encoding="utf-8")


def test_what_cannot_be_written_fails_nothing_and_leaves_no_half_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sealed_run(archive_in(tmp_path), **FACTS)
    measure(settings_in(tmp_path, metrics={"textfile": "nowhere/trueup.prom", "otlp": "http://127.0.0.1:9"}))
    said = capsys.readouterr().err
    assert "The file of [metrics] textfile could not be written: No such file or directory." in said
    assert "could not be sent to [metrics] otlp" in said
    assert "Traceback" not in said
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "trueup.prom").mkdir()
    measure(settings_in(tmp_path, metrics={"textfile": "full/trueup.prom"}))
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["trueup.prom"]


@pytest.fixture
def collector() -> Iterator[tuple[str, list[tuple[str, bytes]]]]:
    taken: list[tuple[str, bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            taken.append((self.path, self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with handling(Handler) as url:
        yield url, taken


def test_a_collector_gets_the_same_figures_by_otlp(
    tmp_path: Path, collector: tuple[str, list[tuple[str, bytes]]], capsys: pytest.CaptureFixture[str]
) -> None:
    url, taken = collector
    sealed_run(archive_in(tmp_path), **FACTS)
    measure(settings_in(tmp_path, metrics={"otlp": url}))
    assert capsys.readouterr().err == ""
    [(path, content)] = taken
    assert path == "/v1/metrics"
    request = ExportMetricsServiceRequest.FromString(content)
    [scope] = request.resource_metrics[0].scope_metrics
    found = {
        (metric.name, *sorted(attribute.value.string_value for attribute in point.attributes)): point.as_double
        or point.as_int
        for metric in scope.metrics
        for point in metric.gauge.data_points
    }
    assert found["trueup_people", TARGET, "update"] == 3
    assert found["trueup_changes", TARGET] == 5
    assert "trueup" in {attribute.value.string_value for attribute in request.resource_metrics[0].resource.attributes}


def test_nothing_is_loaded_for_what_is_not_configured() -> None:
    code = (
        "import sys\nfrom trueup.flows.measure import measure\nfrom trueup.flows import notify\n"
        "from trueup.transforms.settings import Settings\nmeasure(Settings())\n"
        "heavy = {'opentelemetry', 'prometheus_client', 'apprise'}\n"
        "print(sorted({name.split('.')[0] for name in sys.modules} & heavy))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_health_tells_a_service_that_lives_from_one_that_hangs_or_is_gone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    archive = archive_in(tmp_path)
    config = tmp_path / "trueup.toml"
    config.write_text(f'[target]\nurl = "{TARGET}"\n', encoding="utf-8")
    assert health_command(config) == 1
    assert "No trueup serve of this target was ever seen here." in capsys.readouterr().out
    with living(archive.path, TARGET) as heart:
        assert health_command(config, as_json=True) == 0
        assert json.loads(capsys.readouterr().out)["alive"] is True
        [path] = (archive.path / ".locks").glob("serve-*")
        old = time.time() - MOST_SECONDS - 5
        os.utime(path, (old, old))
        assert health_command(config) == 1
        assert "hangs" in capsys.readouterr().out
        heart.beat()
        assert health(archive.path, TARGET).is_alive
        with living(archive.path, TARGET):
            assert health(archive.path, TARGET).is_alive
        assert not health(archive.path, "https://another.example/scim").is_alive
    assert health_command(config) == 1
    assert "is not running" in capsys.readouterr().out


@pytest.mark.services
def test_the_alerts_fire_as_their_own_tests_say(tmp_path: Path) -> None:
    """By Debian's promtool, taken out of its package: Prometheus itself need not be installed."""
    (tmp_path / "apt").mkdir(mode=0o777)
    for words in (("apt-get", "update", "-qq"), ("apt-get", "download", "-qq", "prometheus")):
        subprocess.run(words, cwd=tmp_path / "apt", check=True, capture_output=True, timeout=300)
    [package] = (tmp_path / "apt").glob("prometheus_*.deb")
    subprocess.run(["dpkg-deb", "-x", package, tmp_path / "out"], check=True, timeout=60)
    promtool = tmp_path / "out" / "usr" / "bin" / "promtool"
    for words in (("check", "rules", "alerts.yml"), ("test", "rules", "alerts.test.yml")):
        done = subprocess.run([promtool, *words], cwd=DEPLOY, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_rests_on_series_there_are_and_says_what_to_do(tmp_path: Path) -> None:
    settings = settings_in(tmp_path, metrics={"textfile": "trueup.prom"})
    sealed_run(archive_in(tmp_path), **FACTS)
    measure(settings)
    known = {name for name, _ in figures(tmp_path / "trueup.prom")}
    rules = yaml.safe_load((DEPLOY / "alerts.yml").read_text(encoding="utf-8"))
    for rule in rules["groups"][0]["rules"]:
        used = set(re.findall(r"trueup_\w+", rule["expr"]))
        assert used, rule["alert"]
        assert used <= known, rule["alert"]
        assert rule["annotations"]["action"].startswith("trueup ")
