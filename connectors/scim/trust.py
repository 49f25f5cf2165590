"""What TLS trusts on the way to the target."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

from trueup.transforms.errors import Misused

if TYPE_CHECKING:
    from trueup.transforms.settings import Settings


def certificates(settings: Settings) -> ssl.SSLContext | bool:
    """What TLS trusts: the private CA of ``target.ca_bundle``, else the system's.

    Raises:
        Misused: the bundle cannot be read.
    """
    if not settings.target.ca_bundle:
        return True
    try:
        return ssl.create_default_context(cafile=str(settings.place(settings.target.ca_bundle)))
    except (OSError, ssl.SSLError) as error:
        raise Misused("target.ca_bundle cannot be read.", remedy="Point it at a PEM file of the CA.") from error
