"""Sections of a configuration that let a plan through, whatever it changes."""

from __future__ import annotations

EVERYTHING = "\n".join(
    f'{limit} = "100%"' for limit in ("create", "update", "deactivate", "reactivate", "hold", "changed", "emptied")
)
BY_ITSELF = f"""
[limits]
{EVERYTHING}
[approval]
required = false
[approval.auto]
max_changes = 100000
max_deactivations = 1000
"""
