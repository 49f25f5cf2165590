"""Kinds of value in the configuration: limits, references to secrets, addresses, headers, each checked."""

from __future__ import annotations

import re
from typing import Annotated, Any
from urllib.parse import parse_qsl, urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict

_LOOPBACK = re.compile(r"^(localhost|127(\.\d{1,3}){3}|\[?::1\]?)$", re.IGNORECASE)
_SECRET = re.compile("token|secret|passw|pwd|key|sig|auth|cred|code", re.IGNORECASE)
"""In the names of what signs in."""
_SHARE = re.compile(r"^\s*(\d+(?:\.\d+)?)\s*%\s*$")
ERRORS_AT_LEAST = 20
"""A share of errors stops no apply below so many, whatever ``at_least`` says of a plan."""


class Section(BaseModel):
    """A table of the configuration file: frozen, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Bound(BaseModel):
    """A limit: a share of a base (``"5%"``) or a count (``12``). Zero allows none."""

    model_config = ConfigDict(frozen=True)

    amount: float
    """Between 0 and 1 for a share, else a whole number of rows."""
    is_share: bool

    def __str__(self) -> str:
        return f"{self.amount * 100:g} %" if self.is_share else f"{self.amount:g}"


def _bound(value: object) -> object:
    if isinstance(value, bool):
        message = 'a limit is a share such as "5%" or a count such as 12'
        raise ValueError(message)  # noqa: TRY004 - pydantic reports ValueError with the key
    if isinstance(value, int) and value >= 0:
        return Bound(amount=value, is_share=False)
    if isinstance(value, str):
        if found := _SHARE.match(value):
            share = float(found.group(1)) / 100
            if share <= 1:
                return Bound(amount=share, is_share=True)
        elif value.strip().isdigit():
            return Bound(amount=int(value), is_share=False)
    if isinstance(value, (Bound, dict)):
        return value
    message = 'a limit is a share such as "5%" (at most 100%) or a count such as 12'
    raise ValueError(message)


BoundField = Annotated[Bound, BeforeValidator(_bound)]


def share(text: str) -> Any:
    """The limit that ``text`` means, as a default."""
    return _bound(text)


def _secret_reference(value: str) -> str:
    if value and not value.startswith(("env:", "file:")):
        message = 'a secret is a reference, never the value itself: write "env:NAME" or "file:PATH"'
        raise ValueError(message)
    return value


SecretReference = Annotated[str, BeforeValidator(_secret_reference)]


def _encrypted_url(value: str) -> str:
    """Refuse an address that would carry a token in the clear over a network."""
    if not value:
        return value
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        message = "an address must begin with https:// and name a host"
        raise ValueError(message)
    if parts.username or parts.password:
        message = "an address must not hold a user name or password; secrets are references of their own"
        raise ValueError(message)
    if parts.scheme == "http" and not _LOOPBACK.match(parts.hostname):
        message = "plain http is allowed on loopback only, since the token would travel in the clear; use https://"
        raise ValueError(message)
    return value.rstrip("/")


def without_query(value: str) -> str:
    """``value``, where it ends with its path: it stands in manifests and messages; raises ``ValueError``."""
    if "?" in value or "#" in value:
        message = "an address has no ? and no # here; what signs in is a reference of its own"
        raise ValueError(message)
    return value


def without_secrets(value: str) -> str:
    """``value``, where its query, such as ``?tenant=7``, holds nothing that signs in; raises ``ValueError``."""
    parts = urlsplit(value)
    if parts.fragment or any(_SECRET.search(name) for name, _ in parse_qsl(parts.query, keep_blank_values=True)):
        message = "an address must not hold what signs in; that is a reference of its own ([target] token, headers)"
        raise ValueError(message)
    return value


def plain_address(value: str) -> str:
    """``value``, where it is an address without a name and a password in it; raises ``ValueError``."""
    if not value:
        return value
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        message = "an address must begin with https:// and name a host"
        raise ValueError(message)
    if parts.username or parts.password:
        message = "an address must not hold a user name or password"
        raise ValueError(message)
    return value


def own_address(value: str) -> str:
    """Scheme, host and port of a server of ours, and nothing more; http on loopback only; raises ``ValueError``."""
    address = _encrypted_url(value)
    if not address:
        return address
    parts = urlsplit(address)
    if parts.path or parts.query or parts.fragment:
        message = "give scheme, host and port only, such as https://trueup.example.com"
        raise ValueError(message)
    if not parts.netloc.isascii():
        message = "write a name with letters beyond ASCII as browsers send it (xn--…)"
        raise ValueError(message)
    default = {"http": ":80", "https": ":443"}[parts.scheme]  # a browser's Origin never says it
    return f"{parts.scheme}://{parts.netloc.lower().removesuffix(default)}"


SHARED_TENANTS = frozenset({"common", "organizations", "consumers"})
"""Names by which Entra ID signs in people of any company."""


def unshared_authority(value: str) -> str:
    """``value``, unless people of any company sign in there; raises ``ValueError``."""
    parts = urlsplit(value)
    if SHARED_TENANTS.intersection(parts.path.lower().split("/")):
        message = "people of any company sign in at common, organizations and consumers; name your own tenant"
        raise ValueError(message)
    if parts.query or parts.fragment:
        message = "an issuer must not have a query (?) or a fragment (#)"
        raise ValueError(message)
    return value


_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_NOT_OURS = frozenset({"host", "content-length", "transfer-encoding"})
"""Headers that say how a request travels."""


def header_name(value: str) -> str:
    """``value``, where it is a header that may be set; raises ``ValueError``."""
    if value and (not _HEADER.fullmatch(value) or value.lower() in _NOT_OURS):
        message = f"{value!r} is not the name of a header that may be set here"
        raise ValueError(message)
    return value


def further_headers(value: dict[str, str]) -> dict[str, str]:
    """``value``, where each of its headers may be set besides signing in; raises ``ValueError``."""
    for name in value:
        if not header_name(name) or name.lower() == "authorization":
            message = f"{name!r} may not be set here; target.auth says how to sign in"
            raise ValueError(message)
    if len({name.lower() for name in value}) < len(value):
        message = "a header is given twice"
        raise ValueError(message)
    return value


EncryptedUrl = Annotated[str, AfterValidator(_encrypted_url)]
ServiceUrl = Annotated[EncryptedUrl, AfterValidator(without_query)]
TargetUrl = Annotated[EncryptedUrl, AfterValidator(without_secrets)]
"""The address of a whole service, to which further parts are added."""


ARCHIVE_URL = re.compile(r"(s3|az|gs)://([A-Za-z0-9$][A-Za-z0-9._$-]*)(?:/([^?#]*))?")
"""An archive in an object store: scheme, bucket or container (never a name and password before it), prefix."""
ARCHIVE_SECRETS = frozenset(
    {"access_key_id", "secret_access_key", "session_token", "account_key", "sas_token", "client_secret"}
    | {"service_account_key"}
)
_ARCHIVE_OPTIONS = ARCHIVE_SECRETS | {
    "endpoint",
    "region",
    "virtual_hosted_style_request",
    "account_name",
    "client_id",
    "tenant_id",
    "federated_token_file",
    "authority_host",
    "service_account",
    "application_credentials",
    "role_arn",
    "web_identity_token_file",
    "sse_kms_key_id",
}


def archive_path(value: str) -> str:
    """A folder, or the address of a bucket or container with a prefix."""
    if "://" in value and not ARCHIVE_URL.fullmatch(value):
        message = "an archive is a folder, or s3://bucket/prefix, az://container/prefix or gs://bucket/prefix"
        raise ValueError(message)
    if "://" in value and {"", ".", ".."} & set(value.rstrip("/").split("/")[3:]):
        message = "the prefix of an archive has no empty parts and no dots for parts"
        raise ValueError(message)
    return value.rstrip("/") if "://" in value else value


def archive_options(value: dict[str, str]) -> dict[str, str]:
    """How to reach an object store: known keys, secrets as references, http on loopback only."""
    for key, text in value.items():
        if key not in _ARCHIVE_OPTIONS:
            message = f"there is no option {key!r}; one of: {', '.join(sorted(_ARCHIVE_OPTIONS))}"
            raise ValueError(message)
        if key in ARCHIVE_SECRETS:
            _secret_reference(text)
        if key == "endpoint":
            without_query(_encrypted_url(text))
    return value
