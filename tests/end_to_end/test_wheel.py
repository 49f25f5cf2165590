"""What is shipped: exactly the product, whole, and at work outside the checkout."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import pytest

pytestmark = [pytest.mark.xdist_group("wheel"), pytest.mark.timeout(400)]

CHECKOUT = Path(__file__).resolve().parents[2]
ROOMS = ("connectors", "data", "expectations", "flows", "reports", "sandbox", "transforms")
LEFT_AT_HOME = shutil.ignore_patterns(".*", "__pycache__", "runs", "demo", "bench")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built without network from a copy of the checkout in which people have worked, and git knows nothing of it."""
    folder = tmp_path_factory.mktemp("build")
    copy = folder / "checkout"
    shutil.copytree(CHECKOUT, copy, symlinks=True, ignore=LEFT_AT_HOME)
    for private in ("data/runs/20261123T010000Z-7f3a", "data/demo/runs", "data/bench"):
        (copy / private).mkdir(parents=True)
        (copy / private / "source.parquet").write_bytes(b"people")
    (copy / "trueup.toml").write_text('[target]\nurl = "https://example.com"\n', encoding="utf-8")
    return built("wheel", copy, folder)


def built(kind: str, checkout: Path, folder: Path) -> Path:
    script = f"import sys\nfrom hatchling.build import build_{kind}\nprint(build_{kind}(sys.argv[1]))"
    command = [sys.executable, "-c", script, str(folder)]
    done = subprocess.run(command, cwd=checkout, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return folder / done.stdout.split()[-1]


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The ``bin`` of a fresh environment with the wheel; the pinned parts are seen, the checkout is not."""
    place = tmp_path_factory.mktemp("fresh") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(place)], check=True, timeout=120)
    python = place / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*pip, "--disable-pip-version-check", str(wheel)], check=True, timeout=120)
    asked = "import sysconfig; print(sysconfig.get_path('purelib'))"
    site = subprocess.run([str(python), "-c", asked], capture_output=True, text=True, check=True).stdout.strip()
    # A .pth within a folder that a .pth adds is not read: so the checkout stays unseen.
    (Path(site) / "pinned.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    return place / "bin"


def run(command: list[str | Path], folder: Path) -> subprocess.CompletedProcess[str]:
    left_out = {"PYTHONPATH", "PREFECT_API_URL"}
    environment = {key: value for key, value in os.environ.items() if key not in left_out}
    environment |= {"PREFECT_HOME": str(folder / "prefect"), "HOME": str(folder)}
    return subprocess.run(
        [str(word) for word in command],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def names(wheel: Path) -> list[str]:
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


def test_it_holds_one_package_and_nobody_elses_data(wheel: Path) -> None:
    found = names(wheel)
    tops = {name.partition("/")[0] for name in found}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"trueup"}
    private = ("trueup/data/runs", "trueup/data/demo", "trueup/data/bench")
    assert not [name for name in found if name.startswith(private) or name.endswith((".pyc", "trueup.toml"))]


def test_it_holds_everything_the_product_reads_beside_its_code(wheel: Path) -> None:
    found = set(names(wheel))
    beside = {
        f"trueup/{path.relative_to(CHECKOUT).as_posix()}"
        for room in ROOMS
        for path in (CHECKOUT / room).rglob("*")
        if path.is_file()
        and not {"__pycache__", "runs", "demo", "bench"} & set(path.relative_to(CHECKOUT).parts[:-1])
        and not path.name.startswith(".")
    }
    assert beside <= found
    for ending in (".sql", ".toml", ".json", ".j2", ".css", ".py"):
        assert any(name.endswith(ending) for name in found), f"no {ending}"
    assert any(name.endswith("trueup.toml.example") for name in found)
    assert any("pingboard" in name for name in found)


def test_the_source_distribution_builds_the_same_wheel(wheel: Path, tmp_path: Path) -> None:
    source = built("sdist", wheel.parent / "checkout", tmp_path)
    with tarfile.open(source) as archive:
        assert not [one for one in archive.getnames() if "source.parquet" in one or one.endswith("/trueup.toml")]
        archive.extractall(tmp_path / "unpacked", filter="data")
    (unpacked,) = (tmp_path / "unpacked").iterdir()
    assert set(names(built("wheel", unpacked, tmp_path))) == set(names(wheel))


def test_it_works_in_a_folder_with_packages_of_the_same_names(installed: Path, tmp_path: Path) -> None:
    for package in ROOMS:
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").write_text("raise SystemExit('not ours')\n", encoding="utf-8")
    command = run([installed / "trueup", "mapping", "explain", "ToUpper([givenName])"], tmp_path)
    assert command.returncode == 0, command.stderr
    imported = run([installed / "python", "-c", "import trueup, trueup.flows; print(trueup.__file__)"], tmp_path)
    assert imported.stdout.startswith(str(installed.parent)), imported.stderr
    # As a worker does with the entry point of a deployment; it too puts the folder first on the path.
    script = (
        "from prefect.flows import load_flow_from_entrypoint as load\n"
        "for name in ('nightly.nightly', 'apply.approve_and_apply', 'apply.apply', 'reconcile.reconcile'):\n"
        "    print(load('trueup.flows.' + name).name)\n"
    )
    loaded = run([installed / "python", "-c", script], tmp_path)
    assert loaded.returncode == 0, loaded.stderr
    assert loaded.stdout.split("\n") == ["nightly", "approve and apply", "apply", "reconcile", ""]


@pytest.mark.services  # a whole demo: three nights by commands started anew
def test_the_demo_runs_outside_the_checkout(installed: Path, tmp_path: Path) -> None:
    where = run([installed / "python", "-c", "import trueup.data as d; print(d.__file__)"], tmp_path)
    assert where.stdout.startswith(str(installed.parent)), where.stderr
    done = run([installed / "trueup", "demo", "--folder", "shown"], tmp_path)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    assert "NOT AS IT SHOULD BE" not in done.stdout
    assert [*(tmp_path / "shown" / "runs").glob("*/report.html")]
