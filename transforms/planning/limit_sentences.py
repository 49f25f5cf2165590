"""A limit's use in a sentence: what, how many, of how many, against which bound."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trueup.transforms.values.labels import in_sentence

if TYPE_CHECKING:
    from trueup.transforms.manifest import LimitUse


def sentence(use: LimitUse, window_days: int) -> str:
    """What the plan does and the bound: “The plan deactivates 212 of 3,104 profiles (6.8 %); the limit is 5 %.”."""
    bound = percent(use.limit) if use.is_share else f"{use.limit:,g}"
    share = f" ({percent(use.share, unlike=use.limit if use.is_share else None)})" if use.base else ""
    return f"{_said(use, window_days)}{share}; the limit is {bound}."


def percent(share: float, unlike: float | None = None) -> str:
    """``0.068`` as ``6.8 %``; with more digits where it would read like ``unlike`` without being so."""
    for digits in (1, 2, 3):
        text = _rounded(share, digits)
        if unlike is None or share == unlike or text != _rounded(unlike, digits):
            break
    return f"{text} %"


def _rounded(share: float, digits: int) -> str:
    return f"{share * 100:.{digits}f}".rstrip("0").rstrip(".")


def _said(use: LimitUse, window_days: int) -> str:
    kind, _, attribute = use.name.partition(":")
    of = _of(use, "profile", "profiles")
    if attribute:
        return f"The {in_sentence(attribute)} is {kind} for {of}"
    beside = f"{_counted(use.used, 'profile', 'profiles')} beside {use.base:,} active"
    fewer = f"{_counted(use.used, 'user', 'users')} fewer than the {use.base:,} of the last applied run"
    days = "day" if window_days == 1 else f"{window_days} days"
    sentences = {
        "create": f"creates {beside}",
        "reactivate": f"reactivates {beside}",
        "hold": f"sets {_of(use, 'person', 'people')} aside",
        "source_drop": f"was made from a source with {fewer}",
        "window_deactivate": f"brings the deactivations of the last {days} to {of}",
    }
    return f"The plan {sentences.get(kind) or f'{kind}s {of}'}"


def _counted(count: int, one: str, many: str) -> str:
    return f"{count:,} {one if count == 1 else many}"


def _of(use: LimitUse, one: str, many: str) -> str:
    """``12 of 100 profiles``; where there is no base, ``12 profiles``."""
    return f"{use.used:,} of {_counted(use.base, one, many)}" if use.base else _counted(use.used, one, many)
