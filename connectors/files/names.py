"""Names of columns and keys in a file, in any case, as columns of ``source.parquet`` and properties of Graph."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trueup.transforms.attributes import CATALOGUE
from trueup.transforms.errors import Refusal, Refused

if TYPE_CHECKING:
    from trueup.connectors.entra.selection import Selection

_ELSEWHERE = {
    "objectid": "id",
    "telephonenumber": "businessPhones",
    "mobile": "mobilePhone",
    "physicaldeliveryofficename": "officeLocation",
    "alternateemailaddress": "otherMails",
    "directorysynced": "onPremisesSyncEnabled",
    "dirsyncenabled": "onPremisesSyncEnabled",
    "invitationstate": "externalUserState",
    "userstate": "externalUserState",
    "userstatechangedon": "externalUserStateChangeDateTime",
    "managerid": "manager",
}
"""Names the portal and the AzureAD module use, without case → column, where they differ from Graph's."""
_ATTRIBUTES = {
    name.casefold(): attribute.name for attribute in CATALOGUE.values() for name in (attribute.name, *attribute.aliases)
}
EXPORT = "Export the users again, then run again."


def incomplete(why: str, remedy: str = EXPORT) -> Refused:
    """The refusal of a file that does not hold a whole list of users."""
    return Refused(Refusal("source_incomplete", f"The source file {why}.", remedy=remedy))


class Names:
    """What a name in a file means; a name is taken whole or not at all."""

    def __init__(self, selection: Selection) -> None:
        self._columns = {column.name.casefold(): column.name for column in selection.columns}
        self._keys = {"id": "id"}
        self._inner: dict[str, dict[str, str]] = {}
        for column in selection.columns:
            outer = column.path[0] if column.path else column.name
            self._keys[outer.casefold()] = outer
            if len(column.path) > 1:
                self._inner.setdefault(outer, {})[column.path[1].casefold()] = column.path[1]
        self._seen: set[str] = set()
        self._renamed: dict[str, str] = {}

    def column(self, name: str) -> str:
        """The column of ``source.parquet`` a header of a table stands for; the name itself where it is none."""
        folded = name.casefold()
        return self._columns.get(folded) or _ELSEWHERE.get(folded) or _ATTRIBUTES.get(folded) or name

    def graphs(self, row: dict[str, Any]) -> dict[str, Any]:
        """A user with the keys of the selection as Graph writes them; the same object where they are already.

        Raises:
            Refused: two keys of the user differ only by case.
        """
        if new := row.keys() - self._seen:
            for key in new:
                wanted = self._keys.get(key.casefold())
                if wanted is not None and wanted != key:
                    self._renamed[key] = wanted
            self._seen |= new
        if self._renamed and not self._renamed.keys().isdisjoint(row):
            row = _renamed(row, self._renamed)
        for outer, names in self._inner.items():
            value = row.get(outer)
            if isinstance(value, dict):
                inner = {key: names[key.casefold()] for key in value if names.get(key.casefold(), key) != key}
                row = {**row, outer: _renamed(value, inner)} if inner else row
        return row


def _renamed(row: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    given: dict[str, str] = {}
    for key, value in row.items():
        name = names.get(key, key)
        if name in found:
            raise incomplete(
                f'has an entry with two keys that differ only by case: "{given[name]}" and "{key}"',
                remedy="Leave one of them out, then run again.",
            )
        found[name], given[name] = value, key
    return found
