"""The sections of the configuration that no plan rests on: where runs are kept, when, who reviews, who is told."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, IPvAnyAddress, field_validator, model_validator

from trueup.transforms.setting_values import (
    EncryptedUrl,
    SecretReference,
    Section,
    archive_options,
    archive_path,
    own_address,
    plain_address,
    unshared_authority,
)


class ReviewSettings(Section):
    """The page a team reviews on: where it answers, who signs in by which provider, and who may do what there."""

    url: Annotated[str, AfterValidator(own_address)] = ""
    """Where people's browsers find it: scheme, host and port, nothing more. http on loopback only."""
    authority: Annotated[EncryptedUrl, AfterValidator(unshared_authority)] = ""
    """The OpenID Connect provider's issuer, for providers other than Entra ID; empty: the tenant's own."""
    tenant_id: str = ""
    """The tenant's object id; empty: that of the source."""
    client_id: str = ""
    client_secret: SecretReference = ""
    reviewers: tuple[str, ...] = ()
    """Who may decide: ``id:<object id>``, ``group:<object id>``, ``upn:<name>``; elsewhere subject and groups."""
    readers: tuple[str, ...] = ()
    certificate: str = ""
    """PEM file of the server's certificate, with those in between."""
    key: str = ""
    """PEM file of its key."""
    strict_transport: Literal["host", "subdomains", "preload"] = "host"
    """For whom browsers are told to come encrypted only: this host; its subdomains too; and that lists may say so."""
    recheck_minutes: Annotated[float, Field(gt=0, le=1440)] = 15
    """How long a right counts before it is asked for again."""
    sign_in_again_minutes: Annotated[float, Field(ge=0, le=1440)] = 0
    """Whoever accepts or begins an apply has proved who they are within so many minutes; 0 asks nobody again."""
    apply: bool = False
    """Whether a reviewer may begin an apply from the page."""
    proxies: tuple[IPvAnyAddress, ...] = ()
    """Whose ``X-Forwarded-For`` is believed, for the security log; without any, no header is."""

    @field_validator("reviewers", "readers")
    @classmethod
    def _known_kinds(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for rule in value:
            kind, _, rest = rule.partition(":")
            if kind not in {"id", "group", "upn"} or not rest.strip():
                message = f'{rule!r} is none of "id:<object id>", "group:<object id>", "upn:<name>"'
                raise ValueError(message)
        return value

    @model_validator(mode="after")
    def _certificate_with_key(self) -> ReviewSettings:
        if bool(self.certificate) != bool(self.key):
            message = "certificate and key belong together; set both or neither"
            raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _strict_where_encrypted(self) -> ReviewSettings:
        if self.strict_transport != "host" and not self.url.startswith("https://"):
            message = f'strict_transport = "{self.strict_transport}" needs a url that begins with https://'
            raise ValueError(message)
        return self


class ArchiveSettings(Section):
    """Where runs are kept, how long, and which group may read them."""

    path: Annotated[str, AfterValidator(archive_path)] = "data/runs"
    """A folder; or ``s3://bucket/prefix``, ``az://container/prefix``, ``gs://bucket/prefix``."""
    keep_days: Annotated[int, Field(ge=1)] = 400
    keep_snapshots_days: Annotated[int, Field(ge=1)] | None = None
    """What was read of both sides, and what the mapping made of it, goes earlier; None keeps it ``keep_days``."""
    group: str = ""
    cache: str = "data/cache"
    """Where files of an archive in an object store, or of an encrypted one, lie while they are used: private."""
    options: Annotated[dict[str, str], AfterValidator(archive_options)] = Field(default_factory=dict)
    """How to reach an object store: ``endpoint``, ``region``, credentials as references."""
    encryption_key: SecretReference = ""
    """32 bytes in base64: everything new in the archive is encrypted; see docs/archive.md."""
    encryption_key_previous: SecretReference = ""
    """The key before it, until all runs are wrapped anew."""
    lease_seconds: Annotated[float, Field(ge=1, le=3600)] = 30
    """So long another host waits for a sign of life before it takes a target over; for an object store only."""


class ScheduleSettings(Section):
    """When ``trueup serve`` plans."""

    cron: str = "0 1 * * *"
    timezone: str = "UTC"


class NotifySettings(Section):
    """Who is told how a run ended; without personal data, but for names in a mail where ``names`` says so."""

    url: SecretReference | str = ""
    """A webhook that takes ``{"text": …}``."""
    command: str = ""
    urls: tuple[SecretReference, ...] = ()
    """References to Apprise addresses: mail, Teams, Slack and what else Apprise knows."""
    remind_hours: Annotated[float, Field(ge=0)] = 10
    """A plan that has waited so long is told of once more, and then once a day; 0 never."""
    names: bool = False
    """Whether a mail names people who join, leave or are held."""


class ReportSettings(Section):
    """Where links of reports and messages lead."""

    link: Annotated[str, AfterValidator(plain_address)] = ""
    """Where a run's report can be opened by the reader of a message; ``{run_id}`` stands for the run."""
    target_link: Annotated[str, AfterValidator(plain_address)] = ""
    """A profile in the target's own pages; ``{profile_id}`` and ``{user_name}`` stand for the person."""


class MetricsSettings(Section):
    """Where figures of the last run are left for those who watch; they name nobody."""

    textfile: str = ""
    """A file in the Prometheus text format, relative to the configuration; node_exporter reads ``*.prom``."""
    otlp: Annotated[str, AfterValidator(plain_address)] = ""
    """An OpenTelemetry collector's address for OTLP over HTTP."""


class PrivacySettings(Section):
    """What may be told of people outside the archive."""

    names_in_orchestrator: bool = False
