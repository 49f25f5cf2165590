"""What apply has learnt of this target while working, by attribute and form: nothing is believed that was not seen."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Any, Literal

from trueup.connectors.scim_writer.forms import BY_NAME, FORMS, Form
from trueup.transforms.values.equality import differs_only_in_case
from trueup.transforms.values.paths import parse
from trueup.transforms.vocabulary import Kept

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_SURE = 3
"""So many agreeing observations make a habit."""
_ENOUGH = 2
"""So often a form is tried on an attribute that it never brought."""
Harm = Literal["takes_away", "alters"]
Telling = Literal["change", "creation"]
"""What an answer tells of: a server may answer a POST with what it holds, and a PATCH with what it was sent."""
_TELLINGS: dict[Telling, str] = {"change": "answers_true", "creation": "creations_true"}
"""And by which name that is noted."""


class TargetBehaviour:
    """Habits of one target. Starts from what an earlier apply noted, and is noted again at the end."""

    def __init__(self, update: str, earlier: Mapping[str, Any] | None = None) -> None:
        noted = earlier or {}
        allowed = {"patch": FORMS[:3], "put": FORMS[3:]}.get(update, FORMS)
        first = [form for form in allowed if form.name == noted.get("dialect")]
        self._order: list[Form] = first + [form for form in allowed if form not in first]
        self.forced = update != "auto"
        self.hides: tuple[str, ...] = ()
        """Attributes the target's schema says no reading shows: with them, PUT is for who takes nothing else."""
        self.learning = asyncio.Lock()
        """Whoever tries what nobody knows yet does so alone: one person at most is in its way."""
        self.worked: Counter[str] = Counter()
        """By form: how often something of it was kept."""
        self._kept: Counter[tuple[str, str]] = Counter()
        self._vain: Counter[tuple[str, str]] = Counter()
        self._yes_in_vain: set[tuple[str, str]] = set()
        self._brought: set[str] = set()
        """Attributes a creation brought, and those one did not."""
        self._not_brought: set[str] = set()
        self._harms: dict[tuple[str, str], Harm] = {}
        self._clean: set[tuple[str, str]] = set()
        self._told_before: dict[Telling, frozenset[str]] = {
            telling: frozenset(map(str, noted.get(name) or ())) for telling, name in _TELLINGS.items()
        }
        # Servers change between applies: what one noted is believed once an answer of this one was compared, too.
        self._echo_true: Counter[tuple[Telling, str]] = Counter(
            {(telling, name): _SURE - 1 for telling, names in self._told_before.items() for name in names}
        )
        self._echo_false: set[tuple[Telling, str]] = set()
        self.checking = asyncio.Lock()
        """Whoever makes the last comparison of an attribute; the others wait for it."""
        self._refused: Counter[str] = Counter({str(name): 1 for name in noted.get("refuses") or ()})
        self._by_value: set[str] = set()
        self._of_value: set[str] = set()
        self._accepted: set[str] = set()
        self._fails_on: set[str] = set()
        self._failed_before = frozenset(map(str, (*(noted.get("fails_on") or ()), *(noted.get("not_kept") or ()))))
        self._said_yes: set[str] = {str(noted["dialect"])} if noted.get("dialect") else set()
        self._not_offered: Counter[str] = Counter()
        self.survived = min(int(noted.get("survived") or 0), _SURE - 1)
        """Deactivated profiles that still answered afterwards; at least one of this apply is to be looked at."""
        self.deactivation_deletes = False
        self.renames = False
        """Whether it gave a profile another id when it was written."""
        self.alters_case: set[str] = set()
        self.collateral: Counter[str] = Counter()
        """Attributes that changed though nobody wrote them, and stayed so."""
        self.derived: set[str] = {str(name).lower() for name in noted.get("derived") or ()}
        """Attributes, in lower case, the target sets itself, whatever form is used."""
        self.untyped: set[str] = {str(name).lower() for name in noted.get("untyped") or ()}
        """Attributes, in lower case, whose elements lose their ``type``."""
        self.matched_in_vain = 0
        """412s after which the profile read as before."""
        self.read_only: set[str] = set()
        """Attributes a PUT must not say, since the target called them read-only."""
        self._recall(noted)

    def _recall(self, noted: Mapping[str, Any]) -> None:
        for attribute, name in (noted.get("forms") or {}).items():
            if name in BY_NAME:
                self._kept[str(attribute), str(name)] = 1
        for name, harms in (noted.get("harms") or {}).items():
            for head, harm in harms.items():
                self._harms[str(head), str(name)] = "alters" if harm == "alters" else "takes_away"
        for name, heads in (noted.get("harmless") or {}).items():
            self._clean |= {(str(head), str(name)) for head in heads}
        for attribute in (*(noted.get("not_kept") or ()), *(noted.get("refuses") or ())):
            for form in FORMS:
                self._vain[str(attribute), form.name] = _ENOUGH

    # Forms

    @property
    def form(self) -> Form | None:
        """The form that works best here; none while nothing was written."""
        return max(self._order, key=lambda form: self.worked[form.name]) if self.worked else None

    def forms_for(self, attribute: str, *, clearing: bool, alone: bool) -> list[Form]:
        """The forms worth trying for one attribute, best first.

        Args:
            clearing: its value is to be taken away.
            alone: it is sent by itself, others having been tried together: only now is PUT considered unasked.
        """
        head = head_of(attribute)
        usable = [form for form in self._order if clearing or not form.clears_only or self.worked[form.name]]
        usable = [form for form in usable if self._harms.get((head, form.name)) != "takes_away"]
        usable = [form for form in usable if self._harms.get(("", form.name)) != "takes_away"]
        usable = [form for form in usable if form.name != "put" or self._may_put(attribute, alone=alone)]
        # 501 may speak of an attribute as well as of the method: a form is given up only once another is known to work.
        offered = [f for f in usable if self._not_offered[f.name] < _SURE or self.worked[f.name]]
        usable = offered if any(self.worked[f.name] for f in offered) else usable
        good = [form for form in usable if self._kept[attribute, form.name]]
        open_ = [form for form in usable if form not in good and self._vain[attribute, form.name] < _ENOUGH]
        ranked = sorted(good, key=lambda f: (self._rank(f, head), -self._kept[attribute, f.name]))
        ranked += sorted(open_, key=lambda f: (self._rank(f, head), -bool(self.worked[f.name])))
        # Nothing brings it. For those who are left, what is answered with yes says more than what is refused, or fails.
        return ranked or sorted(usable, key=lambda form: (attribute, form.name) not in self._yes_in_vain)[:1]

    def _rank(self, form: Form, head: str) -> int:
        return int((head, form.name) in self._harms or ("", form.name) in self._harms)

    def _may_put(self, attribute: str, *, alone: bool) -> bool:
        if self.forced or self._kept[attribute, "put"]:
            return True
        if self._not_offered.keys() >= {"patch_path", "patch_plain"} and not self._patch_works:
            return True
        return alone and (not self.hides or not self._patch_works)

    @property
    def _patch_works(self) -> bool:
        """Whether some PATCH was ever answered with yes: then nobody depends on PUT."""
        return any(form.name in self._said_yes for form in FORMS if form.method == "PATCH")

    def no_form_is_safe(self, attribute: str, *, clearing: bool) -> bool:
        """Whether every form was seen to take something away when it wrote this."""
        return self.has_harmed(attribute) and not self.forms_for(attribute, clearing=clearing, alone=True)

    def has_harmed(self, attribute: str) -> bool:
        """Whether some form was seen to take something away when it wrote this."""
        heads = (head_of(attribute), "")
        return any(self._harms.get((head, form.name)) == "takes_away" for head in heads for form in self._order)

    def was_kept(self, attribute: str, form: Form | None = None) -> bool:
        """Whether the attribute was once kept, by this form or by any."""
        return bool(self._kept[attribute, form.name]) if form else self._has_form(attribute)

    def says_yes_to(self, attribute: str) -> bool:
        """Whether some form that wrote this was accepted, whatever the profile shows afterwards."""
        return self._has_form(attribute) or any(name == attribute for name, _ in self._yes_in_vain)

    def is_settled(self, attribute: str, *, clearing: bool) -> bool:
        """Whether it is known how to write this attribute, or that it cannot be written: nothing is left to try."""
        if self.refuses(attribute):
            return True
        forms = self.forms_for(attribute, clearing=clearing, alone=True)
        if not forms:
            return True
        best = forms[0].name
        return bool(self._kept[attribute, best]) or all(self._vain[attribute, f.name] >= _ENOUGH for f in forms)

    def is_proven(self, form: Form, attribute: str) -> bool:
        """Whether the form wrote into this attribute, with something at stake, and nothing was lost."""
        return (head_of(attribute), form.name) in self._clean or (
            form.method == "PUT" and ("", form.name) in self._clean
        )

    def said_yes(self, form: Form) -> None:
        """The target took the form, whatever it kept."""
        self._said_yes.add(form.name)

    def took(self, form: Form, attributes: Iterable[str]) -> None:
        """The target took the form and kept these attributes."""
        self.worked[form.name] += 1
        for attribute in attributes:
            self._kept[attribute, form.name] += 1

    def not_effective(self, form: Form, attributes: Iterable[str], *, said_yes: bool = False) -> None:
        """The target said yes to the form and kept none of these, or refused one of them sent alone."""
        for attribute in attributes:
            self._vain[attribute, form.name] += 1
            if said_yes:
                self._yes_in_vain.add((attribute, form.name))

    def was_taken_back(self, form: Form, attribute: str) -> None:
        """What the form brought could not stay beside what was there: it counts as not brought."""
        self._kept[attribute, form.name] = 0
        self._vain[attribute, form.name] += 1

    def was_harmless(self, form: Form, attributes: Iterable[str]) -> None:
        """A write with something at stake, after which everything else was as before."""
        self._clean |= {(head_of(attribute), form.name) for attribute in attributes}
        if form.method == "PUT":  # it says everything, whatever changes
            self._clean.add(("", form.name))

    def was_harmful(self, form: Form, attributes: Iterable[str], harm: Harm, *, beyond: bool) -> None:
        """The form did more than it was asked to; ``beyond``: to attributes it did not even name."""
        for head in {""} if beyond else {head_of(attribute) for attribute in attributes}:
            for name in _blamed_with(form):
                if self._harms.get((head, name)) != "takes_away":
                    self._harms[head, name] = harm

    def derives(self, form: Form, attributes: Iterable[str]) -> None:
        """The target sets these as it likes when anything is written: no form is to blame."""
        self.derived |= {name.lower() for name in attributes}
        names = _blamed_with(form)
        for key in [key for key, harm in self._harms.items() if key[1] in names and harm == "alters"]:
            del self._harms[key]

    def safe_for(self, attributes: Iterable[str], *, avoid: Form) -> list[Form]:
        """Forms to put something back with: those that said whole values first, the one that did the harm never.

        One that altered something else before comes last.
        """
        heads = {head_of(attribute) for attribute in attributes} | {""}
        chosen = [
            form
            for form in (*FORMS[2:3], *FORMS[:1], *FORMS[3:])
            if form in self._order
            and form is not avoid
            and not any(self._harms.get((head, form.name)) == "takes_away" for head in heads)
            and (form.name != "put" or self.forced or not self.hides or not self._patch_works)
        ]
        altering = {form for form in chosen if any((head, form.name) in self._harms for head in heads)}
        return sorted(chosen, key=lambda f: (f in altering, -bool(self.worked[f.name] and f.name != "patch_path")))

    def not_offered(self, form: Form) -> None:
        """The target has no such method (405, 501)."""
        self._not_offered[form.name] += 1

    def created(self, kept: Iterable[str], missing: Iterable[str]) -> None:
        """A profile was made, and of what was to be in it these were there."""
        self._brought |= set(kept)
        self._not_brought |= set(missing)

    def knows_creation(self, attributes: Iterable[str]) -> bool:
        """Whether it is known what a profile made with these ends up with: nothing is left to find out."""
        return all(
            a in self._brought or (a in self._not_brought and self.is_settled(a, clearing=False)) for a in attributes
        )

    # Refusals

    def fails_again(self, attribute: str) -> bool:
        """The target failed (500) on this attribute alone; whether it did so in the apply before as well, and only so.

        A 500 counts as a refusal only if the attribute also failed, or was not kept, in an earlier apply and was never
        accepted.
        """
        self._fails_on.add(attribute)
        return attribute in self._failed_before and attribute not in self._accepted

    def called_read_only(self, attributes: Iterable[str]) -> bool:
        """The target refused a PUT that said ``attributes``, since they are read-only; whether that is news.

        From then on PUT leaves them out, and ``groups`` with them, which are read-only everywhere (RFC 7643 §4.1.2).
        """
        new = set(attributes) - self.read_only
        self.read_only |= new | {"groups"} if new else set()
        return bool(new)

    def refuses(self, attribute: str) -> bool:
        """Whether the target refuses this attribute whatever its value."""
        return self._refused[attribute] >= _SURE and attribute not in self._accepted

    def is_suspect(self, attribute: str) -> bool:
        """Whether it was refused before and never taken: it is sent by itself, so that it holds up no others."""
        return bool(self._refused[attribute]) and attribute not in self._accepted

    def refuses_value(self, attribute: str) -> bool:
        """Whether a refusal of this attribute was about it, and not about us: others were taken."""
        return attribute in self._by_value or bool(self.worked)

    def refused(self, attribute: str, *, by_value: bool = False, of_value: bool = False) -> None:
        """The attribute was refused when sent alone.

        Args:
            attribute: which.
            by_value: the server is well, so it is the attribute.
            of_value: the answer (400, 422) spoke of what was sent.
        """
        self._refused[attribute] += 1
        if by_value:
            self._by_value.add(attribute)
        if of_value:
            self._of_value.add(attribute)

    def spoke_of_value(self, attribute: str) -> bool:
        """Whether the answer that refused this attribute was about what was sent, not about who sent it."""
        return attribute in self._of_value

    # Reading back

    def believes_answer(self, attributes: Iterable[str], telling: Telling = "change", *, lacking: int = 0) -> bool:
        """Whether the body of a 200 may stand for reading back: it told the truth of each of these before.

        Args:
            attributes: which.
            telling: what the answer tells of.
            lacking: so many comparisons may still be missing.
        """
        names = [(telling, attribute) for attribute in attributes]
        return all(self._echo_true[name] + lacking >= _SURE and name not in self._echo_false for name in names)

    def compared(self, attribute: str, telling: Telling = "change", *, truthful: bool) -> None:
        """The body of a 200 was checked by reading back."""
        if truthful:
            self._echo_true[telling, attribute] += 1
        else:
            self._echo_false.add((telling, attribute))

    def _truthful(self, telling: Telling) -> list[str]:
        """Attributes whose answers are to be believed by the next apply as well."""
        sure = {a for (what, a), n in self._echo_true.items() if what == telling and n >= _SURE}
        return sorted(a for a in sure | self._told_before[telling] if (telling, a) not in self._echo_false)

    def read_back(self, attribute: str, written: Any, found: Any, kept: Kept) -> None:
        """The result for one value."""
        if kept is not Kept.NOT_KEPT:
            self._accepted.add(attribute)
        if kept is Kept.NORMALISED and differs_only_in_case(written, found):
            self.alters_case.add(attribute)

    @property
    def versions_fit(self) -> bool:
        """Whether ``If-Match`` means anything here."""
        return self.matched_in_vain < _SURE

    @property
    def is_deactivation_known(self) -> bool:
        """Whether it is settled what becomes of a deactivated profile."""
        return self.deactivation_deletes or self.survived >= _SURE

    def as_json(self) -> dict[str, Any]:
        """For the act that closes the apply, and for the next apply to start from."""
        deactivation = "deletes" if self.deactivation_deletes else "survives" if self.survived else "unknown"
        forms = {a: max(BY_NAME, key=lambda name: self._kept[a, name]) for a, _ in self._kept if self._has_form(a)}
        harms: dict[str, dict[str, str]] = {}
        for (head, name), harm in sorted(self._harms.items()):
            harms.setdefault(name, {})[head] = harm
        harmless: dict[str, list[str]] = {}
        for head, name in sorted(self._clean - self._harms.keys()):
            harmless.setdefault(name, []).append(head)
        vain = {a for (a, _), n in self._vain.items() if n >= _ENOUGH and not self._has_form(a)}
        return {
            "dialect": self.form.name if self.form else None,
            "forms": dict(sorted(forms.items())),
            "harms": harms,
            "harmless": harmless,
            **{name: self._truthful(telling) for telling, name in _TELLINGS.items()},
            "deactivation": deactivation,
            "survived": min(self.survived, _SURE),
            "deactivation_deletes": self.deactivation_deletes,
            "alters_case": sorted(self.alters_case),
            "untyped": sorted(self.untyped),
            "derived": sorted(self.derived),
            "not_kept": sorted(a for a in vain if self.is_settled(a, clearing=False)),
            "refuses": sorted(a for a, n in self._refused.items() if n and a not in self._accepted),
            "fails_on": sorted(self._fails_on - self._accepted),
            "also_changed": dict(sorted(self.collateral.items())),
        }

    def _has_form(self, attribute: str) -> bool:
        return any(self._kept[attribute, name] for name in BY_NAME)


def _blamed_with(form: Form) -> set[str]:
    """The forms that did what this one did: two differ only in how a value is taken away."""
    names = {"patch_path", "patch_null"}
    return names if form.name in names else {form.name}


def head_of(attribute: str) -> str:
    """What a form could damage while it writes there: the complex attribute, or the whole extension."""
    path = parse(attribute)
    return (path.schema or path.attribute).lower()
