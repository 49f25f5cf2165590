#!/bin/sh
# When is "30 2 * * *" in Europe/Berlin on the morning when 02:00 becomes 03:00?
#
# One would guess that all cron libraries agree, or differ by who skips it. In truth CronSim 2.8 moves the tick to the
# end of the gap (03:00 summer time, 01:00 UTC) and Prefect 3.8.8 reads it with the offset of after the gap: 01:30
# winter time, 00:30 UTC, half an hour *before* the gap. So a program that asks CronSim which tick a run of Prefect's
# belongs to takes it, once a year, for the night before, and finds that planned already.
#
# Seen on 2026-11-29 with Python 3.11, prefect 3.8.8 (SQLAlchemy 2.0.58) and cronsim 2.8.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check prefect==3.8.8 'fastapi==0.150.*' sqlalchemy==2.0.58 cronsim==2.8
PREFECT_HOME="$work/prefect" venv/bin/python - <<'PY'
import asyncio
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from cronsim import CronSim
from prefect.server.schemas.schedules import CronSchedule

cron, zone, evening = "30 2 * * *", "Europe/Berlin", datetime(2026, 3, 28, 12, tzinfo=UTC)
[prefect] = asyncio.run(CronSchedule(cron=cron, timezone=zone).get_dates(n=1, start=evening))
cronsim = next(CronSim(cron, evening.astimezone(ZoneInfo(zone))))
seen = [datetime.fromtimestamp(moment.timestamp(), UTC).isoformat() for moment in (prefect, cronsim)]
print("Prefect:", seen[0])
print("CronSim:", seen[1])
raise SystemExit(seen != ["2026-03-29T00:30:00+00:00", "2026-03-29T01:00:00+00:00"])
PY
