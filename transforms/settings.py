"""The configuration as frozen data, section by section.

Pure: reading ``trueup.toml`` and the environment is ``trueup.flows.configuration``'s. Secrets are references
(``env:NAME`` or ``file:PATH``) and stay references here.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    field_validator,
    model_validator,
)

from trueup.transforms.archive_url import cache_name, is_url
from trueup.transforms.service_settings import (
    ArchiveSettings,
    MetricsSettings,
    NotifySettings,
    PrivacySettings,
    ReportSettings,
    ReviewSettings,
    ScheduleSettings,
)
from trueup.transforms.setting_values import (
    Bound,
    BoundField,
    EncryptedUrl,
    SecretReference,
    Section,
    ServiceUrl,
    TargetUrl,
    further_headers,
    header_name,
    share,
)


class SourceSettings(Section):
    """Where users come from and which of them are in scope."""

    kind: Literal["entra", "file"] = "entra"
    tenant_id: str = ""
    client_id: str = ""
    auth: Literal[
        "client_secret",
        "certificate",
        "managed_identity",
        "workload_identity",
        "azure_cli",
        "token",
    ] = "client_secret"
    client_secret: SecretReference = ""
    certificate: SecretReference | str = ""
    """Path of a PEM or PKCS#12 file holding key and certificate."""
    certificate_password: SecretReference = ""
    token: SecretReference = ""
    managed_identity_client_id: str = ""
    path: str = ""
    """For ``kind = "file"``: relative to the configuration file."""
    absent: Literal["unknown", "null"] = "unknown"
    """For ``kind = "file"``: what a key that an entry lacks means; ``null``: the exporter leaves out what is empty."""
    cloud: Literal["global", "usgov", "usgov_dod", "china"] = "global"
    graph_url: ServiceUrl = ""
    """Root without ``/v1.0``; empty means the cloud's own. http only on loopback."""
    login_url: ServiceUrl = ""
    ca_bundle: str = ""
    scope: Literal["assigned", "all", "groups"] = "assigned"
    enterprise_app: str = "Pingboard"
    """Display name, appId or object id, for ``scope = "assigned"``."""
    groups: tuple[str, ...] = ()
    nested: bool = False
    filters: tuple[tuple[str, ...], ...] = ()
    """Scoping filters: the outer list is OR, the inner AND; a clause is text, e.g. ``department EQUALS Sales``."""
    read: Literal["full", "incremental"] = "full"
    full_every_days: Annotated[int, Field(ge=1)] = 7

    @field_validator("filters", mode="before")
    @classmethod
    def _one_flat_list_is_one_filter(cls, value: object) -> object:
        if isinstance(value, (list, tuple)) and value and all(isinstance(v, str) for v in value):
            return (tuple(value),)
        return value


class TargetSettings(Section):
    """The SCIM directory and how gently it is treated."""

    kind: Literal["scim"] = "scim"
    url: TargetUrl = ""
    auth: Literal["bearer", "oauth2", "basic", "header"] = "bearer"
    token: SecretReference = ""
    """For ``bearer`` and ``header``."""
    header: Annotated[str, AfterValidator(header_name)] = ""
    user: str = ""
    password: SecretReference = ""
    token_url: EncryptedUrl = ""
    client_id: str = ""
    client_secret: SecretReference = ""
    scopes: tuple[str, ...] = ()
    token_auth: Literal["basic", "post"] = "basic"  # noqa: S105 - how the secret is sent, not a secret
    token_parameters: dict[str, str] = Field(default_factory=dict)
    """Sent to the token endpoint as well, e.g. an audience."""
    headers: Annotated[dict[str, str], AfterValidator(further_headers)] = Field(default_factory=dict)
    """Further headers of every request to the target; a value may be a reference."""
    update: Literal["patch", "put", "auto"] = "auto"
    requests_per_second: Annotated[float, Field(gt=0)] = 25
    concurrency: Annotated[int, Field(ge=1, le=256)] = 8
    read_concurrency: Annotated[int, Field(ge=1, le=64)] = 8
    """Pages of the list that may be read at a time, where the target pages by index and keeps an order."""
    timeout_seconds: Annotated[float, Field(gt=0)] = 30
    ca_bundle: str = ""

    @field_validator("user")
    @classmethod
    def _a_colon_ends_the_user(cls, value: str) -> str:
        if ":" in value:
            message = "basic sign-in cannot carry a user name with a colon (RFC 7617 §2)"
            raise ValueError(message)
        return value

    @property
    def needed(self) -> dict[str, str]:
        """What this way of signing in cannot do without: key → what stands there."""
        names = {
            "bearer": ("token",),
            "header": ("header", "token"),
            "basic": ("user", "password"),
            "oauth2": ("token_url", "client_id", "client_secret"),
        }[self.auth]
        return {f"target.{name}": getattr(self, name) for name in names}

    @property
    def secrets(self) -> dict[str, str]:
        """The references to secrets among it: key → reference."""
        further = {f"target.headers.{name}": value for name, value in self.headers.items()}
        return {key: value for key, value in (self.needed | further).items() if value.startswith(("env:", "file:"))}


class AttributeSettings(Section):
    """One row of ``[mapping.attributes]`` in its long form."""

    expression: str | None = None
    apply: Literal["always", "create"] = "always"
    when_empty: Literal["clear_removed", "clear", "keep"] | None = None
    default: str | None = None


class MappingSettings(Section):
    """Target attribute ← expression over source attributes."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    preset: str = "pingboard"
    import_: str = Field(default="", alias="import")
    """Path of a ``synchronizationSchema`` document, instead of a preset."""
    when_empty: Literal["clear_removed", "clear", "keep"] = "clear_removed"
    attributes: dict[str, str | AttributeSettings] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _an_import_stands_alone(cls, value: Any) -> Any:
        if isinstance(value, dict) and (value.get("import") or value.get("import_")):
            if value.get("preset"):
                message = "either preset or import, not both"
                raise ValueError(message)
            return {**value, "preset": ""}
        return value


class MatchingSettings(Section):
    """How a user finds its profile, after links and externalId."""

    by: tuple[str, ...] = ("userName", 'emails[type eq "work"].value')
    links: dict[str, str] = Field(default_factory=dict)
    """source id = profile id, settled by hand."""


Ending = Literal["deactivate", "delete", "keep"]


class DeprovisionSettings(Section):
    """What happens to the profile of somebody who left or went out of scope."""

    leavers: Ending = "deactivate"
    out_of_scope: Ending = "deactivate"


class PeopleSettings(Section):
    """Who is a person, said by hand: ``id:…``, ``upn:pattern`` or ``group:name``."""

    never: tuple[str, ...] = ()
    always: tuple[str, ...] = ()
    guests: bool = False

    @field_validator("never", "always")
    @classmethod
    def _known_kinds(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for rule in value:
            if not rule.startswith(("id:", "upn:", "group:")):
                message = f'{rule!r} is none of "id:…", "upn:pattern", "group:name"'
                raise ValueError(message)
        return value


class CheckSettings(Section):
    """Own expectations, and what to do with people of one name."""

    file: str = ""
    mononym: Literal["hold", "repeat"] = "hold"


class LimitSettings(Section):
    """How much of the target one run may touch before a person must say so.

    A share is of the active managed or matched profiles before the plan (``hold``: users in scope;
    ``source_drop``: users in the last run). It never trips below ``at_least`` rows (20 for ``apply_errors``).
    """

    create: BoundField = share("20%")
    update: BoundField = share("30%")
    deactivate: BoundField = share("5%")
    reactivate: BoundField = share("5%")
    delete: BoundField = Bound(amount=0, is_share=False)
    hold: BoundField = share("10%")
    changed: BoundField = share("40%")
    emptied: BoundField = share("5%")
    source_drop: BoundField = share("10%")
    apply_errors: BoundField = share("10%")
    window_days: Annotated[int, Field(ge=1)] = 7
    window_deactivate: BoundField = share("10%")
    at_least: Annotated[int, Field(ge=0)] = 10


class AutoApprovalSettings(Section):
    """What may be applied without a person; only read when ``[approval] required = false``."""

    max_changes: Annotated[int, Field(ge=0)] = 0
    max_deactivations: Annotated[int, Field(ge=0)] = 0
    allow_holds: bool = True


class ApprovalSettings(Section):
    """Who must accept a plan, and for how long that holds."""

    required: bool = True
    approvers: Annotated[int, Field(ge=1)] = 1
    valid_hours: Annotated[float, Field(gt=0)] = 24
    signed_in_only: bool | None = None
    """Whether only people who signed in to the shared review may approve; unset: once ``[review] url`` is set."""
    auto: AutoApprovalSettings = AutoApprovalSettings()


class Settings(Section):
    """The whole configuration."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    source: SourceSettings = SourceSettings()
    target: TargetSettings = TargetSettings()
    mapping: MappingSettings = MappingSettings()
    matching: MatchingSettings = MatchingSettings()
    deprovision: DeprovisionSettings = DeprovisionSettings()
    people: PeopleSettings = PeopleSettings()
    checks: CheckSettings = CheckSettings()
    limits: LimitSettings = LimitSettings()
    approval: ApprovalSettings = ApprovalSettings()
    review: ReviewSettings = ReviewSettings()
    archive: ArchiveSettings = ArchiveSettings()
    schedule: ScheduleSettings = ScheduleSettings()
    notify: NotifySettings = NotifySettings()
    report: ReportSettings = ReportSettings()
    metrics: MetricsSettings = MetricsSettings()
    privacy: PrivacySettings = PrivacySettings()

    _folder: Path = PrivateAttr(default_factory=Path)
    _carried: Mapping[str, str] = PrivateAttr(default_factory=dict)

    @property
    def signed_in_only(self) -> bool:
        """Whether nobody's approval counts but that of people who signed in to the shared review."""
        said = self.approval.signed_in_only
        return bool(self.review.url) if said is None else said

    @property
    def folder(self) -> Path:
        """Where the configuration file lies; relative paths start there."""
        return self._folder

    @property
    def carried(self) -> Mapping[str, str]:
        """The texts of files it names that came with it, by name: those are not read from disk."""
        return self._carried

    def placed_in(self, folder: Path, carried: Mapping[str, str] | None = None) -> Settings:
        """The same configuration, with relative paths starting at ``folder``, but for the files ``carried`` along."""
        placed = self.model_copy()
        placed._folder = folder  # noqa: SLF001 - our own copy
        placed._carried = dict(carried or {})  # noqa: SLF001 - likewise
        return placed

    def place(self, path: str) -> Path:
        """``path`` from the configuration, made absolute from the folder of the file."""
        return (self._folder / path).expanduser().resolve()

    @property
    def archive_root(self) -> Path:
        """The folder whose runs are read: the archive itself, or what of it is in the cache."""
        address = self.archive.path
        if not is_url(address):
            return self.place(address)
        return self.place(self.archive.cache) / cache_name(address, self.archive.options.get("endpoint", ""))

    def what_matters(self) -> dict[str, Any]:
        """The part of the configuration the fingerprint covers, as plain JSON values."""
        whole = self.model_dump(mode="json", by_alias=True)
        source = whole["source"]
        return {
            "scope": {key: source[key] for key in ("kind", "scope", "enterprise_app", "groups", "nested", "filters")},
            "mapping": whole["mapping"],
            "matching": whole["matching"],
            "deprovision": whole["deprovision"],
            "people": whole["people"],
            "checks": whole["checks"],
            "limits": whole["limits"],
            "target": whole["target"]["url"],
        }
