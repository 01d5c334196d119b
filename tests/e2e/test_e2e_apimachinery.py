"""What `[sig-api-machinery]` conformance tests do: garbage, namespaces, watches, lists in pieces, Tables, discovery.

Source of the steps: test/e2e/apimachinery/{garbage_collector,namespace,watch,chunking,table_conversion,discovery,
aggregated_discovery,server_version}.go.
"""

from __future__ import annotations

import json
from http.client import HTTPConnection
from typing import Any

import pytest
from e2e_client import PAUSE, Api

from statelab.controlplane import ControlPlane
from statelab.controlplane.apiserver.serving.client import InProcessClient

pytestmark = pytest.mark.slow


# ---- garbage_collector.go


def _template(app: str) -> Any:
    spec = {"terminationGracePeriodSeconds": 1, "containers": [{"name": "main", "image": PAUSE}]}
    return {"metadata": {"labels": {"app": app}}, "spec": spec}


def _controller(name: str, replicas: int) -> Any:
    spec = {"replicas": replicas, "selector": {"app": name}, "template": _template(name)}
    return {"metadata": {"name": name}, "spec": spec}


def _deployment(api: Api, name: str) -> str:
    spec = {"replicas": 2, "selector": {"matchLabels": {"app": name}}, "template": _template(name)}
    api.create("deployments", {"metadata": {"name": name}, "spec": spec})
    sets = api.until(lambda: api.list("replicasets", f"app={name}")["items"], "its ReplicaSet")
    api.until(lambda: len(api.pods({"app": name})) == 2, "its Pods")
    return str(sets[0]["metadata"]["name"])


def test_should_delete_pods_created_by_rc_when_not_orphaning(api: Api) -> None:
    api.create("replicationcontrollers", _controller("rc", 2))
    api.until(lambda: len(api.pods({"app": "rc"})) == 2, "its Pods")
    api.delete("replicationcontrollers", "rc", propagationPolicy="Background")
    api.until(lambda: not api.pods({"app": "rc"}), "they go")


def test_should_orphan_pods_created_by_rc_if_delete_options_say_so(api: Api) -> None:
    api.create("replicationcontrollers", _controller("rc", 10))
    api.wait_for_running({"app": "rc"}, 10, 10)
    api.delete("replicationcontrollers", "rc", propagationPolicy="Orphan")
    api.until_gone("replicationcontrollers", "rc")
    api.stays(lambda: len(api.pods({"app": "rc"})) == 10, 30)
    assert not any(each["metadata"].get("ownerReferences") for each in api.pods({"app": "rc"}))


def test_should_delete_rs_created_by_deployment_when_not_orphaning(api: Api) -> None:
    made = _deployment(api, "deploy")
    api.delete("deployments", "deploy", propagationPolicy="Background")
    api.until_gone("replicasets", made)
    api.until(lambda: not api.pods({"app": "deploy"}), "its Pods go")


def test_should_orphan_rs_created_by_deployment(api: Api) -> None:
    made = _deployment(api, "deploy")
    api.delete("deployments", "deploy", propagationPolicy="Orphan")
    api.until_gone("deployments", "deploy")
    api.stays(lambda: api.exists("replicasets", made), 30)
    assert "ownerReferences" not in api.get("replicasets", made)["metadata"]


def test_should_keep_the_rc_around_until_all_its_pods_are_deleted(api: Api) -> None:
    api.create("replicationcontrollers", _controller("rc", 10))
    api.wait_for_running({"app": "rc"}, 10, 10)
    api.delete("replicationcontrollers", "rc", propagationPolicy="Foreground")

    def is_gone() -> bool:
        pods = api.pods({"app": "rc"})
        if api.exists("replicationcontrollers", "rc"):
            return False
        assert not pods or not api.pods({"app": "rc"})
        return True

    api.until(is_gone, "first its Pods, then it")


def test_should_not_delete_dependents_that_have_both_valid_owner_and_owner_waiting_for_dependents(api: Api) -> None:
    api.create("replicationcontrollers", _controller("first", 4))
    stays = api.create("replicationcontrollers", _controller("stays", 0))
    api.wait_for_running({"app": "first"}, 4, 4)
    owner = {"apiVersion": "v1", "kind": "ReplicationController", "name": "stays", "uid": stays["metadata"]["uid"]}
    shared = [each["metadata"]["name"] for each in api.pods({"app": "first"})][:2]
    for name in shared:
        api.update("pods", name, lambda obj: obj["metadata"]["ownerReferences"].append(owner))
    api.delete("replicationcontrollers", "first", propagationPolicy="Foreground")
    api.until_gone("replicationcontrollers", "first")
    left = {each["metadata"]["name"]: each for each in api.pods({"app": "first"})}
    assert sorted(left) == sorted(shared)
    assert not any("deletionTimestamp" in each["metadata"] for each in left.values())


def test_should_not_be_blocked_by_dependency_circle(api: Api) -> None:
    made = {
        name: api.create("pods", {"metadata": {"name": name}, "spec": _template(name)["spec"]})
        for name in ("p1", "p2", "p3")
    }
    for name, owner in (("p1", "p3"), ("p2", "p1"), ("p3", "p2")):
        reference = {"apiVersion": "v1", "kind": "Pod", "name": owner, "uid": made[owner]["metadata"]["uid"],
                     "controller": True, "blockOwnerDeletion": True}  # fmt: skip
        api.patch("pods", name, {"metadata": {"ownerReferences": [reference]}})
    api.delete("pods", "p1", propagationPolicy="Foreground")
    api.until(lambda: not api.list("pods")["items"], "all three go")


# ---- namespace.go


def _namespace(api: Api, name: str, **more: Any) -> Any:
    return api.request("POST", "/api/v1/namespaces", {"metadata": {"name": name, **more}})


@pytest.mark.parametrize("kind", ["pods", "services"])
def test_everything_is_removed_when_a_namespace_is_deleted(api: Api, kind: str) -> None:
    name = f"{api.namespace}-inner"
    body: Any = {"metadata": {"name": "inside"}, "spec": _template("x")["spec"]}
    if kind == "services":
        body = {"metadata": {"name": "inside"}, "spec": {"ports": [{"port": 80}]}}
    inner = Api(api.port, api.token, api.kubeconfig, name)
    for _ in range(2):
        _namespace(api, name)
        inner.until(lambda: inner.exists("serviceaccounts", "default"), "its service account")
        assert inner.list(kind)["items"] == []
        inner.create(kind, body)
        api.request("DELETE", f"/api/v1/namespaces/{name}")
        api.until_gone("namespaces", name)


def test_the_deletion_of_a_namespace_should_delete_pods_first(api: Api) -> None:
    name, held = f"{api.namespace}-order", {"finalizers": ["e2e.example.com/finalizer"]}
    inner = Api(api.port, api.token, api.kubeconfig, name)
    _namespace(api, name)
    inner.until(lambda: inner.exists("serviceaccounts", "default"), "its service account")
    inner.create("pods", {"metadata": {"name": "first", **held}, "spec": _template("x")["spec"]})
    inner.create("configmaps", {"metadata": {"name": "last", **held}})
    api.request("DELETE", f"/api/v1/namespaces/{name}")

    def told() -> Any:
        conditions = api.get("namespaces", name)["status"].get("conditions") or ()
        failures = [each["status"] for each in conditions if each["type"] == "NamespaceDeletionContentFailure"]
        return failures == ["False"] and "deletionTimestamp" in inner.get("pods", "first")["metadata"]

    api.until(told, "it waits for its Pod")
    assert "deletionTimestamp" not in inner.get("configmaps", "last")["metadata"]
    inner.patch("pods", "first", {"metadata": {"finalizers": None}})
    inner.until_gone("pods", "first")
    inner.until(lambda: inner.get("configmaps", "last")["metadata"].get("deletionTimestamp"), "the rest follows")
    inner.patch("configmaps", "last", {"metadata": {"finalizers": None}})
    api.until_gone("namespaces", name)


def test_should_patch_and_update_a_namespace_its_finalizers_and_its_status(api: Api) -> None:
    name, path = f"{api.namespace}-lives", f"/api/v1/namespaces/{api.namespace}-lives"
    _namespace(api, name)
    assert api.patch("namespaces", name, {"metadata": {"labels": {"testLabel": "testValue"}}})["metadata"]["labels"][
        "testLabel"
    ]
    found = api.update("namespaces", name, lambda obj: obj["metadata"]["labels"].update(testLabel="updated"))
    assert found["metadata"]["labels"]["testLabel"] == "updated"

    assert api.request("GET", f"{path}/status")["status"]["phase"] == "Active"
    condition = {"type": "StatusPatch", "status": "True", "reason": "E2E", "message": "Patched by an e2e test"}
    found = api.patch(
        "namespaces",
        name,
        {"metadata": {"annotations": {"e2e": "patched"}}, "status": {"conditions": [condition]}},
        "status",
    )
    assert found["status"]["conditions"][0]["type"] == "StatusPatch"
    condition = {**condition, "type": "StatusUpdate", "lastTransitionTime": None}
    found = api.update_status("namespaces", name, lambda obj: obj["status"]["conditions"].append(condition))
    assert [each["type"] for each in found["status"]["conditions"]] == ["StatusPatch", "StatusUpdate"]

    fake = "e2e.example.com/fakeFinalizer"
    for finalizers in (["kubernetes", fake], ["kubernetes"]):
        body = api.request("GET", path)
        body["spec"]["finalizers"] = finalizers
        found = api.request("PUT", f"{path}/finalize", body)
        assert sorted(found["spec"]["finalizers"]) == sorted(finalizers)
    api.request("DELETE", path)


# ---- watch.go


class _Watch:
    """One watch, read event by event."""

    def __init__(self, api: Api, selector: str, version: str = "") -> None:
        self._connection = HTTPConnection("127.0.0.1", api.port, timeout=30)
        query = f"watch=true&labelSelector={selector.replace('=', '%3D').replace(' in ', '%20in%20')}"
        path = f"{api.path('configmaps')}?{query}" + (f"&resourceVersion={version}" if version else "")
        self._connection.request("GET", path, None, {"Authorization": f"Bearer {api.token}"})
        self._answer = self._connection.getresponse()
        assert self._answer.status == 200

    def next(self) -> tuple[str, str, str]:
        event = json.loads(self._answer.readline())
        about = event["object"]
        return event["type"], about["metadata"]["name"], (about.get("data") or {}).get("mutation", "")

    def version(self) -> str:
        event = json.loads(self._answer.readline())
        return str(event["object"]["metadata"]["resourceVersion"])

    def close(self) -> None:
        self._connection.close()


def _map(name: str, label: str) -> Any:
    return {"metadata": {"name": name, "labels": {"watch-this": label}}}


def _mutate(api: Api, name: str, number: str) -> Any:
    return api.patch("configmaps", name, {"data": {"mutation": number}})


def test_should_observe_add_update_and_delete_watch_notifications(api: Api) -> None:
    watches = {each: _Watch(api, each) for each in ("watch-this=A", "watch-this=B", "watch-this in (A,B)")}
    for name, label in (("a", "A"), ("b", "B")):
        api.create("configmaps", _map(name, label))
        for number in ("1", "2"):
            _mutate(api, name, number)
        api.delete("configmaps", name)
    for selector, names in (("watch-this=A", "a"), ("watch-this=B", "b"), ("watch-this in (A,B)", "ab")):
        for name in names:
            wanted = [("ADDED", name, ""), ("MODIFIED", name, "1"), ("MODIFIED", name, "2"), ("DELETED", name, "2")]
            assert [watches[selector].next() for _ in wanted] == wanted
        watches[selector].close()


def test_should_be_able_to_start_watching_from_a_specific_resource_version(api: Api) -> None:
    api.create("configmaps", _map("a", "A"))
    first = _mutate(api, "a", "1")["metadata"]["resourceVersion"]
    _mutate(api, "a", "2")
    api.delete("configmaps", "a")
    watch = _Watch(api, "watch-this=A", first)
    assert [watch.next() for _ in range(2)] == [("MODIFIED", "a", "2"), ("DELETED", "a", "2")]
    watch.close()


def test_should_be_able_to_restart_watching_from_the_last_resource_version(api: Api) -> None:
    watch = _Watch(api, "watch-this=A")
    api.create("configmaps", _map("a", "A"))
    _mutate(api, "a", "1")
    assert watch.next() == ("ADDED", "a", "")
    last = watch.version()
    watch.close()
    _mutate(api, "a", "2")
    api.delete("configmaps", "a")
    watch = _Watch(api, "watch-this=A", last)
    assert [watch.next() for _ in range(2)] == [("MODIFIED", "a", "2"), ("DELETED", "a", "2")]
    watch.close()


def test_should_observe_an_object_deletion_if_it_stops_meeting_the_requirements_of_the_selector(api: Api) -> None:
    watch = _Watch(api, "watch-this=A")
    api.create("configmaps", _map("a", "A"))
    _mutate(api, "a", "1")
    api.patch("configmaps", "a", {"metadata": {"labels": {"watch-this": "wrong"}}})
    _mutate(api, "a", "2")
    api.patch("configmaps", "a", {"metadata": {"labels": {"watch-this": "A"}}})
    _mutate(api, "a", "3")
    api.delete("configmaps", "a")
    wanted = [("ADDED", ""), ("MODIFIED", "1"), ("DELETED", "1"), ("ADDED", "2"), ("MODIFIED", "3"), ("DELETED", "3")]
    assert [watch.next()[::2] for _ in wanted] == wanted
    watch.close()


def test_should_receive_events_on_concurrent_watches_in_same_order(api: Api) -> None:
    first = _Watch(api, "watch-this=A")

    def produce() -> None:
        for number in range(30):
            api.create("configmaps", _map(f"m{number}", "A"))
            _mutate(api, f"m{number}", "1")
            if number % 2:
                api.delete("configmaps", f"m{number}")

    done = api.in_background(produce)
    seen = [first.version() for _ in range(30)]
    later = [(seen[at], _Watch(api, "watch-this=A", seen[at])) for at in range(0, 29, 7)]
    for version, watch in later:
        at = seen.index(version)
        assert [watch.version() for _ in seen[at + 1 :]] == seen[at + 1 :]
        watch.close()
    done()
    first.close()


# ---- chunking.go


def test_should_return_chunks_of_results_for_list_calls(api: Api) -> None:
    for number in range(40):
        api.create("podtemplates", {"metadata": {"name": f"template-{number:04}"}, "template": _template("x")})
    path, seen, token, version = api.path("podtemplates"), [], "", ""
    while True:
        query = f"?limit=17{'&continue=' + token if token else ''}"
        found = api.request("GET", path + query)
        about = found["metadata"]
        seen += [each["metadata"]["name"] for each in found["items"]]
        assert len(found["items"]) <= 17
        version = version or about["resourceVersion"]
        assert about["resourceVersion"] == version
        assert about.get("remainingItemCount", 0) == 40 - len(seen)
        token = about.get("continue", "")
        if not token:
            break
    assert seen == [f"template-{number:04}" for number in range(40)]
    assert len(api.request("GET", path)["items"]) == 40


def test_should_continue_a_list_whose_first_version_has_been_compacted_away() -> None:
    """Of a server with a short memory: on a real one the test waits until etcd has forgotten, after five minutes."""
    cluster = ControlPlane(history_limit=50)
    client, path = InProcessClient(cluster), "/api/v1/namespaces/default/podtemplates"
    for number in range(40):
        body = {"metadata": {"name": f"template-{number:04}"}, "template": _template("x")}
        assert client.request("POST", path, body=body).code == 201
    first = client.request("GET", f"{path}?limit=10").body
    assert [each["metadata"]["name"] for each in first["items"]][-1] == "template-0009"
    for number in range(60):
        assert client.request("POST", "/api/v1/namespaces", body={"metadata": {"name": f"n{number}"}}).code == 201
    assert client.request("DELETE", f"{path}/template-0010").code == 200
    expired = client.request("GET", f"{path}?limit=10&continue={first['metadata']['continue']}")
    assert (expired.code, expired.body["reason"]) == (410, "Expired")
    token = expired.body["metadata"]["continue"]
    seen: list[str] = []
    versions = set()
    while token:
        page = client.request("GET", f"{path}?limit=10&continue={token}").body
        seen += [each["metadata"]["name"] for each in page["items"]]
        versions.add(page["metadata"]["resourceVersion"])
        token = page["metadata"].get("continue", "")
    assert seen == [f"template-{number:04}" for number in range(11, 40)]
    assert len(versions) == 1 and versions != {first["metadata"]["resourceVersion"]}


# ---- table_conversion.go


def test_should_return_a_406_for_a_backend_which_does_not_implement_metadata(api: Api) -> None:
    body = {"kind": "SelfSubjectAccessReview", "apiVersion": "authorization.k8s.io/v1",
            "spec": {"resourceAttributes": {"namespace": "default", "verb": "get", "resource": "pods"}}}  # fmt: skip
    connection = HTTPConnection("127.0.0.1", api.port, timeout=30)
    headers = {"Authorization": f"Bearer {api.token}", "Content-Type": "application/json",
               "Accept": "application/json;as=Table;v=v1;g=meta.k8s.io"}  # fmt: skip
    connection.request("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", json.dumps(body), headers)
    assert connection.getresponse().status == 406


# ---- discovery.go, aggregated_discovery.go, server_version.go


def test_should_locate_the_group_version_and_a_resource_within_each_api_group(api: Api) -> None:
    groups = api.request("GET", "/apis")["groups"]
    assert len(groups) > 15
    for group in groups:
        preferred = group["preferredVersion"]["groupVersion"]
        assert preferred in [each["groupVersion"] for each in group["versions"]]
        found = api.request("GET", f"/apis/{preferred}")
        assert found["groupVersion"] == preferred and found["resources"]
        assert api.request("GET", f"/apis/{group['name']}")["preferredVersion"] == group["preferredVersion"]


@pytest.mark.parametrize("version", ["v2", "v2beta1"])
def test_should_support_aggregated_discovery(api: Api, version: str) -> None:
    wanted = {
        "/api": {("", "v1", "pods"), ("", "v1", "services")},
        "/apis": {("apps", "v1", "deployments"), ("batch", "v1", "jobs"),
                  ("apiextensions.k8s.io", "v1", "customresourcedefinitions")},
    }  # fmt: skip
    for path, resources in wanted.items():
        connection = HTTPConnection("127.0.0.1", api.port, timeout=30)
        accept = f"application/json;g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList"
        connection.request("GET", path, None, {"Authorization": f"Bearer {api.token}", "Accept": accept})
        answer = connection.getresponse()
        found = json.loads(answer.read())
        assert answer.getheader("Content-Type") == accept
        served = {
            (group["metadata"].get("name", ""), each["version"], resource["resource"])
            for group in found["items"] for each in group["versions"] for resource in each["resources"]
        }  # fmt: skip
        assert resources <= served


def test_should_find_the_server_version(api: Api) -> None:
    found = api.request("GET", "/version")
    assert found["major"].isdigit() and found["minor"].isdigit()


def test_conformance_tests_should_have_at_least_two_untainted_nodes(api: Api) -> None:
    nodes = api.list("nodes")["items"]
    assert len([each for each in nodes if not each["spec"].get("taints")]) >= 2
