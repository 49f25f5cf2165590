"""``trueup.toml`` and the environment become ``transforms.settings.Settings``, or a sentence that says why not."""

from __future__ import annotations

import difflib
import hashlib
import os
import tomllib
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError, create_model
from pydantic_settings import BaseSettings, EnvSettingsSource, InitSettingsSource, SettingsConfigDict, SettingsError

from trueup.transforms.errors import Misused
from trueup.transforms.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pydantic.fields import FieldInfo
    from pydantic_core import ErrorDetails
    from pydantic_settings import PydanticBaseSettingsSource

PREFIX = "TRUEUP_"
DELIMITER = "__"


class _NestedNamesOnly(EnvSettingsSource):
    """``TRUEUP_SECTION__KEY`` overrides a key; ``TRUEUP_NAME`` without ``__`` never is one."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        _, key, is_complex = super().get_field_value(field, field_name)
        return None, key, is_complex

    def decode_complex_value(self, field_name: str, field: FieldInfo, value: Any) -> Any:
        """Lists and tables are JSON; what is not JSON stays text, for the section's own validation to judge."""
        try:
            return super().decode_complex_value(field_name, field, value)
        except ValueError:
            return value


class _Sources(BaseSettings):
    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter=DELIMITER, extra="forbid", hide_input_in_errors=True
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment first, then the file (handed over as keywords)."""
        del env_settings, dotenv_settings, file_secret_settings  # the environment is read by a source of our own
        if not isinstance(init_settings, InitSettingsSource):
            raise TypeError(type(init_settings).__name__)
        return _NestedNamesOnly(settings_cls), init_settings


def load(path: Path) -> Settings:
    """The configuration in ``path`` with the environment's overrides, whole and valid.

    Raises:
        Misused: no such file, not TOML, an unknown key or a value that does not fit. The message names file, key
            and remedy, and never a value.
    """
    return _load(_read(path), path)


def load_carried(text: str, path: Path, files: Mapping[str, str]) -> Settings:
    """The configuration ``text`` that was deployed, with the environment's overrides.

    Args:
        text: of the file, as it was when it was deployed.
        path: where the file lay then; relative paths start there still.
        files: the text of every file the configuration names, by that name: those are not looked for.

    Raises:
        Misused: as by ``load``.
    """
    return _load(_parse(text, path), path, files)


def overrides() -> tuple[str, ...]:
    """The environment variables that override a key, sorted."""
    return tuple(sorted(name for name in os.environ if name.upper().startswith(PREFIX) and DELIMITER in name))


def _load(table: dict[str, Any], path: Path, files: Mapping[str, str] | None = None) -> Settings:
    _refuse_unknown_environment()
    fields: dict[str, Any] = {name: (info.annotation, info.default) for name, info in Settings.model_fields.items()}
    loaded_type = create_model("Configuration", __base__=_Sources, **fields)
    try:
        loaded = loaded_type(**table)
        settings = Settings.model_validate({name: getattr(loaded, name) for name in Settings.model_fields})
    except ValidationError as error:
        raise Misused(_sentences(error, path), remedy=_REMEDY) from None
    except SettingsError as error:
        raise Misused(f"{path}: an environment variable that begins with {PREFIX} cannot be read.") from error
    return _matching_of_import(settings.placed_in(path.resolve().parent, files))


def _matching_of_import(settings: Settings) -> Settings:
    """An imported schema brings its matching attributes along, unless the configuration has its own."""
    if not settings.mapping.import_ or "by" in settings.matching.model_fields_set:
        return settings
    from trueup.transforms.mapping import load_mapping

    mapping = load_mapping(settings.mapping, read_text=lambda name: read_text_beside(settings, name))
    if not mapping.matching:
        return settings
    matching = settings.matching.model_copy(update={"by": mapping.matching})
    return settings.model_copy(update={"matching": matching})


_REMEDY = "Every key is described in docs/configuration.md; trueup init writes a file to start from."


def _read(path: Path) -> dict[str, Any]:
    if path.is_dir():
        names = [one.name for one in sorted(path.glob("*.toml"))[:5]]
        raise Misused(
            f"{path} is a folder; this command works on one target.",
            remedy=f"Name its configuration: --config {path / (names[0] if names else 'trueup.toml')}. "
            f"All targets of a folder: trueup runs --config {path}",
        )
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise Misused(
            f"There is no configuration file {path}.",
            remedy="Write one with: trueup init, or name yours with --config PATH.",
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise Misused(
            f"The configuration file {path} cannot be read.", remedy="Check that it is a readable UTF-8 text file."
        ) from error
    return _parse(text, path)


def _parse(text: str, path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise Misused(
            f"{path} is not valid TOML: {error}.", remedy="Text goes in quotes; a table begins with [section]."
        ) from error


def _refuse_unknown_environment() -> None:
    for name in overrides():
        section = name[len(PREFIX) :].split(DELIMITER, 1)[0].lower()
        if section not in Settings.model_fields:
            raise Misused(
                f"The environment variable {name} overrides no key: there is no section [{section}].",
                remedy=f"Sections are {', '.join(Settings.model_fields)}. Unset {name} or correct it.",
            )


def _sentences(error: ValidationError, path: Path) -> str:
    errors = error.errors(include_url=False, include_input=False)
    tables = {one["loc"][:-2] for one in errors if "AttributeSettings" in one["loc"]}
    return "\n".join(
        f"{path}: {_sentence(one)}"
        for one in errors
        # An attribute is text or a table; what is wrong with the table says enough.
        if not (one["loc"][-1] == "str" and one["loc"][:-1] in tables)
    )


def _sentence(one: ErrorDetails) -> str:
    parts = [str(part) for part in one["loc"] if part not in {"AttributeSettings", "str", "import_"}]
    key = ".".join(f'"{part}"' if " " in part else part for part in parts)
    if one["type"] != "extra_forbidden":
        text = one["msg"].removeprefix("Value error, ")
        return f"{key}: {text[:1].lower()}{text[1:]}."
    known = _keys_beside(parts)
    close = difflib.get_close_matches(parts[-1], known, n=1)
    guess = f" Did you mean {close[0]}?" if close else f" Known here: {', '.join(known)}." if known else ""
    return f"unknown key {key}.{guess}"


def _keys_beside(parts: list[str]) -> list[str]:
    model: type[BaseModel] = Settings
    for part in parts[:-1]:
        info = model.model_fields.get(part)
        if info is None or not (isinstance(info.annotation, type) and issubclass(info.annotation, BaseModel)):
            return []
        model = info.annotation
    return [info.alias or name for name, info in model.model_fields.items()]


def require(settings: Settings, *, write: bool = False) -> None:
    """Everything a plan (or, with ``write``, an apply) cannot do without is set.

    Raises:
        Misused: naming the first key that is missing.
    """
    source, target = settings.source, settings.target
    needed: Mapping[str, str]
    if write or source.kind == "file":
        needed = {} if write else {"source.path": source.path}
    else:
        needed = {"source.tenant_id": source.tenant_id} if source.auth not in {"token", "azure_cli"} else {}
        if source.auth in {"client_secret", "certificate"}:
            needed = {**needed, "source.client_id": source.client_id}
    for key, value in {**needed, "target.url": target.url, **target.needed}.items():
        if not value:
            raise Misused(f"{key} is not set.", remedy="Set it in the configuration; see docs/first-run.md.")


def read_text_beside(settings: Settings, name: str) -> str:
    """The text of a file the configuration names (an imported schema), from the configuration's folder.

    Raises:
        Misused: it cannot be read.
    """
    if name in settings.carried:
        return settings.carried[name]
    place: Path = settings.place(name)
    try:
        return place.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise Misused(
            f"The file {name} named in the configuration cannot be read.",
            remedy="Paths are relative to the configuration file.",
        ) from error


class NamedFiles:
    """The texts of the files the configuration names, each read once: what is saved meanwhile is not seen."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._texts: dict[str, str] = {}

    def __call__(self, name: str) -> str:
        """The text of the file ``name``, as it was when it was first asked for.

        Raises:
            Misused: it cannot be read.
        """
        if name not in self._texts:
            self._texts[name] = read_text_beside(self._settings, name)
        return self._texts[name]


def digest(settings: Settings, named_files: NamedFiles | None = None) -> str:
    """The digest of the configuration that matters, with the content of the files it names."""
    from trueup.transforms.fingerprint import configuration_digest

    read = named_files or NamedFiles(settings)
    extra = {key: hashlib.sha256(read(name).encode()).hexdigest() for key, name in named_by(settings).items()}
    return configuration_digest(settings, extra)


def named_by(settings: Settings) -> dict[str, str]:
    """The files that say what a run does, by the key that names them."""
    named = {"mapping.import": settings.mapping.import_, "checks.file": settings.checks.file}
    return {key: name for key, name in named.items() if name}
