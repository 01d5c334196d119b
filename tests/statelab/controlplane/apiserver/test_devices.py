"""DeviceClasses, ResourceClaims, their templates and ResourceSlices: what is served, and what is refused."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from protobuf_bodies import encoded

from statelab.controlplane import ControlPlane
from statelab.controlplane.apiserver.serving.client import InProcessClient
from statelab.controlplane.apiserver.validation import device_selectors
from statelab.controlplane.apiserver.validation.custom.cel import CelError

API = "/apis/resource.k8s.io/v1"
PATHS = {
    "DeviceClass": f"{API}/deviceclasses",
    "ResourceClaim": f"{API}/namespaces/default/resourceclaims",
    "ResourceClaimTemplate": f"{API}/namespaces/default/resourceclaimtemplates",
    "ResourceSlice": f"{API}/resourceslices",
}
DRIVER = "gpu.example.com"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"


def of(kind: str, spec: Any, name: str = "x") -> Any:
    return {"apiVersion": "resource.k8s.io/v1", "kind": kind, "metadata": {"name": name}, "spec": spec}


def request(name: str = "gpu", **more: Any) -> Any:
    return {"name": name, "exactly": {"deviceClassName": DRIVER, **more}}


def claim(*requests: Any, **more: Any) -> Any:
    return of("ResourceClaim", {"devices": {"requests": list(requests), **more}})


def slice_of(*devices: Any, **more: Any) -> Any:
    pool = {"name": "kind-worker", "generation": 1, "resourceSliceCount": 1}
    return of(
        "ResourceSlice", {"driver": DRIVER, "pool": pool, "nodeName": "kind-worker", "devices": list(devices), **more}
    )


def selector(expression: str) -> Any:
    return [{"cel": {"expression": expression}}]


@pytest.fixture(scope="module")
def client() -> InProcessClient:
    return InProcessClient(ControlPlane())


def test_what_a_manifest_leaves_out_is_filled_in(client: InProcessClient) -> None:
    first = {"name": "any", "firstAvailable": [{"name": "big", "deviceClassName": DRIVER, "allocationMode": "All"}]}
    tolerations = [{"key": "dead", "effect": "NoSchedule"}]
    made = client.request("POST", PATHS["ResourceClaim"], body=claim(request(tolerations=tolerations), first)).body
    one, other = made["spec"]["devices"]["requests"]
    assert one["exactly"]["allocationMode"] == "ExactCount" and one["exactly"]["count"] == 1
    assert one["exactly"]["tolerations"][0]["operator"] == "Equal"
    assert other["firstAvailable"][0]["allocationMode"] == "All" and "count" not in other["firstAvailable"][0]
    assert made["status"] == {} and "generation" not in made["metadata"]
    [row] = client.request("GET", f"{PATHS['ResourceClaim']}", {"fieldSelector": "metadata.name=x"}, accept=TABLE).body[
        "rows"
    ]
    assert row["cells"][:2] == ["x", "pending"]


def test_slices_are_listed_by_node_and_driver_and_keep_nothing_of_gates_that_are_off(client: InProcessClient) -> None:
    attributes = {"model": {"string": "A"}, "numa": {"int": 1, "ints": [1]}, "version": {"version": "1.2.3-rc.1+b"}}
    device = {"name": "gpu-0", "attributes": attributes, "capacity": {"memory": {"value": "80Gi"}}}
    made = client.request("POST", PATHS["ResourceSlice"], body=slice_of(device)).body
    assert made["spec"]["devices"][0]["attributes"]["numa"] == {"int": 1} and made["metadata"]["generation"] == 1
    for fields, count in (("spec.nodeName=kind-worker", 1), (f"spec.driver={DRIVER}", 1), ("spec.nodeName=other", 0)):
        assert len(client.request("GET", PATHS["ResourceSlice"], {"fieldSelector": fields}).body["items"]) == count
    [row] = client.request("GET", PATHS["ResourceSlice"], accept=TABLE).body["rows"]
    assert row["cells"][:4] == ["x", "kind-worker", DRIVER, "kind-worker"]
    made["spec"]["driver"] = "other.example.com"
    refused = client.request("PUT", f"{PATHS['ResourceSlice']}/x", body=made)
    assert refused.code == 422 and "spec.driver: Invalid value" in refused.body["message"]


_NO_PLACE = "exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required"
_TOO_MANY = [{"name": f"d-{number}"} for number in range(129)]


@pytest.mark.parametrize(
    ("obj", "words"),
    [
        (claim(request(count=-1)), "requests[0].exactly.count: Invalid value: -1: must be greater than zero"),
        (
            claim(request(allocationMode="All", count=2)),
            "count: Invalid value: 2: must not be specified when allocationMode is 'All'",
        ),
        (claim(request(), request()), 'spec.devices.requests[1]: Duplicate value: "gpu"'),
        (
            claim({"name": "gpu"}),
            "spec.devices.requests[0]: Required value: exactly one of `exactly` or `firstAvailable` is required",
        ),
        (
            claim(*[request(f"r{number}") for number in range(33)]),
            "spec.devices.requests: Too many: 33: must have at most 32 items",
        ),
        (claim(request(allocationMode="Some")), 'Unsupported value: "Some": supported values: "All", "ExactCount"'),
        (
            claim(request(), constraints=[{"requests": ["nic"], "matchAttribute": "numa"}]),
            "must be the name of a request in the claim or the name of a request and a subrequest",
        ),
        (
            claim(request(), constraints=[{"matchAttribute": "numa"}]),
            'Invalid value: "numa": a fully qualified name must be a domain and a name separated by a slash',
        ),
        (claim(request(), config=[{"opaque": {"driver": DRIVER, "parameters": [1]}}]), "must be a valid JSON object"),
        (
            claim(request(selectors=selector("device.driver"))),
            'cel.expression: Invalid value: "device.driver": must evaluate to bool or the unknown type, not string',
        ),
        (
            claim(request(selectors=selector("dev.driver == 'x'"))),
            "compilation failed: ERROR: <input>:1:1: undeclared reference to 'dev' (in container '')",
        ),
        (
            claim(request(selectors=selector("'" + "x" * 10240 + "' == ''"))),
            "Too long: may not be more than 10240 bytes",
        ),
        (
            of("ResourceClaimTemplate", {"metadata": {"name": "x"}, "spec": {}}),
            "spec.metadata.name: Forbidden: cannot be set",
        ),
        (
            of("DeviceClass", {"extendedResourceName": "gpu"}),
            'spec.extendedResourceName: Invalid value: "gpu": must be a valid extended resource name',
        ),
        (slice_of(nodeName=None), f"spec: Required value: {_NO_PLACE}"),
        (slice_of(allNodes=True), f'{{`nodeName`, `allNodes`}}": {_NO_PLACE}, but multiple fields are set'),
        (slice_of(*_TOO_MANY), "spec.devices: Too many: 129: must have at most 128 items"),
        (slice_of({"name": "Gpu"}), 'spec.devices[0].name: Invalid value: "Gpu": a lowercase RFC 1123 label'),
        (
            slice_of({"name": "a", "attributes": {"v": {"version": "1.2"}}}),
            'attributes[v].version: Invalid value: "1.2": must be a string compatible with semver.org spec 2.0.0',
        ),
        (
            slice_of({"name": "a", "attributes": {"v": {}}}),
            'spec.devices[0].attributes[v]: Invalid value: "": exactly one value must be specified',
        ),
        (
            slice_of({"name": "a", "taints": [{"key": "dead", "effect": "PreferNoSchedule"}]}),
            'Unsupported value: "PreferNoSchedule": supported values: "NoExecute", "NoSchedule", "None"',
        ),
        (
            slice_of({"name": "a", "nodeName": "b"}),
            "can only be set if `perDeviceNodeSelection` is set to true in the ResourceSlice spec",
        ),
    ],
)
def test_what_is_refused(client: InProcessClient, obj: Any, words: str) -> None:
    refused = client.request("POST", PATHS[obj["kind"]], body=obj)
    assert refused.code == 422 and words in refused.body["message"], refused.body


def test_a_claim_stays_as_it_is_and_so_does_what_was_allocated(client: InProcessClient) -> None:
    path = f"{PATHS['ResourceClaim']}/one"
    made = client.request("POST", PATHS["ResourceClaim"], body={**claim(request()), "metadata": {"name": "one"}}).body
    changed = copy.deepcopy(made)
    changed["spec"]["devices"]["requests"][0]["name"] = "other"
    refused = client.request("PUT", path, body=changed)
    assert refused.code == 422 and refused.body["message"].endswith(": field is immutable")
    assert '"Requests":[{"Name":"other","Exactly":{"DeviceClassName":"gpu.example.com"' in refused.body["message"]
    user = {"resource": "pods", "name": "p", "uid": "u"}
    refused = client.request("PUT", f"{path}/status", body={**made, "status": {"reservedFor": [user]}})
    assert "status.reservedFor: Forbidden: may not be specified when `allocated` is not set" in refused.body["message"]
    result = {"request": "gpu", "driver": DRIVER, "pool": "kind-worker", "device": "gpu-0"}
    status = {"allocation": {"devices": {"results": [result]}}, "reservedFor": [user]}
    found = client.request("PUT", f"{path}/status", body={**made, "status": status}).body
    assert found["status"] == status and found["spec"] == made["spec"]
    found["status"]["devices"] = [{"driver": DRIVER, "pool": "kind-worker", "device": "gpu-1"}]
    refused = client.request("PUT", f"{path}/status", body=found)
    assert "status.devices[0]: Invalid value" in refused.body["message"]
    found["status"] = {"allocation": {"devices": {"results": [{**result, "device": "gpu-1"}]}}}
    refused = client.request("PUT", f"{path}/status", body=found)
    assert "status.allocation: Invalid value" in refused.body["message"]


DEVICE = device_selectors.described(
    DRIVER,
    {
        "attributes": {
            "model": {"string": "A"}, "other.example.com/numa": {"int": 1}, "shared": {"bool": True},
            "driverVersion": {"version": "1.10.0"},
        },
        "capacity": {"memory": {"value": "80Gi"}},
    },
)  # fmt: skip


@pytest.mark.parametrize(
    ("expression", "holds"),
    [
        ("device.driver == 'gpu.example.com' && device.attributes['gpu.example.com'].model == 'A'", True),
        ("device.attributes['other.example.com'].numa == 2", False),
        ("device.capacity['gpu.example.com'].memory.compareTo(quantity('40Gi')) >= 0", True),
        ("has(device.attributes['nobody.example.com'].model)", False),
        ("cel.bind(own, device.attributes['gpu.example.com'], own.shared && own.model == 'A')", True),
        ("device.attributes['gpu.example.com'].driverVersion.isGreaterThan(semver('1.9.9'))", True),
        ("device.attributes['gpu.example.com'].driverVersion.compareTo(semver('v1.10', true)) == 0", True),
        (
            "semver('1.0.0-a.2').isLessThan(semver('1.0.0-a.10')) && semver('1.0.0-a').isLessThan(semver('1.0.0'))",
            True,
        ),
        ("isSemver('1.2') || !isSemver('1.2', true) || semver('3.2.1').major() != 3", False),
        ("device.allowMultipleAllocations", False),
    ],
)
def test_a_selector_asks_a_device(expression: str, holds: bool) -> None:
    assert device_selectors.problems(expression, "f") == []
    assert device_selectors.matches(expression, DEVICE) is holds


def test_a_selector_that_asks_for_what_is_not_there_comes_to_nothing() -> None:
    with pytest.raises(CelError, match="no such key: speed"):
        device_selectors.matches("device.attributes['gpu.example.com'].speed > 3", DEVICE)


def test_a_slice_in_protobuf_is_the_slice_in_json(client: InProcessClient) -> None:
    """Its maps hold messages, as no other kind's do."""
    attributes = {"model": {"string": "A"}, "numa": {"int": 1}, "shared": {"bool": False}}
    policy = {"default": "1Gi", "validRange": {"min": "1Gi", "step": "1Gi"}}
    device = {
        "name": "gpu-0",
        "attributes": attributes,
        "capacity": {"memory": {"value": "80Gi", "requestPolicy": policy}},
        "allowMultipleAllocations": True,
        "consumesCounters": [{"counterSet": "whole", "counters": {"memory": {"value": "8Gi"}}}],
    }
    obj = {**slice_of(device), "metadata": {"name": "in-protobuf"}}
    media_type = "application/vnd.kubernetes.protobuf"
    made = client.request("POST", PATHS["ResourceSlice"], body=encoded(obj), content_type=media_type)
    assert made.code == 201 and made.body["spec"] == obj["spec"], made.body
    config = {"requests": ["gpu"], "opaque": {"driver": DRIVER, "parameters": {"a": [1]}}}
    asked = {
        **claim(request(count=1, allocationMode="ExactCount"), config=[config]),
        "metadata": {"name": "in-protobuf"},
    }
    made = client.request("POST", PATHS["ResourceClaim"], body=encoded(asked), content_type=media_type)
    assert made.code == 201 and made.body["spec"] == asked["spec"], made.body


def test_a_container_may_name_several_requests_of_one_claim(client: InProcessClient) -> None:
    def refusal(*claims: Any) -> str:
        container = {"name": "c", "image": "busybox:1.36", "resources": {"claims": list(claims)}}
        spec = {"containers": [container], "resourceClaims": [{"name": "gpus", "resourceClaimName": "x"}]}
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"generateName": "p-"}, "spec": spec}
        reply = client.request("POST", "/api/v1/namespaces/default/pods", body=pod)
        return "" if reply.code == 201 else str(reply.body["message"])

    one, other = {"name": "gpus", "request": "one"}, {"name": "gpus", "request": "other"}
    assert refusal(one, other) == ""
    assert 'resources.claims[1]: Duplicate value: "gpus/one"' in refusal(one, one)
    assert 'claims[0].request: Invalid value: "One"' in refusal({"name": "gpus", "request": "One"})
    assert 'Not found: "nic": must be one of the names in pod.spec.resourceClaims: gpus' in refusal({"name": "nic"})
