"""The roster of a StatefulSet says at any time what reading all its Pods anew would say."""

from __future__ import annotations

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from statelab.controlplane.controllers.statefulset.pods import member_of
from statelab.controlplane.controllers.statefulset.roster import Roster
from statelab.controlplane.kinds import Object
from statelab.controlplane.labels import selector_of

SELECTOR = {"matchLabels": {"app": "nginx"}}
SET = {"metadata": {"name": "web", "uid": "set", "generation": 1}, "spec": {"replicas": 5, "selector": SELECTOR}}


def pod(ordinal: int, ready: bool, terminating: bool, revision: str, app: str) -> Object:
    metadata: Object = {"name": f"web-{ordinal}", "uid": f"pod-{ordinal}"}
    metadata["labels"] = {"app": app, "controller-revision-hash": revision}
    if terminating:
        metadata["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    ready_condition = {"type": "Ready", "status": str(ready), "lastTransitionTime": "2026-01-01T00:00:00Z"}
    return {"metadata": metadata, "spec": {}, "status": {"phase": "Running", "conditions": [ready_condition]}}


pods = st.builds(
    pod,
    ordinal=st.integers(0, 7),
    ready=st.booleans(),
    terminating=st.booleans(),
    revision=st.sampled_from(["web-1", "web-2"]),
    app=st.sampled_from(["nginx", "nginx", "other"]),
)


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["put", "put", "drop", "look", "pass"]), pods), max_size=30))
def test_a_roster_that_heard_of_every_change_equals_one_that_reads_everything(steps):
    roster, there = Roster(SET, ()), {}
    for step, changed in steps:
        uid = changed["metadata"]["uid"]
        if step == "put":
            there[uid] = changed
            roster.put(changed)
        elif step == "drop":
            there.pop(uid, None)
            roster.drop(changed)
        elif step == "look":
            for ordinal in roster.restless(0, 5):
                member = roster.by_ordinal[ordinal]
                roster.note_conforming(member)
                if member.is_ready and not member.is_terminating:
                    roster.note_healthy(member)
        else:
            roster.begin_pass(SET)
        members = [member_of(each, "web", selector_of(SELECTOR)) for each in there.values()]
        mine = [member for member in members if member.is_selected]
        assert {ordinal: member.pod for ordinal, member in roster.by_ordinal.items()} == {
            m.ordinal: m.pod for m in mine
        }
        assert set(roster.strays) == {m.pod["metadata"]["uid"] for m in members if not m.is_selected}
        assert roster.ready == sum(member.is_ready for member in mine)
        assert +roster.revisions == Counter(member.revision for member in mine)
        assert +roster.living_revisions == Counter(member.revision for member in mine if not member.is_terminating)
        present = {member.ordinal for member in mine}
        assert roster.gaps(0, 5, 9) == [ordinal for ordinal in range(5) if ordinal not in present]
        assert [member.ordinal for member in roster.outside(0, 5)] == sorted(
            (o for o in present if o >= 5), reverse=True
        )
        unhealthy = {m.ordinal for m in mine if not m.is_ready or m.is_terminating}
        assert unhealthy & set(range(5)) <= set(roster.restless(0, 5))


def test_a_changed_pod_or_a_changed_set_is_looked_at_again():
    roster = Roster(SET, [pod(0, True, False, "web-1", "nginx")])
    roster.begin_pass(SET)
    member = roster.by_ordinal[0]
    roster.note_conforming(member)
    roster.note_healthy(member)
    assert roster.restless(0, 5) == []
    roster.begin_pass({**SET, "metadata": {**SET["metadata"], "generation": 2}})
    assert roster.restless(0, 5) == [0]
    assert not roster.conforms(member)
    roster.note_healthy(member)
    roster.put(pod(0, True, False, "web-1", "nginx"))
    assert roster.restless(0, 5) == [0]
