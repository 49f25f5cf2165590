"""A shared review over real HTTP: a tenant people sign in to, an archive with runs, and browsers without a screen."""

from __future__ import annotations

import json
import re
import ssl
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pyarrow as pa
import pyarrow.parquet as pq

from tests.support.archive_runs import AT, Person, manifest_of, write_people
from trueup.connectors.archive import open_archive, seal
from trueup.flows import configuration, listening
from trueup.flows.review import serving
from trueup.flows.review.application import application
from trueup.sandbox import running
from trueup.sandbox.tenant.data import Group, TenantData, object_id
from trueup.transforms.fingerprint import VERSION, fingerprint
from trueup.transforms.vocabulary import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    import trustme

    from trueup.flows.review.context import Service
    from trueup.flows.review.tls import Certificate
    from trueup.reports.team.model import Frame
    from trueup.sandbox import Sandbox
    from trueup.transforms.history import PriorRun
    from trueup.transforms.settings import Settings

ADA, BO, REA, EVE = (object_id("user", name) for name in ("ada", "bo", "rea", "eve"))
REVIEWERS, READERS = object_id("group", "reviewers"), object_id("group", "readers")
CSRF = re.compile(r'name="csrf" (?:content|value)="([^"]+)"')


def tenant() -> TenantData:
    """Ada and Bo review, Rea reads, Eve may do neither; the groups are nested once."""
    people = {ADA: "ada", BO: "bo", REA: "rea", EVE: "eve"}
    inner = object_id("group", "inner")
    return TenantData(
        users=[
            {
                "id": key,
                "userPrincipalName": f"{name}@contoso.example",
                "displayName": f"{name.title()} Example",
                "accountEnabled": True,
            }
            for key, name in people.items()
        ],
        groups=(
            Group(REVIEWERS, "Reviewers", (ADA, inner)),
            Group(inner, "Inner", (BO,)),
            Group(READERS, "Readers", (REA,)),
        ),
    )


class PlainPages:
    """Pages without looks: what was asked for, and what surrounds it."""

    def page(self, what: str, frame: Frame, *words: str) -> str:
        if what == "person" and words == ("broken",):
            raise RuntimeError("a secret of ann@x.example")
        viewer = frame.viewer
        assert viewer is not None
        told = {"what": what, "words": words, "may_decide": viewer.may_decide, "why_not": viewer.why_not}
        told["is_old"] = frame.is_old
        facts = told | {"name": viewer.name, "is_reviewer": viewer.is_reviewer, "own_key": viewer.own_key}
        return f'<meta name="csrf" content="{viewer.csrf}"><pre>{json.dumps(facts)}</pre>'

    def data(self, what: str, run_id: str, said: Mapping[str, Any]) -> bytes:
        return json.dumps({"what": what, "run_id": run_id, "said": said}).encode()

    def knows(self, run_id: str, keys: Sequence[str]) -> bool:
        return bool(run_id) and {*keys} <= {"k-1", "k-2"}

    def understands(self, run_id: str, selectors: Sequence[str]) -> bool:
        parts = {part for one in selectors for part in one.split("/")}
        return bool(run_id) and parts <= {"k-1", "k-2", "update", "title", "group:0"}

    def error(self, kind: str, frame: Frame | None, **words: str) -> str:
        path = frame.path if frame else ""
        who = frame.viewer.name if frame and frame.viewer else "nobody"
        return f"<h1>{kind}</h1><p>{words.get('text', '')} {words.get('remedy', '')}</p><!-- {path} --><i>{who}</i>"

    def static(self, name: str) -> tuple[bytes, bytes, str] | None:
        return (b"body {}", b"", "text/css") if name == "team.css" else None

    def selectors(self, run_id: str, selector: str) -> tuple[str, ...]:
        return (selector,) if run_id else ()


@dataclass
class Browser:
    """Keeps cookies as a browser would on an encrypted or loopback address, and says where its requests come from."""

    url: str
    client: httpx.Client
    cookies: dict[str, str] = field(default_factory=dict)
    csrf: str = ""

    def get(self, path: str, **headers: str) -> httpx.Response:
        return self.send("GET", path, headers={"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate", **headers})

    def send(self, method: str, path: str, **how: Any) -> httpx.Response:
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())} | how.pop("headers")
        address = path if path.startswith("http") else f"{self.url}{path}"
        answer = self.client.request(method, address, headers=headers, **how)
        if address.startswith(self.url):
            for line in answer.headers.get_list("set-cookie"):
                name, _, value = line.partition(";")[0].partition("=")
                if "Max-Age=0" in line:
                    self.cookies.pop(name, None)
                else:
                    self.cookies[name] = value
            if found := CSRF.search(answer.text if "html" in answer.headers.get("content-type", "") else ""):
                self.csrf = found[1]
        return answer

    def post(self, path: str, said: Any, **headers: str) -> httpx.Response:
        own = {"Origin": self.url, "Sec-Fetch-Site": "same-origin", "X-CSRF": self.csrf}
        return self.send("POST", path, headers=own | headers, json=said)

    def to_provider(self, to: str = "/") -> str:
        """Where sign-in leads."""
        answer = self.get(f"/sign-in?to={to}")
        assert answer.status_code == 303, answer.text
        return answer.headers["location"]

    def choose(self, way: str, user: str) -> str:
        """At the provider: be somebody; returns where the browser is sent back to."""
        answer = self.client.post(way, data={"user": f"{user}@contoso.example"})
        assert answer.status_code == 302, answer.text
        return str(answer.headers["location"])

    def sign_in(self, user: str, to: str = "/") -> httpx.Response:
        """The whole way; the answer of our own page at its end."""
        answer = self.get(self.choose(self.to_provider(to), user).removeprefix(self.url))
        if answer.status_code == 200:
            self.get("/")
        return answer


@dataclass
class Team:
    """The service, the tenant behind it, and what its security log says."""

    service: Service
    sandbox: Sandbox
    folder: Path
    url: str
    log: list[dict[str, Any]]
    client: httpx.Client
    certificate: Certificate | None = None
    behind: str = ""
    """Where it listens."""

    def browser(self, user: str = "", to: str = "/") -> Browser:
        browser = Browser(self.url, self.client)
        if user:
            answer = browser.sign_in(user, to)
            assert answer.status_code == 200, answer.text
        return browser

    def run(self, people: Iterable[Person] = (), *, days: float = 0, **facts: Any) -> PriorRun:
        """A sealed run whose fingerprint is true."""
        return true_run(self.service.settings_now(), people, days=days, **facts)

    def load(self, run: PriorRun) -> PriorRun:
        return open_archive(self.service.settings).load(run.run_id)

    def events(self, name: str) -> list[dict[str, Any]]:
        return [line for line in self.log if line["event"] == name]


def true_run(settings: Settings, people: Iterable[Person] = (), *, days: float = 0, **facts: Any) -> PriorRun:
    """A sealed run whose fingerprint is true."""
    archive = open_archive(settings)
    files = archive.new_run(Kind.RECONCILE, at := AT.replace(day=23 + int(days)))
    everybody = tuple(people) or (
        Person("k-1", changes={"title": ("Clerk", "Chief")}, user_name="ann@x.example"),
        Person("k-2", changes={"title": ("Clerk", "Chief")}, user_name="ben@x.example"),
    )
    write_people(files, everybody)
    for path in (files.source, files.target):
        pq.write_table(pa.table({"id": pa.array([one.key for one in everybody])}), path)
    files.mapping_sql.write_text("SELECT 1", encoding="utf-8")
    digest = configuration.digest(settings)
    said = {
        "started": at,
        "sealed": at,
        "target": settings.target.url,
        "configuration_digest": digest,
        "configuration": settings.what_matters(),
        "fingerprint": fingerprint(files, digest),
        "fingerprint_version": VERSION,
    }
    seal(files, manifest_of(files, **said, **facts))
    return archive.load(files.run_id)


@contextmanager
def team_review(
    folder: Path,
    more: str = "",
    *,
    review: str = "",
    archive: str = "",
    pages: bool = False,
    ca: trustme.CA | None = None,
    url: str = "",
    beside: Callable[[Sandbox], Path] | None = None,
) -> Iterator[Team]:
    """The review of an empty archive.

    Args:
        folder: of the configuration, and of the archive unless that is elsewhere.
        more: further configuration.
        review: more of ``[review]``.
        archive: the archive's address.
        pages: whether the pages are the product's own.
        ca: issues ``folder/own.pem``, with which it answers encrypted.
        url: what people type, where something stands in between.
        beside: makes a folder of other targets, which the product's own pages then show.
    """
    listener = listening.listen("127.0.0.1", 0, remedy="")
    behind = f"http://127.0.0.1:{listener.getsockname()[1]}"
    url = url or behind
    trusted: ssl.SSLContext | bool = True
    if ca is not None:
        url = url.replace("http://127.0.0.1", "https://localhost")
        certificate_in(folder, ca)
        review += '\ncertificate = "own.pem"\nkey = "own.key"'
        ca.configure_trust(trusted := ssl.create_default_context())
    with running(tenant=tenant()) as sandbox, sandbox.in_environment():
        config = folder / "trueup.toml"
        text = f"""
[review]
url = "{url}"
client_id = "{sandbox.client_id}"
client_secret = "env:TRUEUP_CLIENT_SECRET"
reviewers = ["group:{REVIEWERS}"]
readers = ["group:{READERS}"]
{review}
{more}
"""
        config.write_text(sandbox.configuration(archive or folder / "runs", more=text), encoding="utf-8")
        lines: list[dict[str, Any]] = []
        settings = configuration.load(config)
        service = serving.service_of(
            config,
            settings,
            log=lambda line: lines.append(json.loads(line)),
            pages=None if pages or beside else PlainPages(),
            targets=beside(sandbox) if beside else None,
        )
        certificate = serving.certificate_of(settings, "127.0.0.1", service.log)
        server = serving.server_of(application(service), certificate)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        try:
            with httpx.Client(trust_env=False, timeout=30, verify=trusted) as client:
                yield Team(service, sandbox, folder, url, lines, client, certificate, behind)
        finally:
            server.should_exit = True
            thread.join(20)
            listener.close()


def certificate_in(folder: Path, ca: trustme.CA, **when: Any) -> None:
    """``own.pem`` and ``own.key`` for this machine, issued by ``ca``."""
    issued = ca.issue_cert("localhost", "127.0.0.1", **when)
    issued.private_key_pem.write_to_path(folder / "own.key")
    (folder / "own.pem").write_bytes(b"".join(one.bytes() for one in issued.cert_chain_pems))


def query_of(address: str) -> dict[str, str]:
    """The first value of each part of an address's query."""
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}


def patiently(true: Any, seconds: float = 20.0) -> None:
    """Wait until ``true()``."""
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until, "it did not come true"
        time.sleep(0.05)
