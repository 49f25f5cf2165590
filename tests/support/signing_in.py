"""A tenant to sign in to, and certificates to sign in with."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import NameOID

from tests.support.graph_server import Tenant, person

if TYPE_CHECKING:
    from pathlib import Path


def tenant_of(users: int = 30) -> Tenant:
    return Tenant(users=[person(n) for n in range(users)])


def certificate(folder: Path, *, days: int = 365, kind: str = "pem") -> Path:
    """A certificate with its key; ``kind`` is ``pem`` or ``pfx``, with ``open``, ``locked``, ``ec`` or a part alone."""
    name, _, how = kind.partition(" ")
    key: Any = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    if how == "ec":
        key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "app")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=400))
        .not_valid_after(now + dt.timedelta(days=days, hours=1))
        .sign(key, hashes.SHA256())
    )
    place = folder / f"app.{name}"
    locked, plain = serialization.BestAvailableEncryption(b"pass"), serialization.NoEncryption()
    if name == "pem":
        sealed = locked if how == "locked" else plain
        private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, sealed)
        public = made.public_bytes(serialization.Encoding.PEM)
        place.write_bytes({"key": private, "certificate": public}.get(how, private + public))
    else:
        part = None if how == "certificate" else key
        sealed = plain if how == "open" else locked
        place.write_bytes(pkcs12.serialize_key_and_certificates(b"app", part, made, None, sealed))
    return place
