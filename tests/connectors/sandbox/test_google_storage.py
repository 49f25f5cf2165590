"""The stand-in for Google Cloud Storage, as obstore's own client for Google finds it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import obstore
import pytest
from obstore.exceptions import AlreadyExistsError, BaseError, NotFoundError, PreconditionError
from obstore.store import GCSStore

from tests.support.object_stores import google_account, google_served

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.object_stores import Bucket, Google


@pytest.fixture(scope="module")
def google() -> Iterator[Google]:
    with google_served() as served:
        yield served


def client(google: Google, bucket: Bucket, account: str = "") -> GCSStore:
    config: Any = {"base_url": google.endpoint, "service_account_key": account or google.account}
    options: Any = {"allow_http": True, "timeout": "20s"}
    return GCSStore(bucket.name, config=config, client_options=options, retry_config={"max_retries": 0})


def test_conditions_are_on_the_generation_which_each_write_changes_and_equal_bytes_do_not(google: Google) -> None:
    store = client(google, google.new_bucket())
    first = obstore.put(store, "a b/é", b"same", mode="create", use_multipart=False)
    with pytest.raises(AlreadyExistsError):
        obstore.put(store, "a b/é", b"same", mode="create", use_multipart=False)
    second = obstore.put(store, "a b/é", b"same", mode=cast("Any", first), use_multipart=False)
    assert second["e_tag"] == first["e_tag"]
    assert second["version"] != first["version"]
    with pytest.raises(PreconditionError):
        obstore.put(store, "a b/é", b"same", mode=cast("Any", first), use_multipart=False)
    assert obstore.head(store, "a b/é")["version"] == second["version"]
    obstore.delete(store, "a b/é")
    with pytest.raises((NotFoundError, FileNotFoundError)):
        obstore.get(store, "a b/é")


def test_lists_come_in_pages_in_order_with_folders_rolled_up(google: Google) -> None:
    bucket = google.new_bucket()
    store = client(google, bucket)
    for number in range(1203):
        google.storage.put(google.storage.buckets[bucket.name], f"runs/{number:04}/<&>", b"x")
    google.storage.put(google.storage.buckets[bucket.name], "runs/head", b"1")
    names = [one["path"] for page in obstore.list(store, "runs") for one in page]
    assert len(names) == len(set(names)) == 1204
    assert "runs/0000/<&>" in names
    rolled = obstore.list_with_delimiter(store, "runs")
    assert (len(rolled["common_prefixes"]), [one["path"] for one in rolled["objects"]]) == (1203, ["runs/head"])


def test_a_large_object_is_sent_in_parts_and_is_whole(google: Google) -> None:
    store = client(google, google.new_bucket())
    content = b"0123456789" * 1_200_000
    sent = obstore.put(store, "large", content, use_multipart=True, chunk_size=5 << 20)
    assert bytes(obstore.get(store, "large").bytes()) == content
    assert obstore.head(store, "large")["version"] == sent["version"]
    assert google.storage.uploads == {}


def test_another_account_is_not_let_in(google: Google) -> None:
    store = client(google, google.new_bucket(), google_account()[0])
    with pytest.raises(BaseError, match="401"):
        obstore.put(store, "a", b"x", use_multipart=False)
