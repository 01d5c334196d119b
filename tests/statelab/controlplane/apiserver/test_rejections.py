"""448 manifests posted to a real Kubernetes 1.36.2: same verdict, same words, same defaulted object, same warnings.

The request path without store or HTTP: decode, default, admit, prepare, validate. The recorded Pods have a fourth
source in their token volume, which that distribution adds; `comparable` takes it out.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from statelab.controlplane.apiserver import validation
from statelab.controlplane.apiserver.encoding import strict
from statelab.controlplane.apiserver.registry import admission, defaults, strategy
from statelab.controlplane.apiserver.validation.priorityclasses import system_classes
from statelab.controlplane.errors import ApiError, bad_request, invalid
from statelab.controlplane.kinds import KINDS, Kind, Object

TESTS = Path(__file__).parents[3]
CONFORMANCE = TESTS / "conformance"
FIRST: list[dict[str, Any]] = json.loads((CONFORMANCE / "rejections.json").read_text())
MORE: list[dict[str, Any]] = json.loads((CONFORMANCE / "rejections-more.json").read_text())
CASES = FIRST + [case for case in MORE if case["path"].rsplit("/", 1)[1] in KINDS]
NAMESPACE = "ns-of-the-test"
UID = "748c91aa-70c3-4b73-b225-3321b7a94419"  # as in the recorded answers that show one


def _compare_module() -> ModuleType:
    """tests/ is no package: load the helper by its path."""
    if "conformance_compare" not in sys.modules:
        spec = importlib.util.spec_from_file_location("conformance_compare", TESTS / "conformance_compare.py")
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        sys.modules["conformance_compare"] = module
    return sys.modules["conformance_compare"]


comparable = _compare_module().comparable


class EmptyCluster:
    """All that admission reads of a new kind cluster."""

    def get(self, plural: str, key: str) -> Object | None:
        if plural == "priorityclasses":
            return next((each for each in system_classes() if each["metadata"]["name"] == key), None)
        return {"metadata": {"name": "default"}} if plural == "serviceaccounts" else None

    def list(self, plural: str, namespace: str = "") -> list[Object]:
        annotations = {"storageclass.kubernetes.io/is-default-class": "true"}
        return [{"metadata": {"name": "standard", "annotations": annotations}}] if plural == "storageclasses" else []


def body_of(case: dict[str, Any]) -> bytes:
    body = case["body"]
    if case["name"] == "raw: deep nesting":  # the recording describes the body instead of holding it
        return b'{"a":' * 12000 + b"1" + b"}" * 12000
    text = body if isinstance(body, str) else json.dumps(body, separators=(",", ":"))
    return text.replace("$NS", NAMESPACE).encode()


def post(raw: bytes, kind: Kind) -> tuple[Object, list[str]]:
    """What the API server would store for a POST, and its warnings. Raises ApiError."""
    obj, told = strict.decode(raw, kind, "Strict")
    metadata = obj["metadata"]
    if kind.namespaced:
        if metadata.get("namespace") not in (None, "", NAMESPACE):
            raise bad_request("the namespace of the provided object does not match the namespace sent on the request")
        metadata["namespace"] = NAMESPACE
    cluster = EmptyCluster()
    defaults.apply(kind.plural, obj)
    admission.mutate(kind.plural, obj, "CREATE", None, cluster, dry_run=True)
    metadata["uid"] = UID
    metadata["creationTimestamp"] = "2026-11-23T02:47:52Z"
    strategy.prepare_create(kind.plural, obj)
    findings = validation.create(kind.plural, obj)
    if findings:
        raise invalid(kind, metadata.get("name", ""), findings)
    admission.check(kind.plural, obj, "CREATE", None, cluster)
    strategy.finish(kind.plural, obj)
    return obj, [*told, *validation.warnings_of(kind.plural, obj)]


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_the_api_server_answers_as_a_real_one_did(case: dict[str, Any]) -> None:
    kind = KINDS[case["path"].rsplit("/", 1)[1]]
    if case["code"] == 201:
        obj, told = post(body_of(case), kind)
        assert [f'299 - "{text}"' for text in told] == case.get("warnings", [])
        if "created" in case:
            assert comparable(json.loads(json.dumps(obj).replace(UID, "$UID")), NAMESPACE) == comparable(
                case["created"]
            )
        return
    with pytest.raises(ApiError) as refusal:
        post(body_of(case), kind)
    assert refusal.value.code == case["code"]
    assert json.loads(json.dumps(refusal.value.status()).replace(NAMESPACE, "$NS")) == case["status"]


def test_every_kind_of_recorded_verdict_is_among_the_cases() -> None:
    assert (len(FIRST), len(MORE)) == (292, 156)
    assert {case["code"] for case in CASES} == {201, 400, 422, 500}
