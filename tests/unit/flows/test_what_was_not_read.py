"""What the source could not give is said once for each reason, whatever number of attributes it concerns."""

from __future__ import annotations

from trueup.connectors.scim.profiles import TargetSnapshot
from trueup.connectors.source_request import SourceSnapshot
from trueup.flows.run_draft import Draft
from trueup.transforms.attributes import TargetSchema
from trueup.transforms.vocabulary import Kind


def test_columns_that_could_not_be_read_are_told_together_by_reason() -> None:
    draft = Draft(Kind.RECONCILE)
    unreadable = {"mobilePhone": "the file does not hold it", "manager": "403", "city": "the file does not hold it"}
    draft.read(SourceSnapshot(3, {}, unreadable, notes=("A note.",)), TargetSnapshot(0, TargetSchema(), {}, {}))
    assert draft.notes == [
        "A note.",
        "Not readable: city, mobilePhone (the file does not hold it).",
        "Not readable: manager (403).",
    ]
