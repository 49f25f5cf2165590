from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from trueup.connectors.secrets import reveal
from trueup.flows import configuration
from trueup.transforms.errors import Misused
from trueup.transforms.settings import MappingSettings

if TYPE_CHECKING:
    from pathlib import Path


def written(folder: Path, text: str) -> Path:
    path = folder / "trueup.toml"
    path.write_text(text, encoding="utf-8")
    return path


def complaint(folder: Path, text: str) -> str:
    with pytest.raises(Misused) as caught:
        configuration.load(written(folder, text))
    return str(caught.value)


def test_an_empty_file_has_every_default_of_the_design(tmp_path: Path) -> None:
    settings = configuration.load(written(tmp_path, ""))
    assert settings.limits.deactivate.amount == pytest.approx(0.05)
    assert settings.limits.delete.amount == 0
    assert settings.limits.at_least == 10
    assert settings.approval.valid_hours == 24
    assert settings.matching.by == ("userName", 'emails[type eq "work"].value')
    assert settings.schedule.cron == "0 1 * * *"
    assert settings.archive.keep_days == 400


def test_the_shipped_example_is_valid(tmp_path: Path) -> None:
    from trueup.flows.commands.init import write_configuration

    write_configuration(tmp_path, force=False)
    assert configuration.load(tmp_path / "trueup.toml").mapping.preset == "pingboard"


def test_init_does_not_overwrite_a_file_unasked(tmp_path: Path) -> None:
    from trueup.flows.commands.init import write_configuration

    written(tmp_path, "# mine")
    with pytest.raises(Misused, match="--force"):
        write_configuration(tmp_path, force=False)
    assert (tmp_path / "trueup.toml").read_text(encoding="utf-8") == "# mine"


def test_an_unknown_key_is_named_with_the_one_that_was_meant(tmp_path: Path) -> None:
    text = complaint(tmp_path, '[source]\ntennant_id = "x"\n')
    assert "source.tennant_id" in text
    assert "Did you mean tenant_id?" in text


def test_an_unknown_section_is_an_error(tmp_path: Path) -> None:
    assert "unknown key sourc" in complaint(tmp_path, "[sourc]\n")


def test_an_unknown_key_of_a_mapped_attribute_is_an_error(tmp_path: Path) -> None:
    assert "expresion" in complaint(tmp_path, '[mapping.attributes]\ntitle = { expresion = "[jobTitle]" }\n')


def test_a_file_that_is_not_toml_is_said_with_the_line(tmp_path: Path) -> None:
    assert "line 1" in complaint(tmp_path, "tenant_id = = 1\n")


def test_a_missing_file_says_how_to_write_one(tmp_path: Path) -> None:
    with pytest.raises(Misused, match="trueup init"):
        configuration.load(tmp_path / "nowhere.toml")


@pytest.mark.parametrize("secret", ["hunter2", "Env:NAME", "plain:text"])
def test_a_secret_in_the_clear_is_refused_and_never_repeated(tmp_path: Path, secret: str) -> None:
    text = complaint(tmp_path, f'[source]\nclient_secret = "{secret}"\n[target]\ntoken = "{secret}"\n')
    assert "reference" in text
    assert secret not in text.replace("env:NAME", "")


@pytest.mark.parametrize("limit", ["250%", "-1", "many", "5.5", ""])
def test_a_limit_that_is_neither_share_nor_count_is_refused(tmp_path: Path, limit: str) -> None:
    assert "limits.create" in complaint(tmp_path, f'[limits]\ncreate = "{limit}"\n')


@pytest.mark.parametrize(
    ("written_as", "amount", "is_share"),
    [('"5%"', 0.05, True), ("12", 12, False), ('"12"', 12, False), ("0", 0, False)],
)
def test_every_limit_takes_a_share_or_a_count(tmp_path: Path, written_as: str, amount: float, is_share: bool) -> None:
    limits = configuration.load(written(tmp_path, f"[limits]\nreactivate = {written_as}\n")).limits
    assert limits.reactivate.amount == pytest.approx(amount)
    assert limits.reactivate.is_share is is_share


@pytest.mark.parametrize("key", ["source.graph_url", "source.login_url", "target.url"])
@pytest.mark.parametrize(
    "address", ["http://directory.example/scim", "ftp://x", "directory.example", "https://u:p@x.example"]
)
def test_an_address_that_would_leak_a_token_is_refused(tmp_path: Path, key: str, address: str) -> None:
    section, name = key.split(".")
    assert key in complaint(tmp_path, f'[{section}]\n{name} = "{address}"\n')


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:8080", "http://localhost/scim", "http://[::1]:1/x", "https://a.example"]
)
def test_plain_http_is_allowed_on_loopback(tmp_path: Path, address: str) -> None:
    assert configuration.load(written(tmp_path, f'[target]\nurl = "{address}/"\n')).target.url == address


def test_the_environment_overrides_a_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRUEUP_LIMITS__DEACTIVATE", "7%")
    monkeypatch.setenv("TRUEUP_SOURCE__GROUPS", '["Staff"]')
    monkeypatch.setenv("TRUEUP_TARGET__CONCURRENCY", "3")
    settings = configuration.load(written(tmp_path, '[limits]\ndeactivate = "5%"\n'))
    assert settings.limits.deactivate.amount == pytest.approx(0.07)
    assert settings.source.groups == ("Staff",)
    assert settings.target.concurrency == 3


def test_names_without_two_underscores_are_never_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRUEUP_SOURCE", '{"tenant_id": "elsewhere"}')
    monkeypatch.setenv("TRUEUP_SCIM_TOKEN", "secret")
    assert configuration.load(written(tmp_path, "")).source.tenant_id == ""


def test_an_environment_variable_for_no_section_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRUEUP_LIMIT__DELETE", "5")
    assert "TRUEUP_LIMIT__DELETE" in complaint(tmp_path, "")


def test_an_unknown_key_in_the_environment_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRUEUP_LIMITS__DELET", "5")
    assert "limits.delet" in complaint(tmp_path, "")


def test_a_flat_list_of_filters_is_one_filter(tmp_path: Path) -> None:
    settings = configuration.load(written(tmp_path, '[source]\nfilters = ["a EQUALS b", "c IS NULL"]\n'))
    assert settings.source.filters == (("a EQUALS b", "c IS NULL"),)


def test_an_import_replaces_the_preset_and_both_are_an_error(tmp_path: Path) -> None:
    assert MappingSettings.model_validate({"import": "s.json"}).preset == ""
    assert "not both" in complaint(tmp_path, '[mapping]\nimport = "s.json"\npreset = "pingboard"\n')
    assert "s.json named in the configuration cannot be read" in complaint(tmp_path, '[mapping]\nimport = "s.json"\n')


def test_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    settings = configuration.load(written(tmp_path, '[archive]\npath = "runs"\n'))
    assert settings.place(settings.archive.path) == (tmp_path / "runs").resolve()


def test_what_a_plan_cannot_do_without_is_named(tmp_path: Path) -> None:
    settings = configuration.load(written(tmp_path, '[source]\ntenant_id = "t"\n'))
    with pytest.raises(Misused, match="source.client_id"):
        configuration.require(settings)


def test_a_secret_reference_that_does_not_resolve_names_key_and_reference(tmp_path: Path) -> None:
    with pytest.raises(Misused, match=r"target\.token: the environment variable NOT_THERE"):
        reveal("env:NOT_THERE", key="target.token")
    with pytest.raises(Misused, match=r"target\.token: the file nowhere"):
        reveal("file:nowhere", key="target.token", folder=tmp_path)
    with pytest.raises(Misused, match=r"target\.token is not set"):
        reveal("", key="target.token")


def test_a_secret_file_is_read_from_beside_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("s3cret\n", encoding="utf-8")
    assert reveal("file:token", key="target.token", folder=tmp_path).get_secret_value() == "s3cret"


def test_the_digest_covers_what_matters_and_only_that(tmp_path: Path) -> None:
    plain = configuration.load(written(tmp_path, "")).what_matters()
    pace = configuration.load(written(tmp_path, "[target]\nconcurrency = 2\n[schedule]\ncron = '0 2 * * *'\n"))
    assert pace.what_matters() == plain
    for text in (
        '[limits]\ncreate = "1%"\n',
        '[deprovision]\nleavers = "keep"\n',
        "[people]\nguests = true\n",
        '[target]\nurl = "https://other.example/scim"\n',
        '[source]\nscope = "all"\n',
        '[matching]\nby = ["userName"]\n',
        '[mapping.attributes]\ntitle = "[jobTitle]"\n',
    ):
        assert configuration.load(written(tmp_path, text)).what_matters() != plain


@pytest.mark.parametrize(
    "text",
    [
        '[archive]\npath = "s3://AKIA1:hunter2@bucket/prefix"\n',
        '[archive]\npath = "s3://bucket"\noptions = { endpoint = "https://store.example?sig=hunter2" }\n',
        '[target]\nurl = "https://dir.example/scim/v2?token=hunter2"\n',
        '[target]\nurl = "https://dir.example/scim/v2?tenant=7&Access_Token=hunter2"\n',
        '[target]\nurl = "https://dir.example/scim/v2#hunter2"\n',
    ],
)
def test_an_address_takes_no_secret_along(text: str, tmp_path: Path) -> None:
    """Where target and archive are stands in manifests, in Prefect's database and in messages."""
    assert "hunter2" not in complaint(tmp_path, text)
