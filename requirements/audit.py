"""Ask for known vulnerabilities in what is pinned. Run by ``make audit``.

Ends with 1 if there are any, and with 2 where pins could not be looked up: nobody may take silence for a clean record.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from pins import HERE, LISTS


def main() -> int:
    """Run pip-audit over each list and say what it found, and what it could not find out."""
    ends = [_examined(name) for name in LISTS]
    return 1 if 1 in ends else max(ends)


def _examined(name: str) -> int:
    command = [sys.executable, "-m", "pip_audit", "--no-deps", "--disable-pip", "--progress-spinner", "off"]
    command += ["--format", "json", "--requirement", str(HERE / f"{name}.txt")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - a tool of ours
    try:
        pins: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    except ValueError:
        last = done.stderr.strip().splitlines()[-1:] or ["no message"]
        print(f"requirements/{name}.txt: NOT EXAMINED. The database of vulnerabilities did not answer: {last[0]}")
        return 2
    unknown = [pin for pin in pins if "skip_reason" in pin]
    known = [(pin, one) for pin in pins for one in pin.get("vulns", ())]
    examined = len(pins) - len(unknown)
    print(f"requirements/{name}.txt: {examined} of {len(pins)} pins examined, {len(known)} vulnerabilities known.")
    for pin, one in known:
        mended = ", ".join(one.get("fix_versions", ())) or "no release yet"
        print(f"  {pin['name']} {pin['version']}: {one['id']}, mended in {mended}")
    if unknown:
        print(f"  NOT EXAMINED: {len(unknown)} pins, e.g. {unknown[0]['skip_reason']}")
    return 1 if known else 2 if unknown else 0


if __name__ == "__main__":
    sys.exit(main())
