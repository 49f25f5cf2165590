"""The review with a certificate of its own: real handshakes, renewed files, and files nobody could believe."""

from __future__ import annotations

import socket
import ssl
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from tests.support.team_review import Team, certificate_in, team_review
from trueup.flows.review.signing_in import SESSION
from trueup.flows.review.tls import believed, is_for
from trueup.transforms.errors import Misused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def ca() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def encrypted(tmp_path_factory: pytest.TempPathFactory, ca: trustme.CA) -> Iterator[Team]:
    with team_review(tmp_path_factory.mktemp("encrypted"), ca=ca) as team:
        yield team


def shaken(team: Team, context: ssl.SSLContext, name: str | None = "localhost") -> ssl.SSLSocket:
    """A connection after its handshake, by whatever ``context`` offers; without ``name`` none is sent along."""
    raw = socket.create_connection(("127.0.0.1", int(team.url.rpartition(":")[2])), timeout=10)
    return context.wrap_socket(raw, server_hostname=name)


def serial(connection: ssl.SSLSocket) -> int:
    shown = connection.getpeercert(binary_form=True)
    assert shown is not None
    return x509.load_der_x509_certificate(shown).serial_number


def trusting(ca: trustme.CA) -> ssl.SSLContext:
    ca.configure_trust(context := ssl.create_default_context())
    return context


def test_people_sign_in_over_tls_and_a_certificate_nobody_vouches_for_is_not_taken(
    encrypted: Team, ca: trustme.CA
) -> None:
    ada = encrypted.browser("ada")
    answer = ada.get("/")
    assert '"is_reviewer": true' in answer.text
    assert answer.headers["strict-transport-security"] == "max-age=31536000"
    assert ada.post("/runs/20261123T010000Z-0001/here", {"key": None}).status_code == 200
    assert encrypted.url.startswith("https://localhost:")
    assert SESSION in ada.cookies
    with pytest.raises(ssl.SSLCertVerificationError):
        shaken(encrypted, ssl.create_default_context())
    with shaken(encrypted, trusting(ca), "127.0.0.1") as by_address:
        assert by_address.version() == "TLSv1.3"


@pytest.mark.parametrize(
    "ciphers", ["AES128-SHA", "ECDHE-RSA-AES128-SHA256:ECDHE-ECDSA-AES128-SHA256", "AES128-GCM-SHA256"]
)
def test_old_protocols_and_ciphers_are_not_spoken(encrypted: Team, ca: trustme.CA, ciphers: str) -> None:
    context = trusting(ca)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with shaken(encrypted, context) as connection:
        cipher = connection.cipher()
        assert cipher is not None
        assert "GCM" in cipher[0] or "CHACHA" in cipher[0]
    context.set_ciphers(ciphers)
    with pytest.raises(ssl.SSLError):
        shaken(encrypted, context)


def test_a_renewed_certificate_is_shown_to_whoever_comes_next(encrypted: Team, ca: trustme.CA) -> None:
    certificate, context = encrypted.certificate, trusting(ca)
    assert certificate is not None
    with shaken(encrypted, context) as before:
        first = serial(before)
        certificate.look()
        assert encrypted.events("certificate") == []
        (encrypted.folder / "own.pem").write_bytes(b"half written")
        certificate.look()
        assert [line["code"] for line in encrypted.events("certificate")] == ["refused"]
        with shaken(encrypted, context) as meanwhile:
            assert serial(meanwhile) == first, "the one that was good is shown on"
        certificate_in(encrypted.folder, ca)
        certificate.look()
        assert [line["code"] for line in encrypted.events("certificate")] == ["refused", "renewed"]
        for name in ("localhost", "127.0.0.1"):  # an address is not sent along: nobody is named in the handshake
            with shaken(encrypted, context, name) as after:
                assert serial(after) != first
        before.sendall(b"GET /alive HTTP/1.1\r\nHost: " + encrypted.url.removeprefix("https://").encode() + b"\r\n\r\n")
        assert before.recv(64).startswith(b"HTTP/1.1 200"), "who is connected stays so"


def _expired(folder: Path, ca: trustme.CA) -> None:
    now = datetime.now(UTC)
    certificate_in(folder, ca, not_before=now - timedelta(days=90), not_after=now - timedelta(minutes=1))


def _early(folder: Path, ca: trustme.CA) -> None:
    now = datetime.now(UTC)
    certificate_in(folder, ca, not_before=now + timedelta(days=1), not_after=now + timedelta(days=90))


def _another_key(folder: Path, ca: trustme.CA) -> None:
    certificate_in(folder, ca)
    ca.issue_cert("localhost").private_key_pem.write_to_path(folder / "own.key")


def _locked(folder: Path, ca: trustme.CA) -> None:
    certificate_in(folder, ca)
    key = serialization.load_pem_private_key((folder / "own.key").read_bytes(), None)
    form, how = serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(b"a password")
    (folder / "own.key").write_bytes(key.private_bytes(serialization.Encoding.PEM, form, how))


def _not_there(folder: Path, ca: trustme.CA) -> None:
    certificate_in(folder, ca)
    (folder / "own.key").unlink()


def _not_readable(folder: Path, ca: trustme.CA) -> None:
    certificate_in(folder, ca)
    (folder / "own.pem").unlink()
    (folder / "own.pem").mkdir()


def _not_pem(folder: Path, ca: trustme.CA) -> None:
    certificate_in(folder, ca)
    (folder / "own.pem").write_text("-----BEGIN CERTIFICATE-----\n", encoding="utf-8")


def _swapped(folder: Path, ca: trustme.CA) -> None:
    certificate_in(folder, ca)
    (folder / "own.key").write_bytes((folder / "own.pem").read_bytes())


WRONG: dict[str, tuple[Callable[[Path, trustme.CA], None], str]] = {
    "ended": (_expired, "review.certificate ended on"),
    "not yet": (_early, "which is not yet"),
    "the key of another": (_another_key, "review.key is not the key of review.certificate"),
    "a key with a password": (_locked, "review.key asks for a password"),
    "no key": (_not_there, "review.key cannot be read"),
    "a folder": (_not_readable, "review.certificate cannot be read"),
    "half a file": (_not_pem, "review.certificate is not a certificate in PEM form"),
    "a certificate for a key": (_swapped, "cannot be used for TLS"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_certificate_nobody_could_believe_is_refused_at_the_start(tmp_path: Path, ca: trustme.CA, name: str) -> None:
    make, words = WRONG[name]
    make(tmp_path, ca)
    with pytest.raises(Misused, match=words) as refused:
        believed(tmp_path / "own.pem", tmp_path / "own.key")
    assert refused.value.remedy


def test_a_certificate_is_for_a_name_as_a_browser_sees_it() -> None:
    names = frozenset({"review.example", "*.hr.example", "192.0.2.1"})
    assert is_for(names, "Review.Example")
    assert is_for(names, "trueup.hr.example")
    assert is_for(names, "192.0.2.1")
    assert not is_for(names, "a.b.hr.example")
    assert not is_for(names, "hr.example")
