"""What conformance tests called "should support … API operations" and "should run the lifecycle of …" do.

Create, read, list here and everywhere, watch, patch, update, status, delete, delete a collection. Source of the steps:
test/e2e/{apps,network,storage,scheduling,node,common/node,apimachinery}/*.go, each kind in its file.
"""

from __future__ import annotations

import copy
from typing import Any

import pytest
from e2e_client import MERGE, PAUSE, Api

pytestmark = pytest.mark.slow

_POD = {"metadata": {"labels": {"app": "x"}}, "spec": {"containers": [{"name": "main", "image": PAUSE}]}}
_JOB_POD = {"metadata": {"labels": {"app": "x"}}, "spec": {**_POD["spec"], "restartPolicy": "Never"}}
_SELECTOR = {"matchLabels": {"app": "x"}}
_BACKEND = {"service": {"name": "test", "port": {"number": 80}}}
_PV = {
    "capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "storageClassName": "e2e-none",
    "hostPath": {"path": "/tmp/e2e"}, "persistentVolumeReclaimPolicy": "Retain",
}  # fmt: skip
_CLAIM = {
    "accessModes": ["ReadWriteOnce"], "storageClassName": "e2e-never",
    "resources": {"requests": {"storage": "1Gi"}},
}  # fmt: skip
_POLICY = {
    "matchConstraints": {
        "resourceRules": [
            {"apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["deployments"]}
        ]
    },
    "validations": [{"expression": "object.spec.replicas <= 100"}],
}
_NODE = {"spec": {"unschedulable": True}, "status": {"nodeInfo": {}}}
_DEVICE = {
    "name": "dev-0", "attributes": {"model": {"string": "x"}, "numa": {"int": 1}},
    "capacity": {"memory": {"value": "8Gi"}},
}  # fmt: skip
_DEVICES = {"devices": {"requests": [{"name": "req-0", "exactly": {"deviceClassName": "e2e.example.com"}}]}}

# (kind, the rest of the object, a patch that must be seen)
KINDS: dict[str, tuple[Any, Any]] = {
    "endpointslices": ({"addressType": "IPv4", "endpoints": [{"addresses": ["1.2.3.4"]}]}, {}),
    "ingresses": ({"spec": {"defaultBackend": _BACKEND}}, {"spec": {"ingressClassName": "other"}}),
    "ingressclasses": ({"spec": {"controller": "example.com/controller"}}, {}),
    "ipaddresses": ({"spec": {"parentRef": {"resource": "services", "namespace": "default", "name": "e2e"}}}, {}),
    "volumeattributesclasses": ({"driverName": "e2e-fake-csi-driver", "parameters": {"a": "b"}}, {}),
    "runtimeclasses": ({"handler": "some-handler"}, {}),
    "leases": ({"spec": {"holderIdentity": "one", "leaseDurationSeconds": 30}}, {"spec": {"holderIdentity": "two"}}),
    "podtemplates": ({"template": _POD}, {}),
    "cronjobs": (
        {"spec": {"schedule": "0 0 1 1 *", "jobTemplate": {"spec": {"template": _JOB_POD}}}},
        {"spec": {"suspend": True}},
    ),
    "jobs": ({"spec": {"suspend": True, "template": _JOB_POD}}, {"spec": {"parallelism": 2}}),
    "limitranges": (
        {"spec": {"limits": [{"type": "Container", "default": {"cpu": "500m"}}]}},
        {"spec": {"limits": [{"type": "Container", "default": {"cpu": "600m"}}]}},
    ),
    "resourcequotas": ({"spec": {"hard": {"cpu": "1"}}}, {"spec": {"hard": {"cpu": "2"}}}),
    "serviceaccounts": ({}, {"automountServiceAccountToken": False}),
    "configmaps": ({"data": {"a": "b"}}, {"data": {"c": "d"}}),
    "secrets": ({"stringData": {"a": "b"}}, {"stringData": {"c": "d"}}),
    "poddisruptionbudgets": (
        {"spec": {"minAvailable": 1, "selector": _SELECTOR}}, {"spec": {"minAvailable": "50%"}},
    ),
    "persistentvolumes": ({"spec": _PV}, {}),
    "persistentvolumeclaims": ({"spec": _CLAIM}, {}),
    "storageclasses": ({"provisioner": "e2e-fake-provisioner"}, {}),
    "priorityclasses": ({"value": 1}, {"description": "patched"}),
    "nodes": (_NODE, {}),
    "services": (
        {"spec": {"type": "LoadBalancer", "ports": [{"port": 80}]}}, {"spec": {"sessionAffinity": "ClientIP"}},
    ),
    "endpoints": (
        {"subsets": [{"addresses": [{"ip": "10.0.0.24"}], "ports": [{"port": 80}]}]},
        {"subsets": [{"addresses": [{"ip": "10.0.0.25"}], "ports": [{"port": 8080}]}]},
    ),
    "replicationcontrollers": (
        {"spec": {"replicas": 1, "selector": {"app": "x"}, "template": _POD}}, {"spec": {"replicas": 2}},
    ),
    "daemonsets": ({"spec": {"selector": _SELECTOR, "template": _POD}}, {"spec": {"minReadySeconds": 1}}),
    "controllerrevisions": ({"revision": 3, "data": {"a": "b"}}, {"revision": 4}),
    "pods": ({"spec": _POD["spec"]}, {}),
    "csidrivers": ({"spec": {"attachRequired": False}}, {}),
    "csinodes": ({"spec": {"drivers": []}}, {}),
    "csistoragecapacities": ({"storageClassName": "e2e", "capacity": "1Gi"}, {"capacity": "2Gi"}),
    "deviceclasses": (
        {"spec": {}}, {"spec": {"selectors": [{"cel": {"expression": 'device.driver == "e2e.example.com"'}}]}},
    ),
    "resourceclaims": ({"spec": _DEVICES}, {}),
    "resourceclaimtemplates": ({"spec": {"spec": _DEVICES}}, {}),
    "resourceslices": (
        {"spec": {"driver": "e2e.example.com", "nodeName": "e2e", "devices": [_DEVICE],
                  "pool": {"name": "cluster", "generation": 1, "resourceSliceCount": 1}}},
        {"spec": {"devices": [_DEVICE, {"name": "dev-1"}]}},
    ),
    "flowschemas": (
        {"spec": {"matchingPrecedence": 10000, "priorityLevelConfiguration": {"name": "global-default"}}},
        {"spec": {"matchingPrecedence": 9999}},
    ),
    "prioritylevelconfigurations": (
        {"spec": {"type": "Limited", "limited": {"nominalConcurrencyShares": 2, "limitResponse": {"type": "Reject"}}}},
        {"spec": {"limited": {"nominalConcurrencyShares": 4}}},
    ),
    "validatingadmissionpolicies": (
        {"spec": _POLICY}, {"spec": {"validations": [{"expression": "object.spec.replicas <= 50"}]}},
    ),
    "validatingadmissionpolicybindings": (
        {"spec": {"policyName": "replicalimit-policy.example.com", "validationActions": ["Deny"]}},
        {"spec": {"validationActions": ["Warn"]}},
    ),
    "volumeattachments": (
        {"spec": {"attacher": "e2e", "nodeName": "kind-worker", "source": {"persistentVolumeName": "e2e"}}}, {},
    ),
}  # fmt: skip
_WITH_STATUS: dict[str, Any] = {
    "ingresses": {"loadBalancer": {"ingress": [{"ip": "169.1.1.1"}]}},
    "cronjobs": {"lastScheduleTime": "2020-01-01T00:00:00Z"},
    "jobs": {"startTime": "2020-01-01T00:00:00Z"},
    "poddisruptionbudgets": {"disruptionsAllowed": 3, "currentHealthy": 4, "desiredHealthy": 1, "expectedPods": 4},
    "persistentvolumes": {"message": "StatusPatched", "reason": "E2E patchStatus"},
    "persistentvolumeclaims": {"conditions": [{"type": "StatusPatched", "status": "True", "reason": "E2E"}]},
    "services": {"loadBalancer": {"ingress": [{"ip": "203.0.113.1"}]}},
    "replicationcontrollers": {"conditions": [{"type": "StatusUpdate", "status": "True", "reason": "E2E"}]},
    "daemonsets": {"conditions": [{"type": "StatusUpdate", "status": "True", "reason": "E2E"}]},
    "resourcequotas": {"hard": {"cpu": "7"}},
    "volumeattachments": {"attached": True},
    "resourceclaims": {"allocation": {"devices": {"results": [
        {"request": "req-0", "driver": "e2e.example.com", "pool": "cluster", "device": "dev-0"}
    ]}}},
    "flowschemas": {"conditions": [{"type": "Dangling", "status": "False", "reason": "E2E", "message": "Set by e2e"}]},
    "prioritylevelconfigurations": {"conditions": [{"type": "X", "status": "False", "reason": "E2E"}]},
    "validatingadmissionpolicies": {"conditions": [
        {"type": "PatchStatusFailed", "status": "False", "reason": "e2e", "message": "Set by an e2e test",
         "lastTransitionTime": "2024-01-01T00:00:00Z"}
    ]},
}  # fmt: skip


def _within(found: Any, wanted: Any) -> bool:
    if isinstance(wanted, dict):
        return isinstance(found, dict) and all(_within(found.get(key), value) for key, value in wanted.items())
    if isinstance(wanted, list):
        return isinstance(found, list) and all(map(_within, found, wanted))
    return bool(found == wanted)


@pytest.mark.parametrize("plural", KINDS)
def test_should_support_the_operations_of_its_api(api: Api, plural: str) -> None:
    body, change = KINDS[plural]
    mark = f"e2e-{api.namespace}"
    selector = f"?labelSelector=special%3D{mark}"

    def obj(number: int) -> Any:
        name = f"255.255.255.{number}" if plural == "ipaddresses" else f"{mark}-{number}"
        return {"metadata": {"name": name, "labels": {"special": mark, "app": "x"}}, **copy.deepcopy(body)}

    group = api.path(plural, everywhere=True).rpartition("/")[0]
    [found] = [each for each in api.request("GET", group)["resources"] if each["name"] == plural]
    assert {"create", "get", "list", "watch", "update", "patch", "delete", "deletecollection"} <= set(found["verbs"])

    names = [api.create(plural, obj(number))["metadata"]["name"] for number in range(3)]
    first = names[0]
    assert api.get(plural, first)["metadata"]["uid"]
    for path in (api.path(plural), api.path(plural, everywhere=True)):
        listed = api.request("GET", path + selector)
        assert sorted(each["metadata"]["name"] for each in listed["items"]) == names
    version = listed["metadata"]["resourceVersion"]

    patch = {"metadata": {"annotations": {"patched": "true"}}, **change}
    api.patch(plural, first, patch, type=MERGE)
    seen = api.watch_until(
        plural, version,
        lambda type, obj: type == "MODIFIED" and (obj["metadata"].get("annotations") or {}).get("patched") == "true",
        query=selector[1:],
    )  # fmt: skip
    if plural != "secrets":
        assert _within(seen, change)
    api.update(plural, first, lambda obj: obj["metadata"]["annotations"].update(updated="true"))
    assert api.get(plural, first)["metadata"]["annotations"]["updated"] == "true"

    if plural in _WITH_STATUS:
        status = _WITH_STATUS[plural]
        patch = {"metadata": {"annotations": {"status": "patched"}}, "status": status}
        found = api.patch(plural, first, patch, "status", type=MERGE)
        assert found["metadata"]["annotations"]["status"] == "patched" and _within(found["status"], status)
        assert api.get(plural, first, "status")["kind"]
        api.update_status(plural, first, lambda obj: obj["metadata"]["annotations"].update(status="updated"))
        assert api.get(plural, first)["metadata"]["annotations"]["status"] == "updated"

    api.delete(plural, names[1])
    api.until_gone(plural, names[1])
    api.watch_until(plural, version, lambda type, obj: type == "DELETED" and obj["metadata"]["name"] == names[1])
    api.request("DELETE", api.path(plural) + selector)
    api.until(lambda: not api.request("GET", api.path(plural) + selector)["items"], "all are gone")


def test_should_support_the_operations_of_the_range_of_services(api: Api) -> None:
    before = api.get("servicecidrs", "kubernetes")
    [listed] = api.list("servicecidrs")["items"]
    assert listed["metadata"]["uid"] == before["metadata"]["uid"]
    version = api.list("servicecidrs")["metadata"]["resourceVersion"]
    api.patch("servicecidrs", "kubernetes", {"metadata": {"annotations": {"patched": "true"}}}, type=MERGE)
    api.update("servicecidrs", "kubernetes", lambda obj: obj["metadata"]["annotations"].update(updated="true"))
    seen = api.watch_until(
        "servicecidrs", version, lambda type, obj: "updated" in (obj["metadata"].get("annotations") or {})
    )
    assert seen["metadata"]["annotations"]["patched"] == "true" and seen["spec"] == before["spec"]
    assert api.get("servicecidrs", "kubernetes", "status")["status"] == before["status"]
