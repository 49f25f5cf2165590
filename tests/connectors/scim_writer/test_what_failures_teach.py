"""A server that fails today has said nothing about an attribute: it goes on being looked after."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.support.scim_directory import Directory, serving
from tests.support.scim_kills import applied, outcome_of
from tests.support.scim_runs import plan

if TYPE_CHECKING:
    from pathlib import Path


def test_a_value_that_could_not_be_put_back_for_a_while_is_still_looked_after_for_others(tmp_path: Path) -> None:
    """Writing a title spoils the nickname; the requests that say the first one again fail, and later ones do not."""
    directory = Directory()

    def spoil(resource: dict[str, Any]) -> None:
        if directory.users.get(resource["id"], resource).get("title") != resource.get("title"):
            resource["nickName"] = "spoilt"

    def fail_for_a_while(method: str, _path: str, _number: int) -> str | None:
        return "refuse" if method != "GET" and len(directory.wrote()) in {2, 3, 4} else None

    directory.manners.alter = spoil
    with serving(directory):
        for n in range(4):
            person = {"id": f"p{n}", "userName": f"u{n}@x.example", "externalId": f"k{n}"}
            directory.add(person | {"title": "Old", "nickName": "N"})
        files = plan(
            tmp_path / "run", directory, [(f"k{n}", "update", f"p{n}", {"title": ("Old", "T")}) for n in range(4)]
        )
        directory.fault = fail_for_a_while
        result = applied(directory, files, concurrency=1)
        assert result.dialect["derived"] == []
        rows = outcome_of(files)
        assert [rows[f"k{n}", "restore"]["result"] for n in range(4)] == ["failed", "applied", "applied", "applied"]
        assert [directory.users[f"p{n}"]["nickName"] for n in range(4)] == ["spoilt", "N", "N", "N"]
