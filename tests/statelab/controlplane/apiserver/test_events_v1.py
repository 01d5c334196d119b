"""events.k8s.io/v1: the same Events as in the core group, by newer names and stricter rules."""

from __future__ import annotations

from typing import Any

import pytest

from statelab.controlplane import ControlPlane
from statelab.controlplane.apiserver.serving.client import InProcessClient

V1, CORE = "/apis/events.k8s.io/v1/namespaces/default/events", "/api/v1/namespaces/default/events"
OURS = {"labelSelector": "set=true"}  # a cluster's nodes have Events there, too
WHEN = "2017-09-19T13:49:16.000000Z"


@pytest.fixture
def client() -> InProcessClient:
    return InProcessClient(ControlPlane())


def event(name: str = "event-test", **fields: Any) -> dict[str, Any]:
    return {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"name": name, "labels": {"set": "true"}},
        "regarding": {"kind": "Pod", "namespace": "default", "name": "web-1"},
        "eventTime": WHEN,
        "note": "This is it",
        "action": "Do",
        "reason": "Test",
        "type": "Normal",
        "reportingController": "test-controller",
        "reportingInstance": "test-node",
        **fields,
    }


def test_one_event_has_two_forms(client: InProcessClient) -> None:
    made = client.request("POST", V1, body=event())
    assert (made.code, made.body["apiVersion"], made.body["note"]) == (201, "events.k8s.io/v1", "This is it")
    core = client.request("GET", f"{CORE}/event-test").body
    assert (core["apiVersion"], core["message"], core["reportingComponent"]) == ("v1", "This is it", "test-controller")
    assert core["involvedObject"] == made.body["regarding"]
    assert "note" not in core
    listed = client.request("GET", V1, OURS).body
    assert (listed["kind"], listed["apiVersion"], len(listed["items"])) == ("EventList", "events.k8s.io/v1", 1)
    assert listed["items"][0]["reportingController"] == "test-controller"


def test_what_components_report_is_there(client: InProcessClient) -> None:
    old = {"metadata": {"name": "old"}, "involvedObject": {"namespace": "default"}, "count": 3, "message": "again"}
    old |= {"source": {"component": "kubelet"}, "firstTimestamp": "2017-09-19T13:49:16Z"}
    assert client.request("POST", CORE, body=old).code == 201
    shown = client.request("GET", f"{V1}/old").body
    assert (shown["note"], shown["deprecatedCount"], shown["eventTime"]) == ("again", 3, None)
    assert shown["deprecatedSource"] == {"component": "kubelet"}
    assert shown["deprecatedFirstTimestamp"] == "2017-09-19T13:49:16Z"


@pytest.mark.parametrize(
    ("path", "selector", "count"),
    [
        (V1, "reportingController=test-controller", 1),
        (V1, "reportingController!=test-controller,type=Normal", 0),
        (V1, "regarding.name=web-1,metadata.name=event-test", 1),
        (CORE, "source=test-controller", 1),
        (CORE, "involvedObject.name=web-2", 0),
    ],
)
def test_each_form_selects_by_its_own_names(client: InProcessClient, path: str, selector: str, count: int) -> None:
    client.request("POST", V1, body=event())
    assert len(client.request("GET", path, {**OURS, "fieldSelector": selector}).body["items"]) == count


@pytest.mark.parametrize("field", ["involvedObject.name", "source", "reportingComponent"])
def test_a_field_of_the_other_form_is_not_known(client: InProcessClient, field: str) -> None:
    refused = client.request("GET", V1, {"fieldSelector": f"{field}=x"})
    assert (refused.code, refused.body["message"]) == (400, f"field label not supported: {field}")


def test_a_series_grows_and_the_rest_stays(client: InProcessClient) -> None:
    client.request("POST", V1, body=event())
    series = {"series": {"count": 2, "lastObservedTime": WHEN}}
    for how in ("strategic-merge-patch+json", "merge-patch+json"):
        patched = client.request("PATCH", f"{V1}/event-test", body=series, content_type=f"application/{how}")
        assert (patched.code, patched.body["series"]) == (200, series["series"])
    shown = client.request("GET", f"{V1}/event-test").body
    shown["series"]["count"] = 100
    assert client.request("PUT", f"{V1}/event-test", body=shown).body["series"]["count"] == 100
    refused = client.request("PUT", f"{V1}/event-test", body={**shown, "note": "Another"})
    assert refused.code == 422
    assert refused.body["message"] == (
        'Event "event-test" is invalid: message: Invalid value: "Another": field is immutable'
    )
    # The older form still may.
    core = client.request("GET", f"{CORE}/event-test").body
    assert client.request("PUT", f"{CORE}/event-test", body={**core, "message": "Another"}).code == 200


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"type": "Odd"}, 'type: Invalid value: "": has invalid value: Odd'),
        ({"eventTime": None}, "eventTime: Required value"),
        ({"deprecatedCount": 1}, 'count: Invalid value: "": needs to be unset'),
        ({"action": ""}, "action: Required value"),
        ({"reportingController": ""}, "reportingController: Required value"),
        ({"note": "x" * 1025}, 'message: Invalid value: "": can have at most 1024 characters'),
        ({"series": {"count": 1, "lastObservedTime": WHEN}}, 'series.count: Invalid value: "": should be at least 2'),
        ({"regarding": {}}, None),
    ],
)
def test_more_is_asked_of_the_newer_form(client: InProcessClient, change: dict[str, Any], words: str | None) -> None:
    made = client.request("POST", V1, body=event(**change))
    if words is None:  # of a namespace's own there may be some about nothing, in "default"
        assert made.code == 201
        return
    assert made.code == 422
    assert words in made.body["message"]
    assert client.request("GET", V1, OURS).body["items"] == []


def test_a_watch_and_a_deletion_of_many_speak_its_form(client: InProcessClient) -> None:
    for number in (1, 2, 3):
        client.request("POST", V1, body=event(f"event-{number}"))
    events = list(client.watch(V1, OURS, timeout_s=1))
    assert [each["object"]["apiVersion"] for each in events] == ["events.k8s.io/v1"] * 3
    assert [each["object"]["regarding"]["name"] for each in events] == ["web-1"] * 3
    assert client.request("DELETE", V1, OURS).code == 200
    assert client.request("GET", CORE, OURS).body["items"] == []


def test_it_can_be_applied(client: InProcessClient) -> None:
    applied = client.request(
        "PATCH", f"{V1}/event-test", {"fieldManager": "me"}, body=event(), content_type="application/apply-patch+yaml"
    )
    assert (applied.code, applied.body["note"]) == (201, "This is it")
