"""FlowSchemas and priority levels: what a fresh cluster has, what comes back, what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from statelab.controlplane import ControlPlane
from statelab.controlplane.apiserver.encoding.request import Request, Response, WatchAnswer
from statelab.controlplane.apiserver.serving.client import InProcessClient
from statelab.controlplane.apiserver.serving.handler import Handler
from statelab.controlplane.apiserver.validation.flowcontrol_default import LEVELS, SCHEMAS
from statelab.controlplane.errors import ApiError
from statelab.controlplane.kinds import Object

FLOWS = "flowcontrol.apiserver.k8s.io/v1"
PLURALS = (SCHEMAS, LEVELS)
TABLE = "application/json;as=Table;g=meta.k8s.io;v=v1"


def schema(name: str = "mine", level: str = "workload-low", **spec: Any) -> Object:
    whole = {"priorityLevelConfiguration": {"name": level}, **spec}
    return {"apiVersion": FLOWS, "kind": "FlowSchema", "metadata": {"name": name}, "spec": whole}


def level(name: str = "mine", **spec: Any) -> Object:
    return {"apiVersion": FLOWS, "kind": "PriorityLevelConfiguration", "metadata": {"name": name}, "spec": spec}


def limited(**more: Any) -> Object:
    return {"limitResponse": {"type": "Reject"}, **more}


def test_a_fresh_cluster_has_the_same_as_a_real_one_and_makes_them_when_somebody_looks() -> None:
    cluster = ControlPlane()
    before = cluster.store.revision
    client = InProcessClient(cluster)
    rows = client.request("GET", f"/apis/{FLOWS}/flowschemas", accept=TABLE).body["rows"]
    assert [each["cells"][:4] + each["cells"][5:] for each in rows][:3] == [
        ["catch-all", "catch-all", 10000, "ByUser", "False"],
        ["endpoint-controller", "workload-high", 150, "ByUser", "False"],
        ["exempt", "exempt", 1, "<none>", "False"],
    ]
    levels = client.request("GET", f"/apis/{FLOWS}/prioritylevelconfigurations", accept=TABLE).body["rows"]
    assert [each["cells"][:6] for each in levels][:3] == [
        ["catch-all", "Limited", 5, "<none>", "<none>", "<none>"],
        ["exempt", "Exempt", "<none>", "<none>", "<none>", "<none>"],
        ["global-default", "Limited", 20, 128, 6, 50],
    ]
    made = [*cluster.list("flowschemas"), *cluster.list("prioritylevelconfigurations")]
    versions = [int(each["metadata"]["resourceVersion"]) for each in made]
    assert len(made) == len(set(versions)) == 21 and min(versions) > before
    for each in made:  # each could be written by anybody
        body = {**each, "metadata": {**each["metadata"], "annotations": {"a": "b"}}}
        assert client.request("PUT", f"/apis/{FLOWS}/{_plural(each)}/{each['metadata']['name']}", body=body).code == 200


def _plural(obj: Object) -> str:
    return {"FlowSchema": "flowschemas"}.get(obj["kind"], "prioritylevelconfigurations")


def test_a_schema_says_whether_its_level_is_there() -> None:
    cluster = ControlPlane()
    cluster.create(schema(level="mine"))
    cluster.settle()

    def condition() -> Any:
        return cluster.get("flowschemas", "mine")["status"]["conditions"][0]

    about = 'This FlowSchema references the PriorityLevelConfiguration object named "mine" '
    assert (condition()["status"], condition()["reason"]) == ("True", "NotFound")
    assert condition()["message"] == about + "but there is no such object"
    cluster.create(level(type="Limited", limited=limited()))
    cluster.settle()
    assert (condition()["status"], condition()["message"]) == ("False", about + "and it exists")


def test_what_every_cluster_has_comes_back() -> None:
    cluster = ControlPlane()
    cluster.delete("flowschemas", "catch-all")
    cluster.delete("prioritylevelconfigurations", "exempt")
    cluster.settle()
    assert cluster.get("flowschemas", "catch-all")["spec"]["matchingPrecedence"] == 10000
    assert cluster.get("prioritylevelconfigurations", "exempt")["spec"]["type"] == "Exempt"
    with pytest.raises(ApiError, match="spec of 'catch-all' must equal the fixed value"):
        cluster.patch("flowschemas", "catch-all", {"spec": {"matchingPrecedence": 9999}})


def test_what_is_left_out_is_filled_in() -> None:
    cluster = ControlPlane()
    assert cluster.create(schema())["spec"]["matchingPrecedence"] == 1000
    response = {"type": "Queue", "queuing": {}}
    made = cluster.create(level(type="Limited", limited={"limitResponse": response}))["spec"]["limited"]
    assert made == {
        "nominalConcurrencyShares": 30,
        "lendablePercent": 0,
        "limitResponse": {"type": "Queue", "queuing": {"queues": 64, "handSize": 8, "queueLengthLimit": 50}},
    }


RULE = {"subjects": [{"kind": "User", "user": {"name": "a"}}], "nonResourceRules": []}
PATHS = {"verbs": ["get"], "nonResourceURLs": ["healthz"]}
RESOURCES = {"verbs": ["get"], "apiGroups": ["*"], "resources": ["pods"]}


@pytest.mark.parametrize(
    ("obj", "words"),
    [
        (schema(level=""), "spec.priorityLevelConfiguration.name: Required value: must reference a priority level"),
        (schema(matchingPrecedence=10001), "Invalid value: 10001: must not be greater than 10000"),
        (schema(matchingPrecedence=1), "only the schema named 'exempt' may have matchingPrecedence 1"),
        (schema(rules=[RULE]), "at least one of resourceRules and nonResourceRules has to be non-empty"),
        (schema(rules=[{**RULE, "nonResourceRules": [PATHS]}]), '"healthz": must start with slash'),
        (
            schema(rules=[{**RULE, "resourceRules": [RESOURCES]}]),
            "not cluster scoped must supply at least one namespace",
        ),
        (schema(rules=[{"subjects": [{"kind": "User"}]}]), "user is required when subject kind is 'User'"),
        (level(type="Exempt"), "type must be 'Exempt' if and only if name is 'exempt'"),
        (level(type="Limited"), "spec.limited: Required value: must not be empty when type is Limited"),
        (level(type="Limited", limited=limited(lendablePercent=101)), "must be between 0 and 100, inclusive"),
        (level(type="Limited", limited={"limitResponse": {"type": "Queue"}}), "queuing: Required value"),
        (
            level(type="Limited", limited={"limitResponse": {"type": "Queue", "queuing": {"queues": 4}}}),
            "spec.limited.limitResponse.queuing.handSize: Invalid value: 8: should not be greater than queues (4)",
        ),
    ],
)
def test_what_is_refused(obj: Object, words: str) -> None:
    with pytest.raises(ApiError) as caught:
        ControlPlane().create(obj)
    assert words in caught.value.message


def test_an_answer_says_under_which_schema_its_request_fell() -> None:
    cluster = ControlPlane()
    handler = Handler(cluster, "secret", tells_flow=True)

    def asked(path: str, acting_as: str = "", **query: list[str]) -> list[str]:
        headers = {"authorization": "Bearer secret", "accept": "application/json"}
        if acting_as:
            headers["impersonate-user"] = acting_as
        answer = handler.handle(Request("GET", path, query, headers))
        assert isinstance(answer, Response | WatchAnswer)
        told = {name: value for name, value in answer.headers if name.startswith("X-Kubernetes-PF-")}
        uids = {
            each["metadata"]["uid"]: each["metadata"]["name"] for plural in PLURALS for each in cluster.list(plural)
        }
        return [uids[told[f"X-Kubernetes-PF-{each}-UID"]] for each in ("FlowSchema", "PriorityLevel")] if told else []

    pods = "/api/v1/namespaces/default/pods"
    assert asked(pods) == ["exempt", "exempt"]
    assert asked(pods, watch=["true"]) == ["exempt", "exempt"]
    assert asked(pods, "ann") == ["global-default", "global-default"]  # though she may not
    assert asked("/api/v1/nodes", "system:serviceaccount:a:b") == ["service-accounts", "workload-low"]
    assert asked(f"{pods}/p/log") == []
    rule = {"verbs": ["list"], "apiGroups": [""], "resources": ["pods"], "namespaces": ["default"]}
    subjects = [{"kind": "User", "user": {"name": "ann"}}]
    rules = [{"subjects": subjects, "resourceRules": [rule]}]
    cluster.create(schema(level="workload-high", matchingPrecedence=1000, rules=rules))
    assert asked(pods, "ann") == ["mine", "workload-high"]
    assert asked("/api/v1/namespaces/other/pods", "ann") == ["global-default", "global-default"]
