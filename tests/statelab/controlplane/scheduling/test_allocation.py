"""Which devices a node gives to claims: the search alone, on slices and claims that nobody stored."""

from __future__ import annotations

from typing import Any

import pytest

from statelab.controlplane.scheduling import allocation
from statelab.controlplane.scheduling.allocation import AllocationError, Allocator, NotOnNode, TimedOut

DRIVER = "gpu.example.com"
NODE = {"metadata": {"name": "a", "labels": {"zone": "one"}}}


class Objects:
    """A Reader of lists."""

    def __init__(self, **found: list[Any]) -> None:
        self.found = found

    def list(self, plural: str, namespace: str = "") -> list[Any]:
        return self.found.get(plural, [])

    def get(self, plural: str, key: str) -> Any:
        return next((each for each in self.list(plural) if key.endswith(each["metadata"]["name"])), None)


def slice_of(*devices: Any, name: str = "s", generation: int = 1, slices: int = 1, **where: Any) -> Any:
    pool = {"name": "pool", "generation": generation, "resourceSliceCount": slices}
    spec = {"driver": DRIVER, "pool": pool, "devices": list(devices), **(where or {"nodeName": "a"})}
    return {"metadata": {"name": name}, "spec": spec}


def gpu(name: str, *, model: str = "A", **more: Any) -> Any:
    return {"name": name, "attributes": {"model": {"string": model}}, **more}


def asked(name: str = "gpu", **spec: Any) -> Any:
    return {"name": name, "exactly": {"deviceClassName": "any", **spec}}


def selector(expression: str) -> list[Any]:
    return [{"cel": {"expression": expression}}]


def model(wanted: str) -> list[Any]:
    return selector(f"device.attributes['{DRIVER}'].model == '{wanted}'")


def given(
    requests: list[Any],
    slices: list[Any],
    *,
    used: Any = (),
    selectors: Any = (),
    class_config: Any = (),
    **devices: Any,
) -> Any:
    """The names of the devices by request, or None; the whole allocation stands in `results`."""
    claim = {
        "metadata": {"name": "c", "namespace": "default", "uid": "u"},
        "spec": {"devices": {"requests": requests, **devices}},
    }
    own = {"metadata": {"name": "any"}, "spec": {"selectors": list(selectors), "config": list(class_config)}}
    others = [
        {"metadata": {"name": f"o{number}", "namespace": "default"}, "status": {"allocation": {"devices": {"results": [
            {"driver": DRIVER, "pool": "pool", **each}
        ]}}}}
        for number, each in enumerate(used)
    ]  # fmt: skip
    found = Allocator([claim], Objects(resourceslices=slices, deviceclasses=[own], resourceclaims=others)).allocate(
        NODE
    )
    if found is None:
        return None
    results[:] = [found["default/c"]]
    return [(each["request"], each["device"]) for each in found["default/c"]["devices"].get("results", ())]


results: list[Any] = []


def test_the_first_devices_that_are_what_is_asked_for() -> None:
    slices = [slice_of(gpu("g0"), gpu("g1", model="B"), gpu("g2", model="B"), gpu("g3", model="B"))]
    assert given([asked(count=2, selectors=model("B"))], slices) == [("gpu", "g1"), ("gpu", "g2")]
    assert given([asked(count=2, selectors=model("B"))], slices, used=[{"device": "g1"}]) == [
        ("gpu", "g2"),
        ("gpu", "g3"),
    ]
    assert given([asked(count=4, selectors=model("B"))], slices) is None
    assert given([asked()], slices, selectors=model("B")) == [("gpu", "g1")]
    assert results[0]["nodeSelector"]["nodeSelectorTerms"][0]["matchFields"][0]["values"] == ["a"]


def test_the_search_goes_back_where_the_first_choice_was_wrong() -> None:
    requests = [asked("any"), asked("a", selectors=model("A"))]
    assert given(requests, [slice_of(gpu("g0"), gpu("g1", model="B"))]) == [("any", "g1"), ("a", "g0")]


def test_all_of_them_or_none() -> None:
    slices = [slice_of(gpu("g0"), gpu("g1", model="B"), gpu("g2"))]
    every = [asked(allocationMode="All", selectors=model("A"))]
    assert given(every, slices) == [("gpu", "g0"), ("gpu", "g2")]
    assert given(every, slices, used=[{"device": "g2"}]) is None
    assert given([asked(allocationMode="All", selectors=model("C"))], slices) is None
    admin = [asked(allocationMode="All", adminAccess=True)]
    assert given(admin, slices, used=[{"device": "g2"}]) == [("gpu", "g0"), ("gpu", "g1"), ("gpu", "g2")]
    assert given([asked()], slices, used=[{"device": "g0", "adminAccess": True}]) == [("gpu", "g0")]
    with pytest.raises(AllocationError, match=r"gpu\.example\.com/pool is currently being updated"):
        given(every, [slice_of(gpu("g0"), slices=2)])


def test_alternatives_are_tried_in_their_order() -> None:
    first = [{"name": "big", "deviceClassName": "any", "count": 2}, {"name": "small", "deviceClassName": "any"}]
    request = [{"name": "gpu", "firstAvailable": first}]
    config = [
        {"requests": [f"gpu/{name}"], "opaque": {"driver": DRIVER, "parameters": {}}} for name in ("big", "small")
    ]
    assert given(request, [slice_of(gpu("g0"), gpu("g1"))], config=config) == [("gpu/big", "g0"), ("gpu/big", "g1")]
    assert given(request, [slice_of(gpu("g0"))], config=config) == [("gpu/small", "g0")]
    assert results[0]["devices"]["config"] == [{"source": "FromClaim", "opaque": config[1]["opaque"]}]


def test_configuration_says_what_it_is_about_unless_it_is_about_all() -> None:
    slices = [slice_of(gpu("g0"), gpu("g1"))]
    one, all_of_them = ({"opaque": {"driver": DRIVER, "parameters": {"a": number}}} for number in (1, 2))
    config = [{"requests": ["b"], **one}, all_of_them]
    assert given([asked("a"), asked("b")], slices, config=config, class_config=[one])
    told = [(each["source"], each.get("requests")) for each in results[0]["devices"]["config"]]
    assert told == [("FromClass", None), ("FromClaim", ["b"]), ("FromClaim", None)]


def numa(name: str, node: int) -> Any:
    return {"name": name, "attributes": {"numa": {"int": node}}}


def test_devices_that_must_agree_or_differ() -> None:
    slices = [slice_of(numa("g0", 0), numa("g1", 1), {"name": "g2"}, numa("g3", 1))]
    same, distinct = ([{key: f"{DRIVER}/numa"}] for key in ("matchAttribute", "distinctAttribute"))
    assert given([asked(count=2)], slices, constraints=same) == [("gpu", "g1"), ("gpu", "g3")]
    assert given([asked(count=2)], slices, constraints=distinct) == [("gpu", "g0"), ("gpu", "g1")]
    assert given([asked(count=3)], slices, constraints=distinct) is None
    of_one = [{"requests": ["a"], "matchAttribute": f"{DRIVER}/numa"}]
    assert given([asked("a"), asked("b")], slices, constraints=of_one) == [("a", "g0"), ("b", "g1")]


def test_a_taint_must_be_tolerated() -> None:
    slices = [slice_of(gpu("g0", taints=[{"key": "dead", "effect": "NoSchedule"}, {"key": "old", "effect": "None"}]))]
    assert given([asked()], slices) is None
    tolerations = [{"key": "dead", "operator": "Exists"}]
    assert given([asked(tolerations=tolerations)], slices) == [("gpu", "g0")]
    assert results[0]["devices"]["results"][0]["tolerations"] == tolerations


def test_a_device_that_may_be_shared_is_shared_out_by_its_policy() -> None:
    policy = {"default": "2Gi", "validRange": {"min": "2Gi", "step": "2Gi"}}
    shared = gpu("g0", allowMultipleAllocations=True, capacity={"memory": {"value": "8Gi", "requestPolicy": policy}})
    three = [asked(capacity={"requests": {"memory": "3Gi"}})]
    assert given(three, [slice_of(shared)]) == [("gpu", "g0")]
    [result] = results[0]["devices"]["results"]
    assert result["consumedCapacity"] == {"memory": "4Gi"} and len(result["shareID"]) == 36
    used = [{"device": "g0", "shareID": "x", "consumedCapacity": {"memory": "6Gi"}}]
    assert given(three, [slice_of(shared)], used=used) is None
    assert given([asked()], [slice_of(shared)], used=used) == [("gpu", "g0")]
    assert given([asked(count=3)], [slice_of(shared)]) == [("gpu", "g0")] * 3
    assert given([asked(count=5)], [slice_of(shared)]) is None
    assert given([asked(adminAccess=True)], [slice_of(shared)], used=[*used, *used]) == [("gpu", "g0")]
    assert "consumedCapacity" not in results[0]["devices"]["results"][0]


def test_parts_of_one_whole_draw_on_its_counters() -> None:
    def part(name: str, memory: str) -> Any:
        return gpu(name, consumesCounters=[{"counterSet": "whole", "counters": {"memory": {"value": memory}}}])

    whole = {"sharedCounters": [{"name": "whole", "counters": {"memory": {"value": "8Gi"}}}], "nodeName": "a"}
    slices = [slice_of(part("half", "4Gi"), part("all", "8Gi"), part("other", "4Gi"), slices=2),
              slice_of(name="t", slices=2, **whole)]  # fmt: skip
    assert given([asked(count=2)], slices) == [("gpu", "half"), ("gpu", "other")]
    assert given([asked(count=2)], slices, used=[{"device": "half"}]) is None
    assert given([asked(count=2)], slices, used=[{"device": "half", "adminAccess": True}])
    assert given([asked("watcher", adminAccess=True), asked(count=2)], slices) is not None


def test_only_the_newest_slices_count_and_only_those_of_the_node() -> None:
    old, new = slice_of(gpu("g0"), name="old"), slice_of(gpu("g1"), name="new", generation=2)
    assert given([asked()], [old, new]) == [("gpu", "g1")]
    assert given([asked()], [slice_of(gpu("g0"), slices=2)]) is None
    with pytest.raises(NotOnNode, match="invalid resource pools were encountered"):
        given([asked()], [slice_of(gpu("g0"), gpu("g0"))])
    assert given([asked()], [slice_of(gpu("g0"), nodeName="b")]) is None
    zone = {"nodeSelectorTerms": [{"matchExpressions": [{"key": "zone", "operator": "In", "values": ["one"]}]}]}
    assert given([asked()], [slice_of(gpu("g0"), nodeSelector=zone)]) and results[0]["nodeSelector"] == zone
    assert given([asked()], [slice_of(gpu("g0"), allNodes=True)]) and "nodeSelector" not in results[0]


def test_a_selector_that_comes_to_nothing_ends_the_search() -> None:
    said = r"claim default/c: selector #0: CEL runtime error: no such key: speed"
    with pytest.raises(AllocationError, match=said):
        given([asked(selectors=selector(f"device.attributes['{DRIVER}'].speed > 3"))], [slice_of(gpu("g0"))])


def test_a_search_without_end_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(allocation, "_MOST_STEPS", 2_000)
    monkeypatch.setattr(allocation, "_CEL_BUDGET", 20_000)
    devices = [numa(f"g{number}", number) for number in range(60)]
    never = asked("last", selectors=selector("device.driver == 'x'"))
    with pytest.raises(TimedOut):
        given([*[asked(f"r{number}") for number in range(20)], never], [slice_of(*devices)])
    costly = " && ".join(["[1,2,3,4,5,6,7,8,9].all(x, [1,2,3,4,5,6,7,8,9].all(y, [1,2,3].all(z, x + y + z > 0)))"] * 20)
    with pytest.raises(TimedOut):
        given([asked(count=30, selectors=selector(f"{costly} && false"))], [slice_of(*devices)])
