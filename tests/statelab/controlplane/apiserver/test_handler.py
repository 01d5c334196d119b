"""What the API server answers over HTTP, asked without sockets."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from statelab.controlplane import ControlPlane
from statelab.controlplane.apiserver.encoding.request import Request, Response
from statelab.controlplane.apiserver.serving.client import InProcessClient, Reply
from statelab.controlplane.apiserver.serving.handler import Handler, warning_header

PODS = "/api/v1/namespaces/default/pods"
CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"


@pytest.fixture
def client() -> InProcessClient:
    return InProcessClient(ControlPlane())


def config_map(name: str, **data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def create(client: InProcessClient, name: str, **data: str) -> Reply:
    reply = client.request("POST", CONFIG_MAPS, body=config_map(name, **data))
    assert reply.code == 201, reply.body
    return reply


# ---- what is told though it is not kept


def test_a_node_says_in_its_lease_when_it_was_last_heard_of() -> None:
    plane = ControlPlane()
    client = InProcessClient(plane)
    path = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
    assert len(client.request("GET", path).body["items"]) == 3
    before = client.request("GET", f"{path}/kind-worker").body["spec"]
    assert before["holderIdentity"] == "kind-worker"
    plane.kubelets["kind-worker"].stop()
    plane.loop.run_for(60)
    assert client.request("GET", f"{path}/kind-worker").body["spec"]["renewTime"] == before["renewTime"]
    assert client.request("GET", f"{path}/kind-worker2").body["spec"]["renewTime"] > before["renewTime"]
    assert client.request("GET", f"{path}/nope").code == 404
    assert (
        client.request("POST", path, body={"metadata": {"name": "mine"}, "spec": {"holderIdentity": "me"}}).code == 201
    )
    assert [each["metadata"]["name"] for each in client.request("GET", path).body["items"]][-1] == "mine"
    leaders = client.request("GET", path.replace("kube-node-lease", "kube-system")).body["items"]
    assert [each["metadata"]["name"] for each in leaders] == ["kube-controller-manager", "kube-scheduler"]


# ---- who is let in


def review(client: InProcessClient, name: str, group: str = "authorization.k8s.io", **spec: Any) -> Reply:
    body = {"apiVersion": f"{group}/v1", "kind": name, **({"spec": spec} if spec else {})}
    return client.request("POST", f"/apis/{group}/v1/{name.lower()}s", body=body)


def test_whoever_has_the_token_may_do_everything_and_is_told_so(client: InProcessClient) -> None:
    asked = review(client, "SelfSubjectAccessReview", resourceAttributes={"verb": "delete", "resource": "pods"})
    assert (asked.code, asked.body["status"]["allowed"]) == (201, True)
    rules = review(client, "SelfSubjectRulesReview", namespace="default").body["status"]["resourceRules"]
    assert {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]} in rules
    who = review(client, "SelfSubjectReview", "authentication.k8s.io").body["status"]["userInfo"]
    assert who["groups"] == ["system:masters", "system:authenticated"]


def test_a_question_about_nothing_is_no_question(client: InProcessClient) -> None:
    refused = review(client, "SelfSubjectAccessReview")
    assert refused.code == 422
    assert refused.body["details"]["causes"][0]["field"] == "spec.resourceAttributes"


def test_a_review_is_not_kept(client: InProcessClient) -> None:
    assert client.request("GET", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews").code == 405


def test_without_the_token_nothing_but_health_and_version_is_told() -> None:
    handler = Handler(ControlPlane(), token="secret")
    for headers in ({}, {"authorization": "Bearer wrong"}, {"authorization": "Basic secret"}):
        refused = handler.handle(Request("GET", "/api/v1/pods", headers=headers))
        assert isinstance(refused, Response)
        assert refused.code == 401
        assert json.loads(refused.body)["message"] == "Unauthorized"
        assert handler.handle(Request("GET", "/readyz", headers=headers)).code == 200  # type: ignore[union-attr]
    let_in = handler.handle(Request("GET", "/api/v1/pods", headers={"authorization": "Bearer secret"}))
    assert isinstance(let_in, Response)
    assert let_in.code == 200


# ---- what is served and what is not


def test_the_version_is_marked_as_ours(client: InProcessClient) -> None:
    assert client.request("GET", "/version").body["gitVersion"] == "v1.36.2+statelab"


@pytest.mark.parametrize("path", ["/healthz", "/livez", "/readyz", "/livez/ping"])
def test_health_is_ok(client: InProcessClient, path: str) -> None:
    reply = client.request("GET", path)
    assert (reply.code, reply.body) == (200, "ok")


def test_verbose_health_names_its_checks(client: InProcessClient) -> None:
    assert client.request("GET", "/readyz?verbose").body.endswith(
        "[+]poststarthook/start-kubelets ok\nreadyz check passed\n"
    )


@pytest.mark.parametrize(
    ("path", "named"),
    [
        ("/apis/metrics.k8s.io/v1beta1/pods", "metrics (`kubectl top`)"),
        ("/metrics", "metrics"),
    ],
)
def test_what_is_not_simulated_is_not_found_and_kind_is_named_as_the_place_to_try_it(
    client: InProcessClient, path: str, named: str
) -> None:
    reply = client.request("GET", path)
    assert (reply.code, reply.body["reason"]) == (404, "NotFound")
    assert reply.body["message"].startswith(
        "the server could not find the requested resource (StateLab does not simulate "
    )
    assert named in reply.body["message"]
    assert "kind" in reply.body["message"]
    assert reply.body["details"] == {}  # kubectl debug looks into them without asking whether they are there


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/v1/pods"),
        ("PUT", PODS),
        ("DELETE", "/api/v1/namespaces"),
        ("POST", PODS + "/web-0/log"),
        ("PATCH", PODS + "/web-0/eviction"),
        ("TRACE", PODS),
        ("DELETE", "/version"),
    ],
)
def test_a_method_that_makes_no_sense_is_not_allowed(client: InProcessClient, method: str, path: str) -> None:
    reply = client.request(method, path)
    assert (reply.code, reply.body["reason"]) == (405, "MethodNotAllowed")


def test_a_group_where_a_kind_is_not_says_where_it_is(client: InProcessClient) -> None:
    reply = client.request("GET", "/apis/extensions/v1beta1/namespaces/default/deployments")
    assert "Deployment is served as apps/v1" in reply.body["message"]


# ---- bodies


def test_a_body_may_be_yaml(client: InProcessClient) -> None:
    text = b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: from-yaml}\ndata: {on: 'yes'}\n"
    reply = client.request("POST", CONFIG_MAPS, body=text, content_type="application/yaml")
    assert reply.code == 201
    assert reply.body["data"] == {"true": "yes"}  # as go-yaml reads a key called on


def test_an_answer_may_be_yaml(client: InProcessClient) -> None:
    create(client, "one", a="b")
    reply = client.request("GET", CONFIG_MAPS + "/one", accept="application/yaml")
    assert yaml.safe_load(reply.body)["data"] == {"a": "b"}


def test_a_body_of_another_type_is_refused_with_the_types_there_are(client: InProcessClient) -> None:
    reply = client.request("POST", CONFIG_MAPS, body=b"x", content_type="text/plain")
    assert (reply.code, reply.body["reason"]) == (415, "UnsupportedMediaType")
    assert reply.body["message"] == (
        "the body of the request was in an unknown format - accepted media types include: "
        "application/json, application/yaml, application/vnd.kubernetes.protobuf"
    )


def test_a_patch_of_another_type_is_refused_with_the_types_there_are(client: InProcessClient) -> None:
    create(client, "one")
    reply = client.request("PATCH", CONFIG_MAPS + "/one", body={}, content_type="application/json")
    assert reply.code == 415
    assert "application/strategic-merge-patch+json" in reply.body["message"]


def test_a_body_of_more_than_three_mebibytes_is_too_large(client: InProcessClient) -> None:
    reply = client.request("POST", CONFIG_MAPS, body=b" " * (3 * 1024 * 1024 + 1))
    assert (reply.code, reply.body["reason"]) == (413, "RequestEntityTooLarge")
    assert reply.body["message"] == "Request entity too large: limit is 3145728"


def test_a_form_of_answer_that_is_not_there_is_not_acceptable(client: InProcessClient) -> None:
    reply = client.request("GET", PODS, accept="application/xml")
    assert (reply.code, reply.body["reason"]) == (406, "NotAcceptable")
    later = client.request("GET", PODS, accept="application/vnd.kubernetes.protobuf,application/json")
    assert later.code == 200


def test_the_name_in_the_body_must_be_that_of_the_address(client: InProcessClient) -> None:
    create(client, "one")
    reply = client.request("PUT", CONFIG_MAPS + "/one", body=config_map("two"))
    assert reply.code == 400
    assert reply.body["message"] == "the name of the object (two) does not match the name on the URL (one)"


# ---- options


@pytest.mark.parametrize(
    ("method", "params", "message"),
    [
        ("POST", {"dryRun": "Yes"}, 'dryRun: Unsupported value: []string{"Yes"}: supported values: "All"'),
        ("POST", {"fieldValidation": "yes"}, 'supported values: "Ignore", "Strict", "Warn"'),
        ("POST", {"fieldManager": "m" * 129}, "fieldManager: Too long: may not be more than 128 bytes"),
        ("PATCH", {"force": "true"}, "force: Forbidden: may not be specified for non-apply patch"),
    ],
)
def test_options_that_make_no_sense_are_invalid(
    client: InProcessClient, method: str, params: dict[str, str], message: str
) -> None:
    create(client, "one")
    path, kind = (CONFIG_MAPS, "CreateOptions") if method == "POST" else (CONFIG_MAPS + "/one", "PatchOptions")
    reply = client.request(
        method,
        path,
        params,
        config_map("two"),
        content_type="application/merge-patch+json" if method == "PATCH" else "application/json",
    )
    assert (reply.code, reply.body["reason"]) == (422, "Invalid")
    assert reply.body["message"].startswith(f'{kind}.meta.k8s.io "" is invalid: ')
    assert message in reply.body["message"]


def test_apply_needs_a_field_manager(client: InProcessClient) -> None:
    reply = client.request(
        "PATCH", CONFIG_MAPS + "/one", body=config_map("one"), content_type="application/apply-patch+yaml"
    )
    assert reply.code == 422
    assert "fieldManager: Required value: is required for apply patch" in reply.body["message"]


def test_apply_creates_and_then_changes(client: InProcessClient) -> None:
    asked = {"fieldManager": "me"}
    for value, code in (("a", 201), ("b", 200)):
        body = json.dumps(config_map("one", key=value)).encode()
        reply = client.request("PATCH", CONFIG_MAPS + "/one", asked, body, content_type="application/apply-patch+yaml")
        assert (reply.code, reply.body["data"]) == (code, {"key": value})


def test_a_dry_run_changes_nothing(client: InProcessClient) -> None:
    assert client.request("POST", CONFIG_MAPS, {"dryRun": "All"}, config_map("one")).code == 201
    assert client.request("GET", CONFIG_MAPS + "/one").code == 404
    create(client, "two", a="b")
    changed = client.request(
        "PATCH",
        CONFIG_MAPS + "/two",
        {"dryRun": "All"},
        {"data": {"a": "c"}},
        content_type="application/merge-patch+json",
    )
    assert changed.body["data"] == {"a": "c"}
    assert client.request("GET", CONFIG_MAPS + "/two").body["data"] == {"a": "b"}


def test_unknown_fields_are_warned_of_unless_asked_otherwise(client: InProcessClient) -> None:
    body = {**config_map("one"), "colour": "red"}
    warned = client.request("POST", CONFIG_MAPS, {"dryRun": "All"}, body)
    assert (warned.code, list(warned.warnings)) == (201, ['unknown field "colour"'])
    ignored = client.request("POST", CONFIG_MAPS, {"dryRun": "All", "fieldValidation": "Ignore"}, body)
    assert (ignored.code, list(ignored.warnings)) == (201, [])
    refused = client.request("POST", CONFIG_MAPS, {"dryRun": "All", "fieldValidation": "Strict"}, body)
    assert refused.code == 400


def test_endpoints_are_deprecated(client: InProcessClient) -> None:
    reply = client.request("GET", "/api/v1/namespaces/default/endpoints")
    assert list(reply.warnings) == ["v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice"]


def test_a_warning_is_quoted() -> None:
    assert warning_header('unknown field "a\\b"') == '299 - "unknown field \\"a\\\\b\\""'
    assert "\n" not in warning_header("two\nlines")


@pytest.mark.parametrize("name", ["limit", "timeoutSeconds"])
def test_a_number_that_is_none_is_refused_in_gos_words(client: InProcessClient, name: str) -> None:
    reply = client.request("GET", CONFIG_MAPS, {name: "many"})
    assert (reply.code, reply.body["message"]) == (400, 'strconv.ParseInt: parsing "many": invalid syntax')


# ---- lists


def test_members_of_a_list_do_not_say_what_they_are(client: InProcessClient) -> None:
    create(client, "one")
    reply = client.request("GET", CONFIG_MAPS)
    assert (reply.body["kind"], reply.body["apiVersion"]) == ("ConfigMapList", "v1")
    assert all("kind" not in item and "apiVersion" not in item for item in reply.body["items"])


def test_pages_of_a_list_show_one_moment(client: InProcessClient) -> None:
    for number in range(5):
        create(client, f"page-{number}", a="b")
    first = client.request("GET", CONFIG_MAPS, {"limit": "2", "fieldSelector": "metadata.name!=kube-root-ca.crt"})
    assert len(first.body["items"]) == 2
    create(client, "page-9")
    names = [item["metadata"]["name"] for item in first.body["items"]]
    token = first.body["metadata"]["continue"]
    while token:
        params = {"limit": "2", "continue": token, "fieldSelector": "metadata.name!=kube-root-ca.crt"}
        page = client.request("GET", CONFIG_MAPS, params).body
        names += [item["metadata"]["name"] for item in page["items"]]
        token = page["metadata"].get("continue")
    assert names == [f"page-{number}" for number in range(5)]


def test_a_table_is_made_when_asked_for(client: InProcessClient) -> None:
    create(client, "one", a="b")
    accept = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"
    table = client.request("GET", CONFIG_MAPS, accept=accept).body
    assert (table["kind"], table["apiVersion"]) == ("Table", "meta.k8s.io/v1")
    assert [column["name"] for column in table["columnDefinitions"]] == ["Name", "Data", "Age"]
    assert ["one", 1] in [row["cells"][:2] for row in table["rows"]]
    single = client.request("GET", CONFIG_MAPS + "/one", {"includeObject": "Object"}, accept=accept).body
    assert single["rows"][0]["object"]["data"] == {"a": "b"}


def test_metadata_alone_is_shown_when_asked_for(client: InProcessClient) -> None:
    create(client, "one", a="b")
    accept = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"
    shown = client.request("GET", CONFIG_MAPS, accept=accept).body
    assert shown["kind"] == "PartialObjectMetadataList"
    assert all(set(item) == {"kind", "apiVersion", "metadata"} for item in shown["items"])


def test_deleting_a_collection_answers_with_what_was_there(client: InProcessClient) -> None:
    create(client, "one")
    create(client, "two")
    reply = client.request("DELETE", CONFIG_MAPS, {"fieldSelector": "metadata.name=one"})
    assert [item["metadata"]["name"] for item in reply.body["items"]] == ["one"]
    assert client.request("GET", CONFIG_MAPS + "/one").code == 404
    assert client.request("GET", CONFIG_MAPS + "/two").code == 200


# ---- watches


def test_a_watch_tells_what_is_and_then_what_happens(client: InProcessClient) -> None:
    create(client, "one")
    version = client.request("GET", CONFIG_MAPS).body["metadata"]["resourceVersion"]
    create(client, "two")
    client.request("DELETE", CONFIG_MAPS + "/one")
    events = list(client.watch(CONFIG_MAPS, {"resourceVersion": version}, timeout_s=1))
    assert [(event["type"], event["object"]["metadata"]["name"]) for event in events] == [
        ("ADDED", "two"),
        ("DELETED", "one"),
    ]


def test_a_watch_with_initial_events_says_where_they_end(client: InProcessClient) -> None:
    params = {"sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan", "allowWatchBookmarks": "true"}
    events = list(client.watch(CONFIG_MAPS, params, timeout_s=1))
    assert [event["type"] for event in events] == ["ADDED", "BOOKMARK"]
    assert events[-1]["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}


def test_a_watch_from_a_forgotten_revision_says_so_on_the_watch() -> None:
    client = InProcessClient(ControlPlane(history_limit=10))
    for number in range(20):
        create(client, f"one-{number}")
    events = list(client.watch(CONFIG_MAPS, {"resourceVersion": "1"}, timeout_s=1))
    assert [(event["type"], event["object"]["code"], event["object"]["reason"]) for event in events] == [
        ("ERROR", 410, "Expired")
    ]


def test_a_watched_table_tells_its_columns_once(client: InProcessClient) -> None:
    create(client, "one")
    create(client, "two")
    params = {"watch": "true", "timeoutSeconds": "1", "fieldSelector": "metadata.name!=kube-root-ca.crt"}
    answer = client.answer("GET", CONFIG_MAPS, params, accept="application/json;as=Table;v=v1;g=meta.k8s.io")
    from statelab.controlplane.apiserver.serving.client import chunks

    lines = b"".join(chunks(client.cluster, answer)).splitlines()
    tables = [json.loads(line)["object"] for line in lines]
    assert [bool(table["columnDefinitions"]) for table in tables] == [True, False]
    assert [table["rows"][0]["cells"][0] for table in tables] == ["one", "two"]


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"resourceVersionMatch": "Exact"}, "resourceVersionMatch is forbidden unless resourceVersion is provided"),
        ({"sendInitialEvents": "true"}, "sendInitialEvents is forbidden for list"),
        ({"watch": "1", "sendInitialEvents": "true"}, "sendInitialEvents requires setting resourceVersionMatch"),
        ({"watch": "1", "resourceVersionMatch": "Exact"}, "is forbidden for watch unless sendInitialEvents"),
    ],
)
def test_list_options_that_do_not_go_together_are_invalid(
    client: InProcessClient, params: dict[str, str], message: str
) -> None:
    reply = client.request("GET", CONFIG_MAPS, params)
    assert reply.code == 422
    assert message in reply.body["message"]


# ---- logs and exec


def pod(name: str, script: str, **more: Any) -> dict[str, Any]:
    container = {"name": "main", "image": "busybox:1.36", "command": ["sh", "-c", script]}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {"containers": [container], "terminationGracePeriodSeconds": 1, **more},
    }


def test_logs_are_cut_as_asked(client: InProcessClient) -> None:
    client.request("POST", PODS, body=pod("talks", "echo one; echo two; echo three; sleep 3600"))
    client.cluster.settle()
    path = PODS + "/talks/log"
    assert client.request("GET", path).body == "one\ntwo\nthree\n"
    assert client.request("GET", path, {"tailLines": "1"}).body == "three\n"
    assert client.request("GET", path, {"tailLines": "0"}).body == ""
    assert client.request("GET", path, {"limitBytes": "5"}).body == "one\nt"
    stamped = client.request("GET", path, {"timestamps": "true", "tailLines": "1"}).body
    assert stamped.startswith("2026-01-01T00:00:") and stamped.endswith("Z three\n")
    wrong = client.request("GET", path, {"tailLines": "-1", "limitBytes": "0"})
    assert wrong.code == 422
    assert wrong.body["message"] == (
        'PodLogOptions "talks" is invalid: [tailLines: Invalid value: -1: must be greater than or equal to 0, '
        "limitBytes: Invalid value: 0: must be greater than 0]"
    )


def test_logs_of_a_container_that_never_started_say_why(client: InProcessClient) -> None:
    bad = pod("stuck", "true")
    bad["spec"]["containers"][0]["image"] = "nginx:no-such-tag"
    client.request("POST", PODS, body=bad)
    client.cluster.settle()
    reply = client.request("GET", PODS + "/stuck/log")
    assert reply.code == 400
    assert reply.body["message"].startswith('container "main" in pod "stuck" is waiting to start: ')
    assert "pull" in reply.body["message"]


def test_logs_of_the_container_before_are_kept(client: InProcessClient) -> None:
    client.request("POST", PODS, body=pod("dies", "echo dying; exit 3"))
    client.cluster.settle()
    assert client.request("GET", PODS + "/dies/log", {"previous": "true"}).body == "dying\n"
    assert client.request("GET", PODS + "/dies/log", {"container": "none"}).code == 400


def test_a_log_is_followed_until_the_container_ends(client: InProcessClient) -> None:
    client.request("POST", PODS, body=pod("counts", "for i in 1 2 3; do echo $i; sleep 1; done", restartPolicy="Never"))
    client.cluster.when(lambda: (client.cluster.get("pods", "default/counts") or {})["status"]["phase"] == "Running")
    from statelab.controlplane.apiserver.serving.client import chunks

    answer = client.answer("GET", PODS + "/counts/log", {"follow": "true"})
    assert b"".join(chunks(client.cluster, answer)) == b"1\n2\n3\n"


def test_exec_tells_output_errors_and_exit_code_apart(client: InProcessClient) -> None:
    client.request("POST", PODS, body=pod("runs", "sleep 3600"))
    client.cluster.settle()
    result = client.exec("default", "runs", ["sh", "-c", "echo out; echo err >&2; exit 3"])
    assert (result.stdout, result.stderr, result.code) == (b"out\n", b"err\n", 3)
    assert client.exec("default", "runs", ["cat"], stdin=b"typed").stdout == b"typed"


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"stdout": "true"}, "you must specify at least 1 command for the container"),
        ({"command": "ls"}, "you must specify at least 1 of stdin, stdout, stderr"),
        ({"command": "ls", "stdout": "true", "container": "no"}, "container no is not valid for pod runs"),
    ],
)
def test_exec_that_makes_no_sense_is_a_bad_request(
    client: InProcessClient, params: dict[str, str], message: str
) -> None:
    client.request("POST", PODS, body=pod("runs", "sleep 3600"))
    client.cluster.settle()
    reply = client.request("POST", PODS + "/runs/exec", params)
    assert (reply.code, reply.body["message"]) == (400, message)
