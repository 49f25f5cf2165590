"""``manifest.json`` and the acts as frozen data: pure, reading and writing is the archive's."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, SerializerFunctionWrapHandler, model_serializer

from trueup.transforms.errors import Refusal
from trueup.transforms.vocabulary import Act, Kind, Outcome, Via

SCHEMA_VERSION = 3
"""The format of runs this version writes; earlier ones are read too. 2 has ``night``, ``stage_seconds``, summaries; 3
has nobody the run is about in manifest and acts."""
PEOPLE_APART = 3
"""From this format on people stand in side files; acts of earlier runs name them themselves, so that the version that
sealed a run still reads what is added to it."""


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Content(_Record):
    """What an encrypted file says, as far as it is known without opening it."""

    sha256: str
    bytes: int


class FileRecord(_Record):
    """One sealed file."""

    sha256: str
    """Of the bytes as they are kept, encrypted where the run is."""
    bytes: int
    rows: int | None = None
    """Of Parquet files; null for others."""
    content: Content | None = None
    """Of what an encrypted file says; not there for one in clear."""

    @property
    def said(self) -> Content:
        """Hash and length of what the file says, in whatever way it is kept."""
        return self.content or Content(sha256=self.sha256, bytes=self.bytes)

    @model_serializer(mode="wrap")
    def _without_nothing(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """As earlier versions wrote it, where nothing is encrypted."""
        said: dict[str, Any] = handler(self)
        if said.get("content") is None:
            said.pop("content", None)
        return said


class LimitUse(_Record):
    """How much of one limit the plan uses."""

    name: str
    """The word ``--allow`` takes, e.g. ``deactivate``, ``changed:title``."""
    used: int
    """Rows."""
    base: int
    """Rows the share is of."""
    share: float
    """``used / base``; 0 for an empty base."""
    limit: float
    is_share: bool
    tripped: bool
    exempt: str = ""
    """Why the limit does not apply, e.g. ``first run``."""


class Manifest(_Record):
    """What a run was. Written last, atomically; never changes."""

    schema_version: int = SCHEMA_VERSION
    run_id: str
    kind: Kind
    parent_run: str | None = None
    """The run a rollback takes back; the run a partial plan or resume belongs to; else null."""
    outcome: Outcome
    refusals: tuple[Refusal, ...] = ()
    error: str = ""
    """For ``failed``: the sentence, without secrets or personal data."""
    started: datetime
    expected: datetime | None = None
    """When the schedule meant it to begin, which says whose night it is; null for a run begun by hand."""
    sealed: datetime
    night: date | None = None
    """Of a whole reconcile run: the local date, in ``[schedule] timezone``, of when it was meant to begin."""
    stage_seconds: dict[str, float] = {}
    """Stage → seconds it took, in the order of the run; the two reads run beside each other."""
    counts: dict[str, int] = {}
    """Decision → persons. All ten decisions are present; they add up to ``users`` ∪ ``profiles``."""
    changes: int = 0
    users: int = 0
    profiles: int = 0
    findings: dict[str, int] = {}
    """Severity → findings."""
    limits: tuple[LimitUse, ...] = ()
    only: tuple[str, ...] = ()
    """Keys of a partial plan, as they were given; empty for a whole one."""
    partial_read: bool = False
    """Whether only the people in ``only`` (then object ids) were read: no count, base or absence of it is a side's."""
    first_run: bool = False
    baseline_run: str | None = None
    """The applied run this one was compared with."""
    completeness: dict[str, Any] = {}
    """``source`` and ``target``: pages, rows, counts, retries, how it was proven; ``absent``: who was asked for."""
    notes: tuple[str, ...] = ()
    """Sentences for the reviewer that are not refusals: what could not be read, what deactivation may mean here …"""
    target: str = ""
    """URL of the target, without credentials."""
    target_state: dict[str, Any] = {}
    """Learnt of the target: schema digest, case handling, dialect."""
    rollback: dict[str, Any] = {}
    """For rollbacks: mode, options, what cannot come back."""
    delta: dict[str, Any] = {}
    """Delta link and selected attributes for an incremental read; no token of ours is in it."""
    versions: dict[str, str] = {}
    configuration_digest: str = ""
    configuration: dict[str, Any] = {}
    """The part of the configuration the digest covers."""
    fingerprint: str = ""
    fingerprint_version: int = 1
    """The rule the fingerprint was made by (``trueup.transforms.fingerprint``)."""
    files: dict[str, FileRecord] = {}
    previous_manifest_sha256: str | None = None
    """Of the run before this one in the archive; null for the first."""
    sha256: str = ""
    """Of this manifest's own canonical content without this field."""


class Identity(_Record):
    """Whom an identity provider vouched for. Names change and are given twice; this is neither."""

    issuer: str
    tenant: str = ""
    """Of Entra ID; empty elsewhere."""
    subject: str
    """The object id in the tenant; elsewhere the provider's ``sub``."""

    def as_json(self) -> dict[str, str]:
        """As it stands in an act."""
        return self.model_dump()


class ActRecord(_Record):
    """One file of ``acts/``."""

    act: Act
    number: int
    at: datetime
    who: str
    sha256: str = ""
    """Of this act's own canonical content without this field."""
    previous_sha256: str
    """Of the act before it, or of the manifest."""
    files: dict[str, FileRecord] = {}
    """Files this act added; for the journal its length in bytes and the hash of that much."""
    fingerprint: str | None = None
    reason: str = ""
    details: dict[str, Any] = {}
    """``approved``: ``only``, ``exclude``, ``own`` (the approver's own rows), ``left_out``, ``allowed``, ``expires``,
    ``auto``, ``via``, ``identity``; ``rejected``: ``via``, ``identity``; ``applied``: counts, ``created`` (key →
    profile id), ``dialect``, ``errors``; ``released``: ``keys``; ``erased``: see ``trueup.transforms.erasure``. In the
    file, what names people is left to the act's side file."""

    @property
    def via(self) -> str:
        """How it was known who decided (a ``Via``); what earlier versions recorded was said in a shell, or by rule."""
        return str(self.details.get("via") or (Via.AUTO if self.details.get("auto") else Via.SHELL))

    @property
    def identity(self) -> Identity | None:
        """Who signed in to decide; None where nobody did."""
        said = self.details.get("identity")
        return Identity.model_validate(said) if isinstance(said, dict) and self.via == Via.SIGN_IN else None
