"""What goes wrong when a person signs in, in words that may be shown to that person."""

from __future__ import annotations

from trueup.transforms.errors import Failed


class SignInRefused(Failed):
    """The provider, or what it says, cannot be relied on for this sign-in.

    ``code`` is for the security log: ``issuer``, ``audience``, ``tenant``, ``expired``, ``early``, ``unsigned``,
    ``unknown_key``, ``signature``, ``nonce``, ``code``, ``form``.
    """

    def __init__(self, code: str, message: str, *, remedy: str = "Sign in again.") -> None:
        super().__init__(message, remedy=remedy)
        self.code = code


class ProviderAway(Failed):
    """The provider does not answer now, or not as a provider does."""
