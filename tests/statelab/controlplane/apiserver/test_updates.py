"""What may change, and what the API server says about the rest."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from statelab.controlplane.apiserver import validation
from statelab.controlplane.apiserver.encoding import strict
from statelab.controlplane.apiserver.registry import admission, defaults, strategy
from statelab.controlplane.errors import ApiError
from statelab.controlplane.kinds import KINDS, Object


class Cluster:
    """A cluster that holds the given objects."""

    def __init__(self, **objects: list[Object]) -> None:
        self.objects = objects

    def get(self, plural: str, key: str) -> Object | None:
        if plural == "serviceaccounts":
            return {"metadata": {"name": "default"}}
        return next((each for each in self.list(plural) if each["metadata"]["name"] == key.rpartition("/")[2]), None)

    def list(self, plural: str, namespace: str = "") -> list[Object]:
        return self.objects.get(plural, [])


def stored(plural: str, body: dict[str, Any], cluster: Cluster | None = None) -> Object:
    kind = KINDS[plural]
    body = {"apiVersion": kind.api_version, "kind": kind.name, **body}
    obj, _ = strict.check(body, kind)
    if kind.namespaced:
        obj["metadata"]["namespace"] = "ns"
    defaults.apply(plural, obj)
    admission.mutate(plural, obj, "CREATE", None, cluster or Cluster())
    strategy.prepare_create(plural, obj)
    assert validation.create(plural, obj) == []
    return obj


def changed(plural: str, old: Object, cluster: Cluster | None = None, **spec: Any) -> tuple[Object, list[str]]:
    """The object after an update of its spec, and what is wrong with it."""
    obj = copy.deepcopy(old)
    obj["spec"].update(spec)
    obj, _ = strict.check(obj, KINDS[plural])
    defaults.apply(plural, obj)
    admission.mutate(plural, obj, "UPDATE", old, cluster or Cluster())
    strategy.prepare_update(plural, obj, old)
    return obj, [f"{error.field}: {error.message}" for error in validation.update(plural, obj, old)]


POD = {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "nginx:1.27"}]}}
SERVICE = {"metadata": {"name": "web"}, "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]}}
TEMPLATE = {"metadata": {"labels": {"app": "web"}}, "spec": POD["spec"]}
SET = {
    "metadata": {"name": "web"},
    "spec": {"selector": {"matchLabels": {"app": "web"}}, "serviceName": "web", "template": TEMPLATE},
}


def test_a_running_pod_may_get_another_image_and_nothing_else() -> None:
    old = stored("pods", POD)
    image = [{**old["spec"]["containers"][0], "image": "nginx:1.28"}]
    obj, wrong = changed("pods", old, containers=image)
    assert wrong == []
    assert obj["metadata"]["generation"] == 2
    _, wrong = changed("pods", old, hostname="elsewhere")
    assert len(wrong) == 1
    assert wrong[0].startswith(
        "spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`,"
    )
    assert '\n- "Hostname": "",\n+ "Hostname": "elsewhere",\n' in wrong[0]


def test_tolerations_of_a_pod_can_only_be_added() -> None:
    old = stored("pods", POD)
    more = [*old["spec"]["tolerations"], {"key": "a", "operator": "Exists"}]
    assert changed("pods", old, tolerations=more)[1] == []
    tolerant = changed("pods", old, tolerations=more)[0]
    wrong = changed("pods", tolerant, tolerations=more[:-1])[1]
    assert wrong == [
        "spec.tolerations: Forbidden: existing toleration can not be modified except its tolerationSeconds"
    ]


def test_the_selector_of_a_deployment_is_for_good() -> None:
    body = {"metadata": {"name": "web"}, "spec": {k: v for k, v in SET["spec"].items() if k != "serviceName"}}
    old = stored("deployments", body)
    template = {**TEMPLATE, "metadata": {"labels": {"app": "web", "tier": "x"}}}
    wrong = changed("deployments", old, selector={"matchLabels": {"tier": "x"}}, template=template)[1]
    assert wrong == ['spec.selector: Invalid value: {"matchLabels":{"tier":"x"}}: field is immutable']


def test_a_new_template_is_a_new_generation_and_the_same_one_is_not() -> None:
    old = stored("statefulsets", SET)
    assert changed("statefulsets", old)[0]["metadata"]["generation"] == 1
    assert changed("statefulsets", old, replicas=3)[0]["metadata"]["generation"] == 2
    obj = copy.deepcopy(old)
    obj["metadata"]["annotations"] = {"a": "b"}
    strategy.prepare_update("statefulsets", obj, old)
    assert obj["metadata"]["generation"] == 1


def test_what_belongs_to_a_gate_that_is_off_vanishes_without_a_word() -> None:
    body = copy.deepcopy(SET)
    body["spec"]["updateStrategy"] = {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 2}}  # type: ignore[index]
    assert stored("statefulsets", body)["spec"]["updateStrategy"]["rollingUpdate"] == {"partition": 0}
    body = copy.deepcopy(SET)
    spec = body["spec"]["template"]["spec"]  # type: ignore[index]
    spec["schedulingGroup"] = {"podGroupName": "g"}
    spec["containers"][0]["lifecycle"] = {"stopSignal": "SIGUSR1"}
    kept = stored("statefulsets", body)["spec"]["template"]["spec"]
    assert "schedulingGroup" not in kept and "lifecycle" not in kept["containers"][0]


def test_a_claim_keeps_its_spec_but_for_a_larger_request_once_bound() -> None:
    body = {
        "metadata": {"name": "data"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }
    old = stored("persistentvolumeclaims", body)
    wrong = changed("persistentvolumeclaims", old, accessModes=["ReadOnlyMany"])[1]
    why = "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims\n"
    assert [text.startswith(f"spec: Forbidden: {why}@@ -1,6 +1,6 @@\n") for text in wrong] == [True]
    (wrong,) = changed("persistentvolumeclaims", old, volumeAttributesClassName="gold")[1]
    assert wrong.startswith(f"spec: Forbidden: {why}")
    old["status"] = {"phase": "Bound", "capacity": {"storage": "1Gi"}}
    assert changed("persistentvolumeclaims", old, volumeAttributesClassName="gold")[1] == []
    larger = {"requests": {"storage": "2Gi"}}
    obj, wrong = changed("persistentvolumeclaims", old, resources=larger)
    assert wrong == []
    with pytest.raises(ApiError, match="only dynamically provisioned pvc can be resized"):
        admission.check("persistentvolumeclaims", obj, "UPDATE", old, Cluster())
    smaller = {"requests": {"storage": "1Mi"}}
    assert changed("persistentvolumeclaims", old, resources=smaller)[1] == [
        "spec.resources.requests.storage: Forbidden: field can not be less than status.capacity"
    ]


def test_a_service_keeps_the_address_it_was_given() -> None:
    old = stored("services", SERVICE)
    address = old["spec"]["clusterIP"]
    assert address.startswith("10.96.")
    obj = copy.deepcopy(old)
    del obj["spec"]["clusterIP"], obj["spec"]["clusterIPs"]
    admission.mutate("services", obj, "UPDATE", old, Cluster())
    assert obj["spec"]["clusterIPs"] == [address]
    wrong = changed("services", old, clusterIP="10.96.9.9")[1]
    assert wrong == ['spec.clusterIPs[0]: Invalid value: ["10.96.9.9"]: may not change once set']


def test_a_node_port_survives_an_update_that_does_not_name_it() -> None:
    body = copy.deepcopy(SERVICE)
    body["spec"]["type"] = "NodePort"  # type: ignore[index]
    old = stored("services", body)
    number = old["spec"]["ports"][0]["nodePort"]
    assert 30000 <= number <= 32767
    obj, wrong = changed("services", old, ports=[{"port": 80, "protocol": "TCP"}])
    assert wrong == []
    assert obj["spec"]["ports"][0]["nodePort"] == number
    obj, wrong = changed("services", old, type="ClusterIP")
    assert wrong == []
    assert "nodePort" not in obj["spec"]["ports"][0]


def test_an_address_or_port_that_is_taken_is_refused() -> None:
    other = stored("services", {**SERVICE, "spec": {**SERVICE["spec"], "clusterIP": "10.96.5.5"}})
    body = {"metadata": {"name": "b"}, "spec": {**SERVICE["spec"], "clusterIP": "10.96.5.5"}}
    with pytest.raises(ApiError) as refusal:
        stored("services", body, Cluster(services=[other]))
    assert refusal.value.message == (
        'Service "b" is invalid: spec.clusterIPs: Invalid value: ["10.96.5.5"]: failed to allocate IP 10.96.5.5: '
        "provided IP is already allocated"
    )


def test_a_headless_service_without_selector_is_dual_stack_even_here() -> None:
    body = {"metadata": {"name": "web"}, "spec": {"clusterIP": "None", "ports": [{"port": 80}]}}
    spec = stored("services", body)["spec"]
    assert (spec["ipFamilyPolicy"], spec["ipFamilies"]) == ("RequireDualStack", ["IPv4", "IPv6"])


def test_a_frozen_config_map_stays_as_it_is() -> None:
    old = stored("configmaps", {"metadata": {"name": "c"}, "data": {"a": "1"}, "immutable": True})
    new = {**old, "data": {"a": "2"}, "immutable": False}
    wrong = [f"{error.field}: {error.message}" for error in validation.update("configmaps", new, old)]
    frozen = "Forbidden: field is immutable when `immutable` is set"
    assert wrong == [f"immutable: {frozen}", f"data: {frozen}"]


def test_a_finalizer_cannot_be_added_to_what_is_being_deleted() -> None:
    old = stored("configmaps", {"metadata": {"name": "c"}})
    old["metadata"].update(deletionTimestamp="2026-01-01T00:00:00Z", finalizers=["a/b"])
    new = copy.deepcopy(old)
    new["metadata"]["finalizers"] = ["a/b", "c/d"]
    wrong = {f"{error.field}: {error.message}" for error in validation.update("configmaps", new, old)}
    assert wrong == {
        "metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, "
        'found new finalizers []string{"c/d"}'
    }


def quota(**hard: str) -> Object:
    return {
        "metadata": {"name": "few", "namespace": "ns"},
        "spec": {"hard": {k.replace("__", "."): v for k, v in hard.items()}},
    }


def test_a_quota_counts_objects_and_says_what_it_counted() -> None:
    first = stored("pods", POD)
    cluster = Cluster(resourcequotas=[quota(pods="1")], pods=[first])
    with pytest.raises(ApiError) as refusal:
        admission.check("pods", {**first, "metadata": {"name": "q", "namespace": "ns"}}, "CREATE", None, cluster)
    assert refusal.value.code == 403
    assert refusal.value.message == (
        'pods "q" is forbidden: exceeded quota: few, requested: pods=1, used: pods=1, limited: pods=1'
    )


def test_a_quota_for_cpu_wants_every_container_to_say_how_much() -> None:
    pod = stored("pods", POD)
    cluster = Cluster(resourcequotas=[quota(requests__cpu="1")])
    with pytest.raises(ApiError, match=r"failed quota: few: must specify requests\.cpu for: c"):
        admission.check("pods", pod, "CREATE", None, cluster)


def test_namespaces_a_cluster_needs_may_not_be_deleted() -> None:
    with pytest.raises(ApiError) as refusal:
        admission.check_delete("namespaces", "kube-system")
    assert refusal.value.message == 'namespaces "kube-system" is forbidden: this namespace may not be deleted'
    admission.check_delete("namespaces", "mine")
