"""Patches change what upstream's change, and refuse what upstream refuses."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from statelab.controlplane.apiserver.patch.patch import json_patch, merge_patch, strategic_merge
from statelab.controlplane.errors import ApiError

POD = "io.k8s.api.core.v1.Pod"
DEPLOYMENT = "io.k8s.api.apps.v1.Deployment"
SERVICE = "io.k8s.api.core.v1.Service"


# ---- JSON Patch


@pytest.mark.parametrize(
    ("before", "operations", "after"),
    [
        ({"a": 1}, [{"op": "add", "path": "/b", "value": 2}], {"a": 1, "b": 2}),
        ({"a": [1, 3]}, [{"op": "add", "path": "/a/1", "value": 2}], {"a": [1, 2, 3]}),
        ({"a": [1]}, [{"op": "add", "path": "/a/-", "value": 2}], {"a": [1, 2]}),
        ({"a": [1, 2]}, [{"op": "remove", "path": "/a/-1"}], {"a": [1]}),
        ({"a": 1}, [{"op": "replace", "path": "/b", "value": 2}], {"a": 1, "b": 2}),  # as the library upstream uses
        ({"a/b": 1, "m~n": 2}, [{"op": "remove", "path": "/a~1b"}, {"op": "remove", "path": "/m~0n"}], {}),
        ({"a": {"x": 1}}, [{"op": "move", "from": "/a/x", "path": "/y"}], {"a": {}, "y": 1}),
        ({"a": {"x": 1}}, [{"op": "copy", "from": "/a", "path": "/b"}], {"a": {"x": 1}, "b": {"x": 1}}),
        ({"a": None}, [{"op": "test", "path": "/a", "value": None}, {"op": "test", "path": "/gone"}], {"a": None}),
        ({"a": {"x": [1]}}, [{"op": "test", "path": "/a", "value": {"x": [1]}}], {"a": {"x": [1]}}),
        ({"a": 1}, [{"op": "replace", "path": "", "value": {"b": 1}}], {"b": 1}),
        ({"a": 1}, None, {"a": 1}),
    ],
)
def test_json_patch(before: Any, operations: Any, after: Any) -> None:
    text = orjson.dumps(before)
    assert json_patch(before, operations) == after
    assert orjson.dumps(before) == text


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "remove", "path": "/b"},
        {"op": "test", "path": "/a", "value": True},
        {"op": "test", "path": "/a", "value": 2},
        {"op": "add", "path": "/x/y", "value": 1},
        {"op": "add", "path": "/list/3", "value": 1},
        {"op": "add", "path": "/list/first", "value": 1},
        {"op": "replace", "path": "/list/2", "value": 1},
        {"op": "remove", "path": "/list/-3"},
        {"op": "add", "path": "a", "value": 1},
        {"op": "add", "path": "/a/b", "value": 1},
        {"op": "add", "value": 1},
        {"op": "move", "path": "/a"},
        {"op": "copy", "from": "/list/7", "path": "/a"},
        {"op": "frobnicate", "path": "/a"},
        {"op": ["add"], "path": "/a"},
        {"op": "replace", "path": "", "value": 1},
        {},
    ],
)
def test_a_json_patch_that_does_not_apply_is_refused_without_saying_why(operation: Any) -> None:
    with pytest.raises(ApiError) as refusal:
        json_patch({"a": 1, "list": [1, 2]}, [operation])
    assert (refusal.value.code, refusal.value.reason) == (422, "Invalid")
    assert refusal.value.message == "the server rejected our request due to an error in our request"


@pytest.mark.parametrize(
    ("operations", "code", "message"),
    [
        ({"op": "add"}, 400, "json: cannot unmarshal object into Go value of type jsonpatch.Patch"),
        ([1], 400, "json: cannot unmarshal number into Go value of type jsonpatch.Operation"),
        (
            [{"op": "test", "path": "/a", "value": 1}] * 10_001,
            413,
            "Request entity is too large: The allowed maximum operations in a JSON patch is 10000, got 10001",
        ),
    ],
)
def test_what_is_no_json_patch_is_a_bad_request(operations: Any, code: int, message: str) -> None:
    with pytest.raises(ApiError) as refusal:
        json_patch({"a": 1}, operations)
    assert (refusal.value.code, refusal.value.message) == (code, message)


def test_copies_may_not_grow_an_object_without_end() -> None:
    doubling = [{"op": "copy", "from": "/a", "path": f"/a/{i}"} for i in range(64)]
    with pytest.raises(ApiError) as refusal:
        json_patch({"a": {"seed": "x" * 1000}}, doubling)
    assert refusal.value.code == 422


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(alphabet="ab~/", max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(alphabet="ab~/-0", max_size=2), inner, max_size=3)
    ),
    max_leaves=12,
)
documents = st.dictionaries(st.text(alphabet="ab~/-0", max_size=2), json_values, max_size=4)


def difference(before: Any, after: Any, path: str = "") -> list[dict[str, Any]]:
    if isinstance(before, dict) and isinstance(after, dict):
        found = []
        for key in before.keys() | after.keys():
            place = f"{path}/{key.replace('~', '~0').replace('/', '~1')}"
            if key not in after:
                found.append({"op": "remove", "path": place})
            elif key not in before:
                found.append({"op": "add", "path": place, "value": after[key]})
            else:
                found += difference(before[key], after[key], place)
        return found
    if orjson.dumps(before) == orjson.dumps(after):
        return [{"op": "test", "path": path, "value": before}] if path else []
    return [{"op": "replace", "path": path, "value": after}]


@given(documents, documents)
def test_the_difference_of_two_documents_leads_from_one_to_the_other(before: Any, after: Any) -> None:
    assert json_patch(before, difference(before, after)) == after


@given(documents, st.lists(st.dictionaries(st.sampled_from(["op", "path", "from", "value"]), json_values), max_size=4))
def test_any_json_patch_applies_or_is_refused(before: Any, operations: Any) -> None:
    try:
        assert isinstance(json_patch(before, operations), dict)
    except ApiError as refusal:
        assert refusal.code in (400, 422)


# ---- JSON merge patch (the examples of RFC 7386, appendix A, that Kubernetes can meet)


@pytest.mark.parametrize(
    ("before", "patch", "after"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_merge_patch(before: Any, patch: Any, after: Any) -> None:
    assert merge_patch(before, patch) == after


def test_a_merge_patch_is_an_object() -> None:
    with pytest.raises(ApiError) as refusal:
        merge_patch({}, [])
    assert refusal.value.message == (
        "error decoding patch: json: cannot unmarshal array into Go value of type map[string]interface {}"
    )


@given(documents, documents)
def test_merging_a_patch_twice_is_merging_it_once(before: Any, patch: Any) -> None:
    once = merge_patch(before, patch)
    assert merge_patch(once, patch) == once


# ---- strategic merge patch


def pod(*containers: dict[str, Any], **spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": "web"}, "spec": {"containers": list(containers), **spec}}


A, B, C, D = ({"name": name, "image": f"{name}:1"} for name in "abcd")


@pytest.mark.parametrize(
    ("patch", "names"),
    [
        ([{"name": "b", "image": "b:2"}], "abc"),
        ([D], "dabc"),  # nothing says where a new one goes, so it comes first
        ([{"name": "b", "$patch": "delete"}], "ac"),
        ([{"$patch": "replace"}, D], "d"),
        ([{"$patch": "replace"}], ""),
        ([{"name": "b", "$patch": "replace", "image": "b:2"}], ""),  # the directive speaks of the whole list
        ([C, A], "bca"),
    ],
)
def test_containers_merge_by_name(patch: list[Any], names: str) -> None:
    merged = strategic_merge(pod(A, B, C), {"spec": {"containers": patch}}, POD)
    assert "".join(each["name"] for each in merged["spec"]["containers"]) == names


def test_a_containers_other_fields_are_kept() -> None:
    merged = strategic_merge(
        pod({**A, "env": [{"name": "X", "value": "1"}]}), containers({"name": "a", "image": "n"}), POD
    )
    assert merged["spec"]["containers"] == [{"name": "a", "image": "n", "env": [{"name": "X", "value": "1"}]}]


def containers(*patches: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"spec": {"containers": list(patches), **more}}


@pytest.mark.parametrize(
    ("order", "patch", "names"),
    [
        ("cab", [], "cab"),
        ("ca", [], "bca"),  # b was before c in the live list
        ("dca", [D], "dbca"),  # b was before c in the live list
        ("acd", [D], "abcd"),
        ("cb", [{"name": "a", "$patch": "delete"}], "cb"),
    ],
)
def test_set_element_order_puts_lists_in_order(order: str, patch: list[Any], names: str) -> None:
    change: dict[str, Any] = {"$setElementOrder/containers": [{"name": name} for name in order]}
    if patch:
        change["containers"] = patch
    merged = strategic_merge(pod(A, B, C), {"spec": change}, POD)
    assert "".join(each["name"] for each in merged["spec"]["containers"]) == names


def test_primitive_lists_merge_as_sets_and_lose_what_is_deleted_from_them() -> None:
    before = {"metadata": {"finalizers": ["a", "b", "c"]}}
    merged = strategic_merge(before, {"metadata": {"finalizers": ["d", "a"]}}, POD)
    assert merged["metadata"]["finalizers"] == ["d", "a", "b", "c"]
    patch = {"metadata": {"$deleteFromPrimitiveList/finalizers": ["b"], "$setElementOrder/finalizers": ["c", "a"]}}
    assert strategic_merge(before, patch, POD)["metadata"]["finalizers"] == ["c", "a"]


def test_lists_without_a_strategy_are_replaced() -> None:
    before = pod({**A, "args": ["x", "y"]}, tolerations=[{"key": "k"}])
    patch = {"spec": {"containers": [{"name": "a", "args": ["z"]}], "tolerations": []}}
    merged = strategic_merge(before, patch, POD)
    assert merged["spec"] == {"containers": [{**A, "args": ["z"]}], "tolerations": []}


def test_ports_of_a_service_merge_by_port() -> None:
    before = {"spec": {"ports": [{"port": 80, "name": "http"}, {"port": 443, "name": "https"}]}}
    merged = strategic_merge(before, {"spec": {"ports": [{"port": 443, "targetPort": 8443}]}}, SERVICE)
    assert merged["spec"]["ports"][1] == {"port": 443, "name": "https", "targetPort": 8443}


def test_null_removes_and_absent_nulls_leave_no_trace() -> None:
    before = {"metadata": {"labels": {"a": "1", "b": "2"}}}
    merged = strategic_merge(before, {"metadata": {"labels": {"a": None}, "annotations": {"x": None}}}, POD)
    assert merged == {"metadata": {"labels": {"b": "2"}, "annotations": {}}}


def test_retain_keys_clears_what_it_does_not_name() -> None:
    before = {"spec": {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}}}
    patch = {"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}}
    assert strategic_merge(before, patch, DEPLOYMENT) == {"spec": {"strategy": {"type": "Recreate"}}}


def test_volumes_merge_by_name_and_retain_only_the_new_source() -> None:
    before = pod(volumes=[{"name": "data", "emptyDir": {}}])
    patch = {"spec": {"volumes": [{"$retainKeys": ["name", "hostPath"], "name": "data", "hostPath": {"path": "/x"}}]}}
    assert strategic_merge(before, patch, POD)["spec"]["volumes"] == [{"name": "data", "hostPath": {"path": "/x"}}]


def test_patch_replace_and_delete_of_a_map() -> None:
    before = {"metadata": {"labels": {"a": "1"}}}
    assert strategic_merge(before, {"metadata": {"labels": {"$patch": "replace", "b": "2"}}}, POD) == {
        "metadata": {"labels": {"b": "2"}}
    }
    assert strategic_merge(before, {"metadata": {"labels": {"$patch": "delete"}}}, POD) == {"metadata": {"labels": {}}}


def test_directives_of_what_is_new_are_not_stored() -> None:
    new = {
        "spec": {
            "$setElementOrder/containers": [{"name": "a"}],
            "containers": [{"name": "a", "image": "a", "resources": {"$patch": "replace", "limits": {"cpu": "1"}}}],
        }
    }
    assert strategic_merge({"metadata": {}}, {**new, "status": {"$retainKeys": ["phase"], "phase": None}}, POD) == {
        "metadata": {},
        "spec": {"containers": [{"name": "a", "image": "a", "resources": {"limits": {"cpu": "1"}}}]},
        "status": {},
    }


@pytest.mark.parametrize(
    ("patch", "message"),
    [
        (containers({"image": "x"}), "map: map[image:x] does not contain declared merge key: name"),
        (containers({"name": "a", "$patch": "merge"}), "merging lists cannot yet be specified in the patch"),
        (
            {"metadata": {"$patch": "add", "labels": {"x": "1"}}},
            "unknown patch type: add in map: map[$patch:add labels:map[x:1]]",
        ),
        ({"metadata": {"$retainKeys": "name"}}, "invalid patch format of retainKeys"),
        ({"metadata": {"$retainKeys": ["name"], "labels": {}}}, "invalid patch format of retainKeys"),
        (
            {"spec": {"$setElementOrder/containers": [{"name": "b"}], "containers": [{"name": "a"}]}},
            "The order in patch list:\n[map[name:a]]\n doesn't match $setElementOrder list:\n[map[name:b]]\n",
        ),
        (
            {"spec": {"$setElementOrder/boxes": [{"name": "b"}]}},
            'unable to find api field in struct PodSpec for the json field "boxes"',
        ),
        (
            {"spec": {"$setElementOrder/containers": {}}},
            "expected a []interface {}, but received a map[string]interface {}",
        ),
    ],
)
def test_a_strategic_merge_patch_that_makes_no_sense_is_a_bad_request(patch: Any, message: str) -> None:
    with pytest.raises(ApiError) as refusal:
        strategic_merge(pod(A), patch, POD)
    assert (refusal.value.code, refusal.value.message) == (400, message)


names = st.lists(st.sampled_from("abcdef"), unique=True, max_size=6)


@given(names, names, names)
def test_the_order_a_client_sets_is_the_order_it_gets(live: list[str], patched: list[str], wanted: list[str]) -> None:
    change = [{"name": name, "image": "new"} for name in wanted if name in patched]
    merged = strategic_merge(
        pod(*({"name": name} for name in live)),
        {"spec": {"$setElementOrder/containers": [{"name": name} for name in wanted], "containers": change}},
        POD,
    )
    result = [each["name"] for each in merged["spec"]["containers"]]
    there = {*live, *(each["name"] for each in change)}
    assert sorted(result) == sorted(there)
    assert [name for name in result if name in wanted] == [name for name in wanted if name in there]
    assert [name for name in result if name not in wanted] == [name for name in live if name not in wanted]


@given(documents, documents)
def test_any_object_is_a_strategic_merge_patch_or_a_bad_request(labels: Any, patch: Any) -> None:
    before = {"metadata": {"labels": labels}, "spec": {"containers": [A]}}
    text = orjson.dumps(before)
    for change in (patch, {"spec": patch}, {"metadata": patch}, {"spec": {"containers": [patch]}}):
        try:
            assert isinstance(strategic_merge(before, change, POD), dict)
        except ApiError as refusal:
            assert refusal.code in (400, 422)
    assert orjson.dumps(before) == text
