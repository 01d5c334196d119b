"""What `[sig-instrumentation] Events API` of the Kubernetes project's e2e tests does, step by step, against a server.

Source of the steps: test/e2e/instrumentation/events.go.
"""

from __future__ import annotations

from typing import Any

import pytest
from e2e_client import STRATEGIC, Api

pytestmark = pytest.mark.slow

WHEN = "2017-09-19T13:49:16.000000Z"


def _path(api: Api, name: str = "", group: str = "/apis/events.k8s.io/v1", query: str = "") -> str:
    return f"{group}/namespaces/{api.namespace}/events{'/' if name else ''}{name}{query}"


def _event(api: Api, name: str, label: str) -> Any:
    return {
        "metadata": {"name": name, "labels": {label: "true"}, "creationTimestamp": None},
        "regarding": {"namespace": api.namespace},
        "deprecatedSource": {},
        "deprecatedFirstTimestamp": None,
        "deprecatedLastTimestamp": None,
        "eventTime": WHEN,
        "note": f"This is {name}",
        "action": "Do",
        "reason": "Test",
        "type": "Normal",
        "reportingController": "test-controller",
        "reportingInstance": "test-node",
    }


def _names(api: Api, path: str) -> list[str]:
    return [each["metadata"]["name"] for each in api.request("GET", path)["items"]]


def test_should_ensure_that_an_event_can_be_fetched_patched_deleted_and_listed(api: Api) -> None:
    name, everywhere = "event-test", "/apis/events.k8s.io/v1/events?labelSelector=testevent-constant%3Dtrue"
    mine = _path(api, query="?labelSelector=testevent-constant%3Dtrue")
    api.request("POST", _path(api), _event(api, name, "testevent-constant"))
    assert name in _names(api, everywhere)
    assert _names(api, mine) == [name]
    assert _names(api, _path(api, group="/api/v1", query="?fieldSelector=source%3Dtest-controller")) == [name]
    assert _names(api, _path(api, query="?fieldSelector=reportingController%3Dtest-controller")) == [name]
    wanted = api.request("GET", _path(api, name))
    for count, method, content_type in ((2, "PATCH", STRATEGIC), (100, "PUT", "application/json")):
        series = {"count": count, "lastObservedTime": WHEN}
        wanted["series"] = series
        api.request(method, _path(api, name), {"series": series} if method == "PATCH" else wanted, content_type)
        found = api.request("GET", _path(api, name))
        for each in (found, wanted):
            each["metadata"].pop("managedFields", None)
        wanted["metadata"]["resourceVersion"] = found["metadata"]["resourceVersion"]
        assert found == wanted
    api.request("DELETE", _path(api, name))
    assert name not in _names(api, everywhere)
    assert _names(api, mine) == []


def test_should_delete_a_collection_of_events(api: Api) -> None:
    names = ["test-event-1", "test-event-2", "test-event-3"]
    selected = _path(api, query="?labelSelector=testevent-set%3Dtrue")
    for name in names:
        api.request("POST", _path(api), _event(api, name, "testevent-set"))
    assert _names(api, selected) == names
    api.request("DELETE", selected)
    assert _names(api, selected) == []


def test_core_events_live_and_go_as_a_collection(api: Api) -> None:
    """test/e2e/instrumentation/core_events.go: the same by the group that everybody reads."""
    group, chosen = "/api/v1", "?labelSelector=testevent-constant%3Dtrue"
    for number in range(3):
        about = {"kind": "Pod", "name": "x", "namespace": api.namespace}
        body = {
            "metadata": {"name": f"core-{number}", "labels": {"testevent-constant": "true"}},
            "message": "This is a test event", "reason": "Test", "type": "Normal", "count": 1, "involvedObject": about,
        }  # fmt: skip
        api.request("POST", _path(api, group=group), body)
    assert len(api.request("GET", _path(api, group=group, query=chosen))["items"]) == 3
    found = api.request("PATCH", _path(api, "core-0", group), {"message": "patched"}, STRATEGIC)
    assert found["message"] == "patched"
    found["series"] = {"count": 100, "lastObservedTime": WHEN}
    assert api.request("PUT", _path(api, "core-0", group), found)["series"]["count"] == 100
    api.request("DELETE", _path(api, "core-0", group))
    assert _names(api, _path(api, group=group, query=chosen)) == ["core-1", "core-2"]
    api.request("DELETE", _path(api, group=group, query=chosen))
    assert _names(api, _path(api, group=group, query=chosen)) == []
