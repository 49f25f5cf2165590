"""Edits of a tenant as data, so that a second day or a bad night can lie in a file or come over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trueup.sandbox.tenant.data import Assignment

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from trueup.sandbox.tenant.state import Tenant


def play(tenant: Tenant, edits: Sequence[Mapping[str, Any]]) -> None:
    """Carry out ``{"edit": name, …}`` one after the other; KeyError for an unknown edit or person.

    Edits: ``set`` (``user``, ``properties``), ``set_for_all`` (``properties``), ``add`` (``user``: the object),
    ``disable``, ``enable``, ``delete``, ``restore``, ``purge`` (``user``), ``lose`` (``users``: ids),
    ``add_member``, ``remove_member`` (``group``, ``user``), ``assign``, ``unassign`` (``application``, ``user``).
    ``user`` is an object id or a user principal name.
    """
    with tenant.lock:
        for edit in edits:
            _EDITS[edit["edit"]](tenant, edit)


def _id(tenant: Tenant, edit: Mapping[str, Any]) -> str:
    return str(tenant.user(edit["user"])["id"])


_EDITS: dict[str, Callable[[Tenant, Mapping[str, Any]], object]] = {
    "set": lambda tenant, edit: tenant.set(edit["user"], **edit["properties"]),
    "set_for_all": lambda tenant, edit: tenant.set_for_all(**edit["properties"]),
    "add": lambda tenant, edit: tenant.add(edit["user"]),
    "disable": lambda tenant, edit: tenant.disable(edit["user"]),
    "enable": lambda tenant, edit: tenant.enable(edit["user"]),
    "delete": lambda tenant, edit: tenant.delete(edit["user"]),
    "restore": lambda tenant, edit: tenant.restore(edit["user"]),
    "purge": lambda tenant, edit: tenant.purge(edit["user"]),
    "lose": lambda tenant, edit: tenant.lose(edit["users"]),
    "add_member": lambda tenant, edit: tenant.add_member(edit["group"], _id(tenant, edit)),
    "remove_member": lambda tenant, edit: tenant.remove_member(edit["group"], _id(tenant, edit)),
    "assign": lambda tenant, edit: tenant.assign(edit["application"], Assignment(_id(tenant, edit))),
    "unassign": lambda tenant, edit: tenant.unassign(edit["application"], _id(tenant, edit)),
}
