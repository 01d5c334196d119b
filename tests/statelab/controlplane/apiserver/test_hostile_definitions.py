"""Whatever a definition says and whatever is sent as its kind, a Kubernetes answer comes: never another exception."""

from __future__ import annotations

import random
from typing import Any

import pytest

from statelab.controlplane.apiserver.serving.client import InProcessClient
from statelab.controlplane.controlplane import ControlPlane

DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
VATS = "/apis/ex.com/v1/namespaces/default/vats"
MERGE, APPLY = "application/merge-patch+json", "application/apply-patch+yaml"
NAMES = ("a", "b", "status", "replicas", "x-y")
VALUES: tuple[Any, ...] = (
    None,
    1,
    -1,
    "x",
    [],
    {},
    True,
    1.5,
    1e300,
    2**62,
    {"a": 1},
    [1, "a"],
    "2026-01-01T00:00:00Z",
)
RULES = ("self == oldSelf", "has(self.a)", "self.size() > 0", "self", "self.a.b", "self.all(x, x > 0)", "1")
SOMETIMES: dict[str, tuple[Any, ...]] = {
    "default": VALUES,
    "enum": ([1, 2], ["a"], [{}], [None]),
    "nullable": (True,),
    "pattern": ("^a$", "[", "(?=x)"),
    "format": ("date-time", "int32", "byte", "colour"),
    "maxLength": (1, -1),
    "minimum": (1, -1.5),
    "x-kubernetes-int-or-string": (True,),
    "x-kubernetes-preserve-unknown-fields": (True, False),
    "x-kubernetes-list-type": ("set", "map", "atomic", "heap"),
    "x-kubernetes-embedded-resource": (True,),
    "x-kubernetes-validations": tuple([{"rule": rule}] for rule in RULES),
}


def schema(dice: random.Random, depth: int = 0) -> dict[str, Any]:
    kind = dice.choice(("object", "array", "string", "integer", "number", "boolean", "")) if depth else "object"
    made: dict[str, Any] = {"type": kind} if kind else {}
    if kind == "object" and depth < 4:
        if dice.random() < 0.7:
            made["properties"] = {dice.choice(NAMES): schema(dice, depth + 1) for _ in range(3)}
        else:
            made["additionalProperties"] = schema(dice, depth + 1)
    if kind == "array":
        made["items"] = schema(dice, depth + 1) if depth < 4 else {"type": "string"}
    return made | {key: dice.choice(found) for key, found in SOMETIMES.items() if depth and dice.random() < 0.025}


def value(dice: random.Random, about: dict[str, Any]) -> Any:
    if dice.random() < 0.15:
        return dice.choice(VALUES)
    if about.get("type") == "object":
        made = {key: value(dice, each) for key, each in about.get("properties", {}).items() if dice.random() < 0.7}
        if "additionalProperties" in about:
            made["k"] = value(dice, about["additionalProperties"])
        return made
    if about.get("type") == "array":
        return [value(dice, about.get("items") or {}) for _ in range(dice.randint(0, 3))]
    return {"string": "a", "integer": 1, "number": 1.5, "boolean": True}.get(about.get("type", ""), {"q": 1})


def definition(dice: random.Random, root: dict[str, Any]) -> dict[str, Any]:
    version: dict[str, Any] = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": root}}
    scale = {"specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas"}
    version |= dice.choice(({}, {"subresources": {"status": {}}}, {"subresources": {"status": {}, "scale": scale}}))
    path, kind = dice.choice((".a", ".a.b", ".a[*].b", ".status.replicas")), dice.choice(("string", "integer", "date"))
    version |= dice.choice(({}, {"additionalPrinterColumns": [{"name": "A", "type": kind, "jsonPath": path}]}))
    names = {"plural": "vats", "kind": "Vat"}
    spec = {"group": "ex.com", "scope": "Namespaced", "names": names, "versions": [version]}
    head = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition"}
    return {**head, "metadata": {"name": "vats.ex.com"}, "spec": spec}


@pytest.mark.parametrize("seed", range(4))
def test_any_kind_of_ones_own_is_served_or_refused_in_words(seed: int) -> None:
    dice = random.Random(seed)
    accepted = 0
    for _ in range(20):
        client, root = InProcessClient(ControlPlane()), schema(dice)
        reply = client.request("POST", DEFINITIONS, {}, definition(dice, root))
        assert reply.code < 500, reply.body
        if reply.code != 201:
            continue
        accepted += 1
        client.cluster.settle()
        for number in range(8):
            name = f"o{number % 3}"
            sent = value(dice, root)
            sent = sent if isinstance(sent, dict) else {}
            whole = {**sent, "apiVersion": "ex.com/v1", "kind": "Vat", "metadata": {"name": name}}
            status, count = {"status": dice.choice(VALUES)}, {"spec": {"replicas": dice.choice((1, -1, 2**40))}}
            for method, path, body, form in (
                ("POST", VATS, whole, "application/json"),
                ("PUT", f"{VATS}/{name}", whole, "application/json"),
                ("PATCH", f"{VATS}/{name}", sent, MERGE),
                ("PATCH", f"{VATS}/{name}/status", status, MERGE),
                ("PATCH", f"{VATS}/{name}/scale", count, MERGE),
                ("PATCH", f"{VATS}/{name}?fieldManager=f&force=true", whole, APPLY),
            ):
                reply = client.request(method, path, None, body, content_type=form)
                no_count = "the spec replicas field" in str(reply.body)  # 500 on a real cluster, too
                assert reply.code < 500 or no_count, (method, path, body, reply.body)
        for path in (VATS, "/openapi/v2", "/openapi/v3/apis/ex.com/v1"):
            assert client.request("GET", path).code == 200
        table = "application/json;as=Table;v=v1;g=meta.k8s.io"
        assert client.request("GET", VATS, accept=table).code == 200
    assert accepted > 2
