"""The throw-away namespaces of trials: made with everything that guards them, found again by label, taken away.

Each has a name that nothing else has, a label for the run that made it, and in annotations who began it and when: so a
run takes away what it made, and `grader clean` what a run left behind that was killed.
"""

from __future__ import annotations

import contextlib
import getpass
import re
import secrets
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from grader.place import CannotGrade
from grader.tasks import Task
from statelab.cluster import Cluster, Problem, RequestRefused
from statelab.controlplane.kinds import Object

PREFIX = "statelab-trial-"
TRIAL, RUN = "statelab.dev/trial", "statelab.dev/run"
OWNER, CREATED = "statelab.dev/owner", "statelab.dev/created"
Security = Literal["baseline", "restricted"]
_EXTRA_PODS = 8  # a rolling update's surge, and what checks scale to
_READY_WITHIN_S = 30.0


def owner() -> str:
    """Who grades here: `anna@lab-7`, as annotations tell others."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError, ImportError):
        user = "unknown"
    return f"{user}@{socket.gethostname()}"


def new_run() -> str:
    return secrets.token_hex(5)


def namespace_manifest(name: str, task: str, run: str, security: Security) -> Object:
    """Pod security: `enforce` as asked for, `restricted` warned about and audited in any case."""
    levels: dict[str, str] = {"enforce": security, "warn": "restricted", "audit": "restricted"}
    labels = {f"pod-security.kubernetes.io/{mode}": level for mode, level in levels.items()}
    labels |= {TRIAL: re.sub(r"[^\w.-]", "-", task)[:63], RUN: run}
    annotations = {OWNER: owner(), CREATED: datetime.now(UTC).isoformat(timespec="seconds")}
    metadata = {"name": name, "labels": labels, "annotations": annotations}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}


def guards(most_pods: int) -> list[tuple[str, Object]]:
    """What is in the namespace before anything of the learner's: (path below the namespace, object)."""
    counted = {
        "pods": str(most_pods + _EXTRA_PODS),
        "persistentvolumeclaims": "60",
        "requests.storage": "100Gi",
        "services": "30",
        "services.loadbalancers": "0",
        "services.nodeports": "0",
        "configmaps": "60",
        "secrets": "30",
    }
    compute = {"requests.cpu": "8", "requests.memory": "4Gi", "limits.memory": "16Gi"}
    container = {
        "type": "Container",
        "defaultRequest": {"cpu": "10m", "memory": "16Mi"},
        "default": {"cpu": "500m", "memory": "256Mi"},
        "max": {"cpu": "2", "memory": "1Gi"},
    }
    claim = {"type": "PersistentVolumeClaim", "max": {"storage": "10Gi"}}
    dns = {
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}},
        "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}},
    }
    among_themselves: list[Object] = [{"podSelector": {}}]
    ports = [{"protocol": protocol, "port": 53} for protocol in ("UDP", "TCP")]
    deny = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    allow = {**deny, "ingress": [{"from": among_themselves}]}
    allow["egress"] = [{"to": among_themselves}, {"to": [dns], "ports": ports}]
    return [
        ("api/v1:resourcequotas", _object("v1", "ResourceQuota", "counted", {"hard": counted})),
        ("api/v1:limitranges", _object("v1", "LimitRange", "usual", {"limits": [container, claim]})),
        # After the LimitRange: a Pod without requests has a place under this quota only because that fills them in.
        ("api/v1:resourcequotas", _object("v1", "ResourceQuota", "compute", {"hard": compute})),
        ("apis/networking.k8s.io/v1:networkpolicies", _policy("nobody", deny)),
        ("apis/networking.k8s.io/v1:networkpolicies", _policy("each-other-and-dns", allow)),
    ]


def _object(version: str, kind: str, name: str, spec: Object) -> Object:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name}, "spec": spec}


def _policy(name: str, spec: Object) -> Object:
    return _object("networking.k8s.io/v1", "NetworkPolicy", name, spec)


class Namespaces:
    """Makes and deletes the namespaces of one run. `notes`: what this cluster has not, said once."""

    def __init__(self, cluster: Cluster, run: str, *, security: Security = "baseline", unguarded: bool = False) -> None:
        self.cluster = cluster
        self.run = run
        self.security = security
        self.notes: dict[str, None] = {}
        self._is_ours = _version(cluster).endswith("+statelab")
        self._unguarded = unguarded

    @property
    def is_statelab(self) -> bool:
        """Whether it is StateLab's own server, where containers are sandboxes and need no guard."""
        return self._is_ours

    def make(self, task: Task) -> str:
        """A namespace ready for Pods; its name. Raises CannotGrade: no permission, no such guard, no answer."""
        name = f"{PREFIX}{secrets.token_hex(6)}"
        try:
            manifest = namespace_manifest(name, task.id, self.run, self.security)
            self.cluster.request("POST", "/api/v1/namespaces", manifest)
            has_limits = True
            for path, guard in guards(task.most_pods):
                if guard["metadata"]["name"] != "compute" or has_limits:
                    made = self._guard(name, path, guard)
                    has_limits = made if guard["kind"] == "LimitRange" else has_limits
            self._without_token(name)
            self._wait_for_quotas(name)
        except RequestRefused as refusal:
            self._give_up(name)
            raise CannotGrade(
                f"No namespace for a trial can be made in context {self.cluster.context}: {refusal}. "
                "Whoever grades there needs to create and delete namespaces, and everything in them."
            ) from None
        except Problem as problem:
            raise CannotGrade(str(problem)) from None
        except CannotGrade:
            self._give_up(name)
            raise
        return name

    def _give_up(self, name: str) -> None:
        with contextlib.suppress(RequestRefused, Problem):
            delete(self.cluster, name)

    def _guard(self, name: str, path: str, guard: Object) -> bool:
        """Put a guard into the namespace; whether the cluster knows such a thing."""
        prefix, _, plural = path.partition(":")
        try:
            self.cluster.request("POST", f"/{prefix}/namespaces/{name}/{plural}", guard)
            return True
        except RequestRefused as refusal:
            if refusal.code != 404:
                raise
            if self._is_ours or self._unguarded:
                self.notes[f"This cluster knows no {guard['kind']}: the trial has none."] = None
                return False
            raise CannotGrade(
                f"Context {self.cluster.context} knows no {guard['kind']}, which keeps what learners wrote away from "
                "everything else there. Grade on another cluster; or, if nothing else is there, with --unguarded."
            ) from None

    def _without_token(self, name: str) -> None:
        """No Pod gets a token of the API server unless it asks, and admission sees to it that none asks."""
        path = f"/api/v1/namespaces/{name}/serviceaccounts/default"
        deadline_s = time.monotonic() + _READY_WITHIN_S
        while True:
            try:
                patch = {"automountServiceAccountToken": False}
                self.cluster.request("PATCH", path, patch, content_type="application/merge-patch+json")
                return
            except RequestRefused as refusal:  # a Pod is refused, too, until its service account is there
                if refusal.code != 404 or time.monotonic() > deadline_s:
                    raise
                time.sleep(0.05)

    def _wait_for_quotas(self, name: str) -> None:
        """Until each has been counted for the first time: before that the API server refuses everything it counts."""
        deadline_s = time.monotonic() + _READY_WITHIN_S
        while True:
            quotas = self.cluster.request("GET", f"/api/v1/namespaces/{name}/resourcequotas")["items"]
            if all((each.get("status") or {}).get("hard") == each["spec"]["hard"] for each in quotas):
                return
            if time.monotonic() > deadline_s:
                raise CannotGrade(f"The quotas of context {self.cluster.context} are not counted: is it overloaded?")
            time.sleep(0.05)

    def delete(self, name: str) -> None:
        delete(self.cluster, name)

    def delete_all(self) -> list[str]:
        """Every namespace of this run, whoever of its processes made it."""
        mine = [each.name for each in leftovers(self.cluster, f"{RUN}={self.run}") if not each.is_going]
        for name in mine:
            delete(self.cluster, name)
        return mine


def _version(cluster: Cluster) -> str:
    try:
        return str(cluster.request("GET", "/version").get("gitVersion", ""))
    except (RequestRefused, Problem) as error:
        raise CannotGrade(str(error)) from None


@dataclass(frozen=True, slots=True)
class Leftover:
    """A trial's namespace on the cluster. `age_s` in seconds of this machine's clock; None where it does not say."""

    name: str
    task: str
    owner: str
    age_s: float | None
    is_going: bool

    def to_json(self) -> dict[str, Any]:
        age_s = round(self.age_s) if self.age_s is not None else None
        return {"namespace": self.name, "task": self.task, "owner": self.owner, "ageSeconds": age_s}


def leftovers(cluster: Cluster, selector: str = TRIAL) -> Iterator[Leftover]:
    """The namespaces of trials: those with our label *and* our kind of name; nobody else's. Raises as requests do."""
    found = cluster.request("GET", "/api/v1/namespaces", params={"labelSelector": selector})
    for each in found["items"]:
        metadata = each["metadata"]
        labels, annotations = metadata.get("labels") or {}, metadata.get("annotations") or {}
        if metadata["name"].startswith(PREFIX) and TRIAL in labels and RUN in labels:
            yield Leftover(
                metadata["name"],
                labels[TRIAL],
                annotations.get(OWNER, "somebody"),
                _age_s(annotations.get(CREATED) or metadata.get("creationTimestamp")),
                "deletionTimestamp" in metadata,
            )


def _age_s(text: str | None) -> float | None:
    try:
        return max(0.0, (datetime.now(UTC) - datetime.fromisoformat(text or "")).total_seconds())
    except (ValueError, TypeError):
        return None


def delete(cluster: Cluster, name: str) -> None:
    """Ask for the end of one namespace, and of everything in it. One that is gone already is no error."""
    try:
        cluster.request("DELETE", f"/api/v1/namespaces/{name}", {"propagationPolicy": "Background"})
    except RequestRefused as refusal:
        if refusal.code not in (404, 409):  # 409: it is being deleted
            raise


__all__ = ["Leftover", "Namespaces", "Security", "delete", "guards", "leftovers", "new_run", "owner"]
