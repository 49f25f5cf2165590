#!/bin/sh
# 15:45 in Berlin, and one minute more.
#
# A Pendulum DateTime is a datetime by inheritance: it takes any tzinfo, `astimezone(ZoneInfo("Europe/Berlin"))` gives 15:45
# with that zone, and compares as it should. One would guess that adding a minute gives 15:46 there, as with a plain
# datetime. It gives *14:46 without a zone*: the addition goes by way of UTC and finds no way back to a zone that is not one of
# Pendulum's own. The hour is wrong in silence, and what is compared with an aware moment afterwards is a TypeError.
#
# It matters because Prefect 3.8.8 hands out every moment in this kind (`flow_run.expected_start_time`, say): whoever
# works out a night from it makes it a plain datetime first.
#
# Seen on 2026-11-29 with Python 3.11 and pendulum 3.3.0.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check pendulum==3.3.0 tzdata
venv/bin/python - <<'PY'
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pendulum

berlin, minute = ZoneInfo("Europe/Berlin"), timedelta(minutes=1)
plain = datetime(2026, 11, 29, 14, 45, tzinfo=UTC).astimezone(berlin)
theirs = pendulum.datetime(2026, 11, 29, 14, 45).astimezone(berlin)
assert plain == theirs
seen = [(moment + minute).isoformat() for moment in (plain, theirs)]
print("datetime: ", plain.isoformat(), "+ 1 min =", seen[0])
print("pendulum: ", theirs.isoformat(), "+ 1 min =", seen[1])
raise SystemExit(seen != ["2026-11-29T15:46:00+01:00", "2026-11-29T14:46:00"])
PY
