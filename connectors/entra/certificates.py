"""The certificate the app signs in with: whether its file can be used, said before anything else is tried.

azure-identity signs with RS256 and takes PEM or PKCS#12 with an RSA key and its certificate; what it cannot use it
answers with a TypeError or a ValueError of one kind for all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trueup.connectors.secrets import reveal
from trueup.transforms.errors import Failed, Misused

if TYPE_CHECKING:
    from pathlib import Path

    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
    from cryptography.x509 import Certificate

    from trueup.transforms.settings import Settings

_BOTH = "source.certificate is a PEM or PKCS#12 file with the private key and its certificate."


def certificate_place(settings: Settings) -> Path:
    """The file ``source.certificate`` points at, given as a path, ``file:PATH`` or ``env:NAME`` holding a path."""
    reference = settings.source.certificate
    if reference.startswith("env:"):
        reference = reveal(reference, key="source.certificate", folder=settings.folder).get_secret_value()
    return settings.place(reference.removeprefix("file:"))


def certificate_password(settings: Settings) -> bytes | None:
    """What opens the key in ``source.certificate``; None where nothing is configured.

    Raises:
        Misused: the reference does not resolve.
    """
    reference = settings.source.certificate_password
    if not reference:
        return None
    return reveal(reference, key="source.certificate_password", folder=settings.folder).get_secret_value().encode()


def certificate_bytes(settings: Settings) -> bytes:
    """The PEM or PKCS#12 file as it is.

    Raises:
        Misused: it cannot be read.
    """
    if settings.source.certificate.startswith("env:"):
        text = reveal(settings.source.certificate, key="source.certificate").get_secret_value()
        if "-----BEGIN" in text:
            return text.encode()
    place = certificate_place(settings)
    try:
        return place.read_bytes()
    except OSError as error:
        raise Misused(
            f"source.certificate: {place.name} cannot be read.", remedy="Check the path and its permissions."
        ) from error


def certificate_of(data: bytes, password: bytes | None) -> Certificate:
    """The certificate in the file ``data``, of which everything needed to sign in can be used.

    Raises:
        Failed: what is missing, or does not fit the other.
    """
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    key, certificate = _pem(data, password) if b"-----BEGIN" in data else _pkcs12(data, password)
    if not isinstance(key, RSAPrivateKey):
        raise Failed(
            "The key in source.certificate is not an RSA key, and Entra's sign-in needs one.",
            remedy="Make a certificate with an RSA key of 2048 bits or more and upload it to the app.",
        )
    return certificate


def _pem(data: bytes, password: bytes | None) -> tuple[PrivateKeyTypes, Certificate]:
    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    key = None
    try:
        key = load_pem_private_key(data, None)
    except TypeError as error:
        if password is None:
            raise _locked() from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise Failed("source.certificate holds no private key that can be read.", remedy=_BOTH) from error
    if key is not None and password is not None:
        raise _open()
    try:
        key = key or load_pem_private_key(data, password)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise _wrong() from error
    try:
        return key, x509.load_pem_x509_certificate(data)
    except ValueError as error:
        raise Failed("source.certificate holds no certificate that can be read.", remedy=_BOTH) from error


def _pkcs12(data: bytes, password: bytes | None) -> tuple[PrivateKeyTypes, Certificate]:
    from cryptography.hazmat.primitives.serialization import pkcs12

    try:
        key, certificate, _ = pkcs12.load_key_and_certificates(data, password)
    except ValueError as error:
        raise _unopened(data, password) from error
    if key is None or certificate is None:
        raise Failed("source.certificate holds no private key with its certificate.", remedy=_BOTH)
    return key, certificate


def _unopened(data: bytes, password: bytes | None) -> Failed:
    """Why a PKCS#12 file does not open: a password, the lack of one, or that it is not a PKCS#12 file."""
    from cryptography.hazmat.primitives.serialization import pkcs12

    try:
        pkcs12.load_key_and_certificates(data, None)
    except ValueError as error:
        if "password" not in str(error).lower():
            return Failed("source.certificate is neither a PEM nor a PKCS#12 file that can be read.", remedy=_BOTH)
        return _locked() if password is None else _wrong()
    return _open()


def _locked() -> Failed:
    return Failed(
        "The key in source.certificate is encrypted, and source.certificate_password is not set.",
        remedy='Write certificate_password = "env:NAME" or "file:PATH" into [source].',
    )


def _open() -> Failed:
    return Failed(
        "source.certificate_password is set, but the key in source.certificate is not encrypted.",
        remedy="Take certificate_password out of [source], or point source.certificate at the encrypted file.",
    )


def _wrong() -> Failed:
    return Failed(
        "source.certificate_password does not open the key in source.certificate.",
        remedy="Check that the password and the file belong together.",
    )
