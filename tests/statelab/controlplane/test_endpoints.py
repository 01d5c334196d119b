"""Services and the Pods behind them: EndpointSlices, Endpoints and mirrored slices, on a whole cluster."""

from __future__ import annotations

from typing import Any

import pytest

from statelab.controlplane.controlplane import ControlPlane

Object = dict[str, Any]


@pytest.fixture
def plane() -> ControlPlane:
    return ControlPlane()


def service(name: str = "web", selector: Any = "web", **spec: Any) -> Object:
    wanted: Object = {"ports": [{"port": 80, "name": "http"}], **spec}
    if selector:
        wanted["selector"] = {"app": selector}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": wanted}


def pod(name: str, ready: bool = True, ports: list[Object] | None = None, **spec: Any) -> Object:
    container: Object = {"name": "main", "image": "nginx:1.27", "ports": ports or [{"containerPort": 80}]}
    if not ready:
        container["readinessProbe"] = {"exec": {"command": ["cat", "/ready"]}, "periodSeconds": 1}
    wanted = {"terminationGracePeriodSeconds": 5, "containers": [container], **spec}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": {"app": "web"}}, "spec": wanted}


def make(plane: ControlPlane, *objects: Object) -> None:
    for obj in objects:
        plane.create(obj)
    plane.settle()


def slices(plane: ControlPlane, name: str = "web") -> list[Object]:
    return [
        obj
        for obj in plane.list("endpointslices", "default")
        if (obj["metadata"].get("labels") or {}).get("kubernetes.io/service-name") == name
    ]


def endpoints(plane: ControlPlane, name: str = "web") -> dict[str, Object]:
    return {each["targetRef"]["name"]: each for obj in slices(plane, name) for each in obj["endpoints"] or ()}


def conditions(plane: ControlPlane, name: str = "web") -> dict[str, str]:
    """Pod → the conditions that are true."""
    return {
        pod: " ".join(sorted(k for k, v in each["conditions"].items() if v))
        for pod, each in endpoints(plane, name).items()
    }


def test_a_service_without_pods_has_one_empty_slice(plane: ControlPlane) -> None:
    make(plane, service())
    (only,) = slices(plane)
    assert (only["endpoints"], only["ports"], only["addressType"]) == (None, None, "IPv4")
    assert "subsets" not in (plane.get("endpoints", "default/web") or {"subsets": "no object"})


def test_only_ready_pods_are_ready_endpoints(plane: ControlPlane) -> None:
    make(plane, service(), pod("well"), pod("ill", ready=False))
    assert conditions(plane) == {"well": "ready serving", "ill": ""}
    (subset,) = (plane.get("endpoints", "default/web") or {})["subsets"]
    assert [each["targetRef"]["name"] for each in subset["addresses"]] == ["well"]
    assert [each["targetRef"]["name"] for each in subset["notReadyAddresses"]] == ["ill"]


def test_a_service_may_publish_pods_that_are_not_ready(plane: ControlPlane) -> None:
    make(plane, service(clusterIP="None", publishNotReadyAddresses=True), pod("ill", ready=False))
    assert conditions(plane) == {"ill": "ready"}
    (subset,) = (plane.get("endpoints", "default/web") or {})["subsets"]
    assert "notReadyAddresses" not in subset


def test_a_terminating_pod_serves_but_is_not_ready(plane: ControlPlane) -> None:
    stubborn = pod("web-0")
    stubborn["spec"]["containers"][0] |= {"image": "busybox:1.36", "command": ["sleep", "3600"]}
    make(plane, service(), stubborn)
    plane.delete("pods", "default/web-0")
    plane.loop.run_for(1)
    assert conditions(plane) == {"web-0": "serving terminating"}
    assert "subsets" not in (plane.get("endpoints", "default/web") or {"subsets": "no object"})
    plane.settle()
    assert endpoints(plane) == {}


def test_hostnames_belong_to_the_service_that_the_subdomain_names(plane: ControlPlane) -> None:
    make(plane, service("web", clusterIP="None"), service("other"))
    make(plane, pod("a", hostname="first", subdomain="web"))
    assert endpoints(plane, "web")["a"]["hostname"] == "first"
    assert "hostname" not in endpoints(plane, "other")["a"]


def test_pods_that_resolve_a_named_port_differently_are_in_slices_of_their_own(plane: ControlPlane) -> None:
    make(
        plane,
        service(ports=[{"port": 80, "name": "http", "targetPort": "web"}, {"port": 81, "name": "more"}]),
        pod("a", ports=[{"containerPort": 8080, "name": "web"}]),
        pod("b", ports=[{"containerPort": 9090, "name": "web"}]),
        pod("c"),
    )
    found = {
        tuple(port["port"] for port in obj["ports"]): [each["targetRef"]["name"] for each in obj["endpoints"]]
        for obj in slices(plane)
    }
    assert found == {(8080, 81): ["a"], (9090, 81): ["b"], (81,): ["c"]}
    assert len((plane.get("endpoints", "default/web") or {})["subsets"]) == 3


def test_a_headless_service_without_ports_has_endpoints(plane: ControlPlane) -> None:
    make(plane, service(clusterIP="None", ports=[]), pod("a"))
    assert list(endpoints(plane)) == ["a"]
    assert "ports" not in (plane.get("endpoints", "default/web") or {})["subsets"][0]


def test_labels_of_pods_and_selectors_of_services_may_change(plane: ControlPlane) -> None:
    make(plane, service(), pod("a"), pod("b"))
    plane.patch("pods", "default/a", {"metadata": {"labels": {"app": "other"}}})
    plane.settle()
    assert list(endpoints(plane)) == ["b"]
    plane.patch("services", "default/web", {"spec": {"selector": {"app": "other"}}})
    plane.settle()
    assert list(endpoints(plane)) == ["a"]


def test_labels_of_a_service_are_those_of_its_slices(plane: ControlPlane) -> None:
    make(plane, service())
    plane.patch("services", "default/web", {"metadata": {"labels": {"tier": "front"}}})
    plane.settle()
    assert slices(plane)[0]["metadata"]["labels"]["tier"] == "front"
    assert (plane.get("endpoints", "default/web") or {})["metadata"]["labels"]["tier"] == "front"


def test_a_slice_that_someone_deletes_or_changes_is_made_again(plane: ControlPlane) -> None:
    make(plane, service(), pod("a"))
    plane.delete("endpointslices", f"default/{slices(plane)[0]['metadata']['name']}")
    plane.settle()
    assert list(endpoints(plane)) == ["a"]
    plane.patch("endpointslices", f"default/{slices(plane)[0]['metadata']['name']}", {"endpoints": []})
    plane.settle()
    assert list(endpoints(plane)) == ["a"]


def test_slices_go_with_their_service(plane: ControlPlane) -> None:
    make(plane, service(), pod("a"))
    plane.delete("services", "default/web")
    plane.settle()
    assert slices(plane) == []
    assert plane.get("endpoints", "default/web") is None


def test_a_slice_holds_a_hundred_endpoints(plane: ControlPlane) -> None:
    template = {"metadata": {"labels": {"app": "web"}}, "spec": pod("x")["spec"]}
    spec = {"replicas": 250, "selector": {"matchLabels": {"app": "web"}}, "template": template}
    make(plane, service(), {"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {"name": "web"}, "spec": spec})
    assert sorted(len(obj["endpoints"]) for obj in slices(plane)) == [50, 100, 100]
    plane.scale("replicasets", "default/web", 120)
    plane.settle()
    assert sum(len(obj["endpoints"]) for obj in slices(plane)) == 120
    addresses = (plane.get("endpoints", "default/web") or {})["subsets"][0]["addresses"]
    assert len(addresses) == 120
    # A thousand Pods behind a Service must not cost a write each of everything.
    writes = [r for r in plane.store.history if r.plural == "endpoints" and r.key == "default/web"]
    assert len(writes) < 150


def test_hand_made_endpoints_are_mirrored(plane: ControlPlane) -> None:
    made = {
        "apiVersion": "v1",
        "kind": "Endpoints",
        "metadata": {"name": "web", "labels": {"by": "hand"}, "annotations": {"note": "kept"}},
        "subsets": [
            {
                "addresses": [{"ip": "192.0.2.1"}],
                "notReadyAddresses": [{"ip": "192.0.2.2", "hostname": "second"}],
                "ports": [{"port": 8080}],
            }
        ],
    }
    make(plane, service(selector=None), made)
    (mirror,) = slices(plane)
    assert mirror["metadata"]["labels"] == {
        "by": "hand",
        "kubernetes.io/service-name": "web",
        "endpointslice.kubernetes.io/managed-by": "endpointslicemirroring-controller.k8s.io",
    }
    assert mirror["metadata"]["annotations"] == {"note": "kept"}
    assert mirror["metadata"]["ownerReferences"][0]["kind"] == "Endpoints"
    assert mirror["endpoints"] == [
        {"addresses": ["192.0.2.1"], "conditions": {"ready": True}},
        {"addresses": ["192.0.2.2"], "conditions": {"ready": False}, "hostname": "second"},
    ]
    assert mirror["ports"] == [{"name": "", "protocol": "TCP", "port": 8080}]
    plane.patch("endpoints", "default/web", {"subsets": None})
    plane.settle()
    assert slices(plane) == []


def test_an_external_name_has_no_endpoints(plane: ControlPlane) -> None:
    make(plane, service(selector=None, type="ExternalName", externalName="example.org", ports=[]), pod("a"))
    assert slices(plane) == []
    assert plane.get("endpoints", "default/web") is None


def test_endpoints_tell_when_the_change_behind_them_happened(plane: ControlPlane) -> None:
    make(plane, service(), pod("a"))
    ready = next(c for c in (plane.get("pods", "default/a") or {})["status"]["conditions"] if c["type"] == "Ready")
    for obj in (slices(plane)[0], plane.get("endpoints", "default/web") or {}):
        trigger = obj["metadata"]["annotations"]["endpoints.kubernetes.io/last-change-trigger-time"]
        assert trigger == ready["lastTransitionTime"]
