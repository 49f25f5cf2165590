"""What the target did not take of one person, and whether that says anything about the attribute."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trueup.connectors.scim.responses import sentence
from trueup.connectors.scim_writer.forms import blamed
from trueup.transforms.values.paths import parse

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from trueup.connectors.scim.responses import Answer
    from trueup.connectors.scim_writer.one_step import OneStep

NOT_OFFERED = (405, 501)
_OF_THE_VALUE = (400, 422)
"""Refusals that speak of what was sent; any other may speak of us, or of today."""
_UNSAFE = "every way of writing it takes something else away"


class Refusals:
    """One step's refusals: by attribute, why; and which of them prove nothing yet."""

    def __init__(self, step: OneStep, *, vouched: bool) -> None:
        self._step = step
        self._learned = step.context.learned
        self._shape = step.context.shape
        self._vouched = vouched
        """Whether the server took something of this person already: it is well, and what it fails on, it refuses."""
        self.why: dict[str, str] = {}
        """Attribute → what the target said, or why it was not even asked."""
        self.open: set[str] = set()
        """Attributes of which nobody knows whether the target would keep them: a later plan may try again."""
        self.suspects: set[str] = set()
        """Attributes the server failed on when sent alone: refused, if anything else of the person is taken."""
        self.of_today: set[str] = set()
        """References the server failed on, and is known to keep: they have failed, and are tried again."""
        self.last = ""
        """The last refusal in words."""
        self._last_status = 0
        self.blames: set[str] = set()
        """Attributes beside those sent that the last refusal named."""
        self.named: set[str] = set()
        """The same of the answer heard just now, were it only that the target has no such method."""
        self._blamed_on: dict[str, set[str]] = {}
        """Attribute → those the target named instead when it refused it, sent alone."""
        self._own_words: dict[str, str] = {}
        """What the target said to one attribute sent alone, when it spoke of no other."""

    def heard(self, answer: Answer, group: Sequence[str]) -> None:
        """The target said no, or nothing, to a request that said ``group``."""
        words = sentence(answer, with_detail=True)
        self.named = blamed(words, self._step.resource, list(group))
        # 405 speaks of the method, and so does 501 unless it names an attribute.
        speaks_of_what_was_sent = answer.status not in NOT_OFFERED or (
            answer.status == 501 and self._names(words, group)
        )
        if speaks_of_what_was_sent or not self.last:
            self.last, self._last_status, self.blames = words, answer.status, self.named

    def _names(self, words: str, group: Sequence[str]) -> bool:
        """Whether a refusal in ``words`` names something of the profile, or of what was sent."""
        sent = {parse(attribute).attribute: None for attribute in group}
        return bool(blamed(words, {**self._step.resource, **sent}, ()))

    def bar(self, pending: Iterable[str]) -> None:
        """Put aside what need not be tried: refused often enough, not writable, or never without damage."""
        for attribute in pending:
            if attribute in self.why:
                continue
            if why := self._shape.bars(parse(attribute), creating=False):
                self.why[attribute] = why
            elif self._learned.no_form_is_safe(attribute, clearing=self._step.wanted[attribute] is None):
                self.why[attribute] = _UNSAFE
            elif self._learned.refuses(attribute) and attribute not in self._step.written:
                self.why[attribute] = "the target refuses this attribute"

    def nothing_left(self, pending: Iterable[str]) -> None:
        """No form is left to try for any of ``pending``."""
        for attribute in pending:
            if attribute not in self.why and attribute not in self._step.written:
                unsafe = self._learned.has_harmed(attribute)
                self.why[attribute] = _UNSAFE if unsafe else self.last or "no way of writing it is left"
                self.open |= set() if unsafe else {attribute}

    def alone(self, attribute: str) -> None:
        """The attribute was sent by itself and refused: keep what the target said of it."""
        if not self.blames and self._last_status in _OF_THE_VALUE:
            self._own_words[attribute] = self.last

    def final(self, attribute: str) -> None:
        """The attribute was not taken by itself, in any form."""
        self.why[attribute] = self._own_words.get(attribute, self.last)
        if self._last_status >= 500 and self._last_status != 501:
            self.suspects.add(attribute)
            if not self._learned.fails_again(attribute):
                self.open.add(attribute)
            self.confirm()
            return
        if self.blames and attribute not in self._own_words:
            self.open.add(attribute)
            self._blamed_on[attribute] = self.blames
            return
        is_made = self._step.name == "complete"  # the server took the person a moment ago
        self._learned.refused(attribute, by_value=self._vouched or is_made, of_value=self._last_status in _OF_THE_VALUE)

    def conclude(self) -> None:
        """Nothing more is sent: what was refused for the sake of others that the target always refuses, it refuses too.

        A PUT says those others as well, since leaving them out might take them away; so it stays refused tomorrow.
        """
        for attribute, names in self._blamed_on.items():
            if attribute in self.open and all(self._learned.is_suspect(name) for name in names):
                self.open.discard(attribute)
                self._learned.refused(attribute, by_value=self._vouched or bool(self._step.written))

    def confirm(self) -> None:
        """A server that takes other attributes of the same person is well: what it failed on, it refuses.

        Not so a reference it is known to keep: everybody's is written alike, so that is trouble of today.
        """
        if self._step.written or self._vouched:
            self.of_today |= {a for a in self.suspects if parse(a).is_reference and self._learned.was_kept(a)}
            for attribute in self.suspects - self.of_today:
                self._learned.refused(attribute, by_value=True)
            self.open = (self.open - self.suspects) | self.of_today
            self.suspects.clear()

    def are_about_values(self) -> bool:
        """Whether everything was refused for what it is, by a server that takes other things: that is an answer."""
        known = {a for a, why in self.why.items() if self._is_barred(a, why) or self._learned.refuses_value(a)}
        return not self.open and known == self.why.keys()

    def doubted(self) -> set[str]:
        """Attributes whose refusal may have been about us, or about today."""
        return self.open | ({a for a, why in self.why.items() if not self._is_about(a, why)} - self.suspects)

    def sentences(self) -> list[str]:
        """Each refused attribute and why, for the reason."""
        return [f"{attribute}: not taken ({why})" for attribute, why in self.why.items()]

    def _is_barred(self, attribute: str, why: str) -> bool:
        return why == _UNSAFE or bool(self._shape.bars(parse(attribute), creating=False))

    def _is_about(self, attribute: str, why: str) -> bool:
        learned = self._learned
        return self._is_barred(attribute, why) or learned.refuses_value(attribute) or learned.spoke_of_value(attribute)
