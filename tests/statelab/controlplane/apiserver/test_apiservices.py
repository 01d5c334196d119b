"""APIServices: a cluster's own, those of other servers, and what a client is told of these."""

from __future__ import annotations

from typing import Any

import pytest

from statelab.controlplane import ControlPlane
from statelab.controlplane.apiserver.registry.apiservices import version_order
from statelab.controlplane.apiserver.serving.client import InProcessClient
from statelab.controlplane.errors import ApiError
from statelab.controlplane.kinds import Object
from statelab.controlplane.runtime.http import HttpResponse, serve

PATH = "/apis/apiregistration.k8s.io/v1/apiservices"
TABLE = "application/json;as=Table;g=meta.k8s.io;v=v1"
AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"


def api_service(name: str = "v1beta1.metrics.k8s.io", **spec: Any) -> Object:
    version, _, group = name.partition(".")
    whole = {"group": group, "version": version, "groupPriorityMinimum": 100, "versionPriority": 100, **spec}
    whole.setdefault("service", {"name": "metrics-server", "namespace": "kube-system"})
    whole = {key: value for key, value in whole.items() if value is not None}
    return {
        "apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService", "metadata": {"name": name}, "spec": whole,
    }  # fmt: skip


def definition(group: str, *versions: str) -> Object:
    schema = {"openAPIV3Schema": {"type": "object"}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": f"things.{group}"},
        "spec": {
            "group": group, "scope": "Namespaced", "names": {"plural": "things", "kind": "Thing"},
            "versions": [
                {"name": each, "served": True, "storage": each == versions[0], "schema": schema} for each in versions
            ],
        },
    }  # fmt: skip


def available(cluster: ControlPlane, name: str = "v1beta1.metrics.k8s.io") -> Any:
    found = cluster.get("apiservices", name)
    return found["status"]["conditions"][0] if found is not None else None


def rows(cluster: ControlPlane) -> dict[str, list[Any]]:
    found = InProcessClient(cluster).request("GET", PATH, accept=TABLE).body["rows"]
    return {each["cells"][0]: each["cells"][1:3] for each in found}


def test_a_cluster_has_one_for_each_group_and_version_and_definitions_bring_theirs() -> None:
    cluster = ControlPlane()
    before = cluster.store.revision
    cluster.create(definition("early.io", "v1"))
    cluster.settle()
    found = rows(cluster)
    assert found["v1."] == found["v2.autoscaling"] == found["v1.early.io"] == ["Local", "True"]
    assert "v1.apiregistration.k8s.io" not in found
    apps, early = cluster.get("apiservices", "v1.apps"), cluster.get("apiservices", "v1.early.io")
    assert apps is not None and early is not None and int(apps["metadata"]["resourceVersion"]) > before
    assert apps["spec"] == {"group": "apps", "version": "v1", "groupPriorityMinimum": 17800, "versionPriority": 15}
    assert apps["metadata"]["labels"] == {"kube-aggregator.kubernetes.io/automanaged": "onstart"}
    assert early["metadata"]["labels"] == {"kube-aggregator.kubernetes.io/automanaged": "true"}
    assert (early["spec"]["groupPriorityMinimum"], early["spec"]["versionPriority"]) == (1000, 100)

    cluster.create(definition("late.io", "v1", "v2"))
    cluster.delete("apiservices", "v1.early.io")
    cluster.delete("apiservices", "v1.apps")
    cluster.settle()
    assert {"v1.late.io", "v2.late.io", "v1.early.io"} <= set(rows(cluster))  # made again: a definition says so
    assert "v1.apps" not in rows(cluster)  # not before the server begins anew
    fewer = {"versions": definition("late.io", "v1")["spec"]["versions"]}
    cluster.patch("customresourcedefinitions", "things.late.io", {"spec": fewer})
    cluster.delete("customresourcedefinitions", "things.early.io")
    cluster.settle()
    assert {"v1.late.io"} == {each for each in rows(cluster) if each.endswith(("late.io", "early.io"))}


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (
            {**api_service(), "metadata": {"name": "v1.metrics.k8s.io"}},
            'metadata.name: Invalid value: "v1.metrics.k8s.io": must be `spec.version+"."+spec.group`: '
            '"v1beta1.metrics.k8s.io"',
        ),
        (
            api_service(groupPriorityMinimum=None, versionPriority=1001),
            "[spec.groupPriorityMinimum: Invalid value: 0: must be positive and less than 20000, "
            "spec.versionPriority: Invalid value: 1001: must be positive and less than 1000]",
        ),
        (
            api_service(service={"name": "x"}, caBundle="YWJj", insecureSkipTLSVerify=True),
            "[spec.service.namespace: Required value, "
            "spec.insecureSkipTLSVerify: Invalid value: true: may not be true if caBundle is present]",
        ),
    ],
)
def test_what_is_wrong_with_one_is_said_in_the_servers_words(made: Object, words: str) -> None:
    cluster = ControlPlane()
    with pytest.raises(ApiError) as refused:
        cluster.create(made)
    name = made["metadata"]["name"]
    assert refused.value.message == f'APIService.apiregistration.k8s.io "{name}" is invalid: {words}'
    local = api_service("v3.mine.io", caBundle="YWJj", service=None)
    local["spec"].pop("service", None)
    with pytest.raises(ApiError, match='caBundle: Invalid value: "3 bytes": local APIServices may not have a caBundle'):
        cluster.create(local)


def test_its_condition_says_step_by_step_what_is_wrong() -> None:
    cluster = ControlPlane()
    cluster.create(api_service())
    cluster.settle()
    assert cluster.get("apiservices", "v1beta1.metrics.k8s.io")["spec"]["service"]["port"] == 443  # type: ignore[index]
    assert rows(cluster)["v1beta1.metrics.k8s.io"] == ["kube-system/metrics-server", "False (ServiceNotFound)"]
    assert available(cluster)["message"] == 'service/metrics-server in "kube-system" is not present'

    spec = {"selector": {"app": "metrics"}, "ports": [{"name": "https", "port": 8443, "targetPort": 443}]}
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "metrics-server"}, "spec": spec}
    cluster.create(service, "kube-system")
    cluster.settle()
    assert available(cluster)["reason"] == "ServicePortError"
    cluster.patch("services", "kube-system/metrics-server", {"spec": {"ports": [{**spec["ports"][0], "port": 443}]}})  # type: ignore[index]
    cluster.settle()
    message = 'endpointslices for service/metrics-server in "kube-system" have no addresses with port name "https"'
    assert (available(cluster)["reason"], available(cluster)["message"]) == ("MissingEndpoints", message)

    container = {"name": "c", "image": "registry.k8s.io/metrics-server/metrics-server:v0.8.0"}
    probe = {"readinessProbe": {"httpGet": {"port": 443, "scheme": "HTTPS", "path": "/readyz"}}}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "m", "labels": {"app": "metrics"}}}
    cluster.create({**pod, "spec": {"containers": [{**container, **probe}]}}, "kube-system")
    cluster.settle()
    assert available(cluster)["message"].startswith(message + " (StateLab: no image here is an API server")
    pod["metadata"]["name"] = "without-a-probe"  # type: ignore[index]
    cluster.create({**pod, "spec": {"containers": [container]}}, "kube-system")
    cluster.settle()
    ip = cluster.get("services", "kube-system/metrics-server")["spec"]["clusterIP"]  # type: ignore[index]
    url = f"https://{ip}:443/apis/metrics.k8s.io/v1beta1"
    refused = f'failing or missing response from {url}: Get "{url}": dial tcp {ip}:443: connect: connection refused'
    assert available(cluster)["reason"] == "FailedDiscoveryCheck"
    assert available(cluster)["message"].startswith(refused + " (StateLab: ")

    at = cluster.get("pods", "kube-system/without-a-probe")["status"]["podIP"]  # type: ignore[index]
    answer = HttpResponse(404, b"", {})
    cluster.network.listen(at, 443, lambda connection: serve(connection, lambda asked, respond: respond(answer)))
    cluster.loop.run_for(31)
    assert f'Get "{url}": http: server gave HTTP response to HTTPS client (' in available(cluster)["message"]
    cluster.network.show(at, 443, "a certificate")
    cluster.loop.run_for(31)
    assert f"{url}: bad status from {url}: 404 (StateLab" in available(cluster)["message"]


def test_requests_to_such_a_group_get_503_and_discovery_calls_it_stale() -> None:
    cluster = ControlPlane()
    client = InProcessClient(cluster)
    cluster.create(definition("late.io", "v2alpha1", "v1beta1"))
    cluster.create(api_service("v1.late.io", groupPriorityMinimum=1000))
    cluster.create(api_service())
    cluster.create(api_service("v1.first.io", groupPriorityMinimum=20000))
    cluster.settle()
    for path in ("/apis/metrics.k8s.io/v1beta1", "/apis/metrics.k8s.io/v1beta1/nodes", "/apis/late.io/v1/things"):
        refused = client.request("GET", path)
        assert (refused.code, refused.body) == (503, "service unavailable\n")
    assert client.request("GET", "/apis/late.io/v1beta1/things").code == 200
    groups = client.request("GET", "/apis").body["groups"]
    names = [each["name"] for each in groups]
    assert names[:3] == ["apiregistration.k8s.io", "first.io", "apps"] and names[-2:] == ["late.io", "metrics.k8s.io"]
    assert [each["version"] for each in groups[-2]["versions"]] == ["v1", "v1beta1", "v2alpha1"]
    assert client.request("GET", "/apis/metrics.k8s.io").body["preferredVersion"]["version"] == "v1beta1"
    told = client.request("GET", "/apis", accept=AGGREGATED).body["items"]
    assert [each["metadata"]["name"] for each in told] == names
    assert told[-1]["versions"] == [{"version": "v1beta1", "freshness": "Stale"}]
    assert [each["freshness"] for each in told[-2]["versions"]] == ["Stale", "Current", "Current"]


def test_a_namespace_stays_as_long_as_nobody_knows_what_is_in_it() -> None:
    cluster = ControlPlane()
    cluster.create(api_service())
    cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "gone"}})
    cluster.delete("namespaces", "gone")
    cluster.settle()
    namespace = cluster.get("namespaces", "gone")
    assert namespace is not None
    failed = next(each for each in namespace["status"]["conditions"] if each["status"] == "True")
    assert (failed["type"], failed["reason"]) == ("NamespaceDeletionDiscoveryFailure", "DiscoveryFailed")
    assert failed["message"].endswith("metrics.k8s.io/v1beta1: stale GroupVersion discovery: metrics.k8s.io/v1beta1")
    cluster.delete("apiservices", "v1beta1.metrics.k8s.io")
    assert cluster.when(lambda: cluster.get("namespaces", "gone") is None, timeout_s=30)


def test_versions_stand_in_kubernetes_order() -> None:
    ordered = ["v10", "v2", "v1", "v11beta2", "v10beta3", "v3beta1", "v12alpha1", "v11alpha2", "foo1", "foo10"]
    mixed = ordered[::-1]
    assert sorted(mixed, key=version_order) == ordered
