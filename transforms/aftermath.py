"""What a write did beside what it was asked: the profile as it should be now, and as it is, compared. Pure.

Lost is a value that is there no more; altered, one that reads otherwise; left over, an element of a list that came with
the write and that nobody asked for; junk, a name at the top of the profile that is a piece of one of our paths. The
case of letters, blanks and the spelling of telephone numbers are the target's own affair, and so are ``type``,
``primary`` and ``display`` of an element whose value is still there.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from trueup.transforms.values.equality import canonical, classify, is_nothing, loose
from trueup.transforms.values.paths import ScimPath, attributes_in, element_at, member, parse, put
from trueup.transforms.values.typeless import Typeless
from trueup.transforms.vocabulary import Kept

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

_TRIMMINGS = frozenset({"type", "primary", "display", "$ref"})
"""Members of an element a server may drop or set as it likes: the element is known by the others."""
_SERVERS_OWN = frozenset({"$ref", "display", "displayname"})
"""Members of a reference that follow from its ``value``: a manager's name is the server's to say."""
_SEPARATORS = frozenset("[].")


@dataclass(frozen=True, slots=True)
class Aftermath:
    """What is not as it should be, by attribute (``name``, ``urn:…:User:department``), nobody having asked for it."""

    lost: tuple[str, ...] = ()
    altered: tuple[str, ...] = ()
    left_over: tuple[str, ...] = ()
    junk: tuple[str, ...] = ()
    wanted: Mapping[str, Any] = field(default_factory=dict)
    """Attribute → the whole value it is to have; none for what should not be there."""

    @property
    def is_clean(self) -> bool:
        """Whether nothing happened that was not asked for."""
        return not self.wanted

    @property
    def takes_away(self) -> bool:
        """Whether a value is gone, or something stands there that nobody wanted."""
        return bool(self.lost or self.left_over or self.junk)

    @property
    def harm(self) -> Literal["takes_away", "alters"]:
        """The same in a word."""
        return "takes_away" if self.takes_away else "alters"


def compare(
    before: dict[str, Any],
    after: dict[str, Any],
    written: Mapping[str, Any],
    *,
    kept: Collection[str],
    ignored: Collection[str] = (),
    typeless: Typeless | None = None,
) -> Aftermath:
    """What is in ``after`` and not as ``before`` with what was kept of ``written`` in it.

    Args:
        before: the profile as read just before the write.
        after: as read just after it.
        written: path → value of what was asked for; references as profile ids.
        kept: those paths of ``written`` that now read as asked.
        ignored: attributes, in lower case, the server sets as it likes.
        typeless: the target's lists without ``type``.
    """
    should, lists = copy.deepcopy(before), typeless or Typeless()
    asked: dict[str, list[ScimPath]] = {}
    for text, value in written.items():
        path = parse(text)
        asked.setdefault(path.whole.lower(), []).append(path)
        if text in kept:
            put(should, path, value, **lists.meant(before, path))
    _let_full_name_follow(should, after, kept)
    _let_full_name_be_display_name(before, should, after, kept)
    failed = {parse(text): value for text, value in written.items() if text not in kept}
    wanted, now = attributes_in(should), attributes_in(after)
    words: dict[str, list[str]] = {"lost": [], "altered": [], "left_over": []}
    again: dict[str, Any] = {}
    for name, (spelt, value) in (wanted | {n: now[n] for n in asked.keys() & now.keys() - wanted.keys()}).items():
        paths = asked.get(name, [])
        if name in ignored or any(path.is_reference or not (path.sub or path.where) for path in paths):
            continue
        had = value if name in wanted else None
        missed = [path for path in paths if path in failed]
        found = _difference(had, now.get(name, (name, None))[1], missed, is_asked=bool(paths))
        for word in found:
            words[word].append(spelt)
        if found:
            again[spelt] = had
    junk = _junk(before, after, written, kept)
    return Aftermath(
        lost=tuple(sorted(words["lost"])),
        altered=tuple(sorted(words["altered"])),
        left_over=tuple(sorted(words["left_over"])),
        junk=junk,
        wanted=again | dict.fromkeys(junk),
    )


def only_missing(found: Aftermath, after: dict[str, Any]) -> Aftermath:
    """Of ``found`` what is not in ``after`` any more, beside what is there now: nothing that stands there gives way."""
    now = attributes_in(after)
    wanted = {}
    for name in found.lost:
        held = now.get(name.lower(), (name, None))[1]
        filled = _filled(found.wanted[name], held)
        if filled != held:
            wanted[name] = filled
    return Aftermath(lost=tuple(wanted), wanted=wanted)


def _filled(should: Any, now: Any) -> Any:
    """``now`` with what it lacks of ``should``; an element of a kind somebody changed in place is not missing."""
    if is_nothing(should) or is_nothing(now):
        return now if is_nothing(should) else should
    if isinstance(should, dict) and isinstance(now, dict):
        spelt = {name.lower(): name for name in now}
        return now | {
            spelt.get(name.lower(), name): _filled(value, member(now, name))
            for name, value in should.items()
            if name.lower() not in _SERVERS_OWN
        }
    if not isinstance(now, list):
        return now
    left, missing = list(now), []
    for element in _listed(should):
        twin = next((i for i, one in enumerate(left) if _is_same(element, one)), None)
        if twin is None:
            missing.append(element)
        else:
            left.pop(twin)
    changed = {_kind(one) for one in left} - {None}
    return [*now, *(element for element in missing if _kind(element) not in changed)]


def _kind(element: Any) -> str | None:
    kind = member(element, "type") if isinstance(element, dict) else None
    return None if kind is None else str(kind).lower()


def _let_full_name_follow(should: dict[str, Any], after: dict[str, Any], kept: Collection[str]) -> None:
    """A full name that has the new parts in it was made of them: that is what RFC 7643 §4.1.1 calls ``formatted``.

    It has to hold the given and the family name too, whichever part was written: else it is a value that was lost.
    """
    name, said = member(should, "name"), member(member(after, "name"), "formatted")
    paths = [path for path in map(parse, kept) if path.whole.lower() == "name" and path.sub]
    if not (paths and isinstance(name, dict) and isinstance(said, str)):
        return
    members = {path.sub.lower() for path in paths} | {"givenname", "familyname"}
    parts = [str(value) for spelt, value in name.items() if spelt.lower() in members and not is_nothing(value)]
    if parts and all(part in said for part in parts):
        name |= {spelt: said for spelt in name if spelt.lower() == "formatted"}


def _let_full_name_be_display_name(
    before: dict[str, Any], should: dict[str, Any], after: dict[str, Any], kept: Collection[str]
) -> None:
    """A full name that was the ``displayName`` before the latter was written, and is it now, is one value with it."""
    name = member(should, "name")
    if "displayname" not in {path.lower() for path in kept} or not isinstance(name, dict):
        return
    was, now = ([member(one, "displayName"), member(member(one, "name"), "formatted")] for one in (before, after))
    if was[0] == was[1] and now[0] == now[1]:
        name |= {spelt: now[1] for spelt in name if spelt.lower() == "formatted"}


def _difference(should: Any, now: Any, missed: list[ScimPath], *, is_asked: bool = False) -> set[str]:
    """Which of ``lost``, ``altered`` and ``left_over`` are the case; ``missed`` was asked for in it and not kept."""
    if isinstance(should, list) or (isinstance(now, list) and is_asked):
        return _elements(_listed(should), _listed(now), missed, is_asked=is_asked)
    if is_nothing(should):
        return set()
    if isinstance(should, dict):
        exempt = {path.sub.lower() for path in missed} | _SERVERS_OWN
        parts = (_difference(v, member(now, n), []) for n, v in should.items() if n.lower() not in exempt)
        return set().union(*parts)
    if is_nothing(now):
        return {"lost"}
    return {"altered"} if classify(should, now) is Kept.NOT_KEPT else set()


def _elements(should: list[Any], now: list[Any], missed: list[ScimPath], *, is_asked: bool) -> set[str]:
    found: set[str] = set()
    aimed_at = {element_at(should, path) for path in missed}
    left = list(now)
    surplus = 0
    for at, element in enumerate(should):
        twin = next((i for i, one in enumerate(left) if _is_same(element, one)), None)
        if twin is None:
            surplus += at in aimed_at
            found |= set() if at in aimed_at else {"lost"}
            continue
        found |= _difference(_content(element), _content(left.pop(twin)), missed if at in aimed_at else [])
    if is_asked and len(left) > surplus:
        found.add("left_over")
    return found


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if is_nothing(value) else [value]


def _content(element: Any) -> Any:
    if not isinstance(element, dict):
        return None
    return {name: value for name, value in element.items() if name.lower() not in _TRIMMINGS | {"value"}}


def _is_same(left: Any, right: Any) -> bool:
    """Whether two elements are one: by their value, else by all they hold but the trimmings."""
    one, other = (member(each, "value") if isinstance(each, dict) else each for each in (left, right))
    if one is None and other is None:
        kinds = [member(each, "type") for each in (left, right)]
        return loose(canonical(_content(left))) == loose(canonical(_content(right))) or (
            kinds[0] is not None and kinds[0] == kinds[1]
        )
    return classify(one, other) is not Kept.NOT_KEPT


def _junk(
    before: dict[str, Any], after: dict[str, Any], written: Mapping[str, Any], kept: Collection[str]
) -> tuple[str, ...]:
    """Names at the top that came with the write and are a piece of a path, or another spelling of a name."""
    schemas = {parse(text).schema.lower() for text in written} - {""}
    good = {text.lower() for text in kept} | schemas
    have = {name.lower() for name in before}
    found = []
    for name in after.keys() - before.keys():
        small = name.lower()
        is_piece = any(schema.startswith(small) or small.startswith(schema) for schema in schemas)
        if small in have or (small not in good and (is_piece or _SEPARATORS & set(small))):
            found.append(name)
    return tuple(sorted(found))
