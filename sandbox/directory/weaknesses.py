"""The weaknesses a directory may have, as switches. Everything off is a good server."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Weaknesses:
    """How a directory misbehaves. ``every_…`` counts requests: 3 strikes the third, sixth … one; 0 never."""

    # Discovery
    discovery: Literal["right", "plain_lists", "missing", "html", "denies", "boasts"] = "right"
    """``/Schemas`` and ``/ResourceTypes`` as plain lists with members the RFC does not know; 404; a web page; or a
    configuration that denies what works, or boasts of everything."""

    # Reading
    largest_page: int = 0
    """Pages are silently cut to this; 0 leaves the server's own bound of 1,000."""
    large_page_refused: bool = False
    """Asking for more than ``largest_page`` is 400 instead."""
    default_page: int = 0
    """Rows without an explicit ``count``; 0 leaves everything up to the bound."""
    explicit_paging_only: bool = False
    """No rows at all without explicit ``startIndex`` and ``count``."""
    count_fails: bool = False
    """Any ``count`` is answered with 500."""
    strict_start: bool = False
    """``startIndex`` below 1 or a negative ``count`` is 400."""
    past_the_end: Literal["empty", "first_page", "last_page"] = "empty"
    """What a ``startIndex`` past the end gives."""
    total_off_by: int = 0
    """Added to ``totalResults``."""
    rows_repeat: bool = False
    """Each page begins with the last row of the page before, at the cost of its own last row."""
    rows_missing: int = 0
    """So many rows of the first page are left out of it."""
    unsteady_order: bool = False
    """Rows come in another order each time, unless ``sortBy=id`` is asked for."""
    sort_refused: bool = False
    """``sortBy`` is 400."""
    filter_ignored: bool = False
    """``filter`` is ignored and everybody returned."""
    filter_refused: bool = False
    """``filter`` is 400."""
    and_finds_nothing: bool = False
    """``and`` in a filter gives no rows."""
    external_id_filter: Literal["works", "nothing", "fails"] = "works"
    """``externalId eq``: gives no rows ever, or 500."""
    user_name_case_exact: bool = False
    """``userName eq`` heeds case."""
    filter_doubles: bool = False
    """A filter that finds one row gives a stranger's row before it."""
    unknown_filter_ignored: bool = False
    """A filter on anything but userName is ignored and everybody returned."""
    total_capped: int = 0
    """``totalResults`` is never more than this."""
    newest_first: bool = False
    """The rows of a page come newest first, as far as seconds tell."""
    inactive_unlisted: bool = False
    """Deactivated profiles are missing from lists."""
    active_missing: bool = False
    """Profiles that are active come without ``active``."""
    active_as_text: bool = False
    """``"True"`` and ``"False"`` for ``active``."""
    cursors: Literal["off", "offered", "only"] = "off"
    """Cursor paging as in RFC 9865: beside ``startIndex``, or instead of it."""

    # Writing
    patch: Literal["works", "pathless", "with_path", "none"] = "works"
    """Which form of PATCH is understood."""
    patch_refused_with: int = 501
    """The status for what is not."""
    patch_returns_body: bool = False
    """200 with the profile instead of 204."""
    put_refused: bool = False
    """PUT is 405."""
    put_without_active: Literal["clears", "disables", "enables"] = "clears"
    """What a PUT that leaves ``active`` out does to it."""
    put_keeps_emails: bool = False
    """PUT leaves the e-mails as they were, whatever is sent."""
    missing_element: Literal["works", "no_target", "fails"] = "works"
    """``replace`` of ``emails[type eq "work"].value`` where there is no such element: 400 noTarget, or 500."""
    drops: tuple[str, ...] = ()
    """Attributes that are silently not kept: names, the extension's URN, or ``emails.type``."""
    refuses: tuple[str, ...] = ()
    """Attributes that are refused when written."""
    refused_with: int = 400
    """The status of that refusal."""
    null_refused: bool = False
    """A null anywhere in the body is 400."""
    text_for_active_refused: bool = False
    """``"False"`` for ``active`` is 400."""
    lower_cases: tuple[str, ...] = ()
    """Attributes stored in lower case: ``userName``, ``emails``, ``title`` …"""
    trims: bool = False
    """Text loses leading and trailing blanks."""
    reformats_phones: bool = False
    """Phone numbers keep digits and plus only."""
    recomputes_formatted: bool = False
    """``name.formatted`` and ``displayName`` are made from given and family name."""
    full_name_is_display_name: bool = False
    """``name`` is nothing but ``formatted``, and that is ``displayName``, whichever of them is written."""
    duplicates_allowed: bool = False
    """Two profiles may have one userName."""
    conflict_without_type: bool = False
    """409 without ``scimType``, its ``status`` a number."""
    delete: Literal["removes", "deactivates", "refused"] = "removes"
    """DELETE only deactivates (and creating again gives 409), or is 405."""
    deactivated_vanish: bool = False
    """Deactivating a profile deletes it: 404 from then on, and not listed."""
    ids_are_names: bool = False
    """A new profile's id is its userName."""

    complex_replaced: bool = False
    """A complex value or an extension in a PATCH without path replaces the one there: what it does not say is gone."""
    urn_paths_stored: bool = False
    """An extension's URN in a path is taken for a name, cut at its dot: 200, and the value stands under a junk name."""
    patch_forgets: tuple[str, ...] = ()
    """Attributes a PATCH says yes to and does not keep; PUT does."""
    remove_refused: bool = False
    """``remove`` is 400; ``replace`` with null takes a value away."""
    put_merges: bool = False
    """PUT clears nothing: what it leaves out stays."""
    user_name_follows_email: bool = False
    """Whoever gets another e-mail gets it as userName too."""
    email_follows_user_name: bool = False
    """Whoever gets another userName gets it as first e-mail too."""
    strict_types: bool = False
    """Text where a boolean belongs is 400."""
    names_cut: bool = False
    """Names end at their first blank."""
    plain_emails: bool = False
    """E-mails are kept and shown as plain text, without ``type``."""
    delete_returns_body: bool = False
    """DELETE answers 200 with the profile that was."""

    # Answering
    no_location: bool = False
    """201 without ``Location`` and ``meta.location``."""
    etags: Literal["honoured", "ignored", "absent"] = "honoured"
    """Whether versions are given, and whether ``If-Match`` is looked at."""
    errors: Literal["scim", "html", "text", "empty"] = "scim"
    """Bodies of errors."""
    plain_json: bool = False
    """``application/json`` instead of ``application/scim+json``."""

    # Failing
    latency_seconds: float = 0.0
    """Every answer takes so much longer."""
    every_write_fails_after: int = 0
    """500 although the write took place."""
    every_write_lost: int = 0
    """The connection is dropped after the write took place."""
    every_write_fails_before: int = 0
    """503, nothing written."""
    every_read_fails: int = 0
    """503 on a read."""
    every_body_cut: int = 0
    """The body ends half-way."""
    requests_per_second: int = 0
    """More than so many are answered 429; 0 for no bound."""
    retry_after: Literal["seconds", "date", "none"] = "seconds"
    """What the 429 says."""

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Weaknesses:
        """Switches by name; TypeError for an unknown one."""
        switches: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in document.items()
        }
        return cls(**switches)

    def but(self, **switches: Any) -> Weaknesses:
        """The same with some switches set otherwise."""
        return replace(self, **switches)

    @property
    def switched_on(self) -> tuple[str, ...]:
        """Names of the switches that are not as in a good server."""
        good = Weaknesses()
        return tuple(each.name for each in fields(self) if getattr(self, each.name) != getattr(good, each.name))


PINGBOARD_LIKE = Weaknesses(
    drops=("nickName", "externalId"), lower_cases=("userName", "emails"), etags="absent", largest_page=100
)
"""A plausible people directory: few attributes, e-mail as the key, no versions. Not known to be any real one."""
