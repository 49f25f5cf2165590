"""How the review begins a command of ours as a process of its own."""

from __future__ import annotations

import sys

COMMAND = (sys.executable, "-P", "-c", "from trueup.flows.commands.cli import main; main()")
"""``trueup``, to be followed by its words. ``-P``: nothing in the folder we were started in passes for a module."""
