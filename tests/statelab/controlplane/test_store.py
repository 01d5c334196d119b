"""The store: revisions, owners, history."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from statelab.controlplane.errors import ApiError
from statelab.controlplane.store import Cause, Store

CAUSE = Cause("you", "a test")


def pod(name: str, **metadata: object) -> dict:
    return {"metadata": {"name": name, "namespace": "d", "uid": f"uid-{name}", **metadata}}


def names(objects: list[dict]) -> list[str]:
    return [obj["metadata"]["name"] for obj in objects]


def test_every_write_gets_the_next_revision_as_its_resource_version():
    store = Store()
    first = store.create("pods", "d/a", pod("a"), CAUSE, 0.0)
    second = store.update("pods", "d/a", pod("a", labels={"x": "y"}), CAUSE, 1.0)
    assert (first["metadata"]["resourceVersion"], second["metadata"]["resourceVersion"]) == ("1", "2")


def test_subscribers_hear_every_revision_once_and_in_order():
    store, heard = Store(), []
    unsubscribe = store.subscribe(lambda revision: heard.append((revision.type, revision.key)))
    store.create("pods", "d/a", pod("a"), CAUSE, 0.0)
    store.update("pods", "d/a", pod("a"), CAUSE, 0.0)
    store.delete("pods", "d/a", CAUSE, 0.0)
    unsubscribe()
    store.create("pods", "d/b", pod("b"), CAUSE, 0.0)
    assert heard == [("ADDED", "d/a"), ("MODIFIED", "d/a"), ("DELETED", "d/a")]


def test_a_list_is_in_the_order_of_etcds_keys():
    store = Store()
    for namespace, name in [("a-b", "x"), ("a", "x"), ("a", "b"), ("b", "a")]:
        store.create("pods", f"{namespace}/{name}", {"metadata": {"name": name, "namespace": namespace}}, CAUSE, 0.0)
    keys = [f"{obj['metadata']['namespace']}/{obj['metadata']['name']}" for obj in store.list("pods")]
    assert keys == sorted(keys)


def test_objects_are_found_by_the_uid_of_their_controller_until_they_are_released():
    store = Store()
    owner = [{"uid": "u1", "controller": True, "kind": "StatefulSet", "name": "web", "apiVersion": "apps/v1"}]
    store.create("pods", "d/web-0", pod("web-0", ownerReferences=owner), CAUSE, 0.0)
    assert names(store.controlled_by("pods", "u1")) == ["web-0"]
    store.update("pods", "d/web-0", pod("web-0"), CAUSE, 0.0)
    assert store.controlled_by("pods", "u1") == []


def test_a_compacted_revision_is_expired():
    store = Store(history_limit=3)
    for number in range(6):
        store.create("pods", f"d/p{number}", pod(f"p{number}"), CAUSE, 0.0)
    assert [revision.number for revision in store.since(3)] == [4, 5, 6]
    with pytest.raises(ApiError) as refused:
        store.since(2)
    assert (refused.value.code, refused.value.reason) == (410, "Expired")


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from(["write", "delete"])), max_size=40))
def test_the_past_can_be_listed_as_it_was(steps):
    store, pasts = Store(), []
    for name, step in steps:
        there = store.get("pods", f"d/{name}") is not None
        if step == "delete" and there:
            store.delete("pods", f"d/{name}", CAUSE, 0.0)
        elif step == "write":
            (store.update if there else store.create)("pods", f"d/{name}", pod(name), CAUSE, 0.0)
        pasts.append((store.revision, store.list("pods")))
    for revision, past in pasts:
        assert store.list_at(revision, "pods") == past
