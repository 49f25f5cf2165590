"""``trueup init``: a configuration to start from, safe as it stands."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

from trueup.transforms.errors import Failed, Misused

if TYPE_CHECKING:
    from pathlib import Path


def write_configuration(folder: Path, *, force: bool) -> str:
    """Write ``trueup.toml`` into ``folder`` and say what comes next.

    Raises:
        Misused: there is one already, and ``force`` was not given.
        Failed: the folder cannot be written.
    """
    place = folder / "trueup.toml"
    if place.exists() and not force:
        raise Misused(f"{place} is there already.", remedy="Edit it, or overwrite it with --force.")
    text = files("trueup.flows").joinpath("trueup.toml.example").read_text(encoding="utf-8")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")
        place.chmod(0o600)
    except OSError as error:
        raise Failed(f"{place} cannot be written.", remedy="Choose a folder you may write to.") from error
    return (
        f"Wrote {place}.\n"
        "Next: fill in the tenant, the application and the directory's address, put the two secrets into the\n"
        "environment (TRUEUP_CLIENT_SECRET, TRUEUP_SCIM_TOKEN), then run: trueup doctor"
    )
