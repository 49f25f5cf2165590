"""What is sent next for one person, and in which form: together what is known to go, alone what is not."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from trueup.connectors.scim.shape import Shape
    from trueup.connectors.scim_writer.forms import Form
    from trueup.connectors.scim_writer.target_profile import TargetBehaviour

from trueup.transforms.values.paths import parse


class Agenda:
    """One person's attributes and the forms each was tried in.

    Everything is sent in one request. What is refused together is tried in the next form, then one attribute at a time,
    so that one the server does not know does not hold up the others. What it takes and does not keep is tried in
    the next form by itself.
    """

    def __init__(self, learned: TargetBehaviour, shape: Shape, wanted: Mapping[str, Any]) -> None:
        self._learned = learned
        self._wanted = wanted
        self._tried: defaultdict[str, set[str]] = defaultdict(set)
        self._together: defaultdict[str, set[str]] = defaultdict(set)
        self._alone = {
            a
            for a in wanted
            if len(wanted) == 1 or learned.is_suspect(a) or (shape.is_unknown(parse(a)) and not learned.was_kept(a))
        }

    def next(self, pending: Sequence[str]) -> tuple[list[str], Form | None]:
        """What to send next, and how; no form when nothing is left to try."""
        for attribute in pending:
            if attribute in self._alone:
                continue
            form = self._form(attribute)
            if form is None:
                self._alone.add(attribute)
                continue
            together = [a for a in pending if a not in self._alone]
            if (whole := self._one_for_all(together)) is not None:
                return together, whole
            return [a for a in together if self._form(a) is form], form
        for attribute in pending:
            if attribute in self._alone and (form := self._form(attribute)) is not None:
                return [attribute], form
        return [], None

    def _one_for_all(self, together: Sequence[str]) -> Form | None:
        """PUT, where one of them needs it and it was seen to do no harm: one request instead of two."""
        forms = {form.name: form for a in together if (form := self._form(a)) is not None}
        put = forms.get("put")
        if put is None or len(forms) == 1 or not all(self._learned.is_proven(put, a) for a in together):
            return None
        return put

    def _form(self, attribute: str) -> Form | None:
        alone = attribute in self._alone
        forms = self._learned.forms_for(attribute, clearing=self._wanted[attribute] is None, alone=alone)
        done = self._tried[attribute] | (set() if alone else self._together[attribute])
        return next((form for form in forms if form.name not in done), None)

    def is_open(self, attribute: str) -> bool:
        """Whether nobody knows yet how to write it: only one person at a time finds out."""
        return not self._learned.is_settled(attribute, clearing=self._wanted[attribute] is None)

    def forget(self, attributes: Iterable[str]) -> None:
        """They are sent anew: meanwhile somebody put back what they were."""
        for attribute in attributes:
            self._alone.add(attribute)

    def taken_back(self, form: Form, attributes: Iterable[str]) -> None:
        """Putting back what the form altered undid what it brought: one value stands behind both."""
        for attribute in attributes:
            self._alone.add(attribute)
            self._tried[attribute].add(form.name)
            self._learned.was_taken_back(form, attribute)

    def taken(self, form: Form, group: Iterable[str], left: Iterable[str]) -> None:
        """The server said yes; of ``group`` it did not keep ``left``."""
        left = list(left)
        self._learned.said_yes(form)
        kept = [a for a in group if a not in left]
        if kept:
            self._learned.took(form, kept)
        self._learned.not_effective(form, left, said_yes=True)
        for attribute in left:
            self._tried[attribute].add(form.name)

    def refused(self, form: Form, group: Sequence[str], *, not_offered: bool = False) -> None:
        """The server said no to all of ``group``."""
        if len(group) == 1 or not_offered:
            for attribute in group:
                self._tried[attribute].add(form.name)
        if len(group) == 1:
            self._learned.not_effective(form, group)
            return
        for attribute in group:
            self._together[attribute].add(form.name)
        if all(self._learned.was_kept(a, form) for a in group):
            self._alone |= set(group)
