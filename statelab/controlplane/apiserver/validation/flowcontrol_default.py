"""The FlowSchemas and PriorityLevelConfigurations of a fresh cluster.

Source: apiserver/pkg/apis/flowcontrol/bootstrap/default.go.
"""

from __future__ import annotations

from typing import Any

from statelab.controlplane.kinds import Object

Fields = dict[str, Any]

SCHEMAS, LEVELS = "flowschemas", "prioritylevelconfigurations"
_KEPT_UP_TO_DATE = {"apf.kubernetes.io/autoupdate-spec": "true"}
_ALL: Fields = {
    "resourceRules": [
        {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"], "clusterScope": True, "namespaces": ["*"]}
    ],
    "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}],
}
_LEASES: Fields = {
    "verbs": ["get", "create", "update"],
    "apiGroups": ["coordination.k8s.io"],
    "resources": ["leases"],
    "namespaces": ["*"],
}


def _groups(*listed: str) -> list[Fields]:
    return [{"kind": "Group", "group": {"name": each}} for each in listed]


def _users(*listed: str) -> list[Fields]:
    return [{"kind": "User", "user": {"name": each}} for each in listed]


def _accounts(*listed: str) -> list[Fields]:
    return [{"kind": "ServiceAccount", "serviceAccount": {"namespace": "kube-system", "name": each}} for each in listed]


def _schema(level: str, precedence: int, method: str, subjects: list[Fields], rules: Fields = _ALL) -> Fields:
    made: Fields = {"priorityLevelConfiguration": {"name": level}, "matchingPrecedence": precedence}
    if method:
        made["distinguisherMethod"] = {"type": method}
    return {**made, "rules": [{"subjects": subjects, **rules}]}


def _queued(shares: int, lent: int, queues: int, hand: int) -> Fields:
    queuing = {"queues": queues, "handSize": hand, "queueLengthLimit": 50}
    response = {"type": "Queue", "queuing": queuing}
    return {
        "type": "Limited",
        "limited": {"nominalConcurrencyShares": shares, "limitResponse": response, "lendablePercent": lent},
    }


_MANAGER, _SCHEDULER = "system:kube-controller-manager", "system:kube-scheduler"
_EVERYBODY = ("system:unauthenticated", "system:authenticated")
_PROBES = {"nonResourceRules": [{"verbs": ["get"], "nonResourceURLs": ["/healthz", "/readyz", "/livez"]}]}
_ENDPOINTS = {
    "resourceRules": [
        {"verbs": ["get", "create", "update"], "apiGroups": [""], "resources": ["endpoints"], "namespaces": ["*"]}
    ]
}
_HEARTBEATS = {
    "resourceRules": [
        {
            "verbs": ["*"], "apiGroups": [""], "resources": ["nodes", "nodes/status"],
            "clusterScope": True, "namespaces": ["*"],
        },
        {"verbs": ["*"], "apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "namespaces": ["*"]},
    ]
}  # fmt: skip

SPECS: dict[tuple[str, str], Fields] = {
    (LEVELS, "catch-all"): {
        "type": "Limited",
        "limited": {"nominalConcurrencyShares": 5, "limitResponse": {"type": "Reject"}, "lendablePercent": 0},
    },
    (LEVELS, "exempt"): {"type": "Exempt", "exempt": {"nominalConcurrencyShares": 0, "lendablePercent": 0}},
    (LEVELS, "global-default"): _queued(20, 50, 128, 6),
    (LEVELS, "leader-election"): _queued(10, 0, 16, 4),
    (LEVELS, "node-high"): _queued(40, 25, 64, 6),
    (LEVELS, "system"): _queued(30, 33, 64, 6),
    (LEVELS, "workload-high"): _queued(40, 50, 128, 6),
    (LEVELS, "workload-low"): _queued(100, 90, 128, 6),
    (SCHEMAS, "catch-all"): _schema("catch-all", 10_000, "ByUser", _groups(*_EVERYBODY)),
    (SCHEMAS, "endpoint-controller"): _schema(
        "workload-high", 150, "ByUser",
        [*_users(_MANAGER), *_accounts("endpoint-controller", "endpointslicemirroring-controller")], _ENDPOINTS,
    ),
    (SCHEMAS, "exempt"): _schema("exempt", 1, "", _groups("system:masters")),
    (SCHEMAS, "global-default"): _schema("global-default", 9900, "ByUser", _groups(*_EVERYBODY)),
    (SCHEMAS, "kube-controller-manager"): _schema("workload-high", 800, "ByNamespace", _users(_MANAGER)),
    (SCHEMAS, "kube-scheduler"): _schema("workload-high", 800, "ByNamespace", _users(_SCHEDULER)),
    (SCHEMAS, "kube-system-service-accounts"): _schema("workload-high", 900, "ByNamespace", _accounts("*")),
    (SCHEMAS, "probes"): _schema("exempt", 2, "", _groups(*_EVERYBODY), _PROBES),
    (SCHEMAS, "service-accounts"): _schema("workload-low", 9000, "ByUser", _groups("system:serviceaccounts")),
    (SCHEMAS, "system-leader-election"): _schema(
        "leader-election", 100, "ByUser",
        [*_users(_MANAGER, _SCHEDULER), *_accounts("*")], {"resourceRules": [_LEASES]},
    ),
    (SCHEMAS, "system-node-high"): _schema("node-high", 400, "ByUser", _groups("system:nodes"), _HEARTBEATS),
    (SCHEMAS, "system-nodes"): _schema("system", 500, "ByUser", _groups("system:nodes")),
    (SCHEMAS, "workload-leader-election"): _schema(
        "leader-election", 200, "ByUser", _accounts("*"), {"resourceRules": [_LEASES]}
    ),
}  # fmt: skip
MANDATORY = {(plural, name): spec for (plural, name), spec in SPECS.items() if name in ("exempt", "catch-all")}
_KINDS = {SCHEMAS: "FlowSchema", LEVELS: "PriorityLevelConfiguration"}


def objects(now: str) -> list[tuple[str, Object]]:
    """All of them, with their plurals; FlowSchemas say since when they are known to lead somewhere."""
    return [(plural, default_object(plural, name, now)) for plural, name in SPECS]


def default_object(plural: str, name: str, now: str) -> Object:
    """One of them."""
    made: Object = {
        "apiVersion": "flowcontrol.apiserver.k8s.io/v1",
        "kind": _KINDS[plural],
        "metadata": {"name": name, "annotations": dict(_KEPT_UP_TO_DATE), "generation": 1},
        "spec": SPECS[plural, name],
        "status": {},
    }
    if plural == SCHEMAS:
        level = made["spec"]["priorityLevelConfiguration"]["name"]
        made["status"] = {"conditions": [dangling(level, now, is_there=True)]}
    return made


def dangling(level: str, now: str, *, is_there: bool) -> Fields:
    """The condition that says whether a FlowSchema's priority level exists."""
    about = f'This FlowSchema references the PriorityLevelConfiguration object named "{level}" '
    return {
        "type": "Dangling",
        "status": "False" if is_there else "True",
        "lastTransitionTime": now,
        "reason": "Found" if is_there else "NotFound",
        "message": about + ("and it exists" if is_there else "but there is no such object"),
    }
