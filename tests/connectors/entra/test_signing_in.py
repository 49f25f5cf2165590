"""Signing in: each credential, each refusal in words, never a secret in them, and what doctor makes of it."""

from __future__ import annotations

import asyncio
import socket
import time
from typing import TYPE_CHECKING, Any

import pytest
import trustme
from starlette.responses import HTMLResponse, JSONResponse

from tests.support.graph_server import SECRET, jwt, serving
from tests.support.listening import asking_nobody
from tests.support.reading import configured, patience, read
from tests.support.signing_in import certificate, tenant_of
from trueup.connectors.entra import sign_in_errors
from trueup.connectors.entra.clouds import endpoints
from trueup.connectors.entra.credentials import granted
from trueup.connectors.entra.doctor import examine_tenant
from trueup.connectors.entra.retry import slowing
from trueup.connectors.entra.trying import try_source
from trueup.connectors.http.retry import stated_wait
from trueup.transforms.errors import Failed, Misused, TrueupError
from trueup.transforms.settings import Settings, SourceSettings

if TYPE_CHECKING:
    from pathlib import Path


def test_a_static_token_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tenant = tenant_of()
    monkeypatch.setenv("TRUEUP_TEST_TOKEN", "opaque-token")
    tenant.tokens.append("opaque-token")
    outcome = read(tenant, tmp_path, auth="token", token="env:TRUEUP_TEST_TOKEN")
    assert len(outcome.rows) == 30
    assert not any(line.startswith("token") for line in tenant.log)


def test_a_static_token_that_is_turned_down_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRUEUP_TEST_TOKEN", "stale-token")
    with pytest.raises(Failed, match="does not accept the token") as failed:
        read(tenant_of(), tmp_path, auth="token", token="env:TRUEUP_TEST_TOKEN")
    assert "stale-token" not in str(failed.value)


@pytest.mark.parametrize("how", ["client_secret", "certificate pem", "certificate pfx"])
@pytest.mark.parametrize("gzip", [False, True])
def test_azure_identity_signs_in_over_tls_with_a_private_ca(tmp_path: Path, how: str, gzip: bool) -> None:
    authority = trustme.CA()
    bundle = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(bundle))
    tenant = tenant_of()
    auth, _, kind = how.partition(" ")
    source: dict[str, Any] = {"auth": auth, "ca_bundle": str(bundle)}
    if kind:
        source["certificate"] = str(certificate(tmp_path, kind=kind))
        (tmp_path / "password").write_text("pass")
        source["certificate_password"] = f"file:{tmp_path / 'password'}" if kind == "pfx" else ""
    with serving(tenant, tls=authority.issue_cert("127.0.0.1"), gzip=gzip) as url:
        outcome = read(tenant, tmp_path, url=url, **source)
    assert len(outcome.rows) == 30
    assert sum(line.startswith("token") for line in tenant.log) == 1


def test_an_unknown_ca_is_said_and_not_read(tmp_path: Path) -> None:
    authority = trustme.CA()
    with (
        serving(tenant_of(), tls=authority.issue_cert("127.0.0.1")) as url,
        pytest.raises(Failed, match="does not answer|cannot be reached"),
    ):
        read(tenant_of(), tmp_path, url=url)


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"client_secret": "env:TRUEUP_WRONG_SECRET"}, "7000215"),
        ({"client_id": "99999999-0000-0000-0000-000000000000"}, "700016"),
        ({"tenant_id": "fabrikam.example"}, "90002"),
    ],
)
@pytest.mark.parametrize("tls", [False, True])
def test_a_refused_sign_in_is_a_sentence_without_the_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrong: dict[str, Any], code: str, tls: bool
) -> None:
    monkeypatch.setenv("TRUEUP_WRONG_SECRET", "not-the-secret-at-all")
    authority = trustme.CA()
    bundle = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(bundle))
    source = {**wrong, "ca_bundle": str(bundle)} if tls else wrong
    tenant = tenant_of()
    with (
        serving(tenant, tls=authority.issue_cert("127.0.0.1") if tls else None) as url,
        pytest.raises(Failed, match=f"AADSTS{code}") as failed,
    ):
        read(tenant, tmp_path, url=url, **source)
    assert failed.value.remedy
    assert SECRET not in str(failed.value)
    assert "not-the-secret" not in str(failed.value)
    assert not any(line.startswith("GET") for line in tenant.log)


@pytest.mark.parametrize("keys", [{"tenant_id": ""}, {"client_id": ""}, {"client_secret": "env:TRUEUP_NOT_SET_AT_ALL"}])
def test_a_missing_key_is_a_matter_of_configuration(tmp_path: Path, keys: dict[str, Any]) -> None:
    with pytest.raises(Misused, match=r"source\.|TRUEUP_NOT_SET"):
        read(tenant_of(), tmp_path, **keys)


def test_a_passing_fault_of_the_sign_in_is_waited_out(tmp_path: Path) -> None:
    tenant = tenant_of()
    told = [0]

    def before(path: str, _query: dict[str, str], _request: Any) -> Any:
        if path != "token":
            return None
        told[0] += 1
        if told[0] == 1:
            return HTMLResponse("<html>busy</html>", 503)
        if told[0] == 2:
            return JSONResponse({"error": "x", "error_description": "AADSTS90055: busy"}, 400)
        return None

    tenant.before = before
    assert len(read(tenant, tmp_path).rows) == 30


def test_what_is_not_there_is_said_within_thirty_seconds(tmp_path: Path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{closed.getsockname()[1]}"
        started = time.monotonic()
        with pytest.raises(Failed, match="does not answer"):
            read(tenant_of(), tmp_path, url=address)
        tenant = tenant_of()
        with serving(tenant) as url, pytest.raises(Failed, match="cannot be reached"):
            read(tenant, tmp_path, url=url, graph_url=address)
        assert time.monotonic() - started < 30


def test_a_graph_that_takes_calls_and_never_answers_is_said(tmp_path: Path) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(50)
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        tenant = tenant_of()
        with serving(tenant) as url, pytest.raises(Failed, match="cannot be reached"):
            read(tenant, tmp_path, url=url, graph_url=address, bounds={"reaching": 1.0})


def test_every_sentence_for_a_code_has_a_remedy() -> None:
    for code, (meaning, remedy) in sign_in_errors.SENTENCES.items():
        failed = sign_in_errors.refused_sign_in(f"AADSTS{code}: long text with names")
        assert meaning in failed.message
        assert failed.remedy == remedy
        assert remedy.endswith(".")
        assert "long text" not in str(failed)
    assert "invalid_client" in str(sign_in_errors.refused_sign_in("something", error="invalid_client"))
    assert sign_in_errors.is_passing("AADSTS90033: try again")


def test_plain_http_is_for_loopback_only() -> None:
    for key in ("graph_url", "login_url"):
        for url in ("http://graph.example", "ftp://127.0.0.1", "nonsense", "http://127.0.0.1.example:80", "https://"):
            unchecked = SourceSettings().model_copy(update={key: url})
            with pytest.raises(Misused, match=key):
                endpoints(unchecked)


@pytest.mark.parametrize(
    ("cloud", "login", "graph"),
    [
        ("global", "login.microsoftonline.com", "graph.microsoft.com"),
        ("usgov", "login.microsoftonline.us", "graph.microsoft.us"),
        ("usgov_dod", "login.microsoftonline.us", "dod-graph.microsoft.us"),
        ("china", "login.chinacloudapi.cn", "microsoftgraph.chinacloudapi.cn"),
    ],
)
def test_each_cloud_has_its_own_addresses(cloud: str, login: str, graph: str) -> None:
    where = endpoints(Settings.model_validate({"source": {"cloud": cloud}}).source)
    assert (where.login, where.graph, where.scope) == (
        f"https://{login}",
        f"https://{graph}",
        f"https://{graph}/.default",
    )


def test_an_override_keeps_the_clouds_scope() -> None:
    source = {"cloud": "usgov", "graph_url": "http://127.0.0.1:1/v1.0/"}
    where = endpoints(Settings.model_validate({"source": source}).source)
    assert where.graph == "http://127.0.0.1:1"
    assert where.scope == "https://graph.microsoft.us/.default"


@pytest.mark.parametrize("auth", ["managed_identity", "workload_identity", "azure_cli"])
def test_a_way_to_sign_in_that_is_not_there_is_a_failure_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, auth: str
) -> None:
    for name in ("AZURE_FEDERATED_TOKEN_FILE", "IDENTITY_ENDPOINT", "MSI_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", "http://127.0.0.1:9")
    with pytest.raises(TrueupError) as failed:
        read(tenant_of(), tmp_path, auth=auth)
    assert failed.value.remedy


UNUSABLE = [
    ("pem locked", "", "is encrypted, and source.certificate_password is not set"),
    ("pem", "pass", "certificate_password is set, but the key in source.certificate is not encrypted"),
    ("pem locked", "wrong", "does not open the key"),
    ("pem ec", "", "not an RSA key"),
    ("pem key", "", "no certificate that can be read"),
    ("pem certificate", "", "no private key"),
    ("pfx", "", "is encrypted, and source.certificate_password is not set"),
    ("pfx open", "pass", "certificate_password is set, but the key in source.certificate is not encrypted"),
    ("pfx", "wrong", "does not open the key"),
    ("pfx certificate", "pass", "no private key with its certificate"),
    ("nonsense", "", "neither a PEM nor a PKCS#12 file"),
]


@pytest.mark.parametrize(("kind", "password", "reason"), UNUSABLE)
def test_a_certificate_that_cannot_be_used_is_one_sentence_at_once_in_doctor_and_plan(
    tmp_path: Path, kind: str, password: str, reason: str
) -> None:
    place = tmp_path / "app.nonsense"
    place.write_bytes(b"neither")
    if kind != "nonsense":
        place = certificate(tmp_path, kind=kind)
    (tmp_path / "password").write_text(password)
    given = f"file:{tmp_path / 'password'}" if password else ""
    with asking_nobody() as url:
        settings = configured(url, auth="certificate", certificate=str(place), certificate_password=given)
        with pytest.raises(Failed) as failed:
            asyncio.run(try_source(settings))
        assert reason in failed.value.message
        assert failed.value.remedy
        lines = [line for line in asyncio.run(examine_tenant(settings, patience())) if line.status == "fix"]
        assert [line.text for line in lines] == [failed.value.message]


@pytest.mark.parametrize("content", [None, " \n"])
def test_a_projected_token_that_is_not_there_is_said_at_once_and_by_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str | None
) -> None:
    projected = tmp_path / "projected"
    if content is not None:
        projected.write_text(content)
    monkeypatch.setenv("AZURE_FEDERATED_TOKEN_FILE", str(projected))
    with asking_nobody() as url:
        settings = configured(url, auth="workload_identity")
        with pytest.raises(Failed, match=f"AZURE_FEDERATED_TOKEN_FILE names {projected}"):
            asyncio.run(try_source(settings))
        lines = asyncio.run(examine_tenant(settings, patience()))
    assert [line.status for line in lines] == ["fix"]
    assert str(projected) in lines[0].text


def test_a_source_is_tried_with_one_question_and_only_a_refusal_ends_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = tenant_of()
    with serving(tenant) as url:
        asyncio.run(try_source(configured(url)))
        assert sum(line.startswith("GET") for line in tenant.log) == 1
        tenant.before = lambda path, _q, _r: JSONResponse({}, 503) if path != "token" else None
        asyncio.run(try_source(configured(url), patience(reaching=0.2, answering=0.2)))
        tenant.before = lambda path, _q, _r: (
            JSONResponse({"error": {"code": "Forbidden"}}, 403) if path != "token" else None
        )
        with pytest.raises(Failed, match="may not read users"):
            asyncio.run(try_source(configured(url)))
        tenant.before = None
        monkeypatch.setenv("TRUEUP_TEST_TOKEN", "stale-token")
        with pytest.raises(Failed, match="does not accept the token"):
            asyncio.run(try_source(configured(url, auth="token", token="env:TRUEUP_TEST_TOKEN")))
    asyncio.run(try_source(configured(url), patience(signing_in=0.2, reaching=0.2)))


def test_workload_identity_exchanges_the_projected_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    projected = tmp_path / "projected"
    projected.write_text("projected-assertion")
    monkeypatch.setenv("AZURE_FEDERATED_TOKEN_FILE", str(projected))
    authority = trustme.CA()
    bundle = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(bundle))
    tenant = tenant_of()
    with serving(tenant, tls=authority.issue_cert("127.0.0.1")) as url:
        outcome = read(tenant, tmp_path, url=url, auth="workload_identity", ca_bundle=str(bundle))
    assert len(outcome.rows) == 30


def test_permissions_are_read_from_the_token() -> None:
    from azure.core.credentials import AccessToken

    known = granted(AccessToken(jwt(("User.Read.All",), 1), 1))
    assert known.lacks("Application.Read.All")
    assert not known.lacks("User.Read.All", "Directory.Read.All")
    for opaque in ("opaque", "a.b.c", "a.!.c", "..", "e30.W10.x"):
        assert not granted(AccessToken(opaque, 1)).lacks("User.Read.All")


def test_retry_after_is_understood_in_each_of_its_forms() -> None:
    assert stated_wait("7") == 7
    assert stated_wait(" 1.5 ") == 1.5
    assert stated_wait("-3") == 0
    assert stated_wait("120,120") == 120
    assert stated_wait("Sun, 06 Nov 1994 08:49:37 GMT") == 0
    assert stated_wait("inf") == float("inf")
    for nonsense in (None, "", "soon", "nan", "Wed, 99 Foo"):
        assert stated_wait(nonsense) is None


def test_slowing_begins_at_four_fifths() -> None:
    assert slowing("0.79") == 0
    assert slowing("0.8") == pytest.approx(0.25)
    assert slowing("1.8") > slowing("1.0") > 0.25
    for nothing in (None, "", "x", "nan", "1000"):
        assert slowing(nothing) == 0
