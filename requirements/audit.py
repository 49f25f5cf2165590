"""Ask for known vulnerabilities in what is pinned. Run by ``make audit``; ends with 1 if there are any."""

from __future__ import annotations

import subprocess
import sys

from pins import HERE, LISTS


def main() -> int:
    """Run pip-audit over each list; where its database cannot be reached, say that nothing was examined."""
    worst = 0
    for name in LISTS:
        command = [sys.executable, "-m", "pip_audit", "--no-deps", "--disable-pip", "--progress-spinner", "off"]
        command += ["--requirement", str(HERE / f"{name}.txt")]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - a tool of ours
        print(f"requirements/{name}.txt:\n{done.stdout}", end="")  # noqa: T201 - what it is for
        if done.returncode and "vulnerabilit" not in done.stderr.splitlines()[0:1].__str__():
            last = done.stderr.strip().splitlines()[-1:] or ["no message"]
            print(f"NOT EXAMINED: the database of vulnerabilities did not answer ({last[0]}).")  # noqa: T201 - likewise
        worst = max(worst, done.returncode)
    return worst


if __name__ == "__main__":
    sys.exit(main())
