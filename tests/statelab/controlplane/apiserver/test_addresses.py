"""IPAddresses and the ServiceCIDR: those of Services are shown, others are kept, the one range stays."""

from __future__ import annotations

from typing import Any

import pytest

from statelab.controlplane.apiserver.serving.client import InProcessClient
from statelab.controlplane.controlplane import ControlPlane

_PATH = "/apis/networking.k8s.io/v1"
_TABLE = "application/json;as=Table;g=meta.k8s.io;v=v1"
_PARENT = {"resource": "services", "namespace": "default", "name": "web"}


def _address(name: str, **spec: Any) -> Any:
    spec = {"parentRef": _PARENT} | spec
    return {"apiVersion": "networking.k8s.io/v1", "kind": "IPAddress", "metadata": {"name": name}, "spec": spec}


@pytest.fixture
def client() -> InProcessClient:
    return InProcessClient(ControlPlane())


def test_addresses_of_services_are_shown_among_those_that_somebody_made(client: InProcessClient) -> None:
    assert client.request("POST", f"{_PATH}/ipaddresses", body=_address("10.96.0.5")).code == 201
    rows = client.request("GET", f"{_PATH}/ipaddresses", accept=_TABLE).body["rows"]
    assert [each["cells"][:2] for each in rows] == [
        ["10.96.0.1", "services/default/kubernetes"], ["10.96.0.10", "services/kube-system/kube-dns"],
        ["10.96.0.5", "services/default/web"],
    ]  # fmt: skip
    of_services = {"labelSelector": "ipaddress.kubernetes.io/ip-family=IPv4"}
    labelled = client.request("GET", f"{_PATH}/ipaddresses", of_services)
    assert len(labelled.body["items"]) == 2
    own = f"{_PATH}/ipaddresses/10.96.0.1"
    assert client.request("GET", own).body["spec"]["parentRef"]["name"] == "kubernetes"
    assert client.request("POST", f"{_PATH}/ipaddresses", body=_address("10.96.0.1")).code == 409
    for refused in (client.request("DELETE", own), client.request("PUT", own, body=_address("10.96.0.1"))):
        assert refused.code == 404 and "StateLab does not simulate changes of Services'" in refused.body["message"]
    assert client.request("DELETE", f"{_PATH}/ipaddresses").code == 200
    assert len(client.request("GET", f"{_PATH}/ipaddresses").body["items"]) == 2


def test_an_address_that_somebody_made_is_given_to_no_service(client: InProcessClient) -> None:
    client.request("POST", f"{_PATH}/ipaddresses", body=_address("10.96.0.5"))
    service = {"metadata": {"name": "web"}, "spec": {"clusterIP": "10.96.0.5", "ports": [{"port": 80}]}}
    refused = client.request("POST", "/api/v1/namespaces/default/services", body=service)
    assert refused.code == 422 and "provided IP is already allocated" in refused.body["message"]


@pytest.mark.parametrize(
    ("obj", "words"),
    [
        (_address("web"), 'metadata.name: Invalid value: "web": ParseAddr("web"): unable to parse IP'),
        (_address("2001:0db8::1"), '"2001:0db8::1": must be a canonical format IP address'),
        (_address("10.1.1.1", parentRef=None), "spec.parentRef: Required value"),
        (_address("10.1.1.1", parentRef={"name": "x"}), "spec.parentRef.resource: Required value"),
        (_address("10.1.1.1", parentRef={"resource": "services"}), "spec.parentRef.name: Required value"),
        (_address("10.1.1.1", parentRef=_PARENT | {"group": "A"}), 'spec.parentRef.group: Invalid value: "A"'),
    ],
)  # fmt: skip
def test_what_is_wrong_with_an_address_is_told(client: InProcessClient, obj: Any, words: str) -> None:
    refused = client.request("POST", f"{_PATH}/ipaddresses", body=obj)
    assert refused.code == 422 and words in refused.body["message"]


def test_what_an_address_belongs_to_does_not_change(client: InProcessClient) -> None:
    client.request("POST", f"{_PATH}/ipaddresses", body=_address("10.1.1.1"))
    changed = _address("10.1.1.1", parentRef=_PARENT | {"name": "other"})
    refused = client.request("PUT", f"{_PATH}/ipaddresses/10.1.1.1", body=changed)
    shown = '{"Group":"","Resource":"services","Namespace":"default","Name":"other"}'
    assert f"spec.parentRef: Invalid value: {shown}: field is immutable" in refused.body["message"]


def test_the_one_range_of_services_takes_notes_and_nothing_else(client: InProcessClient) -> None:
    one = f"{_PATH}/servicecidrs/kubernetes"
    before = client.request("GET", one).body
    assert before["spec"] == {"cidrs": ["10.96.0.0/16"]} and before["status"]["conditions"][0]["type"] == "Ready"
    noted = {**before, "metadata": {**before["metadata"], "annotations": {"a": "b"}}}
    after = client.request("PUT", one, body=noted).body
    assert after["metadata"]["annotations"] == {"a": "b"} and after["status"] == before["status"]
    [row] = client.request("GET", f"{_PATH}/servicecidrs", accept=_TABLE).body["rows"]
    assert row["cells"][:2] == ["kubernetes", "10.96.0.0/16"]
    for cidrs, words in (
        (["10.0.0.0/8"], 'spec.cidrs[0]: Invalid value: "10.0.0.0/8": field is immutable'),
        ([], "spec.cidrs: Invalid value: []: field is immutable"),
        (["10.96.0.0/16", "fd00::/112"], "StateLab does not simulate Services of two families"),
    ):
        refused = client.request("PUT", one, body={**after, "spec": {"cidrs": cidrs}})
        assert refused.code == 422 and words in refused.body["message"], refused.body
    other = {"metadata": {"name": "more"}, "spec": {"cidrs": ["10.97.0.0/16"]}}
    for method, path in (("POST", f"{_PATH}/servicecidrs"), ("DELETE", one), ("DELETE", f"{_PATH}/servicecidrs")):
        refused = client.request(method, path, body=other if method == "POST" else None)
        assert refused.code == 404 and "StateLab does not simulate further ranges" in refused.body["message"]
