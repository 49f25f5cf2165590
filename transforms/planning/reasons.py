"""Every reason a decision can have, as a sentence a stranger understands; ``{detail}`` is the person's own part."""

from __future__ import annotations

from trueup.transforms.vocabulary import Decision

_ENDS = {
    "disabled": "The account is disabled in the source",
    "deleted": "The account was deleted in the source",
    "gone": "The account no longer exists in the source, not even among the deleted",
    "not_assigned": "The account exists but is not in scope: {detail}",
    "filtered_out": "The account exists but a scoping filter leaves it out: {detail}",
}
_HOLDS = {
    "held_by_mapping": "Set aside by the mapping: {detail}",
    "finding": "Set aside until the source is put right: {detail}",
    "unsure": "It is not clear whether this is a person; say so under [people].",
    "not_a_person": "This does not look like a person ({detail}) but has a profile; say under [people] what it is.",
    "scope_unknown": "Nothing says whether this account is in scope, so nothing is done to it.",
    "absence_unconfirmed": "Missing from the source, not confirmed as deleted, so nothing is taken away.",
    "match_unknown": "What profiles are matched by could not be read for this account, so it may have one already.",
    "required_missing": "The target requires {detail}, for which the source has no value; it is never cleared.",
    "not_selected": "Would be written, but this plan is only for the people named.",
    "rolled_back": "A rollback removed this profile; it stays so until the source changes or it is released.",
}
_CONFLICTS = {
    "hand_contested": "[matching] links gives several users the same profile; leave one of them.",
    "several_profiles": "Several profiles fit this user; say under [matching] links which one is theirs.",
    "profile_taken": (
        "The profile found belongs to another user ({detail}); the user name may have been given to somebody new. "
        "Settle it under [matching] links."
    ),
    "probably_rehired": (
        "Probably rehired: the profile found belongs to {detail}, who is gone and had the same employee number. "
        "Add this user and that profile to [matching] links to go on with it."
    ),
    "external_id_of_another": (
        "The profile found has the id of another user ({detail}) as its externalId. Settle it under [matching] links."
    ),
    "profile_contested": "Another user ({detail}) fits the same profile; say under [matching] links whose it is.",
    "claimed": "More than one user fits this profile, or it fits no single one; [matching] links settles it.",
}
_OTHERS = {
    (Decision.CREATE, "no_profile"): "In scope and without a profile.",
    (Decision.UPDATE, "differs"): "The profile differs from the source.",
    (Decision.UPDATE, "adopted"): "The profile was found by {detail}, is taken over from now on and differs.",
    (Decision.UNCHANGED, "same"): "The profile is as the source says.",
    (
        Decision.UNCHANGED,
        "adopted",
    ): "The profile was found by {detail}, is taken over from now on and is right already.",
    (Decision.UNCHANGED, "kept"): "No longer to be kept in step, and the configuration keeps the profile as it is.",
    (
        Decision.UNCHANGED,
        "not_kept",
    ): "The target did not keep what was written; not tried again until something changes.",
    (Decision.UNCHANGED, "rolled_back"): (
        "A rollback restored this profile; it is left alone until the source changes or it is released."
    ),
    (Decision.UNMANAGED, "unmanaged"): "No user has this profile; it is never touched.",
    (Decision.REACTIVATE, "active_again"): "The account is enabled and in scope, and the profile is inactive.",
    (Decision.DEACTIVATE, "mapped_inactive"): "The mapping makes this profile inactive.",
    (Decision.OUT_OF_SCOPE, "not_a_person"): "This is not a person ({detail}), so it gets no profile.",
    (Decision.OUT_OF_SCOPE, "not_part_of_rollback"): "Has no profile, and this rollback creates none.",
    (Decision.UNCHANGED, "not_part_of_rollback"): "Nothing of this profile is taken back.",
    (Decision.UNCHANGED, "edited_since"): "Edited in the target since; kept, unless the rollback overwrites edits.",
    (Decision.UPDATE, "restored"): "Attributes of this profile are taken back.",
    (Decision.REACTIVATE, "restored"): "The profile is taken back to active.",
    (Decision.DEACTIVATE, "created_then"): "The profile was created by what is taken back.",
    (Decision.DEACTIVATE, "restored"): "The profile was inactive before what is taken back.",
    (Decision.DELETE, "created_then"): "The profile was created by what is taken back.",
    (Decision.CREATE, "restored"): "The profile was deleted by what is taken back; it comes back under a new id.",
    (Decision.HOLD, "cannot_come_back"): "What this profile was cannot be found in the archive.",
}


def sentences() -> list[tuple[str, str, str]]:
    """``(reason_code, decision, sentence)`` for every pair a plan can come to."""
    found = [(code, decision.value, text) for (decision, code), text in _OTHERS.items()]
    found += [(code, Decision.HOLD.value, text) for code, text in _HOLDS.items()]
    found += [(code, Decision.CONFLICT.value, text) for code, text in _CONFLICTS.items()]
    for code, text in _ENDS.items():
        found += [
            (code, Decision.OUT_OF_SCOPE.value, f"{text}. It has no profile."),
            (code, Decision.DEACTIVATE.value, f"{text}. The profile is deactivated and kept."),
            (code, Decision.DELETE.value, f"{text}. The profile is deleted."),
            (code, Decision.UNCHANGED.value, f"{text}. The profile is inactive already."),
        ]
    return found
