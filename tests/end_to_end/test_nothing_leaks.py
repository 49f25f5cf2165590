"""No secret leaves its place, no name reaches a log, and a run is its owner's: whatever goes wrong."""

from __future__ import annotations

import base64
import os
import sqlite3
import stat
import subprocess
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus

import pyarrow.parquet as pq
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12

from tests.end_to_end.conftest import TRUEUP, Done, Office
from tests.support.echoing import echoing
from tests.support.searching import those_in
from trueup.sandbox import running, sample
from trueup.sandbox.token_endpoint import TokenEndpoint, issuing

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tests.support.warm_commands import Warm

pytestmark = pytest.mark.timeout(400)

CLIENT_SECRET = "Mk1~marker/secret+of the=client?&%"
TARGET_SECRET = "Mk5~marker/secret+of=the target's?client&%"
SCIM_TOKEN = "Mk2-marker/token+of=the~directory"
PASSWORD = "Mk3 marker/password+of=the certificate"
WEBHOOK = "services/Mk4-marker/webhook+of=the~team"


@dataclass
class Watched(Office):
    """An office with a home of its own, the loosest umask and a memory for all that was said."""

    said: list[Done] = field(default_factory=list)

    def trueup(self, *words: str, **environment: str) -> Done:
        own = {"HOME": str(self.folder / "home"), "TMPDIR": str(self.folder / "tmp"), **environment}
        every = {**os.environ, **self.sandbox.environment, **self.environment, **own}
        every.pop("TRUEUP_DEBUG", None)
        done = self.warm.run(words, self.folder, every, umask=0) if self.warm else self._anew(words, every)
        assert "Traceback" not in done.stderr + done.stdout, done.stderr
        self.said.append(Done(done.returncode, done.stdout, done.stderr))
        return self.said[-1]

    def _anew(self, words: Sequence[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [TRUEUP, *words],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
            umask=0,
        )

    @property
    def secrets(self) -> tuple[str, ...]:
        return (CLIENT_SECRET, SCIM_TOKEN, TARGET_SECRET, PASSWORD, WEBHOOK, *self.sandbox.tenant.tokens)

    def prefect_texts(self) -> Iterator[tuple[str, bytes]]:
        home = Path(self.environment["PREFECT_HOME"])
        yield from raw(home)
        with closing(sqlite3.connect(f"file:{home / 'prefect.db'}?mode=ro", uri=True)) as database:
            yield "prefect.db as SQL", "\n".join(database.iterdump()).encode()

    def places(self) -> Iterator[tuple[str, bytes]]:
        """All that is left behind anywhere: names and contents, compressed ones also unpacked."""
        yield from self.prefect_texts()
        for path, content in raw(self.folder):
            yield path, content
            if path.endswith(".parquet"):
                yield f"{path} as text", str(pq.read_table(path).to_pylist()).encode()
        for number, done in enumerate(self.said):
            yield f"stdout {number}", done.out.encode()
            yield f"stderr {number}", done.err.encode()


def raw(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield str(path), path.name.encode() + b"\n" + path.read_bytes()


def spellings(secret: str) -> set[bytes]:
    """A secret as it may turn up: as it is, in a URL, in JSON, and inside of base64 at each of the three offsets."""
    plain = secret.encode()
    found = {plain, quote(secret).encode(), quote(secret, safe="").encode(), quote_plus(secret).encode()}
    found |= {plain.replace(b"/", b"\\/"), plain.replace(b"&", b"\\u0026"), plain.replace(b"&", b"&amp;")}
    for encode in (base64.standard_b64encode, base64.urlsafe_b64encode):
        for offset in range(3):
            whole = encode(b"\0" * offset + plain)
            end = len(plain) + offset
            found.add(whole[-(-offset * 4 // 3) : end // 3 * 4])
    return found


def leaks(places: Iterable[tuple[str, bytes]], secrets: Iterable[str]) -> list[str]:
    sought = {spelling for secret in secrets for spelling in spellings(secret)}
    return [place for place, content in places if any(one in content for one in sought)]


def names_of(office: Office) -> set[str]:
    users = office.sandbox.tenant.users()
    told = {str(user.get(key) or "") for user in users for key in ("displayName", "mail", "userPrincipalName")}
    told |= {str(profile["userName"]) for profile in office.everything().values()}
    return {name for name in told if len(name) > 7}


def named(office: Watched, names: set[str]) -> list[str]:
    """Where somebody is named although it is a log."""
    logs = [*office.prefect_texts(), *((f"stderr {n}", done.err.encode()) for n, done in enumerate(office.said))]
    anybody = {name.encode().lower() for name in names}
    return [f"{place}: {name!r}" for place, content in logs for name in those_in(content.lower(), anybody)]


def modes(archive: Path) -> set[tuple[str, str]]:
    everything = [archive, *archive.rglob("*")]
    return {("dir" if path.is_dir() else "file", oct(stat.S_IMODE(path.lstat().st_mode))) for path in everything}


@pytest.fixture
def watched(tmp_path: Path, prefect: dict[str, str], warm: Warm) -> Iterator[Watched]:
    (tmp_path / "home").mkdir()
    (tmp_path / "tmp").mkdir()
    tenant = sample.tenant()
    tenant = replace(tenant, clients=dict.fromkeys(tenant.clients, CLIENT_SECRET))
    with running(tenant=tenant, directory=replace(sample.directory(), token=SCIM_TOKEN)) as sandbox:
        office = Watched(tmp_path, sandbox, dict(prefect), warm)
        office.configure()
        yield office


def test_the_search_itself_finds_a_secret_however_it_is_spelt() -> None:
    for secret in (CLIENT_SECRET, SCIM_TOKEN, PASSWORD):
        for before in (b"", b"a", b"ab", b"abc", b"abcd"):
            text = before + secret.encode() + b"more"
            for form in (text, base64.b64encode(text), base64.urlsafe_b64encode(text), quote_plus(text).encode()):
                assert leaks([("here", b"<<" + form + b">>")], [secret]) == ["here"]
    assert not leaks([("here", b"nothing of the kind")], [CLIENT_SECRET, SCIM_TOKEN])


def test_the_search_for_names_finds_whoever_stands_there_wherever_that_is() -> None:
    names = [f"{given} {family}".encode() for given in ("Anna", "Annabelle", "Zoë") for family in ("Ray", "Raymond")]
    assert len(names[0]) == 8
    for before in range(10):
        for after in (0, 1, 7, 8):
            for name in names:
                content = b"." * before + name + b"." * after
                assert {*those_in(content, names)} == {one for one in names if one in content}, content
                assert those_in(content.replace(b" ", b"_"), names) == []
    assert [those_in(b"." * length, names) for length in range(10)] == [[]] * 10


@pytest.fixture
def signed_in(watched: Watched) -> Iterator[TokenEndpoint]:
    """The target takes tokens of an endpoint of its own."""
    token = watched.sandbox.directory.token
    with issuing(TokenEndpoint("trueup", TARGET_SECRET, issue=lambda: token)) as endpoint:
        watched.environment["TARGET_SECRET"] = TARGET_SECRET
        oauth = f'auth = "oauth2"\ntoken_url = "{endpoint.url}"\nclient_id = "trueup"'
        watched.configure(**{'token = "env:TRUEUP_SCIM_TOKEN"': f'{oauth}\nclient_secret = "env:TARGET_SECRET"'})
        yield endpoint


@pytest.mark.nights
def test_a_whole_job_leaves_no_secret_names_nobody_and_is_its_owners(
    watched: Watched, signed_in: TokenEndpoint
) -> None:
    installed = replace(watched, warm=None)  # what reads and what writes is also started as users start it
    names = names_of(watched)
    someone = next(user for user in watched.sandbox.tenant.users() if user.get("mail") and user.get("accountEnabled"))
    assert watched.trueup("doctor").code == 0, watched.said[-1]
    trial = watched.trueup("plan", "--only", someone["userPrincipalName"])
    assert trial.code == 0, trial.err
    plan = installed.plan()
    watched.accept(plan)
    installed.apply(plan)
    assert watched.trueup("verify", plan["run_id"]).code == 0
    undo = watched.trueup("rollback", plan["run_id"], "--json", "--only", someone["userPrincipalName"])
    assert undo.code in {0, 3}, undo.err
    undo = watched.trueup("rollback", plan["run_id"], "--json")
    watched.accept(undo.json)
    watched.apply(undo.json)
    assert len(watched.sandbox.tenant.tokens) >= 3
    assert len(signed_in.issued) >= len(watched.said) - 2, "the commands that met the target asked for a token"
    assert leaks(watched.places(), watched.secrets) == []
    assert named(watched, names) == []
    assert modes(watched.archive) == {("dir", "0o700"), ("file", "0o600")}
    assert not [*raw(watched.folder / "tmp")], "something was left in the temporary folder"


@pytest.mark.parametrize("status", [pytest.param(400, marks=pytest.mark.soak), 401])
def test_servers_that_repeat_what_they_were_sent_are_not_repeated(watched: Watched, status: int) -> None:
    sandbox = watched.sandbox
    graph, scim = sandbox.graph_url, sandbox.scim_url
    names = names_of(watched)
    with echoing(status) as echo:
        for replaced in (
            {f'login_url = "{graph}"': f'login_url = "{echo}"'},
            {f'graph_url = "{graph}"': f'graph_url = "{echo}"'},
            {f'url = "{scim}"': f'url = "{echo}/scim/v2"'},
        ):
            watched.configure(**replaced)
            done = watched.trueup("plan", "--json")
            assert done.code == 1, (replaced, done)
    assert leaks(watched.places(), watched.secrets) == []
    assert named(watched, names) == []


@pytest.mark.nights
@pytest.mark.parametrize("status", [400, pytest.param(500, marks=pytest.mark.soak)])
def test_neither_a_target_that_repeats_what_it_does_not_write_nor_a_webhook_that_fails_is_repeated(
    watched: Watched, status: int
) -> None:
    names = names_of(watched)
    root = watched.sandbox.scim_url.removesuffix("/scim/v2")
    with echoing(status, behind=root, passes=lambda method, _path: method == "GET") as echo:
        watched.environment["HOOK"] = f"{echo}/{WEBHOOK}" if status == 400 else f"https://[{WEBHOOK}"
        addresses = (
            f"{echo.replace('http', 'json')}/{WEBHOOK}",
            f"mailto://u:{quote(WEBHOOK, safe='')}@127.0.0.1:9?from=c@b.example&to=a@b.example",
        )
        watched.environment |= {"ONE": addresses[0], "TWO": addresses[1], "THREE": f"slack://{WEBHOOK}"}
        told = '[notify]\nurl = "env:HOOK"\nurls = ["env:ONE", "env:TWO", "env:THREE"]\n'
        watched.configure(told, **{f'url = "{root}/scim/v2"': f'url = "{echo}/scim/v2"'})
        plan = watched.plan()
        assert watched.said[-1].err.count("The notification to") == 4, watched.said[-1].err
        assert watched.trueup("notify", "--test").code == 1
        watched.trueup("doctor")
        plan = watched.plan()
        assert "4 messages in a row" not in watched.said[-1].err
        assert "did not arrive, 2 messages in a row" in (watched.run_folder(plan) / "report.md").read_text(
            encoding="utf-8"
        )
        keys = person_keys(watched, plan, 2)
        watched.accept(plan, *(word for key in keys for word in ("--only", key)))
        done = watched.trueup("apply", plan["run_id"])
        assert done.code == 4, done
        assert watched.trueup("show", plan["run_id"], "--format", "json").code == 0
    assert leaks(watched.places(), watched.secrets) == []
    assert named(watched, names) == []


def person_keys(office: Office, plan: Any, count: int) -> list[str]:
    rows = pq.read_table(office.run_folder(plan) / "decisions.parquet", columns=["key", "decision"]).to_pylist()
    return [row["key"] for row in rows if row["decision"] in {"create", "update"}][:count]


def test_a_certificate_that_its_password_does_not_open_leaves_no_trace_of_the_password(watched: Watched) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    kept = pkcs12.serialize_key_and_certificates(b"trueup", key, None, None, BestAvailableEncryption(b"another one"))
    (watched.folder / "app.pfx").write_bytes(kept)
    sandbox = watched.sandbox
    watched.environment["PFX_PASSWORD"] = PASSWORD
    watched.configure(
        **{
            f'login_url = "{sandbox.graph_url}"': 'login_url = "https://127.0.0.1:9"',
            'kind = "entra"': 'kind = "entra"\nauth = "certificate"\ncertificate = "app.pfx"\n'
            'certificate_password = "env:PFX_PASSWORD"',
        }
    )
    for words in (("plan", "--json"), ("doctor",)):
        done = watched.trueup(*words)
        assert done.code == 1, done
        assert "password" in done.out + done.err
    assert leaks(watched.places(), watched.secrets) == []
