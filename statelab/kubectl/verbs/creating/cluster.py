"""Namespaces, quotas, budgets, priorities."""

from __future__ import annotations

import re

from statelab.kubectl.api import Object
from statelab.kubectl.call import Call
from statelab.kubectl.problems import Fail
from statelab.kubectl.verbs.creating.making import create, metadata, name_of


def namespace(call: Call) -> None:
    about = metadata(call, name_of(call), namespaced=False)
    create(call, "namespaces", {"kind": "Namespace", "apiVersion": "v1", "metadata": about, "spec": {}, "status": {}})


def quota(call: Call) -> None:
    flags = call.flags
    name = name_of(call)
    spec: Object = {}
    if flags.text("hard"):
        hard: dict[str, str] = {}
        for part in flags.text("hard").split(","):
            key, equals, value = part.partition("=")
            if not equals or "=" in value:
                raise Fail(f"invalid argument syntax {part}, expected <resource>=<value>")
            hard[key] = value
        spec["hard"] = {key: hard[key] for key in sorted(hard)}
    if flags.text("scopes"):
        spec["scopes"] = flags.text("scopes").split(",")
    create(call, "resourcequotas", {
        "kind": "ResourceQuota", "apiVersion": "v1", "metadata": metadata(call, name), "spec": spec, "status": {},
    }, noun="quota")  # fmt: skip


def poddisruptionbudget(call: Call) -> None:
    flags = call.flags
    name = name_of(call)
    if not flags.text("selector"):
        raise Fail("a selector must be specified")
    least, most = flags.text("min-available"), flags.text("max-unavailable")
    if not least and not most:
        raise Fail("one of min-available or max-unavailable must be specified")
    if least and most:
        raise Fail("min-available and max-unavailable cannot be both specified")
    for flag in ("min-available", "max-unavailable"):
        if flags.text(flag) and not re.fullmatch(r"[0-9]+%?", flags.text(flag)):
            raise Fail(f"invalid format specified for {flag}")
    spec: Object = {}
    if least:
        spec["minAvailable"] = _number(least)
    spec["selector"] = {"matchLabels": labels_of(flags.text("selector"))}
    if most:
        spec["maxUnavailable"] = _number(most)
    status = {"disruptionsAllowed": 0, "currentHealthy": 0, "desiredHealthy": 0, "expectedPods": 0}
    create(call, "poddisruptionbudgets.policy", {
        "kind": "PodDisruptionBudget", "apiVersion": "policy/v1", "metadata": metadata(call, name), "spec": spec,
        "status": status,
    }, noun="poddisruptionbudgets")  # fmt: skip


def _number(said: str) -> int | str:
    return int(said) if said.lstrip("-").isdigit() else said


def labels_of(said: str) -> dict[str, str]:
    """`app=x,tier=y`. Raises Fail."""
    found: dict[str, str] = {}
    for part in said.split(","):
        key, equals, value = part.partition("=")
        if not equals or not key:
            raise Fail(f"unexpected label spec: {part}")
        found[key.strip()] = value.lstrip("=").strip()
    return found


def priorityclass(call: Call) -> None:
    flags = call.flags
    obj: Object = {
        "kind": "PriorityClass",
        "apiVersion": "scheduling.k8s.io/v1",
        "metadata": metadata(call, name_of(call), namespaced=False),
        "value": flags.number("value"),
    }
    if flags.on("global-default"):
        obj["globalDefault"] = True
    if flags.text("description"):
        obj["description"] = flags.text("description")
    obj["preemptionPolicy"] = flags.text("preemption-policy")
    create(call, "priorityclasses.scheduling.k8s.io", obj, noun="priorityclass")
