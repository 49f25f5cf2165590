"""What travels with a deployment, what a worker believes of it, and what it refuses."""

from __future__ import annotations

import json
import os
import socket
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from trueup.flows import configuration, flow_runs, run_context
from trueup.flows.bundle import Bundle, Carried, gather, settings_of
from trueup.flows.undeployed import naming, remove
from trueup.transforms.erasure.person import Person
from trueup.transforms.errors import Failed, Misused, Refused

if TYPE_CHECKING:
    from pathlib import Path

HERE = socket.gethostname()
CONFIGURATION = """
[source]
kind = "file"
path = "people.json"
[target]
url = "https://dir.example/scim/v2"
token = "file:secret/token"
[mapping]
preset = ""
import = "../shared/schema.json"
[checks]
file = "own.py"
[archive]
path = "runs"
[schedule]
cron = "0 1 * * *"
"""
SCHEMA = {
    "synchronizationRules": [
        {
            "name": "r",
            "sourceDirectoryName": "Azure Active Directory",
            "targetDirectoryName": "customappsso",
            "objectMappings": [
                {
                    "name": "Provision Azure Active Directory Users",
                    "sourceObjectName": "User",
                    "targetObjectName": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
                    "attributeMappings": [
                        {
                            "targetAttributeName": "userName",
                            "matchingPriority": 1,
                            "source": {"expression": "[userPrincipalName]", "name": "userPrincipalName"},
                        }
                    ],
                }
            ],
        }
    ],
    "directories": [],
}


@pytest.fixture
def config(tmp_path: Path) -> Path:
    office = tmp_path / "office"
    (office / "secret").mkdir(parents=True)
    (tmp_path / "shared").mkdir()
    (office / "secret" / "token").write_text("the token itself", encoding="utf-8")
    (office / "people.json").write_text('{"value": [{"id": "somebody"}]}', encoding="utf-8")
    (office / "own.py").write_text("EXPECTATIONS = {'source': [], 'desired': []}\n", encoding="utf-8")
    (tmp_path / "shared" / "schema.json").write_text(json.dumps(SCHEMA), encoding="utf-8")
    path = office / "trueup.toml"
    path.write_text(CONFIGURATION, encoding="utf-8")
    return path


def put(config: Path, *, cron: str = "") -> Carried:
    bundle = gather(config, cron=cron)
    bundle.put()
    bundle.put()  # whoever deploys the same again finds it there
    return bundle.carried(host=HERE)


def stored(carried: Carried, config: Path) -> Path:
    return config.parent / "runs" / "configurations" / f"{carried.digest}.json"


def test_a_worker_has_the_configuration_and_what_it_names_from_the_archive_alone(config: Path) -> None:
    before = configuration.digest(configuration.load(config))
    carried = put(config, cron="30 2 * * *")
    # On another host there is no such folder; here it is edited, which changes the next deployment, not this one.
    for path in (config, config.parent / "own.py", config.parent.parent / "shared" / "schema.json"):
        path.unlink()
    settings = settings_of(Carried.of(json.loads(json.dumps(carried.as_parameter()))))
    assert configuration.digest(settings) == before
    assert settings.schedule.cron == "30 2 * * *"
    assert settings.matching.by == ("userName",), "as the imported schema says"
    assert [one.path for one in run_context.load_mapping(settings).attributes if one.expression] == ["userName"]
    from trueup.expectations.custom_checks import load_own_checks

    assert load_own_checks(settings).source_columns == frozenset()
    assert settings.place(settings.source.path) == config.parent / "people.json"
    assert settings.place(settings.archive.path) == config.parent / "runs"


def test_nothing_that_a_reference_names_nor_a_source_travels(config: Path) -> None:
    carried = put(config)
    assert carried.digest == put(config).digest, "the same words, the same digest"
    said = stored(carried, config).read_text(encoding="utf-8")
    assert "the token itself" not in said
    assert "somebody" not in said
    assert stored(carried, config).stat().st_mode & 0o077 == 0
    parameter = json.dumps(carried.as_parameter())
    assert "token" not in parameter
    assert set(carried.as_parameter()) == {"archive", "digest", "target", "opened_with", "host"}


def test_what_was_changed_in_the_archive_is_refused(config: Path) -> None:
    carried = put(config)
    place = stored(carried, config)
    place.write_text(place.read_text(encoding="utf-8").replace("dir.example", "dor.example"), encoding="utf-8")
    with pytest.raises(Refused, match="not the one that was deployed"):
        settings_of(carried)
    assert put(config) == carried
    assert settings_of(carried).target.url == "https://dir.example/scim/v2", "deployed again, as the refusal says"
    place.unlink()
    with pytest.raises(Failed, match="has no configuration"):
        settings_of(carried)
    with pytest.raises(Failed, match="is not there on this worker"):
        settings_of(replace(carried, archive=f"{carried.archive}-elsewhere"))
    assert not (config.parent / "runs-elsewhere").exists()


def test_an_older_worker_says_which_version_it_needs(config: Path) -> None:
    bundle = gather(config)
    document = json.loads(bundle.content) | {"archive_format": 99, "trueup": "9.1"}
    newer = Bundle(json.dumps(document).encode(), bundle.settings)
    newer.put()
    with pytest.raises(Refused, match="knows archives up to format .*; the one that was deployed has format 99") as why:
        settings_of(newer.carried(host=HERE))
    assert "Install Trueup 9.1 or later on this worker" in why.value.remedy


def test_a_folder_is_one_hosts(config: Path) -> None:
    bundle = gather(config)
    with pytest.raises(Misused, match="is a folder of one host"):
        bundle.carried(host="")
    bundle.put()
    with pytest.raises(Failed, match=f"is a folder of host somewhere-else; this worker runs on {HERE}"):
        settings_of(bundle.carried(host="somewhere-else"))


def test_one_hosts_environment_makes_no_other_configuration(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    carried = put(config)
    monkeypatch.setenv("TRUEUP_LIMITS__DEACTIVATE", "100%")
    with pytest.raises(Misused, match=r"its environment overrides keys \(TRUEUP_LIMITS__DEACTIVATE\)"):
        settings_of(carried)
    with pytest.raises(Misused, match="a worker would not know of it"):
        gather(config)
    monkeypatch.delenv("TRUEUP_LIMITS__DEACTIVATE")
    monkeypatch.setenv(
        "TRUEUP_METRICS__TEXTFILE", os.devnull
    )  # where a host leaves its figures is the host's own affair
    assert settings_of(carried).metrics.textfile == os.devnull


def test_a_deployment_that_says_something_else_is_refused() -> None:
    for said in ({}, {"archive": "x"}, {"archive": "x", "digest": "y", "target": "z", "host": "", "opened_with": 3}):
        with pytest.raises(Misused, match="does not say which configuration"):
            Carried.of(said)


def test_a_schedule_that_is_none_is_refused_before_anything_is_deployed(config: Path) -> None:
    with pytest.raises(Misused, match=r"schedule\.cron"):
        gather(config, cron="every night")


@pytest.mark.parametrize("name", ["TRUEUP_SOURCE__TENANT_ID", "TRUEUP_APPROVAL__SIGNED_IN_ONLY", "TRUEUP_SOURCE__PATH"])
def test_a_worker_neither_reads_another_tenant_nor_approves_otherwise(
    name: str, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What no fingerprint covers is deployed all the same: only what is the host's own affair may differ."""
    carried = put(config)
    monkeypatch.setenv(name, "true")
    with pytest.raises(Misused, match=rf"its environment overrides keys \({name}\)"):
        settings_of(carried)


@pytest.mark.parametrize("key", ['file = "own.py"', 'import = "../shared/schema.json"'])
def test_a_file_that_is_not_what_its_key_says_never_gets_into_the_archive(key: str, config: Path) -> None:
    """Whoever names the wrong file, such as a private key, learns of it before it travels."""
    named = "secret/key.pem"
    (config.parent / named).write_text("-----BEGIN PRIVATE KEY-----\nabc\n", encoding="utf-8")
    text = config.read_text(encoding="utf-8").replace(key, f'{key.partition(" ")[0]} = "{named}"')
    config.write_text(f'{text}\n[matching]\nby = ["userName"]\n', encoding="utf-8")
    with pytest.raises(Misused):
        gather(config)


def test_what_a_reference_names_never_travels_under_another_key(config: Path) -> None:
    """The same file as a secret and as checks: it may well read as Python."""
    text = config.read_text(encoding="utf-8").replace("file:secret/token", "file:./own.py")
    config.write_text(text, encoding="utf-8")
    with pytest.raises(Misused, match=r"own\.py is what a secret reference, certificate or key names"):
        gather(config)


def test_an_erasure_names_the_deployed_configurations_that_name_the_person(config: Path) -> None:
    """With what to do: they are out of its reach while nights are planned by them."""
    text = config.read_text(encoding="utf-8")
    config.write_text(f'{text}\n[people]\nnever = ["upn:Zoë.Novák@dir.example"]\n', encoding="utf-8")
    before = put(config)
    config.write_text(text, encoding="utf-8")
    put(config)
    settings = configuration.load(config)
    zoe = Person(frozenset({"0a1b2c3d-zoe"}), frozenset(), "42", words=frozenset({"zoë.novák@dir.example"}))
    assert naming(settings, zoe) == (f"configurations/{before.digest}.json (made from {config})",)
    stored(before, config).write_text('{"text": 7, "zoë.novák@dir.example', encoding="utf-8")
    assert naming(settings, zoe) == (f"configurations/{before.digest}.json (made from a file that is not known)",)
    remove(settings, [f"{before.digest}.json"])
    assert naming(settings, zoe) == ()


@pytest.mark.parametrize("url", ["https://dir.example:443/scim/v2", "https://DIR.example/scim/v2/"])
def test_one_target_has_one_name_and_one_tag_however_its_address_is_spelt(url: str, config: Path) -> None:
    """By its tag an earlier deployment is found: else there would be two of one target."""
    before = configuration.load(config)
    config.write_text(config.read_text(encoding="utf-8").replace("https://dir.example/scim/v2", url), encoding="utf-8")
    other = configuration.load(config)
    assert flow_runs.deployment_name(other) == flow_runs.deployment_name(before)
    assert flow_runs.tags_of(other) == flow_runs.tags_of(before)
