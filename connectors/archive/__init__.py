"""Runs on disk: layout, seals, acts, locks, journal."""

from trueup.connectors.archive.acts import add_act, add_act_with, supersede_earlier
from trueup.connectors.archive.archive import Archive, open_archive
from trueup.connectors.archive.doctor import examine
from trueup.connectors.archive.holder import Holder
from trueup.connectors.archive.integrity import Damage, check_archive, check_run, refuse_damaged
from trueup.connectors.archive.locks import apply_holder, apply_lock
from trueup.connectors.archive.reading import readable
from trueup.connectors.archive.seals import seal

__all__ = [
    "Archive",
    "Damage",
    "Holder",
    "add_act",
    "add_act_with",
    "apply_holder",
    "apply_lock",
    "check_archive",
    "check_run",
    "examine",
    "open_archive",
    "readable",
    "refuse_damaged",
    "seal",
    "supersede_earlier",
]
