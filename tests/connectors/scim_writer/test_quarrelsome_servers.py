"""A server made up at random, day after day: strangers and unmanaged values never change, managed ones end named."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.support.first_night import profile_before
from tests.support.plan_world import DEPARTMENT, user
from tests.support.sandbox import shared
from tests.support.scim_directory import TOKEN
from tests.support.scim_nights import NICK, Nights, writes
from trueup.sandbox import DirectoryData, Weaknesses
from trueup.sandbox.directory.data import ENTERPRISE

KEYS = ("ada", "bea", "cyd")
_ATTRIBUTES = st.sampled_from([(), ("title",), (NICK,), ("title", DEPARTMENT)])
QUARRELS = st.builds(
    Weaknesses,
    discovery=st.sampled_from(["right", "missing"]),
    patch=st.sampled_from(["works", "pathless", "with_path", "none"]),
    patch_refused_with=st.sampled_from([400, 405, 501]),
    patch_returns_body=st.booleans(),
    missing_element=st.sampled_from(["works", "no_target"]),
    complex_replaced=st.booleans(),
    urn_paths_stored=st.booleans(),
    patch_forgets=_ATTRIBUTES,
    remove_refused=st.booleans(),
    null_refused=st.booleans(),
    put_refused=st.booleans(),
    put_merges=st.booleans(),
    put_without_active=st.sampled_from(["clears", "disables", "enables"]),
    strict_types=st.booleans(),
    drops=_ATTRIBUTES,
    refuses=_ATTRIBUTES,
    refused_with=st.sampled_from([400, 501]),
    filter_ignored=st.booleans(),
    etags=st.sampled_from(["honoured", "ignored", "absent"]),
).filter(lambda weak: weak.patch != "none" or not weak.put_refused)


def rich(key: str) -> dict[str, Any]:
    """A profile with something to lose in every corner."""
    return profile_before(
        key,
        id=f"p-{key}",
        name={"givenName": "Old", "familyName": "Zero", "middleName": "Q"},
        emails=[
            {"type": "work", "value": f"{key}@x.example", "primary": True},
            {"type": "home", "value": f"{key}@home.example"},
        ],
        locale="de-CH",
        roles=[{"value": "editor"}, {"value": "reader"}],
        **{ENTERPRISE: {"department": "Old", "employeeNumber": "4711", "costCenter": "C1"}},
    )


def unmanaged(profile: dict[str, Any]) -> dict[str, Any]:
    """What no mapping names."""
    extension = profile.get(ENTERPRISE, {})
    return {
        "locale": profile.get("locale"),
        "roles": sorted(str(each.get("value")) for each in profile.get("roles", [])),
        "name": {k: v for k, v in profile["name"].items() if k in {"familyName", "middleName"}},
        "extension": {k: v for k, v in extension.items() if k in {"employeeNumber", "costCenter"}},
        "home": sorted(e["value"] for e in profile["emails"] if e["value"].endswith("@home.example")),
    }


class Days(RuleBasedStateMachine):
    """Nights against one quarrelsome server."""

    @initialize(quarrel=QUARRELS)
    def begin(self, quarrel: Weaknesses) -> None:
        """A directory with a stranger, and one of the people not in it yet."""
        sandbox, _ = shared()
        before = [rich("ada"), rich("bea"), rich("stranger")]
        sandbox.directory.begin_again(DirectoryData(tuple(before), TOKEN), quarrel)
        self.directory = sandbox.directory
        self.folder = Path(tempfile.mkdtemp(prefix="trueup-quarrel-"))
        self.nights = Nights(self.folder, sandbox.scim_url, [user(key) for key in KEYS])
        self.stranger = self.directory.profile("p-stranger")
        self.kept = {one["id"]: unmanaged(one) for one in self.directory.profiles()}

    @rule(
        key=st.sampled_from(range(len(KEYS))),
        name=st.sampled_from(["Zoe", "Ö'x"]),
        title=st.sampled_from(["Chief", None]),
        department=st.sampled_from(["Ops", None]),
        boss=st.sampled_from([*KEYS, None]),
    )
    def a_change(self, key: int, name: str, title: str | None, department: str | None, boss: str | None) -> None:
        """The source says something else, and a night goes by."""
        boss = None if boss == KEYS[key] else boss
        self.nights.users[key] |= {"givenName": name, "jobTitle": title, "department": department, "manager": boss}
        night = self.nights.night()
        assert set(night.residual.values()) <= {"not_kept", "normalised", "moved"}
        reasons = {row["key"]: row["reason"] for row in night.result.records if row["operation"] != "restore"}
        for who, attribute in night.residual:
            assert str(attribute) in reasons[who] or "not taken" in reasons[who] or "answered" in reasons[who]

    @rule()
    def a_quiet_night(self) -> None:
        """Nothing changed at the source: what a server does not keep is not planned for ever."""
        night = self.nights.night()
        people = [row for row in night.result.records if row["operation"] != "restore"]
        failed = {row["key"]: row["reason"] for row in people if row["result"] == "failed"}
        again = self.nights.plan()
        assert writes(again).keys() <= failed.keys(), (again.changes, self.directory.weaknesses.switched_on)
        # Who can only be written whole, by a server that refuses what it shows itself, fails each night in its words.
        weak = self.directory.weaknesses
        assert not failed or (weak.patch == "none" and weak.refuses), (failed, weak.switched_on)
        assert all("not taken (answered" in reason for reason in failed.values())

    @invariant()
    def nobody_else_is_touched(self) -> None:
        """Strangers and unmanaged attributes."""
        if not hasattr(self, "kept"):
            return
        assert self.directory.profile("p-stranger") == self.stranger
        now = {one["id"]: unmanaged(one) for one in self.directory.profiles()}
        assert {key: now[key] for key in self.kept} == self.kept, self.directory.weaknesses.switched_on

    def teardown(self) -> None:
        """Leave nothing behind."""
        if hasattr(self, "folder"):
            shutil.rmtree(self.folder)


def test_what_a_server_calls_not_implemented_holds_up_nothing_else() -> None:
    days = Days()
    refuses = ("title", DEPARTMENT)
    days.begin(
        Weaknesses(
            discovery="missing",
            patch_returns_body=True,
            remove_refused=True,
            null_refused=True,
            put_without_active="disables",
            drops=refuses,
            refuses=refuses,
            refused_with=501,
            etags="absent",
        )
    )
    try:
        days.a_quiet_night()
        days.nobody_else_is_touched()
        assert days.directory.profile("p-ada")["name"]["givenName"] == "Ada"
    finally:
        days.teardown()


Days.TestCase.settings = settings(
    max_examples=4,
    stateful_step_count=3,
    phases=(Phase.generate,),
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
TestQuarrelsomeServers = Days.TestCase
