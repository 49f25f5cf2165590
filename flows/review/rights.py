"""Who may read and who may decide: by the configuration, and by what the provider or the tenant says now."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from trueup.connectors.oidc.errors import ProviderAway, SignInRefused
from trueup.connectors.oidc.membership import Gone, Membership
from trueup.transforms.errors import Failed, Misused

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trueup.connectors.oidc.id_token import Claims
    from trueup.connectors.oidc.provider import Provider
    from trueup.transforms.settings import Settings

Role = Literal["reviewer", "reader", ""]
"""Nothing: neither may be done."""


@dataclass(frozen=True, slots=True)
class Found:
    """The answer to the question what a person may do."""

    role: Role | None
    """None where it could not be found out."""
    refresh_token: str = ""
    """The newest, where the provider gave one."""
    why_not: str = ""
    """Why it could not be found out, for the log of the service."""
    groups: frozenset[str] = frozenset()
    """Groups the person is in, as far as anybody asks for them."""


@dataclass(frozen=True, slots=True)
class _Rules:
    """One list of the configuration, by kind."""

    people: frozenset[str]
    groups: frozenset[str]

    def let_in(self, subject: str, groups: Iterable[str]) -> bool:
        """Whether the person, or one of the groups they are in, is on the list."""
        return subject in self.people or not self.groups.isdisjoint(groups)


class Rights:
    """Settled once, when the service begins; asked of each person at sign-in and again from time to time."""

    def __init__(self, settings: Settings, provider: Provider, also: frozenset[str] = frozenset()) -> None:
        """Look up the people named by ``upn:``; ``also`` are groups that are asked for beside those of the rules.

        Raises:
            Misused: nobody may decide, or a name leads to nobody.
            Failed: the tenant does not answer.
        """
        self._provider = provider
        self._also = also
        self._membership = Membership(settings, provider.registration) if provider.registration.tenant_id else None
        self._reviewers = self._rules("reviewers", settings.review.reviewers)
        self._readers = self._rules("readers", settings.review.readers)
        if not self._reviewers.people and not self._reviewers.groups:
            raise Misused(
                "review.reviewers is empty: nobody could decide.",
                remedy='Name people or groups: reviewers = ["group:<object id>"]',
            )

    def at_sign_in(self, claims: Claims) -> Found:
        """What somebody who has just signed in may do."""
        if self._membership is None:
            return self._found(claims.subject, claims.groups or ())
        if claims.groups is not None:  # the tenant's own word, from just now
            return self._found(claims.subject, (one.lower() for one in claims.groups))
        return self._asked_of_graph(claims.subject)

    def now(self, subject: str, refresh_token: str) -> Found:
        """What somebody who signed in a while ago may do now."""
        if self._membership is not None:
            return self._asked_of_graph(subject)
        if not refresh_token:
            return Found(None, why_not="the provider gave no refresh token (scope offline_access)")
        return self._asked_of_provider(subject, refresh_token)

    def _asked_of_provider(self, subject: str, refresh_token: str) -> Found:
        try:
            known = self._provider.refreshed(refresh_token)
        except SignInRefused as error:
            return Found("") if error.code == "code" else Found(None, why_not=str(error))
        except ProviderAway as error:
            return Found(None, why_not=str(error))
        if known.claims.subject != subject:
            return Found("")
        found = self._found(subject, known.claims.groups or ())
        if not found.role and known.claims.groups is None:  # not told is not none
            return Found(None, known.refresh_token, "the provider does not say which groups the person is in")
        return replace(found, refresh_token=known.refresh_token)

    def _asked_of_graph(self, subject: str) -> Found:
        if self._membership is None:
            raise ValueError(subject)
        try:
            groups = self._membership.groups_of(subject, self._reviewers.groups | self._readers.groups)
        except Gone:
            return Found("")
        except Failed as error:
            return Found(None, why_not=str(error))
        return self._found(subject, groups | self._others_of(subject))

    def _others_of(self, subject: str) -> frozenset[str]:
        """Of the groups that decide nothing here: asked apart, so that a wrong one among them keeps nobody out."""
        if self._membership is None or not self._also:
            return frozenset()
        try:
            return self._membership.groups_of(subject, self._also)
        except (Gone, Failed):
            return frozenset()

    def _found(self, subject: str, groups: Iterable[str]) -> Found:
        within = frozenset(groups)
        return Found(self._role(subject, within), groups=within)

    def _role(self, subject: str, within: frozenset[str]) -> Role:
        if self._reviewers.let_in(subject, within):
            return "reviewer"
        return "reader" if self._readers.let_in(subject, within) else ""

    def _rules(self, key: str, rules: Iterable[str]) -> _Rules:
        people, groups = set[str](), set[str]()
        for number, rule in enumerate(rules, start=1):
            kind, _, name = rule.partition(":")
            said = name.strip().lower() if self._membership is not None else name.strip()
            if kind == "group":
                groups.add(said)
            elif kind == "id":
                people.add(said)
            else:
                people.add(self._resolved(said, f"review.{key}, entry {number}"))
        return _Rules(frozenset(people), frozenset(groups))

    def _resolved(self, name: str, place: str) -> str:
        if self._membership is None:
            raise Misused(f"{place}: upn: can be used with Entra ID only.", remedy='Write "id:<subject>" instead.')
        found = self._membership.object_id_of(name)
        if found is None:
            raise Misused(f"{place}: the tenant has no such user.", remedy='Correct it, or write "id:<object id>".')
        return found
