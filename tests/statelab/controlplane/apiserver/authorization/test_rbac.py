"""RBAC: nobody may until a binding says so, nobody gives away more than they have, and the cluster's own roles."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from statelab.controlplane import ControlPlane
from statelab.controlplane.apiserver.authorization import default_roles, rules
from statelab.controlplane.apiserver.authorization.attributes import Attributes, of
from statelab.controlplane.kinds import Object, key_of
from statelab.controlplane.users import User

Ask = Callable[..., tuple[int, Any]]
RBAC = "/apis/rbac.authorization.k8s.io/v1"
RECORDED = json.loads((Path(__file__).parents[4] / "conformance" / "rbac-bootstrap.json").read_text())
PODS, NODES = "/api/v1/namespaces/default/pods", "/api/v1/nodes"


def role(name: str, *resources: str, verbs: tuple[str, ...] = ("get", "list"), **more: Any) -> Object:
    return {
        "metadata": {"name": name},
        "rules": [{"apiGroups": [""], "resources": list(resources), "verbs": list(verbs)}],
        **more,
    }


def binding(name: str, kind: str, of_role: str, user: str = "bob") -> Object:
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": of_role}
    return {"metadata": {"name": name}, "roleRef": reference, "subjects": [{"kind": "User", "name": user}]}


def give(ask: Ask, kind: str, of_role: str, user: str = "bob") -> None:
    assert ask("POST", f"{RBAC}/namespaces/default/rolebindings", binding(of_role, kind, of_role, user))[0] == 201


# ---- who may


def test_an_exec_by_websocket_is_something_new_not_a_look(ask: Ask) -> None:
    ask("POST", f"{RBAC}/namespaces/default/roles", role("looks", "pods/exec", verbs=("get",)))
    give(ask, "Role", "looks")
    code, refused = ask("GET", f"{PODS}/web/exec?command=ls", user="bob", upgrade="websocket", connection="Upgrade")
    who = 'User "bob" cannot create resource "pods/exec" in API group "" in the namespace "default"'
    assert (code, refused["message"]) == (403, f'pods "web" is forbidden: {who}')


def test_nobody_may_until_a_binding_says_so(ask: Ask) -> None:
    code, refused = ask("GET", PODS, user="bob")
    who = 'User "bob" cannot list resource "pods" in API group "" in the namespace "default"'
    assert (code, refused["message"]) == (403, f"pods is forbidden: {who}")
    assert refused["details"] == {"kind": "pods"}
    ask("POST", f"{RBAC}/namespaces/default/roles", role("reader", "pods"))
    give(ask, "Role", "reader")
    assert ask("GET", PODS, user="bob")[0] == 200
    assert ask("GET", "/api/v1/namespaces/kube-system/pods", user="bob")[0] == 403
    ask("DELETE", f"{RBAC}/namespaces/default/rolebindings/reader")
    assert ask("GET", PODS, user="bob")[0] == 403


@pytest.mark.parametrize(
    ("method", "path", "about", "what", "where"),
    [
        ("GET", "/api/v1/nodes/a", 'nodes "a"', 'get resource "nodes" in API group ""', "at the cluster scope"),
        ("DELETE", "/apis/apps/v1/namespaces/x/statefulsets", "statefulsets.apps",
         'deletecollection resource "statefulsets" in API group "apps"', 'in the namespace "x"'),
        ("GET", "/api/v1/namespaces/x/pods/a/log", 'pods "a"', 'get resource "pods/log" in API group ""',
         'in the namespace "x"'),
        ("GET", "/apis/example.com/v1/widgets?watch=true", "widgets.example.com",
         'watch resource "widgets" in API group "example.com"', "at the cluster scope"),
        ("GET", "/api/v1/namespaces/x/pods/a/proxy/b", 'pods "a"', 'get resource "pods/proxy" in API group ""',
         'in the namespace "x"'),
    ],
)  # fmt: skip
def test_a_refusal_says_who_cannot_do_what_where(
    ask: Ask, method: str, path: str, about: str, what: str, where: str
) -> None:
    code, refused = ask(method, path, user="bob")
    assert (code, refused["message"]) == (403, f'{about} is forbidden: User "bob" cannot {what} {where}')


@pytest.mark.parametrize("path", ["/metrics", "/statelab/v1/history"])
def test_a_path_that_is_no_resource_is_refused_too(ask: Ask, path: str) -> None:
    code, refused = ask("GET", path, user="bob")
    assert (code, refused["message"]) == (403, f'forbidden: User "bob" cannot get path "{path}"')


@pytest.mark.parametrize(
    ("method", "path", "query", "asked"),
    [
        ("GET", "/api/v1/namespaces/a", {}, Attributes("get", "", "namespaces", namespace="a", name="a")),
        ("PUT", "/api/v1/namespaces/a/finalize", {},
         Attributes("update", "", "namespaces", "finalize", namespace="a", name="a")),
        ("GET", "/api/v1/pods", {"fieldSelector": ["metadata.name=x,spec.nodeName=y"]},
         Attributes("list", "", "pods", name="x", on_node="y")),
        ("GET", "/api/v1/watch/namespaces/a/pods", {}, Attributes("watch", "", "pods", namespace="a")),
        ("GET", "/apis/apps/v1", {}, Attributes("get", path="/apis/apps/v1")),
        ("POST", "/api/v1/namespaces/a/pods/b/exec", {}, Attributes("create", "", "pods", "exec", "a", "b")),
    ],
)  # fmt: skip
def test_what_a_request_asks_for_is_told_from_its_path(
    method: str, path: str, query: dict[str, list[str]], asked: Attributes
) -> None:
    assert of(method, path, query) == asked


def test_names_in_a_rule_leave_out_all_others(ask: Ask, cluster: ControlPlane) -> None:
    named = role("one", "configmaps", verbs=("get", "list"))
    named["rules"][0]["resourceNames"] = ["mine"]
    ask("POST", f"{RBAC}/namespaces/default/roles", named)
    give(ask, "Role", "one")
    maps = "/api/v1/namespaces/default/configmaps"
    codes = [ask("GET", f"{maps}{path}", user="bob")[0] for path in ("/mine", "/other", "")]
    assert codes == [404, 403, 403]
    assert ask("GET", f"{maps}?fieldSelector=metadata.name=mine", user="bob")[0] == 200


def test_a_binding_of_no_role_gives_nothing_and_the_refusal_says_so(ask: Ask) -> None:
    give(ask, "Role", "nowhere")
    code, refused = ask("GET", PODS, user="bob")
    assert code == 403
    assert refused["message"].endswith(': RBAC: role.rbac.authorization.k8s.io "nowhere" not found')


def test_who_may_patch_may_not_create_by_applying(ask: Ask) -> None:
    ask("POST", f"{RBAC}/namespaces/default/roles", role("patcher", "configmaps", verbs=("patch",)))
    give(ask, "Role", "patcher")
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "new"}}
    path = "/api/v1/namespaces/default/configmaps/new?fieldManager=me"
    code, refused = ask("PATCH", path, body, user="bob", type="application/apply-patch+yaml")
    assert (code, "cannot create resource" in refused["message"]) == (403, True)


# ---- acting as somebody


def test_only_who_may_impersonate_acts_as_somebody_else(ask: Ask) -> None:
    token = ask("POST", "/api/v1/namespaces/default/serviceaccounts/default/token", {"spec": {}})[1]["status"]["token"]
    code, refused = ask("GET", PODS, user="bob", token=token)
    assert code == 403
    assert refused["message"] == (
        'users "bob" is forbidden: User "system:serviceaccount:default:default" cannot impersonate resource "users" in '
        'API group "" at the cluster scope'
    )


def test_who_acts_as_a_service_account_is_in_its_groups(ask: Ask) -> None:
    path, body = "/apis/authentication.k8s.io/v1/selfsubjectreviews", {"kind": "SelfSubjectReview"}
    who = ask("POST", path, body, user="system:serviceaccount:default:app")[1]["status"]["userInfo"]
    assert who["groups"] == ["system:serviceaccounts", "system:serviceaccounts:default", "system:authenticated"]
    who = ask("POST", path, body, user="eve", impersonate_group="team", impersonate_extra_scopes="view")[1]
    assert who["status"]["userInfo"] == {
        "username": "eve", "groups": ["team", "system:authenticated"], "extra": {"scopes": ["view"]},
    }  # fmt: skip


def test_a_group_without_a_user_is_an_error(ask: Ask) -> None:
    code, refused = ask("GET", PODS, impersonate_group="team")
    assert (code, "without impersonating a user" in refused["message"]) == (500, True)


def test_a_write_is_told_as_that_of_who_asked(ask: Ask, cluster: ControlPlane) -> None:
    give(ask, "ClusterRole", "edit")
    ask(
        "POST", "/api/v1/namespaces/default/configmaps", {"metadata": {"name": "hers"}}, user="bob", user_agent="curl/8"
    )
    assert cluster.store.history[-1].cause.actor == "bob"
    assert cluster.store.history[-1].cause.why == "bob asked for it with curl"


# ---- escalation


def test_nobody_writes_a_role_with_rights_of_others(ask: Ask) -> None:
    give(ask, "ClusterRole", "admin")
    wanted = role("x", "nodes", "pods", verbs=("get", "list"))
    code, refused = ask("POST", f"{RBAC}/namespaces/default/roles", wanted, user="bob")
    assert code == 403
    assert refused["message"] == (
        'roles.rbac.authorization.k8s.io "x" is forbidden: user "bob" (groups=["system:authenticated"]) is attempting '
        'to grant RBAC permissions not currently held:\n{APIGroups:[""], Resources:["nodes"], Verbs:["get" "list"]}'
    )
    path = f"{RBAC}/namespaces/default/roles"
    assert ask("POST", path, role("x", "pods"), user="bob")[0] == 201
    more = {"rules": wanted["rules"]}
    assert ask("PATCH", f"{path}/x", more, user="bob", type="application/merge-patch+json")[0] == 403
    assert (
        ask("PATCH", f"{path}/x", {"metadata": {"finalizers": []}}, user="bob", type="application/merge-patch+json")[0]
        == 200
    )


def test_nobody_binds_a_role_with_rights_of_others_but_who_may_bind_it(ask: Ask) -> None:
    give(ask, "ClusterRole", "admin")
    path = f"{RBAC}/namespaces/default/rolebindings"
    code, refused = ask("POST", path, binding("y", "ClusterRole", "cluster-admin"), user="bob")
    assert code == 403
    assert '{APIGroups:["*"], Resources:["*"], Verbs:["*"]}\n{NonResourceURLs:["*"], Verbs:["*"]}' in refused["message"]
    assert ask("POST", path, binding("y", "ClusterRole", "edit", "eve"), user="bob")[0] == 201
    assert ask("POST", path, binding("z", "Role", "nowhere"), user="bob")[0] == 404
    may = role("binder", "clusterroles", verbs=("bind",))
    may["rules"][0]["apiGroups"] = ["rbac.authorization.k8s.io"]
    ask("POST", f"{RBAC}/clusterroles", may)
    give(ask, "ClusterRole", "binder")
    assert ask("POST", path, binding("y2", "ClusterRole", "cluster-admin"), user="bob")[0] == 201


def test_rules_that_spell_out_more_than_anybody_means_are_not_compared(ask: Ask) -> None:
    give(ask, "ClusterRole", "admin")
    many = [str(number) for number in range(200)]
    huge = {"metadata": {"name": "x"}, "rules": [{"apiGroups": many, "resources": many, "verbs": many}]}
    code, refused = ask("POST", f"{RBAC}/namespaces/default/roles", huge, user="bob")
    assert (code, "more rights than the server" in refused["message"]) == (403, True)


def test_a_wildcard_covers_what_it_stands_for() -> None:
    def missing(owner: Object, **wanted: list[str]) -> list[Object]:
        return rules.uncovered([owner], [wanted])

    pods = {"apiGroups": [""], "resources": ["pods/log"], "verbs": ["get"]}
    assert not missing({"apiGroups": ["*"], "resources": ["*/log"], "verbs": ["*"]}, **pods)
    assert missing({"apiGroups": ["apps"], "resources": ["*"], "verbs": ["*"]}, **pods) == [pods]
    assert not missing({"nonResourceURLs": ["/a/*"], "verbs": ["get"]}, nonResourceURLs=["/a/b"], verbs=["get"])
    assert missing({**pods, "resourceNames": ["x"]}, **pods) == [pods]


# ---- the cluster's own roles


def test_a_fresh_cluster_has_the_roles_of_a_real_one(cluster: ControlPlane) -> None:
    for plural in ("clusterroles", "clusterrolebindings", "roles", "rolebindings"):
        found = json.loads(json.dumps(cluster.list(plural)))
        for obj in found:
            for name in ("uid", "resourceVersion", "creationTimestamp"):
                assert obj["metadata"].pop(name)
            del obj["kind"], obj["apiVersion"]
        assert sorted(found, key=key_of) == sorted(RECORDED[plural], key=key_of)
    assert len(default_roles.objects()) == default_roles.COUNT


def test_roles_are_made_when_somebody_first_looks_and_are_the_same_each_time() -> None:
    clusters = [ControlPlane(), ControlPlane()]
    for cluster in clusters:
        cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "brief"}})
        cluster.delete("namespaces", "brief")
        cluster.settle()
        assert not any(cluster.store.is_made(plural) for plural in ("clusterroles", "roles", "rolebindings"))
    revision = clusters[0].store.revision
    assert clusters[0].list("clusterroles") == clusters[1].list("clusterroles")
    assert clusters[0].store.revision == revision
    versions = {obj["metadata"]["resourceVersion"] for obj in clusters[0].list("clusterroles")}
    assert not versions & {obj.number for obj in clusters[0].store.history}


def test_a_cluster_on_disk_mends_its_roles_when_it_comes_back(tmp_path: Path) -> None:
    cluster = ControlPlane(state=tmp_path)
    cluster.delete("clusterroles", "system:basic-user")
    cluster.patch("clusterroles", "view", {"metadata": {"labels": {"mine": "yes"}}})
    discovery = cluster.get("clusterroles", "system:discovery")
    assert discovery is not None
    more = [{"verbs": ["get"], "nonResourceURLs": ["/mine"]}]
    cluster.patch("clusterroles", "system:discovery", {"rules": more})
    cluster.patch(
        "clusterroles",
        "system:node-proxier",
        {"rules": [], "metadata": {"annotations": {default_roles.AUTOUPDATE: "false"}}},
    )
    assert cluster.journal is not None
    cluster.journal.close()
    again = ControlPlane(state=tmp_path)
    basic, mended, left = (
        again.get("clusterroles", f"system:{name}") for name in ("basic-user", "discovery", "node-proxier")
    )
    assert basic is not None and mended is not None and left is not None
    assert mended["rules"] == [*more, *discovery["rules"]]
    assert not left.get("rules")
    assert again.store.count("clusterroles") == 70


def test_an_aggregated_role_gathers_by_label_and_a_circle_ends(ask: Ask, cluster: ControlPlane) -> None:
    def gathers(name: str, label: str) -> Object:
        selector = [{"matchLabels": {label: "true"}}]
        return {
            "metadata": {"name": name, "labels": {"a": "true", "b": "true"}},
            "aggregationRule": {"clusterRoleSelectors": selector},
        }

    path = f"{RBAC}/clusterroles"
    assert ask("POST", path, gathers("left", "a"))[0] == ask("POST", path, gathers("right", "b"))[0] == 201
    widgets = {"apiGroups": ["example.com"], "resources": ["widgets"], "verbs": ["get"]}
    labels = {"a": "true", "rbac.authorization.k8s.io/aggregate-to-view": "true"}
    ask("POST", path, {"metadata": {"name": "widgets", "labels": labels}, "rules": [widgets]})
    assert cluster.settle()
    for name in ("left", "right"):
        found = cluster.get("clusterroles", name)
        assert found is not None and found["rules"] == [widgets]
    for name in ("view", "edit", "admin"):
        found = cluster.get("clusterroles", name)
        assert found is not None and widgets in found["rules"]
    ask("DELETE", f"{path}/widgets")
    assert cluster.settle()
    found = cluster.get("clusterroles", "view")
    assert found is not None and widgets not in found["rules"]


def test_thousands_of_bindings_are_looked_at_once(cluster: ControlPlane) -> None:
    api = cluster.api
    for number in range(2000):
        name = f"b{number}"
        made = {
            "kind": "RoleBinding",
            "metadata": {"name": name, "namespace": "default"},
            **binding(name, "ClusterRole", "view", name),
        }
        made["metadata"]["namespace"] = "default"
        api.create("rolebindings", "default", made, api.internal("test", "many"))
    asked = Attributes("list", "", "pods", namespace="default")
    looked: list[str] = []
    read = api.list
    api.list = lambda plural, namespace="": looked.append(plural) or read(plural, namespace)  # type: ignore
    for number in range(50):
        assert api.authorizer.authorize(User(f"b{number}"), asked).allowed
    assert looked == ["clusterrolebindings", "rolebindings"]


def test_a_journal_that_ends_in_the_middle_of_the_roles_is_completed(tmp_path: Path) -> None:
    cluster = ControlPlane(state=tmp_path)
    assert cluster.journal is not None
    cluster.journal.close()
    journal = tmp_path / "journal"
    lines = journal.read_bytes().splitlines(keepends=True)
    first = next(number for number, line in enumerate(lines) if b'"clusterroles"' in line)
    journal.write_bytes(b"".join(lines[: first + 7]))
    again = ControlPlane(state=tmp_path)
    assert [again.store.count(plural) for plural in ("clusterroles", "clusterrolebindings", "roles")] == [70, 51, 7]
