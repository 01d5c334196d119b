"""What `[sig-auth]` and `[sig-scheduling]` conformance tests do: tokens, reviews, limits, selectors, preemption.

Source of the steps: test/e2e/auth/{service_accounts,subjectreviews}.go, test/e2e/scheduling/{limit_range,predicates,
preemption}.go.
"""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from e2e_client import MERGE, PAUSE, Api, once, pod

pytestmark = pytest.mark.slow

_TOKEN = "/var/run/secrets/kubernetes.io/serviceaccount"


# ---- service_accounts.go


def test_should_mount_an_api_token_into_pods(api: Api) -> None:
    said = api.output(once("mounted", f"for f in token ca.crt namespace; do cat {_TOKEN}/$f; echo; echo ===; done"))
    token, authority, namespace = (each.strip() for each in said.split("===\n")[:3])
    assert namespace == api.namespace
    root = api.get("configmaps", "kube-root-ca.crt")["data"]["ca.crt"].strip()
    assert authority == root
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": token}}
    found = api.request("POST", "/apis/authentication.k8s.io/v1/tokenreviews", review)["status"]
    assert found["authenticated"] and found["user"]["username"] == f"system:serviceaccount:{api.namespace}:default"


def test_should_mount_projected_service_account_token(api: Api) -> None:
    source = {"serviceAccountToken": {"path": "test-token", "expirationSeconds": 3600, "audience": "me"}}
    made = once("projects", "cat /test/test-token", container={"volumeMounts": [{"name": "t", "mountPath": "/test"}]})
    made["spec"]["volumes"] = [{"name": "t", "projected": {"sources": [source]}}]
    assert api.output(made).count(".") == 2


def test_should_allow_opting_out_of_api_token_automount(api: Api) -> None:
    names = {None: "mount-default", True: "mount", False: "nomount"}
    for wish, name in names.items():
        more = {} if wish is None else {"automountServiceAccountToken": wish}
        api.create("serviceaccounts", {"metadata": {"name": name}, **more})
    for number, (account, own) in enumerate(itertools.product(names, names)):
        more = {} if own is None else {"automountServiceAccountToken": own}
        made = api.create("pods", pod(f"p{number}", image=PAUSE, serviceAccountName=names[account], **more))
        mounts = [each["mountPath"] for each in made["spec"]["containers"][0].get("volumeMounts") or ()]
        is_wanted = own if own is not None else account is not False
        assert (_TOKEN in mounts) is is_wanted, (account, own)


def test_should_guarantee_kube_root_ca_crt_exist_in_any_namespace(api: Api) -> None:
    before = api.get("configmaps", "kube-root-ca.crt")["data"]
    api.delete("configmaps", "kube-root-ca.crt")
    api.until(lambda: api.exists("configmaps", "kube-root-ca.crt"), "it is made again")
    api.patch("configmaps", "kube-root-ca.crt", {"data": {"ca.crt": ""}}, type=MERGE)
    api.until(lambda: api.get("configmaps", "kube-root-ca.crt")["data"] == before, "it is put right")


def test_should_support_oidc_discovery_of_service_account_issuer(api: Api) -> None:
    about = api.request("GET", "/.well-known/openid-configuration")
    assert about["issuer"] and about["jwks_uri"] and "public" in about["subject_types_supported"]
    [key] = api.request("GET", "/openid/v1/jwks")["keys"]
    assert key["kid"] and key["use"] == "sig" and key["alg"] in about["id_token_signing_alg_values_supported"]
    source = {"serviceAccountToken": {"path": "token", "expirationSeconds": 7200, "audience": "oidc-discovery-test"}}
    args = ("--token-path", "/var/run/secrets/tokens/token", "--audience", "oidc-discovery-test")
    mount = {"name": "token", "mountPath": "/var/run/secrets/tokens"}
    made = pod("validates", "test-service-account-issuer-discovery", *args, container={"volumeMounts": [mount]})
    made["spec"] |= {"restartPolicy": "Never", "volumes": [{"name": "token", "projected": {"sources": [source]}}]}
    assert "OK: Validated signature on JWT" in api.output(made)


def test_should_support_subject_review_api_operations(api: Api) -> None:
    user = f"system:serviceaccount:{api.namespace}:default"
    for plural, where in (("subjectaccessreviews", ""), ("localsubjectaccessreviews", f"namespaces/{api.namespace}/")):
        kind = "SubjectAccessReview" if plural.startswith("subject") else "LocalSubjectAccessReview"
        attributes = {"namespace": api.namespace, "verb": "list", "resource": "configmaps", "version": "v1"}
        body = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": kind,
            "spec": {"resourceAttributes": attributes, "user": user},
        }
        found = api.request("POST", f"/apis/authorization.k8s.io/v1/{where}{plural}", body)
        assert found["status"]["allowed"] is False


# ---- limit_range.go


def test_should_create_a_limit_range_with_defaults_and_ensure_pod_has_those_defaults_applied(api: Api) -> None:
    limit = {
        "type": "Container",
        "min": {"cpu": "50m", "memory": "100Mi"},
        "max": {"cpu": "500m", "memory": "500Mi"},
        "default": {"cpu": "500m", "memory": "500Mi"},
        "defaultRequest": {"cpu": "100m", "memory": "200Mi"},
    }
    api.create("limitranges", {"metadata": {"name": "limit-range"}, "spec": {"limits": [limit]}})

    def resources(name: str, **given: Any) -> Any:
        made = api.create("pods", pod(name, image=PAUSE, container={"resources": given} if given else {}))
        return made["spec"]["containers"][0]["resources"]

    assert resources("none") == {"limits": limit["default"], "requests": limit["defaultRequest"]}
    partial = resources("partial", requests={"cpu": "300m"}, limits={"memory": "300Mi"})
    assert partial == {"requests": {"cpu": "300m", "memory": "300Mi"}, "limits": {"memory": "300Mi", "cpu": "500m"}}
    for name, given in (
        ("small", {"requests": {"cpu": "10m", "memory": "50Mi"}}),
        ("large", {"limits": {"cpu": "600m"}}),
    ):
        made = pod(name, image=PAUSE, container={"resources": given})
        assert api.refusal("POST", api.path("pods"), made).code == 403
    small = {"min": {"cpu": "10m", "memory": "10Mi"}}
    api.update("limitranges", "limit-range", lambda obj: obj["spec"]["limits"][0].update(small))
    resources("small", requests={"cpu": "10m", "memory": "50Mi"})
    api.delete("limitranges", "limit-range")
    resources("large", limits={"cpu": "600m"})


# ---- predicates.go


def _unscheduled(api: Api, name: str) -> str:
    def why() -> str:
        conditions = api.get("pods", name)["status"].get("conditions") or ()
        return next((each["message"] for each in conditions if each.get("reason") == "Unschedulable"), "")

    return str(api.until(why, f"{name} finds no node"))


@pytest.fixture
def node(api: Api) -> Any:
    """A node with a label and an example resource of its own; as it was afterwards."""
    name, label = "kind-worker2", f"e2e-{api.namespace}"

    def put(obj: Any) -> None:
        for each in ("capacity", "allocatable"):
            obj["status"][each]["example.com/fakecpu"] = "1000"

    api.patch("nodes", name, {"metadata": {"labels": {label: "42"}}})
    api.update_status("nodes", name, put)
    yield name, label
    api.patch("nodes", name, {"metadata": {"labels": {label: None}}})

    def take(obj: Any) -> None:
        for each in ("capacity", "allocatable"):
            obj["status"][each].pop("example.com/fakecpu", None)

    api.update_status("nodes", name, take)


def _filling(name: str, amount: int, label: str, **more: Any) -> Any:
    wanted = {"example.com/fakecpu": str(amount)}
    return pod(name, image=PAUSE, container={"resources": {"requests": wanted, "limits": wanted}},
               nodeSelector={label: "42"}, **more)  # fmt: skip


def test_validates_resource_limits_of_pods_that_are_allowed_to_run(api: Api, node: tuple[str, str]) -> None:
    api.create("pods", _filling("filler", 700, node[1]))
    api.until_ready("filler")
    api.create("pods", _filling("additional", 500, node[1]))
    assert "Insufficient example.com/fakecpu" in _unscheduled(api, "additional")


def test_validates_that_node_selector_is_respected(api: Api, node: tuple[str, str]) -> None:
    api.create("pods", pod("restricted", image=PAUSE, nodeSelector={"label": "nonempty"}))
    assert "didn't match Pod's node affinity/selector" in _unscheduled(api, "restricted")
    api.create("pods", pod("with-labels", image=PAUSE, nodeSelector={node[1]: "42"}))
    api.until_ready("with-labels")
    assert api.get("pods", "with-labels")["spec"]["nodeName"] == node[0]


def test_validates_that_there_exists_conflict_between_pods_with_same_host_port_and_0_0_0_0(
    api: Api, node: tuple[str, str]
) -> None:
    def on_port(name: str, ip: str) -> Any:
        ports = [{"hostPort": 54322, "containerPort": 8080, "protocol": "TCP", **({"hostIP": ip} if ip else {})}]
        return pod(name, image=PAUSE, container={"ports": ports}, nodeSelector={node[1]: "42"})

    api.create("pods", on_port("pod4", "0.0.0.0"))
    api.until_ready("pod4")
    api.create("pods", on_port("pod5", "172.18.0.3"))
    assert "free ports" in _unscheduled(api, "pod5")


# ---- preemption.go


@pytest.fixture
def priorities(api: Api) -> Any:
    """PriorityClasses p1 to p4 of this test's own."""
    names = {number: f"{api.namespace}-p{number}" for number in (1, 2, 3, 4)}
    for number, name in names.items():
        api.create("priorityclasses", {"metadata": {"name": name}, "value": number * 100})
    yield names
    for name in names.values():
        api.delete("priorityclasses", name)


@pytest.mark.parametrize("critical", [False, True], ids=["basic preemption", "by a critical pod"])
def test_validates_preemption(api: Api, node: tuple[str, str], priorities: dict[int, str], critical: bool) -> None:
    low, middle, label = priorities[1], priorities[2], node[1]
    api.create("pods", _filling("low", 400, label, priorityClassName=low))
    api.create("pods", _filling("middle", 400, label, priorityClassName=middle))
    api.until_ready("low", "middle")
    if critical:
        system = Api(api.port, api.token, api.kubeconfig, "kube-system")
        made = _filling(f"critical-{api.namespace}", 400, label, priorityClassName="system-cluster-critical")
        system.create("pods", made)
        system.until_ready(made["metadata"]["name"])
        system.delete("pods", made["metadata"]["name"])
    else:
        api.create("pods", _filling("high", 400, label, priorityClassName=priorities[3]))
        api.until_ready("high")
    assert not api.exists("pods", "low") or "deletionTimestamp" in api.get("pods", "low")["metadata"]
    assert "deletionTimestamp" not in api.get("pods", "middle")["metadata"]


def test_validates_pod_disruption_condition_is_added_to_the_preempted_pod(
    api: Api, node: tuple[str, str], priorities: dict[int, str]
) -> None:
    made = _filling("victim", 1000, node[1], priorityClassName=priorities[1])
    made["metadata"]["finalizers"] = ["example.com/test-finalizer"]
    api.create("pods", made)
    api.until_ready("victim")
    api.create("pods", _filling("preemptor", 1000, node[1], priorityClassName=priorities[2]))
    api.until(lambda: "deletionTimestamp" in api.get("pods", "victim")["metadata"], "it is preempted")
    [found] = [each for each in api.get("pods", "victim")["status"]["conditions"] if each["type"] == "DisruptionTarget"]
    assert (found["status"], found["reason"]) == ("True", "PreemptionByScheduler")
    api.patch("pods", "victim", {"metadata": {"finalizers": None}}, type=MERGE)
    api.until_ready("preemptor")


def test_runs_replica_sets_to_verify_preemption_running_path(
    api: Api, node: tuple[str, str], priorities: dict[int, str]
) -> None:
    """1,000 are there, and all of them taken: the highest takes 500 from the lowest two, and no more than it needs."""
    for number, replicas, each in ((1, 2, 200), (2, 1, 300), (3, 1, 300), (4, 1, 500)):
        name, wanted = f"rs-pod{number}", {"example.com/fakecpu": str(each)}
        container = {"name": "main", "image": PAUSE, "resources": {"requests": wanted, "limits": wanted}}
        chosen = {"priorityClassName": priorities[number], "nodeSelector": {node[1]: "42"}}
        inner = {"containers": [container], "terminationGracePeriodSeconds": 0, **chosen}
        template = {"metadata": {"labels": {"name": name}}, "spec": inner}
        spec = {"replicas": replicas, "selector": {"matchLabels": {"name": name}}, "template": template}
        api.create("replicasets", {"metadata": {"name": name}, "spec": spec})
        if number < 4:
            api.until(lambda name=name: api.get("replicasets", name)["status"].get("replicas"), name)
    api.until(lambda: api.get("replicasets", "rs-pod4")["status"].get("readyReplicas") == 1, "the highest runs")
    ready = [api.get("replicasets", f"rs-pod{number}")["status"].get("readyReplicas", 0) for number in (1, 2, 3)]
    assert ready == [1, 0, 1]


def test_verify_priority_class_endpoints_can_be_operated_with_different_http_methods(
    api: Api, priorities: dict[int, str]
) -> None:
    name = priorities[1]
    assert name in [each["metadata"]["name"] for each in api.list("priorityclasses")["items"]]
    api.patch("priorityclasses", name, {"description": "patched"}, type=MERGE)
    api.update("priorityclasses", name, lambda obj: obj.update(description="updated"))
    assert api.get("priorityclasses", name)["description"] == "updated"
    for change in ({"value": 7}, {"preemptionPolicy": "Never"}):
        assert api.refusal("PATCH", api.path("priorityclasses", name), change, MERGE).code == 422
        assert (
            api.refusal("PUT", api.path("priorityclasses", name), {**api.get("priorityclasses", name), **change}).code
            == 422
        )
