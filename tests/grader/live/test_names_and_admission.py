"""What goes into a trial's namespace: names in both directions, kinds that may come in, and what is added to Pods."""

from __future__ import annotations

from typing import Any

import pytest

from grader.image_faults import unreachable
from grader.live.admission import admit
from grader.live.names import Names
from grader.live.namespaces import guards, namespace_manifest
from grader.live.requests import Requests
from grader.place import CannotGrade, NotHere
from grader.seen import Seen
from statelab.cluster import RequestRefused
from statelab.controlplane.errors import ApiError

NAMES = Names("default", "statelab-trial-0f3a", services=["nginx", "db-peers"])


@pytest.mark.parametrize(
    ("said", "means"),
    [
        ("web-0.nginx.default", "web-0.nginx.statelab-trial-0f3a"),
        ("web-0.nginx.default.svc.cluster.local", "web-0.nginx.statelab-trial-0f3a.svc.cluster.local"),
        ("redis.default.svc", "redis.statelab-trial-0f3a.svc"),
        ("a.db-peers.default, b.db-peers.default", "a.db-peers.statelab-trial-0f3a, b.db-peers.statelab-trial-0f3a"),
        ("nginx.blue", "nginx.blue"),
        ("/etc/app/settings.default", "/etc/app/settings.default"),
        ("nginx.default-page", "nginx.default-page"),
        ("default", "default"),
    ],
)
def test_a_name_of_dns_follows_the_namespace_and_no_other_text_does(said: str, means: str) -> None:
    assert NAMES.outward(said) == means
    assert NAMES.inward(means) == said


def test_the_texts_of_an_object_are_changed_and_the_object_is_not() -> None:
    given = {"data": {"peers": "db-0.db-peers.default\n", "default": "1"}, "list": ["nginx.default", 3]}
    moved = NAMES.outward(given)
    assert moved["data"] == {"peers": "db-0.db-peers.statelab-trial-0f3a\n", "default": "1"}
    assert given["list"] == ["nginx.default", 3]
    assert NAMES.inward(moved) == given


def test_nothing_is_written_to_another_namespace() -> None:
    with pytest.raises(ApiError, match='namespaces "kube-system" not found'):
        NAMES.namespace("kube-system")


@pytest.mark.parametrize(
    ("version", "kind"),
    [
        ("v1", "Namespace"),
        ("v1", "Node"),
        ("v1", "PersistentVolume"),
        ("storage.k8s.io/v1", "StorageClass"),
        ("v1", "ResourceQuota"),
        ("v1", "ServiceAccount"),
        ("rbac.authorization.k8s.io/v1", "ClusterRole"),
    ],
)
def test_what_others_would_notice_is_refused_in_words(version: str, kind: str) -> None:
    with pytest.raises(NotHere, match=kind):
        admit({"apiVersion": version, "kind": kind, "metadata": {"name": "x"}})


@pytest.mark.parametrize("kind", ["ValidatingWebhookConfiguration", "NetworkPolicy", "DaemonSet"])
def test_what_no_trial_takes_is_refused_as_the_embedded_cluster_does(kind: str) -> None:
    with pytest.raises(ApiError, match=r"no matches for kind .*; a trial takes ConfigMap"):
        admit({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": {"name": "x"}})


def pod_of(obj: dict[str, Any]) -> Any:
    return obj["spec"] if obj["kind"] == "Pod" else obj["spec"]["template"]["spec"]


@pytest.mark.parametrize("kind", ["Pod", "StatefulSet", "Deployment"])
def test_every_pod_gets_no_token_and_the_usual_profile_whatever_it_asks_for(kind: str) -> None:
    spec: dict[str, Any] = {"containers": [{"name": "a", "image": "nginx"}], "automountServiceAccountToken": True}
    version = "v1" if kind == "Pod" else "apps/v1"
    obj = {"apiVersion": version, "kind": kind, "metadata": {"name": "x"}}
    obj["spec"] = spec if kind == "Pod" else {"template": {"spec": spec}}
    found = pod_of(admit(obj))
    assert found["automountServiceAccountToken"] is False
    assert found["securityContext"] == {"seccompProfile": {"type": "RuntimeDefault"}}
    assert found["containers"][0]["securityContext"] == {"allowPrivilegeEscalation": False}


def test_a_manifest_that_makes_no_sense_is_left_to_the_api_server() -> None:
    odd: dict[str, Any] = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, "spec": {"containers": "no"}}
    assert admit(odd)["spec"]["containers"] == "no"
    assert admit({"apiVersion": "v1", "kind": "Pod"}) == {"apiVersion": "v1", "kind": "Pod"}


def test_the_guards_are_objects_of_kubernetes_1_36() -> None:
    import kubernetes_validate

    for _, guard in guards(24):
        kubernetes_validate.validate(guard, "1.36", strict=True)
    made = namespace_manifest("statelab-trial-1", "ps3.identity", "run1", "baseline")
    kubernetes_validate.validate(made, "1.36", strict=True)
    assert made["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "baseline"
    assert made["metadata"]["labels"]["pod-security.kubernetes.io/warn"] == "restricted"


def test_everything_is_denied_but_each_other_and_dns() -> None:
    policies = [guard["spec"] for _, guard in guards(24) if guard["kind"] == "NetworkPolicy"]
    deny, allow = policies
    assert deny == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    assert allow["ingress"] == [{"from": [{"podSelector": {}}]}]
    among, dns = allow["egress"]
    assert among == {"to": [{"podSelector": {}}]}
    assert {each["port"] for each in dns["ports"]} == {53}


class Answering:
    """A connection whose server says these things, one after the other."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)

    def request(self, method: str, path: str, body: Any = None, **more: Any) -> Any:
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def asked(*answers: Any, path: str = "/api/v1/namespaces/x/pods") -> Any:
    connection: Any = Answering(*answers)
    return Requests(connection, NAMES).send("POST", path, {})


@pytest.fixture
def without_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("grader.live.requests.time.sleep", lambda seconds: None)


@pytest.mark.usefixtures("without_waiting")
def test_an_overloaded_api_server_is_asked_again_and_is_no_fault_of_the_answer() -> None:
    busy = RequestRefused(503, {"message": "the server is currently unable to handle the request"})
    assert asked(busy, busy, {"kind": "Pod"}) == {"kind": "Pod"}
    with pytest.raises(CannotGrade, match="overloaded"):
        asked(busy, busy, busy)


def test_a_budget_that_refuses_an_eviction_is_no_overload() -> None:
    refused = RequestRefused(429, {"message": "Cannot evict pod as it would violate the pod's disruption budget."})
    with pytest.raises(ApiError, match="disruption budget"):
        asked(refused, path="/api/v1/namespaces/x/pods/web-0/eviction")


def test_missing_rights_are_the_graders_and_a_quota_the_answers() -> None:
    rights = 'pods is forbidden: User "anna" cannot create resource "pods" in API group "" in the namespace "x"'
    with pytest.raises(CannotGrade, match="credentials"):
        asked(RequestRefused(403, {"message": rights}))
    with pytest.raises(ApiError, match="exceeded quota") as caught:
        asked(RequestRefused(403, {"message": f'pods "a" is forbidden: exceeded quota in {NAMES.real}'}))
    assert "in default" in caught.value.message


def test_an_image_that_the_nodes_have_is_not_asked_for_at_its_registry() -> None:
    pod: dict[str, Any] = {"containers": [{"image": "nginx"}, {"image": "redis:7.4", "imagePullPolicy": "Always"}]}
    deployment = {"apiVersion": "apps/v1", "kind": "Deployment", "spec": {"template": {"spec": pod}}}
    admitted = admit(deployment)["spec"]["template"]["spec"]["containers"]
    assert [each["imagePullPolicy"] for each in admitted] == ["IfNotPresent", "Always"]


@pytest.mark.parametrize(
    ("image", "message", "blames_the_cluster"),
    [
        ("nginx:1.27", "dial tcp: lookup registry-1.docker.io on 10.0.0.2:53: no such host", True),
        ("nginx:1.27", "dial tcp 52.1.1.1:443: connect: no route to host", True),
        ("nginx:1.27", "429 Too Many Requests", False),
        ("ngnix:1.27", "dial tcp: lookup registry-1.docker.io on 10.0.0.2:53: no such host", False),
    ],
)
def test_a_pull_without_a_network_is_the_clusters_fault_and_a_misspelt_image_is_not(
    image: str, message: str, blames_the_cluster: bool
) -> None:
    waiting = {"reason": "ImagePullBackOff", "message": f'Back-off pulling image "{image}": ErrImagePull: {message}'}
    status = {"containerStatuses": [{"name": "web", "state": {"waiting": waiting}}]}
    pod = Seen("pods", {"spec": {"containers": [{"name": "web", "image": image}]}, "status": status})
    assert (unreachable(pod) is not None) == blames_the_cluster
