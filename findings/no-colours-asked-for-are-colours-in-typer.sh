#!/bin/sh
# `command --help | cat` with PY_COLORS=0, and with GITHUB_ACTIONS=true; with NO_COLOR on top.
#
# One would guess: output into a pipe has no escape codes, and PY_COLORS=0 says so once more. Typer takes a terminal for
# given as soon as one of GITHUB_ACTIONS, FORCE_COLOR and PY_COLORS holds any text, "0" included, and writes escape codes
# into the pipe. NO_COLOR takes the colours away and leaves the codes for bold.
#
# It matters where a job compares or keeps what a command wrote, and where text that came from elsewhere must reach a pipe
# without control characters: set _TYPER_FORCE_DISABLE_TERMINAL, or strip what is written.
#
# Seen on 2026-11-29 with Python 3.11, typer 0.29.2 and rich 15.0.0.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check typer==0.29.2 rich==15.0.0
cat > command.py <<'PY'
import typer

app = typer.Typer()


@app.command()
def go(name: str = typer.Option("x", help="Who.")) -> None:
    """Go."""


app()
PY
codes() { env -u GITHUB_ACTIONS -u FORCE_COLOR -u PY_COLORS -u NO_COLOR "$@" venv/bin/python command.py --help | tr -cd '\033' | wc -c | tr -d ' '; }
plain=$(codes A=1) zero=$(codes PY_COLORS=0) ci=$(codes GITHUB_ACTIONS=true) both=$(codes PY_COLORS=0 NO_COLOR=1)
off=$(codes PY_COLORS=0 _TYPER_FORCE_DISABLE_TERMINAL=1)
echo "escape codes in a pipe: plainly $plain, PY_COLORS=0 $zero, GITHUB_ACTIONS $ci, with NO_COLOR $both, disabled $off"
[ "$plain" = 0 ] && [ "$zero" -gt 0 ] && [ "$ci" -gt 0 ] && [ "$both" -gt 0 ] && [ "$off" = 0 ]
