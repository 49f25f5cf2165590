"""Stores for archives, started once for the tests of this folder, and only where one asks for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.at_rest import a_key
from tests.support.object_stores import ENVIRONMENT, Bucket, Google, google_served, moto_served, new_bucket
from trueup.connectors.archive import places
from trueup.connectors.archive.vault import leave

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def moto() -> Iterator[str]:
    with moto_served() as endpoint:
        yield endpoint


@pytest.fixture(scope="session")
def google() -> Iterator[Google]:
    with google_served() as served:
        yield served


@pytest.fixture
def bucket(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    """Of S3, where the test does not say ``gs``."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    if getattr(request, "param", "s3") == "s3":
        return new_bucket(request.getfixturevalue("moto"))
    google: Google = request.getfixturevalue("google")
    monkeypatch.setenv("STORE_ACCOUNT", google.account)
    return google.new_bucket()


@pytest.fixture
def key(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    made = a_key()
    monkeypatch.setenv("ARCHIVE_KEY", made)
    yield made
    places._ELSEWHERE.clear()
    leave()
