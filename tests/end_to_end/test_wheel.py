"""What is shipped: exactly the product, whole, and at work outside the checkout."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

pytestmark = [pytest.mark.xdist_group("wheel"), pytest.mark.timeout(400)]

CHECKOUT = Path(__file__).resolve().parents[2]
PACKAGES = {"flows", "transforms", "expectations", "connectors", "reports", "data"}
LEFT_AT_HOME = shutil.ignore_patterns(".*", "__pycache__", "runs", "demo", "bench")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built without network from a copy of the checkout in which people have worked, and git knows nothing of it."""
    folder = tmp_path_factory.mktemp("build")
    copy = folder / "checkout"
    shutil.copytree(CHECKOUT, copy, ignore=LEFT_AT_HOME)
    for private in ("data/runs/20261123T010000Z-7f3a", "data/demo/runs", "data/bench"):
        (copy / private).mkdir(parents=True)
        (copy / private / "source.parquet").write_bytes(b"people")
    (copy / "trueup.toml").write_text('[target]\nurl = "https://example.com"\n', encoding="utf-8")
    script = "import sys\nfrom hatchling.build import build_wheel\nprint(build_wheel(sys.argv[1]))"
    done = subprocess.run(
        [sys.executable, "-c", script, str(folder)], cwd=copy, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return folder / done.stdout.split()[-1]


def names(wheel: Path) -> list[str]:
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


def test_it_holds_the_packages_by_name_and_nobody_elses_data(wheel: Path) -> None:
    found = names(wheel)
    tops = {name.partition("/")[0] for name in found}
    assert {top for top in tops if not top.endswith(".dist-info")} == PACKAGES
    private = ("data/runs", "data/demo", "data/bench", "tests/")
    assert not [name for name in found if name.startswith(private) or name.endswith((".pyc", "trueup.toml"))]


def test_it_holds_everything_the_product_reads_beside_its_code(wheel: Path) -> None:
    found = set(names(wheel))
    beside = {
        path.relative_to(CHECKOUT).as_posix()
        for package in PACKAGES
        for path in (CHECKOUT / package).rglob("*")
        if path.is_file()
        and not {"__pycache__", "runs", "demo", "bench"} & set(path.relative_to(CHECKOUT).parts[:-1])
        and not path.name.startswith(".")
    }
    assert beside <= found
    for ending in (".sql", ".toml", ".json", ".j2", ".css", ".py"):
        assert any(name.endswith(ending) for name in found), f"no {ending}"
    assert any(name.endswith("trueup.toml.example") for name in found)
    assert any("pingboard" in name for name in found)


def test_the_demo_runs_outside_the_checkout(wheel: Path, tmp_path: Path) -> None:
    place = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(place)], check=True, timeout=120)
    python = place / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*pip, "--disable-pip-version-check", str(wheel)], check=True, timeout=120)
    environment = {key: value for key, value in os.environ.items() if key not in {"PYTHONPATH", "PREFECT_API_URL"}}
    environment |= {"PREFECT_HOME": str(tmp_path / "prefect"), "HOME": str(tmp_path)}
    asked = "import sysconfig; print(sysconfig.get_path('purelib'))"
    site = subprocess.run([str(python), "-c", asked], capture_output=True, text=True, check=True).stdout.strip()
    # The pinned parts are seen, the checkout is not: a .pth within a folder that a .pth adds is not read.
    (Path(site) / "pinned.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    where = [str(python), "-c", "import flows, data; print(flows.__file__, data.__file__)"]
    told = subprocess.run(where, capture_output=True, text=True, check=True, cwd=tmp_path, env=environment).stdout
    assert all(path.startswith(site) for path in told.split()), told
    done = subprocess.run(
        [str(place / "bin" / "trueup"), "demo", "--folder", "shown"],
        cwd=tmp_path,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    assert "NOT AS IT SHOULD BE" not in done.stdout
    assert [*(tmp_path / "shown" / "runs").glob("*/report.html")]
