"""The bound on a repair counts what was changed, and not how it is written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from grader import shared
from grader.answer import Answer
from grader.changes import changes
from grader.judge import judge
from grader.place import EMBEDDED
from grader.registry import task
from grader.tasks import Task
from statelab.controlplane.controlplane import ControlPlane

CORPUS = Path(__file__).parent / "corpus"
REPAIRED = next((CORPUS / "ps3.repair/right").glob("01-*")).read_text(encoding="utf-8")
SET: dict[str, Any] = yaml.safe_load(REPAIRED)


def changed(**spec: Any) -> list[str]:
    return changes(SET, {**SET, "spec": {**SET["spec"], **spec}})


def test_a_default_is_no_change_whether_it_is_written_or_not() -> None:
    written = {"podManagementPolicy": "OrderedReady", "updateStrategy": {"type": "RollingUpdate"}}
    assert changed(**written) == []
    assert changes({**SET, "spec": {**SET["spec"], **written}}, SET) == []
    assert changed(podManagementPolicy="Parallel") == ["spec.podManagementPolicy"]
    assert changed(updateStrategy={"type": "OnDelete"}) == ["spec.updateStrategy"]


def test_what_the_server_wrote_is_no_change_where_somebody_pasted_it() -> None:
    pasted = {**SET, "status": {"replicas": 2}, "metadata": {**SET["metadata"], "uid": "1", "creationTimestamp": None}}
    assert changes(SET, pasted) == []


def test_a_field_that_is_lost_is_a_change() -> None:
    lost = {key: value for key, value in SET["spec"].items() if key != "serviceName"}
    assert changes(SET, {**SET, "spec": lost}) == ["spec.serviceName"]


def test_what_is_no_object_at_all_is_compared_as_it_is_written() -> None:
    assert changes(SET, {**SET, "spec": "none"}) == ["spec"]
    assert changes(SET, None) == ["the whole"]


def test_an_answer_that_writes_defaults_gets_all_points() -> None:
    text = REPAIRED.replace("containerPort: 80", "containerPort: 80\n          protocol: TCP")
    assert judge(task("ps3.repair"), Answer.of_cell(text)).is_full


SERVICE: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "chat"},
    "spec": {"selector": {"app": "chat"}, "ports": [{"name": "http", "port": 80}]},
}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("publishNotReadyAddresses", False),
        ("ipFamilyPolicy", "SingleStack"),
        ("ipFamilies", ["IPv4"]),
        ("sessionAffinity", "None"),
        ("type", "ClusterIP"),
        ("internalTrafficPolicy", "Cluster"),
        ("externalIPs", []),
        ("ports", [{"name": "http", "port": 80, "targetPort": 80, "protocol": "TCP"}]),
    ],
)
def test_what_the_server_would_have_written_is_no_change_of_a_service(field: str, value: Any) -> None:
    written = {**SERVICE, "spec": {**SERVICE["spec"], field: value}}
    assert changes(SERVICE, written) == changes(written, SERVICE) == []


def test_what_it_would_not_have_written_is_one() -> None:
    for field, value in (("publishNotReadyAddresses", True), ("sessionAffinity", "ClientIP"), ("type", "NodePort")):
        assert changes(SERVICE, {**SERVICE, "spec": {**SERVICE["spec"], field: value}}) == [f"spec.{field}"]
    assert changed(replicas=0) == ["spec.replicas"]


@pytest.mark.parametrize(
    ("name", "one", "other"), [("cpu", "500m", 0.5), ("memory", "1Gi", "1024Mi"), ("memory", "2Gi", 2147483648)]
)
def test_quantities_are_compared_as_quantities(name: str, one: Any, other: Any) -> None:
    def asking(value: Any) -> dict[str, Any]:
        container = {**SET["spec"]["template"]["spec"]["containers"][0], "resources": {"requests": {name: value}}}
        template = {**SET["spec"]["template"], "spec": {"containers": [container]}}
        return {**SET, "spec": {**SET["spec"], "template": template}}

    assert changes(asking(one), asking(other)) == []
    assert len(changes(asking(one), asking("7"))) == 1


def test_a_size_in_bytes_is_that_size() -> None:
    text = next((CORPUS / "ps4.two-volumes/right").glob("01-*")).read_text(encoding="utf-8")
    assert "storage: 2Gi" in text
    assert judge(task("ps4.two-volumes"), Answer.of_cell(text.replace("storage: 2Gi", "storage: 2147483648"))).is_full


def test_a_volume_that_nothing_mounts_any_more_may_go_or_stay() -> None:
    text = next((CORPUS / "ps6.forgetful/right").glob("01-*")).read_text(encoding="utf-8")
    scratch = "      volumes:\n      - name: scratch\n        emptyDir: {}\n"
    assert scratch in text
    for mended in (text.replace(scratch, ""), text.replace(scratch, "      volumes: []\n")):
        assert judge(task("ps6.forgetful"), Answer.of_cell(mended)).is_full


def of_container(**fields: Any) -> dict[str, Any]:
    container = {"name": "web", "image": "nginx", "ports": [{"containerPort": 80}], **fields}
    return {"kind": "Pod", "spec": {"containers": [container]}}


def test_another_way_to_ask_is_one_change() -> None:
    tcp = of_container(readinessProbe={"tcpSocket": {"port": 8080}, "periodSeconds": 2})
    http = of_container(readinessProbe={"httpGet": {"port": 80}, "periodSeconds": 2})
    assert changes(tcp, http) == ["spec.containers[0].readinessProbe.httpGet"]


def test_a_name_for_a_container_s_port_is_no_change_and_to_lose_it_is() -> None:
    named = of_container(ports=[{"containerPort": 80, "name": "http"}])
    assert changes(of_container(), named) == []
    assert changes(named, of_container()) == ["spec.containers[0].ports[0].name"]


def test_a_slash_at_a_folder_s_end_is_no_change() -> None:
    plain, slash = (of_container(volumeMounts=[{"name": "a", "mountPath": path}]) for path in ("/data", "/data/"))
    assert changes(plain, slash) == []


def test_what_a_task_gives_is_served_once_for_all_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    shared.forget()
    booted: list[int] = []

    def cluster(task: Task, namespace: str, seed: int) -> ControlPlane:
        booted.append(seed)
        return ControlPlane(seed=seed)

    monkeypatch.setattr(EMBEDDED, "cluster", cluster)
    assert changed(podManagementPolicy="OrderedReady") == []
    assert changed(podManagementPolicy="Parallel") == ["spec.podManagementPolicy"]
    assert len(booted) == 3  # one for what was given, one for each answer
    assert changed(podManagementPolicy="OrderedReady") == []
    assert len(booted) == 4


def test_what_differs_in_nothing_that_counts_asks_no_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(EMBEDDED, "cluster", lambda *_: pytest.fail("a cluster was made"))
    served = {**SET, "status": {"replicas": 3}, "metadata": {**SET["metadata"], "uid": "1", "generation": 2}}
    assert changes(SET, served) == changes(served, SET) == []
