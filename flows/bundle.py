"""A configuration on its way to other hosts: with the files it names, in the archive, under its digest.

What a deployment of Prefect carries is only where that archive is, the digest, and the names of the references that
open it. So every worker plans by the same words, wherever it runs, and Prefect's database holds no configuration.
A bundle never holds what a secret reference, a certificate or a key names, nor a source file.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import socket
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trueup.flows import configuration
from trueup.flows.due import last_tick
from trueup.flows.kept_server import home_folder
from trueup.transforms.archive_url import is_url
from trueup.transforms.errors import Failed, Misused, Refusal, Refused
from trueup.transforms.manifest import SCHEMA_VERSION
from trueup.transforms.settings import Settings
from trueup.transforms.targets import same_target

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from trueup.connectors.archive.object_store import ObjectStore
    from trueup.connectors.archive.store import LocalStore

FOLDER = "configurations"
"""In the archive, beside the runs."""
FORMAT = 1
_HOSTS_OWN = (
    f"{configuration.PREFIX}METRICS{configuration.DELIMITER}",
    f"{configuration.PREFIX}ARCHIVE{configuration.DELIMITER}CACHE",
)
"""Where a host leaves its figures and keeps its cache is its own affair; of the rest no host has another idea."""
_KEYS = ("encryption_key", "encryption_key_previous")
_DEPLOY_AGAIN = "Deploy it again: trueup deploy CONFIG --pool NAME"


@dataclass(frozen=True, slots=True)
class Carried:
    """What a deployment carries: enough to find and open the bundle, and nothing that must not be seen."""

    archive: str
    """Where the archive is."""
    digest: str
    """SHA-256, in hex, of the bundle."""
    target: str
    opened_with: Mapping[str, Any]
    """Keys of ``[archive]`` that it cannot be opened without: secrets as references, such as ``env:NAME``."""
    host: str = ""
    """The one host whose folder the archive is; empty where every host reaches it."""

    def as_parameter(self) -> dict[str, Any]:
        """As Prefect keeps it."""
        return {
            "archive": self.archive,
            "digest": self.digest,
            "target": self.target,
            "opened_with": dict(self.opened_with),
            "host": self.host,
        }

    @classmethod
    def of(cls, parameter: Mapping[str, Any]) -> Carried:
        """What stands in a deployment.

        Raises:
            Misused: something else does.
        """
        try:
            found = {name: str(parameter[name]) for name in ("archive", "digest", "target", "host")}
            opened_with = {str(key): value for key, value in dict(parameter["opened_with"]).items()}
        except (KeyError, TypeError, ValueError):
            raise Misused("The deployment does not say which configuration it means.", remedy=_DEPLOY_AGAIN) from None
        return cls(**found, opened_with=opened_with)


@dataclass(frozen=True, slots=True)
class Bundle:
    """A configuration and what it names, ready to be put into its archive."""

    content: bytes
    settings: Settings

    @property
    def digest(self) -> str:
        """SHA-256, in hex, of the content."""
        return hashlib.sha256(self.content).hexdigest()

    def carried(self, *, host: str) -> Carried:
        """What the deployment is to say; ``host`` counts only where the archive is a folder.

        Raises:
            Misused: the archive is a folder and no host is named.
        """
        place, is_folder = _place_of(self.settings)
        if is_folder and not host:
            raise Misused(
                f"The archive of {self.settings.target.url} is a folder of one host ({place}): a worker "
                "of another host would plan by an archive of its own.",
                remedy="Move it to an object store (trueup archive copy --move), or, where every worker of the pool "
                "runs on one host, say which: --single-host NAME",
            )
        return Carried(
            archive=place,
            digest=self.digest,
            target=same_target(self.settings.target.url),
            opened_with=_opened_with(self.settings),
            host=host if is_folder else "",
        )

    def put(self) -> None:
        """The bundle is in the archive, in the place of whatever else has its name; the same one stays.

        Raises:
            Failed: the archive cannot be written.
        """
        from trueup.connectors.archive import open_archive
        from trueup.connectors.archive.atomic_files import on_disk
        from trueup.connectors.archive.store import Changed
        from trueup.connectors.archive.unowned import as_kept_in, said_in

        open_archive(self.settings)  # made, and found fit, before anything is put there
        records, name = records_of(self.settings), _name(self.digest)
        with on_disk("The configuration cannot be put into the archive"):
            try:
                records.create_if_absent(name, kept := as_kept_in(records, self.settings, name, self.content))
            except FileExistsError:
                seen = records.version(name)
                # Altered since: each night would be refused for ever.
                if said_in(records, self.settings, name, records.read(name)) != self.content:
                    with contextlib.suppress(Changed):  # another deploys it beside us
                        records.replace_if_match(name, kept, seen)


def gather(config: Path, *, cron: str = "") -> Bundle:
    """The configuration in ``config`` as it is now, with the files it names; ``cron`` takes the schedule's place.

    Raises:
        Misused: it is not valid, a file it names cannot be read, or the environment overrides a key.
    """
    if found := configuration.overrides():
        raise Misused(
            f"The environment overrides the configuration here ({', '.join(found)}); a worker would not know of it.",
            remedy="Write it into the file, or unset it, and deploy again.",
        )
    settings = with_cron(configuration.load(config), cron)
    configuration.require(settings)
    last_tick(settings.schedule, datetime.now(UTC))
    named = _judged(settings)
    document = {
        "format": FORMAT,
        "archive_format": SCHEMA_VERSION,
        "trueup": _version(),
        "path": str(config.resolve()),
        "text": config.read_text(encoding="utf-8"),
        "cron": cron,
        "files": {name: named(name) for name in sorted(set(configuration.named_by(settings).values()))},
        "configuration_digest": configuration.digest(settings, named),
    }
    content = json.dumps(document, ensure_ascii=False, indent=2, sort_keys=True)
    return Bundle(f"{content}\n".encode(), settings)


def _judged(settings: Settings) -> configuration.NamedFiles:
    """The files the configuration names, each of them what its key says, and none of them a secret.

    Raises:
        Misused: one is not: it would lie in the archive, and every night would end on it.
    """
    from trueup.flows.run_context import load_mapping
    from trueup.transforms.mapping import columns_for

    secret = {settings.place(path).resolve() for path in _secret_paths(settings.model_dump(mode="json"))}
    for key, name in configuration.named_by(settings).items():
        if settings.place(name).resolve() in secret:
            raise Misused(
                f"{key}: {name} is what a secret reference, certificate or key names, which never travels.",
                remedy="Name another file.",
            )
    named = configuration.NamedFiles(settings)
    columns_for(load_mapping(settings, named), settings.source)
    if settings.checks.file:
        from trueup.expectations.custom_checks import load_own_checks

        load_own_checks(settings, text=named(settings.checks.file))
    return named


def _secret_paths(said: Any, key: str = "") -> Iterator[str]:
    """Every path among the settings that leads to a secret."""
    if isinstance(said, dict):
        for name, value in said.items():
            yield from _secret_paths(value, name)
    elif isinstance(said, list):
        for value in said:
            yield from _secret_paths(value, key)
    elif isinstance(said, str) and said.startswith("file:"):
        yield said.removeprefix("file:")
    elif isinstance(said, str) and said and key in {"certificate", "key"}:
        yield said


def settings_of(carried: Carried) -> Settings:
    """The configuration that was deployed, as this worker is to use it; secrets are not looked at yet.

    Raises:
        Failed: the archive is another host's, or is not there, or has no such configuration.
        Refused: what is there is not what was deployed, or a newer version wrote it.
        Misused: this worker's environment makes another configuration of it.
    """
    if carried.host and carried.host != socket.gethostname():
        raise Failed(
            f"The archive of this target is a folder of host {carried.host}; this worker runs on "
            f"{socket.gethostname()}.",
            remedy=f"Let only workers of {carried.host} serve this pool, or move the archive to an object store and "
            "deploy again.",
        )
    document = _read(carried)
    settings = configuration.load_carried(document["text"], Path(document["path"]), document["files"])
    settings = with_cron(settings, document["cron"])
    settings = _placed(settings, carried)
    others = [name for name in configuration.overrides() if not name.upper().startswith(_HOSTS_OWN)]
    if others or configuration.digest(settings) != document["configuration_digest"]:
        names = ", ".join(others) or "none that is known"
        raise Misused(
            f"This worker would plan by another configuration than the one deployed: its environment overrides keys "
            f"({names}).",
            remedy="Unset them on this worker, or change the file and deploy it again.",
        )
    return settings


def _read(carried: Carried) -> dict[str, Any]:
    from trueup.connectors.archive.atomic_files import on_disk
    from trueup.connectors.archive.unowned import said_in

    opening = Settings.model_validate(
        {"archive": {"path": carried.archive, **carried.opened_with}, "target": {"url": carried.target}}
    )
    if not is_url(carried.archive) and not Path(carried.archive).is_dir():
        raise Failed(
            f"The archive {carried.archive} is not there on this worker.",
            remedy="Mount it, or start the worker where it is.",
        )
    with on_disk("The deployed configuration cannot be read"):
        try:
            records, name = records_of(opening), _name(carried.digest)
            content = said_in(records, opening, name, records.read(name))
        except FileNotFoundError:
            raise Failed(
                f"The archive {carried.archive} has no configuration {carried.digest[:12]}…", remedy=_DEPLOY_AGAIN
            ) from None
    if hashlib.sha256(content).hexdigest() != carried.digest:
        raise Refused(
            Refusal(
                "configuration_damaged",
                f"The configuration in the archive is not the one that was deployed ({carried.digest[:12]}…).",
                remedy=f"Find out who changed it. {_DEPLOY_AGAIN}",
            )
        )
    document: dict[str, Any] = json.loads(content)
    if document["archive_format"] > SCHEMA_VERSION or document["format"] > FORMAT:
        raise Refused(
            Refusal(
                "format_newer",
                f"This worker has Trueup {_version()}, which knows archives up to format {SCHEMA_VERSION}; "
                f"the one that was deployed has format {document['archive_format']}.",
                remedy=f"Install Trueup {document['trueup']} or later on this worker.",
            )
        )
    return document


def with_cron(settings: Settings, cron: str) -> Settings:
    """``settings`` with this schedule, where one is given."""
    if not cron:
        return settings
    return settings.model_copy(update={"schedule": settings.schedule.model_copy(update={"cron": cron})})


def _place_of(settings: Settings) -> tuple[str, bool]:
    """Where the archive is, for every host to read, and whether that is a folder."""
    path = settings.archive.path
    return (path, False) if is_url(path) else (str(settings.place(path)), True)


def _opened_with(settings: Settings) -> dict[str, Any]:
    """What of ``[archive]`` opens it, by key, with files named by their whole path."""

    def whole(value: str) -> str:
        return f"file:{settings.place(value.removeprefix('file:'))}" if value.startswith("file:") else value

    options = {key: whole(value) for key, value in settings.archive.options.items()}
    keys = {name: getattr(settings.archive, name) for name in _KEYS}
    return ({"options": options} if options else {}) | {name: whole(value) for name, value in keys.items() if value}


def _placed(settings: Settings, carried: Carried) -> Settings:
    """``settings`` with its archive where the deployment says; what of a store is here lies in this worker's home."""
    update: dict[str, Any] = {"path": carried.archive}
    if is_url(carried.archive) and "cache" not in settings.archive.model_fields_set:
        update["cache"] = str(home_folder() / "trueup-cache")
    return settings.model_copy(update={"archive": settings.archive.model_copy(update=update)})


def records_of(settings: Settings) -> LocalStore | ObjectStore:
    """Where the archive keeps its records, itself and no cache of it."""
    from trueup.connectors.archive.reaching import reached
    from trueup.connectors.archive.store import LocalStore

    return reached(settings) if is_url(settings.archive.path) else LocalStore(settings.archive_root)


def _name(digest: str) -> str:
    return f"{FOLDER}/{digest}.json"


def _version() -> str:
    from importlib.metadata import version

    return version("trueup")
