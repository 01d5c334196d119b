"""What `[sig-storage]` conformance tests do with several volumes at once, parts of volumes, and volumes of a cluster.

Source of the steps: test/e2e/common/storage/{configmap_volume,secrets_volume,projected_combined,empty_dir}.go,
test/e2e/storage/{empty_dir_wrapper,subpath,persistent_volumes}.go.
"""

from __future__ import annotations

import base64
from typing import Any

import pytest
from e2e_client import BUSYBOX, MERGE, Api, once, pod

from statelab.controlplane.quantity import whole

pytestmark = pytest.mark.slow


def _mounting(name: str, script: str, volumes: list[Any], mounts: list[Any], **more: Any) -> Any:
    made = once(name, script, container={"volumeMounts": mounts}, **more)
    made["spec"]["volumes"] = volumes
    return made


def test_binary_data_should_be_reflected_in_volume(api: Api) -> None:
    raw = bytes([0xDE, 0xCA, 0xFE, 0xBA, 0xD0, 0xFE, 0xFF])
    data = {"data": {"data-1": "value-1"}, "binaryData": {"dump.bin": base64.b64encode(raw).decode()}}
    api.create("configmaps", {"metadata": {"name": "binary"}, **data})
    script = "cat /etc/held/data-1; echo; base64 /etc/held/dump.bin"
    said = api.output(_mounting("reads", script, [{"name": "held", "configMap": {"name": "binary"}}],
                                [{"name": "held", "mountPath": "/etc/held"}]))  # fmt: skip
    assert said.split() == ["value-1", base64.b64encode(raw).decode()]


@pytest.mark.parametrize("projected", [False, True], ids=["own", "projected"])
@pytest.mark.parametrize("kind", ["configMap", "secret"])
def test_should_be_consumable_in_multiple_volumes_in_the_same_pod(api: Api, kind: str, projected: bool) -> None:
    plural, field = ("configmaps", "data") if kind == "configMap" else ("secrets", "stringData")
    api.create(plural, {"metadata": {"name": "held"}, field: {"data-1": "value-1"}})
    source: Any = {kind: {"name" if kind == "configMap" or projected else "secretName": "held"}}
    source = {"projected": {"sources": [source]}} if projected else source
    volumes = [{"name": each, **source} for each in ("one", "two")]
    mounts = [{"name": each, "mountPath": f"/etc/{each}", "readOnly": True} for each in ("one", "two")]
    assert api.output(_mounting("reads", "cat /etc/one/data-1 /etc/two/data-1", volumes, mounts)) == "value-1value-1"


def test_secrets_should_be_mounted_regardless_of_one_of_the_same_name_in_another_namespace(api: Api) -> None:
    other = f"{api.namespace}-other"
    api.request("POST", "/api/v1/namespaces", {"metadata": {"name": other}})
    away = Api(api.port, api.token, api.kubeconfig, other)
    away.create("secrets", {"metadata": {"name": "held"}, "stringData": {"this_should_not_match": "x"}})
    api.create("secrets", {"metadata": {"name": "held"}, "stringData": {"data-1": "value-1"}})
    volumes, mounts = [{"name": "held", "secret": {"secretName": "held"}}], [{"name": "held", "mountPath": "/etc/held"}]
    assert api.output(_mounting("reads", "ls /etc/held; cat /etc/held/data-1", volumes, mounts)) == "data-1\nvalue-1"
    api.request("DELETE", f"/api/v1/namespaces/{other}")


def test_should_project_all_components_that_make_up_the_projection_api(api: Api) -> None:
    api.create("configmaps", {"metadata": {"name": "map"}, "data": {"configmap-data": "config"}})
    api.create("secrets", {"metadata": {"name": "secret"}, "stringData": {"secret-data": "hidden"}})
    sources = [
        {"downwardAPI": {"items": [{"path": "podname", "fieldRef": {"fieldPath": "metadata.name"}}]}},
        {"configMap": {"name": "map"}},
        {"secret": {"name": "secret"}},
    ]
    script = "cat /all/podname; echo; cat /all/secret-data; echo; cat /all/configmap-data"
    volumes, mounts = [{"name": "all", "projected": {"sources": sources}}], [{"name": "all", "mountPath": "/all"}]
    assert api.output(_mounting("combined", script, volumes, mounts)).split() == ["combined", "hidden", "config"]


def test_pod_should_support_shared_volumes_between_containers(api: Api) -> None:
    mounts = [{"name": "shared", "mountPath": "/usr/share/volumeshare"}]
    script = "while true; do if [ -e /usr/share/volumeshare/shareddata.txt ]; then break; fi; sleep 1; done; sleep 1000"
    made = _mounting("shares", script, [{"name": "shared", "emptyDir": {}}], mounts)
    writes = "echo Hello from the busy-box sub-container > /usr/share/volumeshare/shareddata.txt; sleep 1000"
    made["spec"]["containers"].append(
        {"name": "sub", "image": BUSYBOX, "command": ["/bin/sh", "-c", writes], "volumeMounts": mounts}
    )
    api.create("pods", made)
    api.until_ready("shares")
    read = ["exec", "shares", "-c", "main", "--", "cat", "/usr/share/volumeshare/shareddata.txt"]
    assert api.until(lambda: api.kubectl(*read), "it is shared") == "Hello from the busy-box sub-container\n"


def test_empty_dir_wrapper_volumes_should_not_conflict_and_not_race(api: Api) -> None:
    api.create("secrets", {"metadata": {"name": "held"}, "stringData": {"data-1": "value-1"}})
    for number in range(50):
        api.create("configmaps", {"metadata": {"name": f"racy-{number}"}, "data": {"data-1": "value-1"}})
    volumes: list[Any] = [{"name": f"v{number}", "configMap": {"name": f"racy-{number}"}} for number in range(50)]
    volumes.append({"name": "secret", "secret": {"secretName": "held"}})
    mounts = [{"name": each["name"], "mountPath": f"/etc/{each['name']}"} for each in volumes]
    container = {"name": "main", "image": BUSYBOX, "command": ["sleep", "10000"], "volumeMounts": mounts}
    for name in ("racy-a", "racy-b", "racy-c"):
        template = {"metadata": {"labels": {"name": name}}, "spec": {"containers": [container], "volumes": volumes}}
        spec = {"replicas": 5, "selector": {"name": name}, "template": template}
        api.create("replicationcontrollers", {"metadata": {"name": name}, "spec": spec})
        api.wait_for_running({"name": name}, 5, 5)
        api.delete("replicationcontrollers", name, propagationPolicy="Background")


@pytest.mark.parametrize("projected", [False, True], ids=["own", "projected"])
def test_downward_api_volume_should_provide_node_allocatable(api: Api, projected: bool) -> None:
    wanted = ("limits.cpu", "limits.memory")
    items = [{"path": each, "resourceFieldRef": {"containerName": "main", "resource": each}} for each in wanted]
    source: Any = {"projected": {"sources": [{"downwardAPI": {"items": items}}]}}
    source = source if projected else {"downwardAPI": {"items": items}}
    script = "cat /etc/podinfo/limits.cpu; echo; cat /etc/podinfo/limits.memory"
    made = _mounting("tells", script, [{"name": "v", **source}], [{"name": "v", "mountPath": "/etc/podinfo"}])
    said = api.output(made).split()
    node = api.request("GET", f"/api/v1/nodes/{api.get('pods', 'tells')['spec']['nodeName']}")["status"]["allocatable"]
    assert said == [node["cpu"], str(whole(node["memory"]))]


# ---- subpath.go


@pytest.mark.parametrize("kind", ["configmap", "configmap over a file", "secret", "downward", "projected"])
def test_should_support_subpaths_with_pod(api: Api, kind: str) -> None:
    api.create("configmaps", {"metadata": {"name": "map"}, "data": {"configmap-key": "configmap-value"}})
    api.create("secrets", {"metadata": {"name": "secret"}, "stringData": {"secret-key": "secret-value"}})
    field = [{"path": "downward/podname", "fieldRef": {"fieldPath": "metadata.name"}}]
    mapped = [{"key": "configmap-key", "path": "projected/configmap-key"}]
    source, sub_path, wanted = {
        "configmap": ({"configMap": {"name": "map"}}, "configmap-key", "configmap-value"),
        "configmap over a file": ({"configMap": {"name": "map"}}, "configmap-key", "configmap-value"),
        "secret": ({"secret": {"secretName": "secret"}}, "secret-key", "secret-value"),
        "downward": ({"downwardAPI": {"items": field}}, "downward/podname", "reads"),
        "projected": (
            {"projected": {"sources": [{"configMap": {"name": "map", "items": mapped}}]}},
            "projected/configmap-key", "configmap-value",
        ),
    }[kind]  # fmt: skip
    path = "/etc/resolv.conf" if kind == "configmap over a file" else "/probe-volume/probe-file"
    mounts = [{"name": "v", "mountPath": path, "subPath": sub_path}]
    assert api.output(_mounting("reads", f"cat {path}", [{"name": "v", **source}], mounts)) == wanted


# ---- persistent_volumes.go


def test_should_apply_changes_to_a_pv_and_pvc_and_their_status(api: Api) -> None:
    labels = {"e2e-pv": api.namespace}
    volume: Any = {"metadata": {"name": f"pv-{api.namespace}", "labels": labels},
              "spec": {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "storageClassName": "e2e-pv",
                       "persistentVolumeReclaimPolicy": "Retain", "hostPath": {"path": "/tmp/e2e-pv"}}}  # fmt: skip
    asked = {"accessModes": ["ReadWriteOnce"], "storageClassName": "e2e-pv", "volumeName": f"pv-{api.namespace}"}
    asked |= {"resources": {"requests": {"storage": "1Gi"}}}
    claim = {"metadata": {"name": "pvc", "labels": labels}, "spec": asked}
    api.create("persistentvolumes", volume)
    api.create("persistentvolumeclaims", claim)
    api.until(lambda: api.get("persistentvolumeclaims", "pvc")["status"]["phase"] == "Bound", "it is bound")
    condition = {"type": "StatusPatched", "status": "True", "reason": "E2E patchStatus", "message": "Set from e2e"}
    patch = {"status": {"conditions": [condition]}}
    found = api.patch("persistentvolumeclaims", "pvc", patch, "status", type=MERGE)
    assert found["status"]["conditions"][0]["type"] == "StatusPatched"
    name = volume["metadata"]["name"]
    for plural, each in (("persistentvolumes", name), ("persistentvolumeclaims", "pvc")):
        api.patch(plural, each, {"metadata": {"labels": {each: "patched"}}})
        api.update(plural, each, lambda obj, each=each: obj["metadata"]["labels"].update({each: "updated"}))
        assert api.list(plural, f"{each}=updated")["items"]
    api.delete("persistentvolumeclaims", "pvc")
    api.until_gone("persistentvolumeclaims", "pvc")
    api.until(lambda: api.get("persistentvolumes", name)["status"]["phase"] == "Released", "it is released")
    api.request("DELETE", api.path("persistentvolumes") + f"?labelSelector=e2e-pv%3D{api.namespace}")
    api.until_gone("persistentvolumes", name)


def test_an_inline_csi_volume_is_kept_with_its_pod(api: Api) -> None:
    made = pod("inline")
    made["spec"]["volumes"] = [{"name": "v", "csi": {"driver": "e2e.example.com", "volumeAttributes": {"a": "b"}}}]
    api.create("pods", made)
    api.patch("pods", "inline", {"metadata": {"annotations": {"patched": "true"}}})
    found = api.get("pods", "inline")
    assert [each["csi"]["driver"] for each in found["spec"]["volumes"] if "csi" in each] == ["e2e.example.com"]
    assert found["metadata"]["annotations"] == {"patched": "true"}
    api.delete("pods", "inline", gracePeriodSeconds=0)
    api.until_gone("pods", "inline")
