"""Verdicts that nobody has recorded, from upstream's validation: one row for each in more_verdicts.yaml."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from statelab.controlplane.apiserver.serving.client import InProcessClient, Reply
from statelab.controlplane.controlplane import ControlPlane
from statelab.controlplane.kinds import KINDS

TABLE: dict[str, Any] = yaml.safe_load(Path(__file__).with_name("more_verdicts.yaml").read_text())
PLAIN: dict[str, dict[str, Any]] = TABLE["plain"]
ROWS: list[dict[str, Any]] = TABLE["rows"]


@pytest.fixture(scope="module")
def client() -> Iterator[InProcessClient]:
    yield InProcessClient(ControlPlane())


def changed(value: Any, path: str, new: Any) -> Any:
    value = copy.deepcopy(value)
    here = value
    *way, last = path.split(".") if not path.endswith((".com", ".class")) else [path]
    for name in way:
        here = here[int(name)] if isinstance(here, list) else here.setdefault(name, {})
    here[last] = new
    return value


def address(plural: str) -> str:
    kind = KINDS[plural]
    base = f"/apis/{kind.api_version}" if kind.group else "/api/v1"
    return f"{base}/namespaces/default/{plural}" if kind.namespaced else f"{base}/{plural}"


def post(client: InProcessClient, row: dict[str, Any]) -> Reply:
    kind = KINDS[row["kind"]]
    body: Any = {"apiVersion": kind.api_version, "kind": kind.name, **PLAIN[kind.plural]}
    for path, new in row["set"].items():
        body = changed(body, path, new)
    return client.request("POST", address(kind.plural), {"dryRun": "All", "fieldValidation": "Strict"}, body)


def named(row: dict[str, Any]) -> str:
    return f"{row['kind']} {' '.join(f'{path}={new}'[-60:] for path, new in row['set'].items())}"


@pytest.mark.parametrize("row", ROWS, ids=map(named, ROWS))
def test_a_manifest_is_judged_in_upstreams_words(client: InProcessClient, row: dict[str, Any]) -> None:
    reply = post(client, row)
    message = reply.body.get("message", "") if reply.code >= 400 else ""
    message = message.split(" is invalid: ", 1)[-1].split(" cannot be handled as a ", 1)[-1]
    said = row.get("says", "")
    assert message.removeprefix(f"{KINDS[row['kind']].name}: ") == (
        f"[{', '.join(said)}]" if isinstance(said, list) else said
    )
    assert list(reply.warnings) == row.get("tells", [])


@pytest.mark.parametrize("plural", PLAIN)
def test_the_plain_manifest_of_each_kind_is_taken(client: InProcessClient, plural: str) -> None:
    assert post(client, {"kind": plural, "set": {}}).code == 201


def test_a_dry_run_leaves_the_stored_versions_of_a_definition_alone() -> None:
    client = InProcessClient(ControlPlane())
    plural = "customresourcedefinitions"
    where = f"{address(plural)}/vats.course.example.com"
    body = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", **PLAIN[plural]}
    assert client.request("POST", address(plural), body=body).code == 201
    stored = client.request("GET", where).body
    second = {"name": "v2", "served": True, "storage": True, "schema": {"openAPIV3Schema": {"type": "object"}}}
    first = {**stored["spec"]["versions"][0], "storage": False}
    asked = changed(stored, "spec.versions", [first, second])
    reply = client.request("PUT", where, {"dryRun": "All"}, asked)
    assert reply.body["status"]["storedVersions"] == ["v1", "v2"]
    assert client.request("GET", where).body["status"]["storedVersions"] == ["v1"]
    gone = client.request("PUT", where, body=changed(stored, "spec.versions", [second]))
    assert gone.body["message"].endswith(
        'status.storedVersions[0]: Invalid value: "v1": missing from spec.versions; v1 was previously a storage '
        "version, and must remain in spec.versions until a storage migration ensures no data remains persisted in v1 "
        "and removes v1 from status.storedVersions"
    )


def test_an_update_of_another_namespace_is_refused_before_its_name_is_read(client: InProcessClient) -> None:
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "other", "namespace": "kube-system"}}
    reply = client.request("PUT", "/api/v1/namespaces/default/configmaps/kube-root-ca.crt", body=body)
    words = "the namespace of the provided object does not match the namespace sent on the request"
    assert (reply.code, reply.body["message"]) == (400, words)
