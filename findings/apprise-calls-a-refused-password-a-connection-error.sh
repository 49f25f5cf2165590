#!/bin/sh
# What does Apprise say of a mail server that refuses the password?
#
# One would guess an exception, or a warning that signing in failed. In truth notify() gives False, as for every failure, and
# the warning in its log is the same as for a server that is away: "Connection error while submitting email". The server's
# answer (535) stands only in a line at DEBUG. And a message whose title has a second line that looks like a header ("Note: …"),
# which other channels take, is not sent by mail at all: an exception of Python's email package is logged, and False comes back.
#
# So whoever tells an operator why a channel fails must read Apprise's log down to DEBUG, where whole addresses stand too, and
# titles must be one line before they get there.
#
# Seen on 2026-11-29 with Python 3.11, apprise 1.13.1 and aiosmtpd 1.4.6.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check apprise==1.13.1 aiosmtpd==1.4.6
venv/bin/python -W ignore - <<'PY'
import io
import logging
import socket

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from apprise import Apprise

said = io.StringIO()
ear = logging.StreamHandler(said)
ear.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
logging.getLogger("apprise").addHandler(ear)
logging.getLogger("apprise").setLevel(logging.DEBUG)


class Box:
    mails = 0

    async def handle_DATA(self, server, session, envelope):
        Box.mails += 1
        return "250 OK"


with socket.create_server(("127.0.0.1", 0)) as free:
    port = free.getsockname()[1]
refuse = lambda *_: AuthResult(success=False, handled=False)  # noqa: E731
controller = Controller(Box(), hostname="127.0.0.1", port=port, authenticator=refuse, auth_require_tls=False)
controller.start()


def send(address, title="one line"):
    said.seek(0)
    said.truncate()
    one = Apprise()
    one.add(address)
    return one.notify(title=title, body="text"), said.getvalue()


end = "?from=a@contoso.example&to=b@contoso.example"
refused, log_of_refused = send(f"mailto://user:password@127.0.0.1:{port}/{end}")
away, log_of_away = send(f"mailto://user:password@127.0.0.1:9/{end}")
two, log_of_two = send(f"mailto://127.0.0.1:{port}/{end}", "one line\nNote: another")
good, _ = send(f"mailto://127.0.0.1:{port}/{end}")
controller.stop()
warning = "WARNING Connection error while submitting email"
seen = (
    refused, warning in log_of_refused, "535" in log_of_refused and "WARNING 535" not in log_of_refused,
    away, warning in log_of_away,
    two, "HeaderParseError" in log_of_two,
    good, Box.mails,
)
print("refused password:", refused, [line for line in log_of_refused.splitlines() if "error" in line.lower() or "535" in line])
print("nobody there:    ", away, [line for line in log_of_away.splitlines() if "error" in line.lower()])
print("two lines:       ", two, "HeaderParseError" in log_of_two)
raise SystemExit(seen != (False, True, True, False, True, False, True, True, 1))
PY
