"""Options that every command takes, with the same words."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Config = Annotated[Path, typer.Option("--config", help="The configuration file.", show_default=True)]
Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout and nothing else.")]
DEFAULT = Path("trueup.toml")
