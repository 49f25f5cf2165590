"""``plan --only`` of leavers: only they are read, by id on both sides; or it is said why everything must be read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trueup.connectors.source_request import NotAlone
from trueup.flows.alone import Named

if TYPE_CHECKING:
    from trueup.flows.run_context import Build

MOST = 20
"""More people than these are sooner read with everybody else."""


def read_named(build: Build) -> Named:
    """The people named and their profiles, each proven to be there or to be gone, and nobody else.

    Raises:
        NotAlone: they cannot be judged by themselves; then everything must be read.
        Refused: a side gives no clear answer about somebody. Failed: it cannot be reached.
    """
    from trueup.connectors.source import leavers
    from trueup.flows.stages import read_target, source_request

    known = _known(build)
    keys = tuple(sorted({key for found in known.values() for key in found}))
    profiles = _profiles(build, keys)
    source = leavers(build.settings, source_request(build), build.files, known)
    target = read_target(build, named=tuple(profiles.values()))
    if target.profiles < len(keys):
        raise NotAlone("a profile that was ours is not in the target any more")
    return Named(keys, source, target)


def _known(build: Build) -> dict[str, tuple[str, ...]]:
    """Each name → the object ids it meant in the last whole read.

    Raises:
        NotAlone: it is not known who is meant.
    """
    from trueup.transforms.planning.selection import keys_of

    if build.settings.source.kind == "file":
        raise NotAlone("a file is read as a whole")
    last = build.history.latest_read
    if build.history.baseline is None or last is None or not last.files.decisions.exists():
        raise NotAlone("no run for everybody was applied yet")
    known = keys_of(last.files, build.only)
    if len(known) < len(set(build.only)):
        raise NotAlone("a name is not known from the last read")
    people = {key for found in known.values() for key in found}
    if len(people) > MOST:
        raise NotAlone(f"more than {MOST} people are named")
    if any(key.startswith("profile:") for key in people) or people & set(build.settings.matching.links):
        raise NotAlone("only a full read shows whose profile it is")
    return known


def _profiles(build: Build, keys: tuple[str, ...]) -> dict[str, str]:
    """Object id → id of the profile that is theirs since an earlier applied run.

    Raises:
        NotAlone: somebody has none, or a hand gave it to somebody else.
    """
    from trueup.transforms.planning.earlier_runs import links_of

    found = links_of(build.history, keys)
    if len(found) < len(keys) or set(found.values()) & set(build.settings.matching.links.values()):
        raise NotAlone("only a full read shows whose profile it is")
    return found
