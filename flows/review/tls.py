"""The server's own certificate: looked at before it is shown, and read anew when its files change.

Whoever renews it (certbot, the company's own) replaces two files; nothing has to be restarted.
"""

from __future__ import annotations

import contextlib
import ssl
import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from cryptography import x509

from trueup.transforms.errors import Misused

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LOOK_S = 60.0
"""Between two looks at the files."""
SOON = timedelta(days=14)
"""So long before its end a certificate is spoken of, once a day."""
_DAY_S = 86_400.0
_RENEWED = "Renew it; the files are looked at every minute."


class Certificate:
    """The newest certificate that could be believed; connections that begin later are shown it."""

    def __init__(self, certificate: Path, key: Path, say: Callable[..., None]) -> None:
        """Read both files.

        Args:
            certificate: PEM, with those in between.
            key: PEM, not encrypted.
            say: called with the name of an event and ``code``, when something about the certificate happens later.

        Raises:
            Misused: one of them cannot be read, they do not belong together, or its time is not now.
        """
        self._paths = (certificate, key)
        self._say = say
        self._mark = self._marked()
        self._newest, self.names, self._ends = believed(certificate, key)
        self._ending = threading.Event()
        self._looks = 0
        self.context = self._newest_for_each(believed(certificate, key)[0])

    def begin(self) -> None:
        """Look at the files again and again."""
        threading.Thread(target=self._watch, name="certificate", daemon=True).start()

    def close(self) -> None:
        """Look no more."""
        self._ending.set()

    def look(self) -> None:
        """Take what is new, where it can be believed; else what was there stays and the log says why."""
        mark = self._marked()
        if mark != self._mark:
            self._mark = mark  # one of two files may be there already: the other one makes another mark
            try:
                self._newest, self.names, self._ends = believed(*self._paths)
            except Misused as error:
                self._say("certificate", code="refused", why=error.message)
            except (OSError, ValueError) as error:  # an odd certificate, a disk that does not answer
                self._say("certificate", code="refused", why=type(error).__name__)
            else:
                self._say("certificate", code="renewed", ends=f"{self._ends:%Y-%m-%d}")
        if self._looks % int(_DAY_S / LOOK_S) == 0 and datetime.now(UTC) > self._ends - SOON:
            self._say("certificate", code="ends", ends=f"{self._ends:%Y-%m-%d}")
        self._looks += 1

    def _watch(self) -> None:
        while not self._ending.wait(LOOK_S):
            with contextlib.suppress(OSError):  # the log cannot be written: the next look is to take place
                self.look()

    def _newest_for_each(self, context: ssl.SSLContext) -> ssl.SSLContext:
        """A context that hands each new connection to the newest one: asked also where no name is sent along."""

        def hand_over(connection: Any, _name: str | None, _context: ssl.SSLContext) -> None:
            connection.context = self._newest

        context.sni_callback = hand_over
        return context

    def _marked(self) -> tuple[Any, ...]:
        """Another one whenever a file is another one, also behind a link."""
        try:
            facts = [path.stat() for path in self._paths]
        except OSError:
            return ()
        return tuple((one.st_ino, one.st_mtime_ns, one.st_size) for one in facts)


def believed(certificate: Path, key: Path) -> tuple[ssl.SSLContext, frozenset[str], datetime]:
    """What answers with this certificate, the names it is for, and when it ends.

    Raises:
        Misused: see :class:`Certificate`.
    """
    first = _first(certificate)
    now, begins, ends = datetime.now(UTC), first.not_valid_before_utc, first.not_valid_after_utc
    if now >= ends:
        raise Misused(f"review.certificate ended on {ends:%-d %B %Y}: no browser believes it.", remedy=_RENEWED)
    if now < begins:
        raise Misused(
            f"review.certificate begins on {begins:%-d %B %Y}, which is not yet.",
            remedy="Check this machine's clock, or use another certificate until then.",
        )
    # Mozilla's "intermediate": TLS 1.2 with forward secrecy and an authenticated cipher, and 1.3.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("ECDHE+AESGCM:ECDHE+CHACHA20")
    context.options |= ssl.OP_NO_RENEGOTIATION
    try:
        context.load_cert_chain(certificate, key, password=_no_password)
    except OSError as error:  # of ssl too
        raise _not_loaded(key, error) from error
    return context, _names(first), ends


def is_for(names: frozenset[str], host: str) -> bool:
    """Whether a browser takes a certificate of these names for ``host`` (RFC 9525 §6.3)."""
    _, _, parent = host.lower().partition(".")
    return host.lower() in names or f"*.{parent}" in names


def _first(certificate: Path) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificates(certificate.read_bytes())[0]
    except OSError as error:
        raise Misused(
            f"review.certificate cannot be read ({error.strerror}).",
            remedy="Point it at a PEM file that this account may read.",
        ) from error
    except ValueError as error:
        raise Misused(
            "review.certificate is not a certificate in PEM form.", remedy="Point it at a PEM file."
        ) from error


def _names(certificate: x509.Certificate) -> frozenset[str]:
    try:
        said = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return frozenset()
    names = {name.lower() for name in said.get_values_for_type(x509.DNSName)}
    return frozenset(names | {str(one) for one in said.get_values_for_type(x509.IPAddress)})


class _Encrypted(OSError):
    """The key asks for a password."""


def _no_password() -> str:
    raise _Encrypted


def _not_loaded(key: Path, error: OSError) -> Misused:
    if isinstance(error, _Encrypted):
        said = "review.key asks for a password, which nobody is here to type."
        return Misused(said, remedy="Decrypt it: openssl pkey -in KEY -out PLAIN, readable to this account alone.")
    if isinstance(error, ssl.SSLError):
        if error.reason == "KEY_VALUES_MISMATCH":
            said = "review.key is not the key of review.certificate."
            return Misused(said, remedy="Set both to files of the same certificate.")
        said = "review.certificate and review.key cannot be used for TLS"
        return Misused(
            f"{said} ({error.reason or 'unreadable'}).", remedy="Point both at PEM files that belong together."
        )
    said = f"review.key cannot be read ({error.strerror})."
    return Misused(said, remedy=f"Let this account read {key.name}, and nobody else.")
