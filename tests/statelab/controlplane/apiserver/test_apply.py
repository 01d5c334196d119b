"""Managed fields and server-side apply do what structured-merge-diff does."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from statelab.controlplane.apiserver.patch import field_sets
from statelab.controlplane.apiserver.patch.apply import (
    LAST_APPLIED,
    apply_patch,
    only_times_differ,
    track,
)
from statelab.controlplane.apiserver.patch.managers import Manager, Managers, decode
from statelab.controlplane.apiserver.patch.typed import compare, field_set, type_of
from statelab.controlplane.apiserver.patch.typed_merge import merge, remove, with_named_fields
from statelab.controlplane.errors import ApiError
from statelab.controlplane.kinds import KINDS

DEPLOYMENTS = KINDS["deployments"]
CONFIG_MAPS = KINDS["configmaps"]
NOW, LATER = "2026-01-01T00:00:00Z", "2026-01-01T00:01:00Z"

NGINX = yaml.safe_load("""
apiVersion: apps/v1
kind: Deployment
metadata:
  name: nginx
  namespace: default
  uid: 4f2a
  labels: {app: nginx}
spec:
  replicas: 3
  selector: {matchLabels: {app: nginx}}
  strategy: {type: RollingUpdate, rollingUpdate: {maxSurge: 25%, maxUnavailable: 25%}}
  template:
    metadata: {labels: {app: nginx}}
    spec:
      containers:
      - name: nginx
        image: nginx:1.14.2
        ports: [{containerPort: 80, protocol: TCP}]
        resources: {}
status: {}
""")

# As `kubectl create` of a Deployment is shown by `kubectl get -o yaml --show-managed-fields`.
NGINX_FIELDS = yaml.safe_load("""
f:metadata: {f:labels: {.: {}, f:app: {}}}
f:spec:
  f:replicas: {}
  f:selector: {}
  f:strategy: {f:rollingUpdate: {.: {}, f:maxSurge: {}, f:maxUnavailable: {}}, f:type: {}}
  f:template:
    f:metadata: {f:labels: {.: {}, f:app: {}}}
    f:spec:
      f:containers:
        'k:{"name":"nginx"}':
          .: {}
          f:image: {}
          f:name: {}
          f:ports: {.: {}, 'k:{"containerPort":80,"protocol":"TCP"}': {.: {}, f:containerPort: {}, f:protocol: {}}}
          f:resources: {}
""")


def changed(obj: Any, change: dict[str, Any]) -> Any:
    from statelab.controlplane.apiserver.patch.patch import merge_patch

    return merge_patch(obj, change)


def with_entries(obj: Any, entries: list[Any]) -> Any:
    return changed(obj, {"metadata": {"managedFields": entries}})


def fields_of(obj: Any, manager: str) -> Any:
    found = [each["fieldsV1"] for each in obj["metadata"]["managedFields"] if each["manager"] == manager]
    return found[0] if found else None


def test_who_creates_an_object_owns_what_it_said_and_what_was_defaulted() -> None:
    assert track(DEPLOYMENTS, None, NGINX, "kubectl-create", "Update", "", NOW) == [
        {
            "manager": "kubectl-create",
            "operation": "Update",
            "apiVersion": "apps/v1",
            "time": NOW,
            "fieldsType": "FieldsV1",
            "fieldsV1": NGINX_FIELDS,
        }
    ]


def test_an_update_takes_the_fields_it_changes_and_nothing_else() -> None:
    created = with_entries(NGINX, track(DEPLOYMENTS, None, NGINX, "kubectl-create", "Update", "", NOW))
    scaled = changed(created, {"spec": {"replicas": 5}})
    entries = track(DEPLOYMENTS, created, scaled, "kubectl", "Update", "scale", LATER)
    assert entries[1] == {
        "manager": "kubectl",
        "operation": "Update",
        "apiVersion": "apps/v1",
        "time": LATER,
        "fieldsType": "FieldsV1",
        "fieldsV1": {"f:spec": {"f:replicas": {}}},
        "subresource": "scale",
    }
    assert "f:replicas" not in entries[0]["fieldsV1"]["f:spec"]
    assert entries[0]["time"] == NOW


def test_what_is_removed_is_nobodys() -> None:
    created = with_entries(NGINX, track(DEPLOYMENTS, None, NGINX, "kubectl-create", "Update", "", NOW))
    unlabelled = changed(created, {"metadata": {"labels": None}})
    entries = track(DEPLOYMENTS, created, unlabelled, "kubectl-label", "Update", "", LATER)
    assert [each["manager"] for each in entries] == ["kubectl-create"]
    assert "f:metadata" not in entries[0]["fieldsV1"]


def test_an_update_that_changes_nothing_changes_no_entry() -> None:
    created = with_entries(NGINX, track(DEPLOYMENTS, None, NGINX, "kubectl-create", "Update", "", NOW))
    assert (
        track(DEPLOYMENTS, created, created, "kubectl-edit", "Update", "", LATER)
        == (created["metadata"]["managedFields"])
    )


def test_an_object_without_managed_fields_is_not_tracked_until_someone_applies() -> None:
    assert track(DEPLOYMENTS, NGINX, changed(NGINX, {"spec": {"replicas": 1}}), "kubectl", "Update", "", NOW) == []


def test_status_is_owned_through_its_own_endpoint_only() -> None:
    created = with_entries(NGINX, track(DEPLOYMENTS, None, NGINX, "kubectl-create", "Update", "", NOW))
    both = changed(created, {"spec": {"replicas": 9}, "status": {"replicas": 2}})
    main = track(DEPLOYMENTS, created, both, "me", "Update", "", NOW)
    status = track(DEPLOYMENTS, created, both, "me", "Update", "status", NOW)
    assert [each["fieldsV1"] for each in main if each["manager"] == "me"] == [{"f:spec": {"f:replicas": {}}}]
    assert [each["fieldsV1"] for each in status if each["manager"] == "me"] == [{"f:status": {"f:replicas": {}}}]


def test_a_list_of_one_empty_entry_takes_all_managers_away() -> None:
    created = with_entries(NGINX, track(DEPLOYMENTS, None, NGINX, "kubectl-create", "Update", "", NOW))
    assert track(DEPLOYMENTS, created, with_entries(NGINX, [{}]), "me", "Update", "", LATER) == []


def test_no_more_than_ten_updaters_are_remembered() -> None:
    managers = Managers()
    for i in range(14):
        managers.put(Manager(f"m{i:02}", "Update", "v1"), {f"f:x{i}": {}}, f"2026-01-01T00:00:{i:02}Z")
    managers.put(Manager("applier", "Apply", "v1"), {"f:y": {}}, NOW)
    managers.cap_updaters()
    entries = managers.encode()
    assert [each["manager"] for each in entries] == ["applier", "ancient-changes", *(f"m{i:02}" for i in range(5, 14))]
    assert set(entries[1]["fieldsV1"]) == {f"f:x{i}" for i in range(5)}


# ---- apply


def config_map(data: dict[str, Any] | None = None, **metadata: Any) -> Any:
    obj: Any = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "cm", "namespace": "default", **metadata}}
    if data is not None:
        obj["data"] = data
    return obj


def apply(live: Any, config: Any, manager: str, force: bool = False, kind: Any = CONFIG_MAPS, now: str = NOW) -> Any:
    texts = orjson.dumps([live, config])
    applied = apply_patch(kind, live, config, manager, force, now)
    assert orjson.dumps([live, config]) == texts
    return applied


def test_apply_creates_and_owns_exactly_what_it_said() -> None:
    created = apply(None, config_map({"a": "1"}, labels={"x": "y"}), "me")
    assert created["data"] == {"a": "1"}
    assert created["metadata"]["managedFields"] == [
        {
            "manager": "me",
            "operation": "Apply",
            "apiVersion": "v1",
            "time": NOW,
            "fieldsType": "FieldsV1",
            "fieldsV1": {"f:data": {"f:a": {}}, "f:metadata": {"f:labels": {"f:x": {}}}},
        }
    ]


def test_what_is_no_longer_applied_is_removed() -> None:
    created = apply(None, config_map({"a": "1", "b": "2"}), "me")
    assert apply(created, config_map({"b": "2"}), "me")["data"] == {"b": "2"}
    assert "data" not in apply(created, config_map(), "me")


def test_what_another_applies_too_stays() -> None:
    both = apply(apply(None, config_map({"a": "1", "b": "2"}), "me"), config_map({"a": "1"}), "you")
    left = apply(both, config_map({"b": "2"}), "me")
    assert left["data"] == {"a": "1", "b": "2"}
    assert fields_of(left, "me") == {"f:data": {"f:b": {}}}


def test_what_an_updater_added_stays() -> None:
    created = apply(None, config_map({"a": "1"}), "me")
    updated = changed(created, {"data": {"b": "2"}})
    updated = with_entries(updated, track(CONFIG_MAPS, created, updated, "kubectl-edit", "Update", "", LATER))
    assert apply(updated, config_map({}), "me")["data"] == {"b": "2"}


def test_one_conflict_is_told_in_one_line() -> None:
    created = apply(None, config_map({"a": "1"}), "me")
    with pytest.raises(ApiError) as refusal:
        apply(created, config_map({"a": "2"}), "you")
    assert (refusal.value.code, refusal.value.reason) == (409, "Conflict")
    assert refusal.value.message == 'Apply failed with 1 conflict: conflict with "me": .data.a'
    assert refusal.value.details == {
        "causes": [{"reason": "FieldManagerConflict", "message": 'conflict with "me"', "field": ".data.a"}]
    }


def test_several_conflicts_are_listed_by_manager() -> None:
    live = with_entries(NGINX, track(DEPLOYMENTS, None, NGINX, "kubectl-create", "Update", "", NOW))
    scaled = changed(live, {"spec": {"replicas": 5}})
    live = with_entries(scaled, track(DEPLOYMENTS, live, scaled, "kubectl", "Update", "scale", LATER))
    config = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "nginx", "labels": {"app": "other"}},
        "spec": {
            "replicas": 1,
            "template": {
                "spec": {"containers": [{"name": "nginx", "image": "nginx:2", "ports": [{"containerPort": 80}]}]}
            },
        },
    }
    with pytest.raises(ApiError) as refusal:
        apply(live, config, "ci", kind=DEPLOYMENTS)
    assert refusal.value.message == (
        'Apply failed with 3 conflicts: conflicts with "kubectl" with subresource "scale" using apps/v1:\n'
        "- .spec.replicas\n"
        'conflicts with "kubectl-create" using apps/v1:\n'
        "- .metadata.labels.app\n"
        '- .spec.template.spec.containers[name="nginx"].image'
    )
    forced = apply(live, config, "ci", force=True, kind=DEPLOYMENTS)
    assert forced["spec"]["replicas"] == 1
    assert fields_of(forced, "kubectl") is None
    assert forced["spec"]["template"]["spec"]["containers"][0]["resources"] == {}
    assert [port["containerPort"] for port in forced["spec"]["template"]["spec"]["containers"][0]["ports"]] == [80]


def test_giving_a_field_up_hands_it_to_its_other_owner() -> None:
    both = apply(apply(None, config_map({"a": "1"}), "me"), config_map({"a": "1"}), "you")
    with pytest.raises(ApiError):
        apply(both, config_map({"a": "2"}), "me")
    alone = apply(both, config_map(), "me")
    assert alone["data"] == {"a": "1"}
    assert [each["manager"] for each in alone["metadata"]["managedFields"]] == ["you"]


def test_applying_the_same_again_changes_nothing_not_even_the_time() -> None:
    created = apply(None, config_map({"a": "1"}), "me")
    assert apply(created, config_map({"a": "1"}), "me", now=LATER) == created


def test_a_write_that_changes_only_times_is_none() -> None:
    config = config_map({"a": "1"})
    created = apply(None, config, "me")
    later = apply(None, config, "me", now=LATER)
    assert created != later
    assert only_times_differ(later, created)
    assert not only_times_differ(apply(created, config_map({"a": "2"}), "me", now=LATER), created)
    assert not only_times_differ(apply(created, config, "you", now=LATER), created)


def test_an_untracked_object_had_one_manager_before_its_first_apply() -> None:
    live = config_map({"a": "1"}, uid="1")
    with pytest.raises(ApiError) as refusal:
        apply(live, config_map({"a": "2"}), "me")
    assert refusal.value.message == (
        'Apply failed with 1 conflict: conflict with "before-first-apply" using v1: .data.a'
    )


@pytest.mark.parametrize(
    ("plural", "metadata", "manager"),
    [
        ("pods", {"ownerReferences": [{"kind": "ReplicaSet", "controller": True}]}, "kube-controller-manager"),
        ("pods", {"ownerReferences": [{"kind": "ConfigMap"}]}, "before-first-apply"),
        ("nodes", {}, "kubelet"),
        (
            "persistentvolumes",
            {"annotations": {"pv.kubernetes.io/provisioned-by": "rancher.io/local-path"}},
            "local-path-provisioner",
        ),
    ],
)
def test_what_a_component_made_is_that_components(plural: str, metadata: dict[str, Any], manager: str) -> None:
    kind = KINDS[plural]
    live = {
        "apiVersion": kind.api_version,
        "kind": kind.name,
        "metadata": {"name": "one", "uid": "1", "labels": {"a": "1"}, **metadata},
        "status": {"phase": "Running"},
    }
    config = {"apiVersion": "v1", "kind": kind.name, "metadata": {"name": "one", "labels": {"a": "2"}}}
    with pytest.raises(ApiError) as refusal:
        apply_patch(kind, live, config, "me", force=False, now=NOW)
    assert refusal.value.message == (
        f'Apply failed with 1 conflict: conflict with "{manager}" using v1: .metadata.labels.a'
    )


def test_a_pods_status_is_the_kubelets() -> None:
    owner = {"kind": "ReplicaSet", "controller": True}
    metadata = {"name": "one", "uid": "1", "ownerReferences": [owner]}
    live = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "status": {"phase": "Running"}}
    config = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "one", "labels": {"a": "2"}}}
    entries = apply_patch(KINDS["pods"], live, config, "me", force=False, now=NOW)["metadata"]["managedFields"]
    kubelet = next(each for each in entries if each["manager"] == "kubelet")
    assert (kubelet["operation"], kubelet["subresource"]) == ("Update", "status")
    assert kubelet["fieldsV1"] == {"f:status": {"f:phase": {}}}


def test_kubectl_may_take_over_what_its_client_side_apply_set() -> None:
    config = config_map({"a": "1"})
    live = config_map({"a": "1", "b": "0"}, annotations={LAST_APPLIED: orjson.dumps(config).decode()})
    live = with_entries(live, track(CONFIG_MAPS, None, live, "kubectl-client-side-apply", "Update", "", NOW))
    assert apply(live, config_map({"a": "2"}), "kubectl")["data"] == {"a": "2", "b": "0"}
    with pytest.raises(ApiError) as refusal:
        apply(live, config_map({"a": "2", "b": "2"}), "kubectl")
    assert [cause["field"] for cause in refusal.value.details["causes"]] == [".data.b"]
    with pytest.raises(ApiError):
        apply(live, config_map({"a": "2"}), "someone")


def test_kubectl_keeps_the_last_applied_configuration_up_to_date() -> None:
    live = config_map({"a": "1"}, annotations={LAST_APPLIED: orjson.dumps(config_map({"a": "1"})).decode()})
    applied = apply(live, config_map({"a": "2"}), "kubectl")
    assert applied["metadata"]["annotations"][LAST_APPLIED] == (
        '{"apiVersion":"v1","data":{"a":"2"},"kind":"ConfigMap",'
        '"metadata":{"annotations":{},"name":"cm","namespace":"default"}}\n'
    )


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"metadata": {"name": "cm"}}, "invalid object type: /, Kind="),
        (None, "invalid object type: /, Kind="),
        (
            [],
            "error decoding YAML: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal array into Go "
            "value of type map[string]interface {}",
        ),
        ({**config_map(), "apiVersion": "apps/v1"}, "invalid object type: apps/v1, Kind=ConfigMap"),
        (config_map(managedFields=[]), "metadata.managedFields must be nil"),
        (
            {**config_map(), "date": {}},
            "failed to create typed patch object (default/cm; /v1, Kind=ConfigMap): "
            ".date: field not declared in schema",
        ),
        (
            config_map({"a": 1}),
            "failed to create typed patch object (default/cm; /v1, Kind=ConfigMap): .data.a: expected string, "
            "got &value.valueUnstructured{Value:1}",
        ),
        (
            config_map(ownerReferences=[{"uid": "1"}, {"uid": "1"}], finalizers=["x", "x"]),
            "failed to create typed patch object (default/cm; /v1, Kind=ConfigMap): errors:\n"
            '  .metadata.ownerReferences: duplicate entries for key [uid="1"]\n'
            '  .metadata.finalizers: duplicate entries for key [="x"]',
        ),
        (
            config_map(ownerReferences=[{"name": "1"}]),
            "failed to create typed patch object (default/cm; /v1, Kind=ConfigMap): .metadata.ownerReferences: "
            'element 0: associative list with keys has an element that omits key field "uid" '
            "(and doesn't have default value)",
        ),
    ],
)
def test_a_configuration_that_is_none_is_a_bad_request(config: Any, message: str) -> None:
    with pytest.raises(ApiError) as refusal:
        apply(None, config, "me")
    assert (refusal.value.code, refusal.value.message) == (400, message)


def test_applied_elements_stand_in_the_order_applied_and_others_keep_their_place() -> None:
    def pod(names: str) -> Any:
        return {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "p"},
            "spec": {"containers": [{"name": name} for name in names]},
        }

    def order(live: str, applied: str) -> str:
        merged = merge(type_of("io.k8s.api.core.v1.Pod"), pod(live), pod(applied))
        return "".join(each["name"] for each in merged["spec"]["containers"])

    assert order("abc", "b") == "abc"
    assert order("abc", "ca") == "bca"
    assert order("ab", "ca") == "cab"
    assert order("a", "ba") == "ba"


# ---- the algebra

elements = st.sampled_from(["f:a", "f:b", 'k:{"name":"x"}', 'v:"1"'])


def trees(depth: int = 3) -> Any:
    if depth == 0:
        return st.just({})
    return st.dictionaries(elements, st.deferred(lambda: trees(depth - 1)) | st.just({}), max_size=3).flatmap(
        lambda below: st.booleans().map(lambda member: {".": {}, **below} if member and below else below)
    )


sets = trees().map(lambda tree: {element: node for element, node in tree.items() if element != "."})


@given(sets, sets)
def test_field_sets_are_sets(left: Any, right: Any) -> None:
    members = {name: set(field_sets.paths(fields)) for name, fields in (("left", left), ("right", right))}
    assert set(field_sets.paths(field_sets.union(left, right))) == members["left"] | members["right"]
    assert set(field_sets.paths(field_sets.difference(left, right))) == members["left"] - members["right"]
    assert set(field_sets.paths(field_sets.intersection(left, right))) == members["left"] & members["right"]
    assert field_sets.is_valid(left)


data = st.none() | st.dictionaries(st.sampled_from("abcd"), st.sampled_from("123"), min_size=1, max_size=4)
configs = st.builds(
    lambda data, labels, finalizers: config_map(data, labels=labels, finalizers=finalizers),
    data,
    st.dictionaries(st.sampled_from("xy"), st.sampled_from("12"), min_size=1, max_size=2),
    st.lists(st.sampled_from(["f1", "f2", "f3"]), unique=True, max_size=3).map(sorted),  # order is nobody's
)


@given(configs, configs, configs)
def test_apply_gives_each_manager_what_it_asked_for(first: Any, second: Any, third: Any) -> None:
    live = apply(apply(None, first, "me"), second, "you", force=True)
    live = apply(live, third, "me", force=True)
    for key, value in (third.get("data") or {}).items():
        assert live["data"][key] == value
    wanted = {*(third.get("data") or {}), *(second.get("data") or {})}
    assert set(live.get("data") or {}) == wanted  # what only the first configuration had is gone
    assert set(live["metadata"].get("finalizers") or ()) == {
        *second["metadata"]["finalizers"],
        *third["metadata"]["finalizers"],
    }
    assert decode(live["metadata"].get("managedFields")) is not None


@given(configs, configs)
def test_what_one_change_adds_its_reverse_removes(old: Any, new: Any) -> None:
    kind = type_of("io.k8s.api.core.v1.ConfigMap")
    there, back = compare(kind, old, new), compare(kind, new, old)
    assert (there.added, there.removed, there.modified) == (back.removed, back.added, back.modified)
    assert bool(there.changed or there.removed) is (old != new)


@given(configs, configs)
def test_a_merged_object_says_all_that_was_merged_into_it(old: Any, new: Any) -> None:
    kind = type_of("io.k8s.api.core.v1.ConfigMap")
    merged = merge(kind, old, new)
    assert merge(kind, merged, new) == merged
    assert field_sets.difference(field_set(kind, new), field_set(kind, merged)) == {}
    assert remove(kind, merged, with_named_fields(kind, {})) == merged


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(alphabet="ab", max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["name", "image", "containers", "labels", "a", "uid"]), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(json_values, json_values, json_values)
def test_any_json_is_a_configuration_or_a_bad_request(metadata: Any, spec: Any, body: Any) -> None:
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
    live = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {"containers": [{"name": "a"}]}}
    for config in (body, pod, {**pod, "spec": {"containers": [spec]}}):
        try:
            assert isinstance(apply_patch(KINDS["pods"], live, config, "me", True, NOW), dict)
        except ApiError as refusal:
            assert refusal.code == 400
