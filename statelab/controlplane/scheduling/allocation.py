"""Which devices a node can give to claims: structured parameters, a search that goes back where it went wrong.

Requests are met one after the other, each by the first devices, in the order of pools and slices, that are what its
class and selectors ask for, whose taints it tolerates, that nobody has, and that keep the claim's constraints.
Source: dynamic-resource-allocation/structured (allocator.go, pools.go, constraint.go).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from statelab.controlplane import quantity
from statelab.controlplane.apiserver.validation import device_names, device_selectors
from statelab.controlplane.apiserver.validation.custom import cel
from statelab.controlplane.controllers.common.devices import asked_of
from statelab.controlplane.controllers.common.taints import tolerates
from statelab.controlplane.kinds import Object, key_of, uid_of
from statelab.controlplane.kubelet.env import Reader
from statelab.controlplane.scheduling.constraints import Constraint, constraints_of
from statelab.controlplane.scheduling.pools import Candidate, Key, Pool, in_use, pools_of

# Upstream stops after ten seconds; here devices that are looked at for a node are counted, and steps of expressions.
_MOST_STEPS = 50_000
_CEL_BUDGET = 1_000_000


class AllocationError(Exception):
    """Something is wrong with a claim, a class or a pool: no node is looked at. Its text is what upstream says."""


class NotOnNode(AllocationError):
    """Something is wrong that concerns this node alone."""


class TimedOut(NotOnNode):
    """The search took too many steps."""

    def __init__(self) -> None:
        super().__init__("timed out trying to allocate devices")


@dataclass(slots=True)
class _Asked:
    """A request, or one of its alternatives, of one claim. `name`: `request` or `request/subrequest`."""

    claim: Object
    name: str
    spec: Object
    device_class: Object
    is_admin: bool

    @property
    def count(self) -> int | None:
        """How many; None: all there are."""
        return None if self.spec.get("allocationMode") == "All" else int(self.spec.get("count", 1))


@dataclass(slots=True)
class _Given:
    """A device for a request. `consumed`: of one that several may share, what it takes of each capacity."""

    asked: _Asked
    device: Candidate
    consumed: dict[str, int] | None = None


@dataclass(slots=True)
class _Search:
    """What has been given so far on one node, and how often devices were looked at."""

    pools: list[Pool]
    candidates: list[Candidate]
    given: list[_Given] = field(default_factory=list)
    steps: int = 0

    def spend(self, steps: int) -> None:
        """Raises TimedOut."""
        self.steps += steps
        if self.steps > _MOST_STEPS:
            raise TimedOut


class Allocator:
    """For the claims of one Pod. `cluster` is as if all that was decided before were written."""

    def __init__(self, claims: list[Object], cluster: Reader) -> None:
        self._claims = claims
        self._slices = cluster.list("resourceslices")
        self._used = in_use(cluster)
        self._alternatives = [each for claim in claims for each in _alternatives(claim, cluster)]
        self._constraints = {key_of(claim): constraints_of(claim) for claim in claims}
        self._matches: dict[tuple[int, str, str, str], bool] = {}  # what selectors said: the same on every node
        self._budget = cel.Budget(_CEL_BUDGET)

    def allocate(self, node: Object) -> dict[str, Object] | None:
        """What each claim (by key) is given on this node; None where not all can be had.

        Raises NotOnNode, AllocationError.
        """
        pools = pools_of(self._slices, node)
        search = _Search(
            pools, [device for pool in pools if pool.is_complete and pool.is_valid for device in pool.devices]
        )
        try:
            if not self._meet(search, 0):
                if not all(pool.is_valid for pool in pools):
                    raise NotOnNode("invalid resource pools were encountered")
                return None
        except RecursionError:  # hundreds of devices for one Pod
            raise TimedOut from None
        return {key_of(claim): self._result(claim, search.given, node) for claim in self._claims}

    # ---- the search

    def _meet(self, search: _Search, index: int) -> bool:
        """Whether the requests from this one on can all be met, beside what is given already."""
        if index == len(self._alternatives):
            return True
        for asked in self._alternatives[index]:
            taken = len(search.given)
            own = sum(each.asked.claim is asked.claim for each in search.given)
            if asked.count is not None and own + asked.count <= device_names.MOST:
                if self._take(search, asked, asked.count, 0, index):
                    return True
            elif asked.count is None and self._take_all(search, asked, own) and self._meet(search, index + 1):
                return True
            del search.given[taken:]
        return False

    def _take(self, search: _Search, asked: _Asked, left: int, start: int, index: int) -> bool:
        """Give so many more devices, from the `start`th on: their order is no matter, so none is tried twice."""
        if not left:
            return self._meet(search, index + 1)
        for position in range(start, len(search.candidates)):
            given = self._fit(search, asked, search.candidates[position])
            if given is None:
                continue
            search.given.append(given)
            following = position if given.consumed is not None else position + 1
            if self._take(search, asked, left - 1, following, index):
                return True
            search.given.pop()
        return False

    def _take_all(self, search: _Search, asked: _Asked, own: int) -> bool:
        """Give every device that is what is asked for; one that cannot be had spoils it."""
        count = 0
        for pool in search.pools:
            if not (pool.is_complete and pool.is_valid):
                state = "invalid" if pool.is_complete else "being updated"
                words = f"asks for all devices, but resource pool {pool.shown} is currently {state}"
                raise AllocationError(f"claim {key_of(asked.claim)}, request {asked.name}: {words}")
            for device in pool.devices:
                if not self._is_asked_for(search, asked, device):
                    continue
                given = self._fit(search, asked, device)
                if given is None or own + count >= device_names.MOST:
                    return False
                search.given.append(given)
                count += 1
        return count > 0

    def _fit(self, search: _Search, asked: _Asked, device: Candidate) -> _Given | None:
        if not self._is_asked_for(search, asked, device) or not _tolerates(asked.spec, device.spec):
            return None
        given = _Given(asked, device)
        if asked.is_admin:
            return given if self._keeps(search, given) else None
        if device.is_shared:
            given.consumed = _consumption(asked.spec, device.spec)
            if given.consumed is None or not self._has_left(search, given):
                return None
        elif self._is_taken(search, device.key) or not _is_large_enough(asked.spec, device.spec):
            return None
        if not self._has_counters(search, device):
            return None
        return given if self._keeps(search, given) else None

    def _is_asked_for(self, search: _Search, asked: _Asked, device: Candidate) -> bool:
        search.spend(1)
        key = (id(asked), *device.key)
        if key not in self._matches:
            self._matches[key] = _is_selected(asked, device, self._budget)
        return self._matches[key]

    def _keeps(self, search: _Search, given: _Given) -> bool:
        """Whether the claim's constraints hold with this one, too."""
        claim = given.asked.claim
        others = [(each.asked.name, each.device) for each in search.given if each.asked.claim is claim]
        found: list[Constraint] = self._constraints[key_of(claim)]
        search.spend(len(found) * len(others) // 8)
        return all(each.holds([*others, (given.asked.name, given.device)]) for each in found)

    # ---- what is left of what several share

    def _is_taken(self, search: _Search, key: Key) -> bool:
        """Whether somebody uses it, now or before; who only administers a device does not."""
        return key in self._used.devices or any(
            each.device.key == key and not each.asked.is_admin for each in search.given
        )

    def _has_left(self, search: _Search, given: _Given) -> bool:
        key, wanted = given.device.key, given.consumed or {}
        before = [self._used.consumed.get(key, {})]
        before += [each.consumed or {} for each in search.given if each.device.key == key]
        capacity = given.device.spec.get("capacity") or {}
        return all(
            amount + sum(each.get(name, 0) for each in before) <= quantity.parse(capacity[name]["value"]).nanos
            for name, amount in wanted.items()
        )

    def _has_counters(self, search: _Search, device: Candidate) -> bool:
        """Devices that are parts of one whole draw on the same counters."""
        if not device.spec.get("consumesCounters"):
            return True
        pool = next(each for each in search.pools if each.key == device.key[:2])
        search.spend(len(pool.all_devices) // 4)
        drawing = [
            each
            for each in pool.all_devices
            if each.key == device.key or each.key in self._used.consumed or self._is_taken(search, each.key)
        ]
        for name, _ in _counters(device.spec):
            drawn = sum(amount for each in drawing for at, amount in _counters(each.spec) if at == name)
            if drawn > pool.counters.get(name, 0):
                return False
        return True

    # ---- the outcome

    def _result(self, claim: Object, given: list[_Given], node: Object) -> Object:
        own = [each for each in given if each.asked.claim is claim]
        devices: Object = {}
        if own:
            devices["results"] = [_told(each, index) for index, each in enumerate(own)]
        asked = {each.asked.name: each.asked for each in own}
        config = list(_config(claim, list(asked.values())))
        if config:
            devices["config"] = config
        result: Object = {"devices": devices}
        selector = _node_selector([each.device for each in own], node)
        if selector is not None:
            result["nodeSelector"] = selector
        return result


def _alternatives(claim: Object, cluster: Reader) -> Iterator[list[_Asked]]:
    for asked in asked_of(claim):
        yield [
            _Asked(claim, name, spec, cluster.get("deviceclasses", spec["deviceClassName"]) or {"spec": {}},
                   bool(spec.get("adminAccess")))
            for name, spec in asked
        ]  # fmt: skip


def _is_selected(asked: _Asked, device: Candidate, budget: cel.Budget) -> bool:
    """Whether a device is what the class and the request ask for. Raises AllocationError."""
    named = f"class {asked.spec['deviceClassName']}"
    of_class = [(named, each) for each in asked.device_class["spec"].get("selectors") or ()]
    of_claim = [(f"claim {key_of(asked.claim)}", each) for each in asked.spec.get("selectors") or ()]
    for group in (of_class, of_claim):
        for number, (whose, selector) in enumerate(group):
            try:
                if not device_selectors.matches(selector["cel"]["expression"], device.described, budget):
                    return False
            except cel.TooCostly:
                if budget.left < 0:
                    raise TimedOut from None
                words = "actual cost limit exceeded"
            except (cel.CelError, cel.CelSyntaxError) as error:
                words = str(error)
            else:
                continue
            raise AllocationError(f"{whose}: selector #{number}: CEL runtime error: {words}")
    return True


def _tolerates(request: Object, device: Object) -> bool:
    tolerations = request.get("tolerations") or ()
    return all(
        any(tolerates(each, taint) for each in tolerations)
        for taint in device.get("taints") or ()
        if taint["effect"] in ("NoSchedule", "NoExecute")
    )


def _requested(request: Object) -> dict[str, str]:
    return (request.get("capacity") or {}).get("requests") or {}


def _is_large_enough(request: Object, device: Object) -> bool:
    capacity = device.get("capacity") or {}
    return all(
        name in capacity and quantity.compare(amount, capacity[name]["value"]) <= 0
        for name, amount in _requested(request).items()
    )


def _consumption(request: Object, device: Object) -> dict[str, int] | None:
    """What a share of a device takes of each capacity, as its policies round it up; None: more than they allow."""
    wanted, capacity = _requested(request), device.get("capacity") or {}
    if any(name not in capacity for name in wanted):
        return None
    found: dict[str, int] = {}
    for name, each in capacity.items():
        policy = each.get("requestPolicy") or {}
        asked = wanted.get(name, policy.get("default", each["value"]))
        amount = _rounded(quantity.parse(asked).nanos, policy)
        if amount is None:
            return None
        found[name] = amount
    return found


def _rounded(amount: int, policy: Object) -> int | None:
    options = [quantity.parse(each).nanos for each in policy.get("validValues") or ()]
    if options:
        return next((each for each in options if each >= amount), None)
    bounds = policy.get("validRange") or {}
    least = quantity.parse(bounds["min"]).nanos if bounds.get("min") else 0
    amount = max(amount, least)
    if bounds.get("step"):
        step = quantity.parse(bounds["step"]).nanos
        amount = least - (least - amount) // step * step
    most = quantity.parse(bounds["max"]).nanos if bounds.get("max") else amount
    return amount if amount <= most else None


def _counters(device: Object) -> Iterator[tuple[tuple[str, str], int]]:
    for each in device.get("consumesCounters") or ():
        for name, counter in each["counters"].items():
            yield (each["counterSet"], name), quantity.parse(counter["value"]).nanos


def _told(given: _Given, index: int) -> Object:
    """One line of an allocation's results."""
    asked, device = given.asked, given.device
    driver, pool, name = device.key
    found: Object = {"request": asked.name, "driver": driver, "pool": pool, "device": name}
    if asked.is_admin:
        found["adminAccess"] = True
    if asked.spec.get("tolerations"):
        found["tolerations"] = asked.spec["tolerations"]
    for key in ("bindingConditions", "bindingFailureConditions"):
        if device.spec.get(key):
            found[key] = device.spec[key]
    if given.consumed is not None:
        found["shareID"] = uid_of(asked.claim["metadata"]["uid"], asked.name, *device.key, index)
        capacity = device.spec.get("capacity") or {}
        found["consumedCapacity"] = {
            each: quantity.of_nanos(amount, binary=quantity.is_binary(capacity[each]["value"])).text
            for each, amount in given.consumed.items()
        }
    return found


def _config(claim: Object, asked: list[_Asked]) -> Iterator[Object]:
    """The configuration of each class, once, and that of the claim for what was chosen.

    One of the claim stands there for each request that it names, as upstream's do. Which requests it is about is left
    out where it is about all.
    """
    devices = claim["spec"].get("devices") or {}
    count = len(devices.get("requests") or ())
    found: list[Object] = []
    for name, own_class in {each.spec["deviceClassName"]: each.device_class for each in asked}.items():
        requests = [each.name for each in asked if each.spec["deviceClassName"] == name]
        found += [
            {"source": "FromClass", "requests": requests, **each} for each in own_class["spec"].get("config") or ()
        ]
    for config in devices.get("config") or ():
        named = config.get("requests") or ()
        times = sum(each.name in named or each.name.partition("/")[0] in named for each in asked) if named else 1
        found += [{"source": "FromClaim", **config}] * times
    for each in found:
        is_about_all = len(each.get("requests") or ()) == count
        yield {key: value for key, value in each.items() if key != "requests" or not is_about_all}


def _node_selector(devices: list[Candidate], node: Object) -> Object | None:
    """Where what was given can be used: on the node of a device that has one, else where all say; None: everywhere."""
    if any(each.node_name for each in devices):
        field = {"key": "metadata.name", "operator": "In", "values": [node["metadata"]["name"]]}
        return {"nodeSelectorTerms": [{"matchFields": [field]}]}
    term: Object = {}
    for each in devices:
        for key, requirements in ((each.node_selector or {}).get("nodeSelectorTerms") or [{}])[0].items():
            term.setdefault(key, [])
            term[key] += [one for one in requirements if one not in term[key]]
    return {"nodeSelectorTerms": [term]} if term else None
