"""Runs on disk: layout, seals, acts, locks, journal."""

from connectors.archive.acts import add_act, add_act_with, supersede_earlier
from connectors.archive.damage import Damage, check_archive, check_run, refuse_damaged
from connectors.archive.doctor import examine
from connectors.archive.locks import Holder, apply_holder, apply_lock, same_target
from connectors.archive.place import Archive, open_archive
from connectors.archive.seals import seal
from connectors.archive.shelf import readable

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
    "same_target",
    "seal",
    "supersede_earlier",
]
