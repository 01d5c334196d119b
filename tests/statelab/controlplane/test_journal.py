"""The journal: what was acknowledged is there after any end, and a torn tail is cut with a copy kept."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from statelab.controlplane.errors import ApiError
from statelab.controlplane.journal import Journal, JournalLocked
from statelab.controlplane.store import Cause, Store

CAUSE = Cause("you", "a test")


def pod(name: str) -> dict:
    return {"metadata": {"name": name, "namespace": "d", "uid": name}}


def written(folder: Path, count: int) -> Store:
    journal, store = Journal(folder), Store()
    store.log = journal
    for number in range(count):
        store.create("pods", f"d/p{number}", pod(f"p{number}"), CAUSE, float(number))
    journal.close()
    return store


def loaded(folder: Path):
    journal, store = Journal(folder), Store()
    recovered = journal.load(store)
    journal.close()
    return store, recovered


def past(store: Store) -> list:
    names = ("number", "type", "plural", "key", "object", "previous", "cause", "at_s")
    return [tuple(getattr(revision, name) for name in names) for revision in store.history]


def test_a_store_is_restored_with_its_history_and_causes(tmp_path):
    before = written(tmp_path, 5)
    journal = Journal(tmp_path)
    before.log = journal
    changed = {"metadata": {**pod("p1")["metadata"], "labels": {"key": '"object":'}}}
    before.update("pods", "d/p1", changed, Cause("statefulset-controller", 'it said "actor":'), 5.0)
    before.delete("pods", "d/p2", CAUSE, 6.0)
    journal.close()
    journal, after = Journal(tmp_path), Store()
    recovered = journal.load(after)
    assert after.list("pods") == before.list("pods")
    assert (recovered.revisions, recovered.warnings, recovered.last_at_s) == (7, [], 6.0)
    assert past(after) == past(before)
    assert (after.revision, after.compacted) == (7, 0)
    assert after.list_at(4, "pods") == before.list_at(4, "pods")
    journal.close()


@pytest.mark.parametrize(
    ("plural", "name"),
    [
        ("notes.example.com", "n"),
        ("k8s-apps.v2.example.com", "n"),
        ("clusterroles", 'a "role" \\ of mine'),
        ("pods", "ü"),
    ],
)
def test_whatever_a_kind_and_an_object_are_called_their_past_is_kept(tmp_path, plural, name):
    journal, before = Journal(tmp_path), Store()
    before.log = journal
    for number in range(2):
        obj = {"metadata": {"name": f"{name}{number}", "namespace": "d", "uid": str(number)}}
        before.create(plural, f"d/{name}{number}", obj, CAUSE, float(number))
    before.delete(plural, f"d/{name}0", CAUSE, 2.0)
    journal.close()
    journal, after = Journal(tmp_path), Store()
    recovered = journal.load(after)
    assert [obj["metadata"]["name"] for obj in after.list(plural)] == [f"{name}1"]
    assert (recovered.revisions, after.revision, past(after)) == (3, 3, past(before))
    journal.close()


def test_the_past_of_a_snapshot_begins_with_what_it_held(tmp_path):
    store = written(tmp_path, 3)
    journal = Journal(tmp_path)
    journal.compact(store, {})
    store.log = journal
    store.delete("pods", "d/p1", CAUSE, 3.0)
    journal.close()
    journal, after = Journal(tmp_path), Store()
    journal.load(after)
    assert [obj["metadata"]["name"] for obj in after.list("pods")] == ["p0", "p2"]
    assert [obj["metadata"]["name"] for obj in after.list_at(3, "pods")] == ["p0", "p1", "p2"]
    assert (after.revision, after.compacted) == (4, 3)
    journal.close()


def test_no_more_of_the_past_is_taken_back_than_is_kept(tmp_path):
    written(tmp_path, 10)
    journal, after = Journal(tmp_path), Store(history_limit=3)
    journal.load(after)
    assert [revision.number for revision in after.history] == [8, 9, 10]
    assert (after.compacted, after.count("pods")) == (7, 10)
    journal.close()


def test_the_past_can_still_be_read_when_the_journal_has_been_compacted(tmp_path, monkeypatch):
    monkeypatch.setattr("statelab.controlplane.journal._COMPACT_ABOVE_BYTES", 100)
    before = written(tmp_path, 5)
    journal, after = Journal(tmp_path), Store()
    journal.load(after)
    assert b"snapshot" in journal.path.read_bytes()
    assert past(after) == past(before)
    journal.close()


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(cut=st.integers(1, 400))
def test_a_torn_end_loses_only_what_was_not_whole(tmp_path_factory, cut):
    folder = tmp_path_factory.mktemp("state")
    before = written(folder, 6)
    journal = folder / "journal"
    whole = journal.read_bytes()
    journal.write_bytes(whole[:-cut] if cut < len(whole) else b"")
    after, recovered = loaded(folder)
    kept = whole[: len(whole) - cut].count(b"\n")
    assert after.list("pods") == before.list("pods")[:kept]
    torn = (len(whole) - cut) != len(b"".join(whole.splitlines(keepends=True)[:kept]))
    assert bool(recovered.warnings) == torn
    assert bool(list(folder.glob("journal.torn-*"))) == torn


def test_a_flipped_bit_is_noticed(tmp_path):
    written(tmp_path, 3)
    journal = tmp_path / "journal"
    lines = journal.read_bytes().splitlines(keepends=True)
    lines[2] = lines[2].replace(b'"p2"', b'"q2"')
    journal.write_bytes(b"".join(lines))
    after, recovered = loaded(tmp_path)
    assert after.count("pods") == 2
    assert "not whole" in recovered.warnings[0]


def test_compaction_keeps_objects_volumes_and_the_revision_but_not_the_past(tmp_path):
    store = written(tmp_path, 4)
    journal = Journal(tmp_path)
    journal.append_volume("pvc-1", [{"path": "/a", "text": "old"}])
    journal.compact(store, {"pvc-1": [{"path": "/a", "text": "new"}]})
    journal.close()
    after, recovered = loaded(tmp_path)
    assert (after.list("pods"), after.revision) == (store.list("pods"), 4)
    assert recovered.volumes == {"pvc-1": [{"path": "/a", "text": "new"}]}
    with pytest.raises(ApiError):
        after.since(1)


def test_a_second_server_on_one_folder_is_refused(tmp_path):
    journal = Journal(tmp_path)
    with pytest.raises(JournalLocked):
        Journal(tmp_path)
    journal.close()


def test_a_full_disk_refuses_the_write_and_loses_nothing(tmp_path, monkeypatch):
    journal, store = Journal(tmp_path), Store()
    store.log = journal
    store.create("pods", "d/a", pod("a"), CAUSE, 0.0)
    real = os.write

    def half(file, data):
        real(file, data[: len(data) // 2])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", half)
    with pytest.raises(ApiError) as refused:
        store.create("pods", "d/b", pod("b"), CAUSE, 0.0)
    assert refused.value.code == 507
    assert store.get("pods", "d/b") is None
    monkeypatch.undo()
    store.create("pods", "d/c", pod("c"), CAUSE, 0.0)
    journal.close()
    after, recovered = loaded(tmp_path)
    assert [obj["metadata"]["name"] for obj in after.list("pods")] == ["a", "c"]
    assert recovered.warnings == []
