"""Second nights over and over, each in a process of its own, watched for one that dies of a signal.

``python -m tests.support.second_nights NIGHTS`` starts a sandbox, makes and applies its first night with the installed
command, and then forks second nights off a stem that has imported everything: the stages of ``trueup plan`` in its
order, both reads at once in threads, without Prefect around them. Every fifth is interrupted (SIGINT) on its way.
What ends of any other signal, or otherwise than by its manifest, is told with the stack that faulthandler wrote.
"""

from __future__ import annotations

import faulthandler
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.support.warm_commands import TRUEUP, _grow
from trueup.flows.handing_over import ALONE
from trueup.sandbox import running

if TYPE_CHECKING:
    from collections.abc import Sequence

EVERY = 5
"""One in so many is interrupted."""
LANES = 2
"""So many nights at once, each lane with an archive of its own."""


def first_night(folder: Path, environment: dict[str, str]) -> None:
    """Plan, approve and apply with the installed command."""

    def trueup(*words: str) -> Any:
        done = subprocess.run(
            [TRUEUP, *words], cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode in {0, 3}, done.stderr
        return json.loads(done.stdout) if "--json" in words else None

    plan = trueup("plan", "--json")
    allow = [
        word
        for refusal in plan["refusals"]
        for word in ("--allow", refusal["code"].removeprefix("limit_"), "--reason", "a second night")
    ]
    trueup("approve", plan["run_id"], "--as", "Reviewer", *allow)
    trueup("apply", plan["run_id"], "--json")


def night(config: Path) -> str:
    """One second night in this process; its run is removed, so that the next one is a second night too."""
    from trueup.flows import configuration, reconcile, run_context, sealing
    from trueup.flows.run_draft import Draft
    from trueup.transforms.vocabulary import Kind

    settings = configuration.load(config)
    files = run_context.begin(settings, Kind.RECONCILE)
    draft, run = Draft(Kind.RECONCILE), str(files.path)
    try:
        with draft.taking():
            with ThreadPoolExecutor(2) as pool:
                reading = pool.submit(reconcile.read_source.fn, run), pool.submit(reconcile.read_target.fn, run)
                source, target = reading[0].result(), reading[1].result()
            draft.read(source, target)
            with ThreadPoolExecutor(1) as pool:  # Prefect runs steps in a thread as well
                pool.submit(reconcile.map_users.fn, run).result()
                draft.checked(pool.submit(reconcile.check_people.fn, run).result())
                draft.planned(pool.submit(reconcile.decide.fn, run, source, target).result())
                draft.checked(pool.submit(reconcile.check_plan.fn, run).result())
        outcome = sealing.seal(run_context.Build.of(run), draft).outcome.value
        return " ".join([outcome, *(error.message for error in draft.errors)])
    finally:
        shutil.rmtree(files.path)


def _child(config: Path, told: Path) -> None:
    code = 1
    # A shell starts what is followed by an ampersand with SIGINT ignored, and whoever is forked inherits that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with told.open("w") as stream:
        faulthandler.enable(stream, all_threads=True)
        try:
            stream.write(f"outcome {night(config)}\n")
            code = 0
        except KeyboardInterrupt:
            code = 130
        except BaseException:  # noqa: BLE001 - whatever it was is written down
            traceback.print_exc(file=stream)
        stream.flush()
        threading._shutdown()  # type: ignore[attr-defined] # what the interpreter itself calls
        os._exit(code)


def stem(configs: Sequence[Path], nights: int) -> int:
    """Fork ``nights`` second nights, as many at once as there are configurations; 1 if one died."""
    _grow()
    chance, ends, free = random.Random(7), Counter[str](), list(configs)  # noqa: S311 - moments, no secrets
    at_work: dict[int, tuple[Path, Path]] = {}
    to_interrupt: dict[int, float] = {}
    begun, died, since = 0, 0, time.monotonic()
    while begun < nights or at_work:
        if begun < nights and free:
            config, told = free.pop(), Path(tempfile.mkstemp(suffix=".stack")[1])
            begun += 1
            child = os.fork()
            if child == 0:
                _child(config, told)
            at_work[child] = (config, told)
            if begun % EVERY == 0:
                to_interrupt[child] = time.monotonic() + chance.uniform(0.05, 4)
            continue
        for other in [one for one, moment in to_interrupt.items() if time.monotonic() > moment]:
            del to_interrupt[other]
            os.kill(other, signal.SIGINT)
        child, status = os.waitpid(-1, os.WNOHANG)
        if not child:
            time.sleep(0.02)
            continue
        config, told = at_work.pop(child)
        to_interrupt.pop(child, None)
        free.append(config)
        code, said = os.waitstatus_to_exitcode(status), told.read_text(encoding="utf-8")
        word = said.strip() if code == 0 else f"exit {code}"
        ends[word] += 1
        if code not in {0, 130}:
            died += code < 0
            sys.stdout.write(f"night {begun}: exit {code}\n{said}\n")
        told.unlink()
        if sum(ends.values()) % 20 == 0:
            sys.stdout.write(f"{sum(ends.values())} nights, {time.monotonic() - since:.0f} s: {dict(ends)}\n")
            sys.stdout.flush()
    sys.stdout.write(f"done: {sum(ends.values())} nights, {died} died of a signal: {dict(ends)}\n")
    return 1 if died else 0


def main(nights: int) -> int:
    """A sandbox, its first night in each lane, and the second nights; the exit code."""
    with tempfile.TemporaryDirectory() as place, running() as sandbox:
        environment = {**os.environ, **sandbox.environment, **ALONE, "PREFECT_HOME": str(Path(place, "prefect"))}
        folders = [Path(place, f"lane{number}") for number in range(LANES)]
        for folder in folders:
            folder.mkdir()
            (folder / "trueup.toml").write_text(sandbox.configuration(folder / "runs"), encoding="utf-8")
        first_night(folders[0], environment)
        for folder in folders[1:]:
            shutil.copytree(folders[0] / "runs", folder / "runs", copy_function=shutil.copy2)
        words = ["--stem", str(nights), *(str(folder / "trueup.toml") for folder in folders)]
        return subprocess.run(
            [sys.executable, "-P", "-m", "tests.support.second_nights", *words], env=environment, check=False
        ).returncode


if __name__ == "__main__":
    if sys.argv[1] == "--stem":
        sys.exit(stem([Path(one) for one in sys.argv[3:]], int(sys.argv[2])))
    sys.exit(main(int(sys.argv[1])))
