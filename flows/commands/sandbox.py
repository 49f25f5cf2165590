"""What ``trueup sandbox`` does: serve a tenant and a directory on loopback until it is stopped."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from trueup.sandbox import Weaknesses, running
from trueup.transforms.errors import Failed, Misused

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Sequence

    from trueup.sandbox import Sandbox

DEFAULT_PORT = 8640
"""Where the tenant answers unless told otherwise; the directory answers one above."""
FEWEST, MOST = 1, 5_000_000


def serve(
    stop: threading.Event,
    say: Callable[[str], None],
    *,
    users: int | None = None,
    port: int = DEFAULT_PORT,
    weaknesses: Sequence[str] = (),
    as_json: bool = False,
) -> None:
    """Serve both until ``stop`` is set or the person presses Ctrl-C, after saying where and how to plan against it.

    Args:
        stop: ends the serving.
        say: takes what stdout gets: one text, or with ``as_json`` one JSON document.
        users: accounts in the tenant; none for the sample as it is.
        port: the tenant's; 0 for any two free ones.
        weaknesses: ``switch`` or ``switch=value`` each, e.g. ``drops=nickName,externalId``.
        as_json: whether to speak JSON.

    Raises:
        Misused: an unknown switch, or a number of users out of range.
        Failed: a port is taken.
    """
    if users is not None and not FEWEST <= users <= MOST:
        raise Misused(f"--users {users} is out of range.", remedy=f"Give a number from {FEWEST} to {MOST:,}.")
    switched = switches(weaknesses)
    try:
        with running(users=users, weaknesses=switched, port=port) as sandbox:
            say(json.dumps(description(sandbox), indent=2) if as_json else welcome(sandbox))
            try:
                stop.wait()
            except KeyboardInterrupt:
                return
    except OSError as error:
        raise Failed(
            f"The sandbox cannot listen on 127.0.0.1, ports {port} and {port + 1}: {error.strerror}.",
            remedy="Choose another with --port, or --port 0 for any free ones.",
        ) from error


def switches(written: Sequence[str]) -> Weaknesses:
    """The directory's manners from ``switch`` or ``switch=value``; :class:`Misused` names what is known."""
    known = {each.name: each for each in fields(Weaknesses)}
    good = Weaknesses()
    chosen: dict[str, Any] = {}
    for text in written:
        name, given, value = text.partition("=")
        if name not in known:
            raise Misused(f"--weakness {name} is unknown.", remedy=f"Known are: {', '.join(known)}.")
        chosen[name] = _typed(name, getattr(good, name), value if given else "true", str(known[name].type))
    return Weaknesses.from_json(chosen)


def description(sandbox: Sandbox) -> dict[str, Any]:
    """Everything a script needs to plan against the sandbox."""
    return {
        "graph_url": sandbox.graph_url,
        "login_url": sandbox.login_url,
        "scim_url": sandbox.scim_url,
        "control_url": f"{sandbox.graph_url}/sandbox",
        "tenant_id": sandbox.tenant_id,
        "client_id": sandbox.client_id,
        "environment": sandbox.environment,
        "users": sandbox.tenant.table.count,
        "profiles": len(sandbox.directory.storage.resources),
        "configuration": sandbox.configuration("data/runs"),
    }


def welcome(sandbox: Sandbox) -> str:
    """The same for a person: copy, paste, plan."""
    exports = "\n".join(f"export {name}='{value}'" for name, value in sandbox.environment.items())
    return f"""\
A tenant of {sandbox.tenant.table.count:,} accounts answers at {sandbox.graph_url}
A directory of {len(sandbox.directory.storage.resources):,} profiles answers at {sandbox.scim_url}
Everybody in them is invented. Ctrl-C ends both, and what was changed is gone.

In another terminal:

{exports}
cat > trueup.toml <<'END'
{sandbox.configuration("data/runs")}END
trueup doctor && trueup plan

The night after, and a night when the source goes wrong (edits, faults and weaknesses: docs/sandbox.md):

curl -s -H 'Content-Type: application/json' -d '{{"scenario": "second_day"}}' {sandbox.graph_url}/sandbox/edits
curl -s -H 'Content-Type: application/json' -d '{{"scenario": "bad_night_blank_departments"}}' \\
  {sandbox.graph_url}/sandbox/edits
"""


def _typed(name: str, good: Any, value: str, kind: str) -> Any:
    """The value of a switch in the type of the good server's."""
    wrong = Misused(f"--weakness {name}={value}: the value does not fit.", remedy=f"It takes: {kind}.")
    if isinstance(good, bool):
        if value.lower() not in ("true", "false"):
            raise wrong
        return value.lower() == "true"
    if isinstance(good, tuple):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    if isinstance(good, (int, float)):
        try:
            return type(good)(value)
        except ValueError as error:
            raise wrong from error
    if f"'{value}'" not in kind.replace('"', "'"):
        raise wrong
    return value
