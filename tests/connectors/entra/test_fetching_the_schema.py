"""The mapping tuned in the portal comes over Graph, where the permission is there, and can be imported."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from trueup.connectors.entra.schema import save_schema
from trueup.flows import configuration
from trueup.sandbox import running, sample
from trueup.transforms.errors import Failed, Misused
from trueup.transforms.mapping import load_mapping
from trueup.transforms.settings import MappingSettings

if TYPE_CHECKING:
    from pathlib import Path

    from trueup.sandbox import Sandbox
    from trueup.transforms.settings import Settings

SCHEMA: dict[str, Any] = {
    "id": "scim.0f1e.1111",
    "synchronizationRules": [
        {
            "name": "USER_OUTBOUND_USER",
            "priority": 1,
            "objectMappings": [
                {
                    "enabled": True,
                    "flowTypes": "Add, Update, Delete",
                    "sourceObjectName": "User",
                    "targetObjectName": "User",
                    "scope": None,
                    "attributeMappings": [
                        {
                            "targetAttributeName": "userName",
                            "source": {"expression": "[userPrincipalName]", "type": "Attribute"},
                            "flowType": "Always",
                            "matchingPriority": 1,
                        }
                    ],
                }
            ],
        }
    ],
}


def served(schema: dict[str, Any] | None) -> Any:
    tenant = sample.tenant()
    applications = tuple(replace(one, schema=schema) for one in tenant.applications)
    return running(tenant=replace(tenant, applications=applications))


def settings_of(sandbox: Sandbox, folder: Path) -> Settings:
    path = folder / "trueup.toml"
    path.write_text(sandbox.configuration(folder / "runs"), encoding="utf-8")
    return configuration.load(path)


def test_the_schema_is_saved_as_graph_gave_it_and_can_be_imported(tmp_path: Path) -> None:
    with served(SCHEMA) as sandbox, sandbox.in_environment():
        sandbox.tenant.granted |= {"Synchronization.Read.All"}
        line = save_schema(settings_of(sandbox, tmp_path), tmp_path / "schema.json")
    assert line.status == "ok"
    assert json.loads((tmp_path / "schema.json").read_text(encoding="utf-8")) == SCHEMA
    mapping = load_mapping(
        MappingSettings.model_validate({"import": "schema.json"}),
        read_text=lambda name: (tmp_path / name).read_text(encoding="utf-8"),
    )
    assert [one.path for one in mapping.attributes] == ["userName"]


def test_a_missing_permission_is_named_and_nothing_is_written(tmp_path: Path) -> None:
    with served(SCHEMA) as sandbox, sandbox.in_environment():
        sandbox.tenant.granted -= {"Synchronization.Read.All"}
        with pytest.raises(Failed, match="Synchronization.Read.All"):
            save_schema(settings_of(sandbox, tmp_path), tmp_path / "schema.json")
    assert not (tmp_path / "schema.json").exists()


def test_an_application_without_provisioning_is_said(tmp_path: Path) -> None:
    with served(None) as sandbox, sandbox.in_environment():
        sandbox.tenant.granted |= {"Synchronization.Read.All"}
        with pytest.raises(Misused, match="no provisioning job"):
            save_schema(settings_of(sandbox, tmp_path), tmp_path / "schema.json")


def test_a_file_that_is_there_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "schema.json").write_text("mine", encoding="utf-8")
    with served(SCHEMA) as sandbox, sandbox.in_environment(), pytest.raises(Misused, match="already"):
        save_schema(settings_of(sandbox, tmp_path), tmp_path / "schema.json")
    assert (tmp_path / "schema.json").read_text(encoding="utf-8") == "mine"
