"""Weaknesses of PATCH and PUT that take away what nobody asked them to, or put it where nobody looks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trueup.sandbox.directory.exchange import Asked
    from trueup.sandbox.directory.state import Directory
    from trueup.sandbox.directory.weaknesses import Weaknesses

Profile = dict[str, Any]


def bent(weak: Weaknesses, asked: Asked, before: Profile, after: Profile) -> Profile:
    """What the server makes of a write it has taken: ``after`` is what a good one would hold."""
    made = dict(after)
    document = asked.document()
    if asked.kind == "patch" and isinstance(document, dict):
        if weak.complex_replaced:
            for operation in document.get("Operations", []):
                if not operation.get("path") and isinstance(operation.get("value"), dict):
                    made |= {name: value for name, value in operation["value"].items() if isinstance(value, dict)}
        for name in weak.patch_forgets:
            made = {key: value for key, value in made.items() if key != name}
            made |= {name: before[name]} if name in before else {}
    if weak.user_name_follows_email and made.get("emails") and made["emails"] != before.get("emails"):
        made["userName"] = made["emails"][0].get("value", made["userName"])
    elif weak.email_follows_user_name and made.get("emails") and made["userName"] != before.get("userName"):
        made["emails"] = [made["emails"][0] | {"value": made["userName"]}, *made["emails"][1:]]
    if weak.names_cut and isinstance(made.get("name"), dict):
        made["name"] = {k: v.split(" ")[0] if isinstance(v, str) else v for k, v in made["name"].items()}
    if weak.plain_emails and made.get("emails"):
        made["emails"] = [{"value": each.get("value")} for each in made["emails"]]
    return {name: value for name, value in made.items() if value not in (None, [], {})}


def merged(before: Profile, document: Profile) -> Profile:
    """What is left out stays, within complex values too."""
    made = dict(before)
    for name, value in document.items():
        held = made.get(name)
        made[name] = held | value if isinstance(held, dict) and isinstance(value, dict) else value
    return made


def with_objects(asked: Asked) -> Asked:
    """E-mails said as plain text, as the server behind knows them."""
    document = asked.document()
    if not isinstance(document, dict):
        return asked
    holders = [document, *(op.get("value") for op in document.get("Operations", []))]
    for holder in holders:
        if isinstance(holder, dict) and isinstance(holder.get("emails"), list):
            holder["emails"] = [_object(each) for each in holder["emails"]]
    for operation in document.get("Operations", []):
        if operation.get("path") == "emails" and isinstance(operation.get("value"), list):
            operation["value"] = [_object(each) for each in operation["value"]]
    return asked.with_document(document)


def _object(element: Any) -> Any:
    return {"value": element} if isinstance(element, str) else element


def without_urn_paths(directory: Directory, asked: Asked) -> Asked:
    """The request less the operations whose path is an URN: those go to names of their own."""
    document = asked.document()
    operations = document.get("Operations", []) if isinstance(document, dict) else []
    rest = []
    for operation in operations:
        path = str(operation.get("path") or "")
        if not path.startswith("urn:"):
            rest.append(operation)
            continue
        name, _, inner = path.partition(".")
        junk = directory.junk.setdefault(asked.profile_id, {})
        junk.setdefault(name, {})[inner] = operation.get("value")
    if not rest:
        held = directory.held(asked.profile_id) or {}
        rest = [{"op": "replace", "path": "userName", "value": held.get("userName")}]
    return asked.with_document({**document, "Operations": rest}) if operations else asked
