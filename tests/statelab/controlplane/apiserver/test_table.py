"""Tables show what `kubectl get` shows on a real cluster."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from statelab.controlplane.apiserver.printing.cells import human_duration
from statelab.controlplane.apiserver.printing.printers import cells
from statelab.controlplane.apiserver.printing.storage import access_modes
from statelab.controlplane.apiserver.printing.table import columns, table
from statelab.controlplane.clock import seconds
from statelab.controlplane.errors import ApiError
from statelab.controlplane.kinds import KINDS

GOLDEN = Path(__file__).parents[3] / "conformance" / "golden"
AGES = ("Age", "Duration", "Last Schedule")
NOW = "2026-01-01T00:01:00Z"


def recorded_tables() -> list[Any]:
    found = []
    for path in sorted(GOLDEN.glob("*.json")):
        for number, step in enumerate(json.loads(path.read_text())["steps"]):
            for plural, recorded in step.get("tables", {}).items():
                objects = step["objects"].get(plural, [])
                found.append(pytest.param(plural, objects, recorded, id=f"{path.stem}-{number}-{plural}"))
    return found


def concrete(value: Any) -> Any:
    text = json.dumps(value).replace("$TIME", "2026-01-01T00:00:00Z")
    return json.loads(text)


@pytest.mark.parametrize(("plural", "objects", "recorded"), recorded_tables())
def test_a_recorded_table(plural: str, objects: list[Any], recorded: Any) -> None:
    shown = table(plural, concrete(objects), seconds(NOW))
    assert [[each["name"], each["format"], each["priority"]] for each in shown["columnDefinitions"]] == (
        recorded["columns"]
    )
    names = [each["name"] for each in shown["columnDefinitions"]]
    rows = []
    for row in shown["rows"]:
        shown_cells = [
            "$AGE" if name in AGES and cell else cell for name, cell in zip(names, row["cells"], strict=True)
        ]
        rows.append([re.sub(r"\(.* ago\)", "($DURATION ago)", c) if isinstance(c, str) else c for c in shown_cells])
    wanted = [
        [re.sub(r"\(.* ago\)", "($DURATION ago)", c) if isinstance(c, str) else c for c in row]
        for row in recorded["rows"]
    ]
    assert sorted(map(json.dumps, rows)) == sorted(map(json.dumps, wanted))


@pytest.mark.parametrize("plural", KINDS)
def test_every_served_kind_has_as_many_cells_as_columns(plural: str) -> None:
    defined = columns(plural)
    assert all(each["description"] for each in defined)
    assert len(cells(plural, {"metadata": {"name": "x"}}, 0.0)) == len(defined)


@pytest.mark.parametrize(
    ("duration_s", "text"),
    [
        (-5, "<invalid>"),
        (-1, "0s"),
        (0, "0s"),
        (119, "119s"),
        (120, "2m"),
        (192, "3m12s"),
        (10 * 60 + 5, "10m"),
        (179 * 60, "179m"),
        (180 * 60, "3h"),
        (7 * 3600 + 59 * 60, "7h59m"),
        (8 * 3600 + 60, "8h"),
        (47 * 3600, "47h"),
        (48 * 3600, "2d"),
        (52 * 3600, "2d4h"),
        (8 * 86400 + 3600, "8d"),
        (365 * 2 * 86400, "2y"),
        ((365 * 2 + 3) * 86400, "2y3d"),
        (365 * 9 * 86400, "9y"),
    ],
)
def test_durations_are_written_for_people(duration_s: float, text: str) -> None:
    assert human_duration(duration_s) == text


def pod(*, phase: str = "Running", containers: Any = (), init: Any = (), **more: Any) -> Any:
    spec = {
        "containers": [{"name": f"c{i}"} for i, _ in enumerate(containers)],
        "initContainers": [{"name": f"i{i}", **each.pop("spec", {})} for i, each in enumerate(init)],
    }
    status = {
        "phase": phase,
        "containerStatuses": [{"name": f"c{i}", **each} for i, each in enumerate(containers)],
        "initContainerStatuses": [{"name": f"i{i}", **each} for i, each in enumerate(init)],
        "conditions": more.pop("conditions", []),
        **more.pop("status", {}),
    }
    return {"metadata": {"name": "p", **more}, "spec": spec, "status": status}


def running(ready: bool = True, **more: Any) -> Any:
    return {"state": {"running": {}}, "ready": ready, "restartCount": 0, **more}


def waiting(reason: str, **more: Any) -> Any:
    return {"state": {"waiting": {"reason": reason}}, "ready": False, "restartCount": 0, **more}


def ended(code: int, reason: str = "", **more: Any) -> Any:
    return {"state": {"terminated": {"exitCode": code, "reason": reason, **more}}, "ready": False, "restartCount": 0}


READY = [{"type": "Ready", "status": "True"}]
ALWAYS = {"spec": {"restartPolicy": "Always"}}


@pytest.mark.parametrize(
    ("shown", "ready", "status"),
    [
        (pod(containers=[running(), running(False)]), "1/2", "Running"),
        (pod(containers=[waiting("CrashLoopBackOff")]), "0/1", "CrashLoopBackOff"),
        (pod(phase="Pending", containers=[waiting("ContainerCreating")]), "0/1", "ContainerCreating"),
        (pod(phase="Pending", containers=[waiting("ErrImagePull"), waiting("X")]), "0/2", "ErrImagePull"),
        (pod(phase="Succeeded", containers=[ended(0, "Completed")]), "0/1", "Completed"),
        (pod(phase="Failed", containers=[ended(1, "Error")]), "0/1", "Error"),
        (pod(phase="Failed", containers=[ended(7)]), "0/1", "ExitCode:7"),
        (pod(phase="Failed", containers=[ended(137, signal=9)]), "0/1", "Signal:9"),
        (pod(containers=[ended(0, "Completed"), running()], conditions=READY), "1/2", "Running"),
        (pod(containers=[ended(0, "Completed"), running()]), "1/2", "NotReady"),
        (pod(phase="Pending", init=[running()], containers=[waiting("PodInitializing")]), "0/1", "Init:0/1"),
        (
            pod(phase="Pending", init=[ended(0), waiting("PodInitializing")], containers=[waiting("x")]),
            "0/1",
            "Init:1/2",
        ),
        (pod(phase="Pending", init=[ended(1, "Error")], containers=[waiting("x")]), "0/1", "Init:Error"),
        (pod(phase="Pending", init=[ended(3)], containers=[waiting("x")]), "0/1", "Init:ExitCode:3"),
        (
            pod(phase="Pending", init=[waiting("CrashLoopBackOff")], containers=[waiting("x")]),
            "0/1",
            "Init:CrashLoopBackOff",
        ),
        (pod(init=[{**running(), "started": True, **ALWAYS}], containers=[running()]), "2/2", "Running"),
        (pod(phase="Pending", containers=[], status={"reason": "Evicted"}), "0/0", "Evicted"),
        (pod(containers=[running()], deletionTimestamp=NOW), "1/1", "Terminating"),
        (pod(phase="Failed", containers=[ended(1, "Error")], deletionTimestamp=NOW), "0/1", "Error"),
        (pod(containers=[running()], deletionTimestamp=NOW, status={"reason": "NodeLost"}), "1/1", "Unknown"),
        (
            pod(phase="Pending", conditions=[{"type": "PodScheduled", "status": "False", "reason": "SchedulingGated"}]),
            "0/0",
            "SchedulingGated",
        ),
    ],
)
def test_a_pods_status_is_read_from_its_containers(shown: Any, ready: str, status: str) -> None:
    assert cells("pods", shown, seconds(NOW))[1:3] == [ready, status]


def test_restarts_say_when_the_last_one_was() -> None:
    before = {"lastState": {"terminated": {"finishedAt": "2026-01-01T00:00:55Z"}}, "restartCount": 2}
    older = {"lastState": {"terminated": {"finishedAt": "2026-01-01T00:00:10Z"}}, "restartCount": 1}
    assert cells("pods", pod(containers=[running(**before), running(**older)]), seconds(NOW))[3] == "3 (5s ago)"


def test_a_finished_pods_row_is_marked_completed() -> None:
    row = table("pods", [pod(phase="Succeeded")], 0.0)["rows"][0]
    assert row["conditions"] == [
        {
            "type": "Completed",
            "status": "True",
            "reason": "Succeeded",
            "message": "The pod has completed successfully.",
        }
    ]


def service(**spec: Any) -> Any:
    return {"metadata": {"name": "s"}, "spec": spec}


@pytest.mark.parametrize(
    ("shown", "external", "ports"),
    [
        (service(type="ClusterIP", ports=[{"port": 80, "protocol": "TCP"}]), "<none>", "80/TCP"),
        (
            service(type="NodePort", ports=[{"port": 80, "nodePort": 30080, "protocol": "TCP"}]),
            "<none>",
            "80:30080/TCP",
        ),
        (service(type="LoadBalancer"), "<pending>", "<none>"),
        (service(type="ExternalName", externalName="example.org"), "example.org", "<none>"),
        (service(type="ClusterIP", externalIPs=["1.2.3.4", "5.6.7.8"]), "1.2.3.4,5.6.7.8", "<none>"),
    ],
)
def test_services(shown: Any, external: str, ports: str) -> None:
    row = cells("services", shown, 0.0)
    assert (row[3], row[4]) == (external, ports)


def test_many_endpoints_are_counted() -> None:
    subsets = [{"addresses": [{"ip": f"10.0.0.{i}"} for i in range(5)], "ports": [{"port": 80}]}]
    assert cells("endpoints", {"metadata": {"name": "e"}, "subsets": subsets}, 0.0)[1] == (
        "10.0.0.0:80,10.0.0.1:80,10.0.0.2:80 + 2 more..."
    )
    assert cells("endpoints", {"metadata": {"name": "e"}}, 0.0)[1] == "<none>"


def test_storage() -> None:
    assert access_modes(["ReadWriteMany", "ReadWriteOnce", "ReadWriteOnce"]) == "RWO,RWX"
    annotations = {"storageclass.kubernetes.io/is-default-class": "true"}
    standard = {"metadata": {"name": "standard", "annotations": annotations}, "provisioner": "rancher.io/local-path"}
    assert cells("storageclasses", standard, 0.0)[:5] == [
        "standard (default)",
        "rancher.io/local-path",
        "Delete",
        "Immediate",
        False,
    ]


def test_quotas_and_budgets() -> None:
    status = {"hard": {"pods": "10", "limits.cpu": "2"}, "used": {"pods": "3"}}
    assert cells("resourcequotas", {"metadata": {"name": "q"}, "status": status}, 0.0)[1:3] == [
        "pods: 3/10",
        "limits.cpu: 0/2",
    ]
    budget = {"metadata": {"name": "b"}, "spec": {"minAvailable": "50%"}, "status": {"disruptionsAllowed": 1}}
    assert cells("poddisruptionbudgets", budget, 0.0)[1:4] == ["50%", "N/A", 1]


def test_a_scale_is_printed_as_one_whatever_it_belongs_to() -> None:
    scale = {"kind": "Scale", "metadata": {"name": "web"}, "spec": {"replicas": 3}, "status": {"replicas": 2}}
    shown = table("statefulsets", [scale], 0.0)
    assert [each["name"] for each in shown["columnDefinitions"]] == ["Name", "Desired", "Available", "Age"]
    assert shown["rows"][0]["cells"] == ["web", 3, 2, "<unknown>"]


def test_a_node_that_is_cordoned() -> None:
    node = {
        "metadata": {"name": "n", "labels": {"node-role.kubernetes.io/control-plane": ""}},
        "spec": {"unschedulable": True},
        "status": {"conditions": [{"type": "Ready", "status": "Unknown"}]},
    }
    assert cells("nodes", node, 0.0)[1:3] == ["NotReady,SchedulingDisabled", "control-plane"]


def test_an_event_says_how_often_and_from_where() -> None:
    event = {
        "metadata": {"name": "web.1"},
        "involvedObject": {"kind": "Pod", "name": "web-0", "fieldPath": "spec.containers{nginx}"},
        "reason": "BackOff",
        "type": "Warning",
        "message": " Back-off \n",
        "count": 3,
        "firstTimestamp": "2026-01-01T00:00:00Z",
        "lastTimestamp": "2026-01-01T00:00:50Z",
        "source": {"component": "kubelet", "host": "kind-worker"},
    }
    assert cells("events", event, seconds(NOW)) == [
        "10s",
        "Warning",
        "BackOff",
        "pod/web-0",
        "spec.containers{nginx}",
        "kubelet, kind-worker",
        "Back-off",
        "60s",
        3,
        "web.1",
    ]


def test_a_row_carries_as_much_of_its_object_as_is_asked_for() -> None:
    obj = {"metadata": {"name": "x"}, "data": {"a": "1"}}
    partial = {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": {"name": "x"}}
    assert table("configmaps", [obj], 0.0)["rows"][0]["object"] == partial
    assert table("configmaps", [obj], 0.0, "Object")["rows"][0]["object"] == obj
    assert table("configmaps", [obj], 0.0, "None")["rows"][0]["object"] is None
    with pytest.raises(ApiError):
        table("configmaps", [obj], 0.0, "All")


def test_a_page_of_a_list_says_so() -> None:
    page = table("pods", [], 0.0, resource_version="7", continue_token="abc", remaining=3, headers=False)
    assert page["metadata"] == {"resourceVersion": "7", "continue": "abc", "remainingItemCount": 3}
    assert page["columnDefinitions"] is None
