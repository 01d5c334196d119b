"""The cluster as a loop asks for it: questions of grader/program/inside.py, answered by a trial's cluster.

A loop has the rights of its account and no more; who does not answer a question lets a second pass.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from grader.place import EMBEDDED
from grader.seen import kind_named
from grader.trial import Trial
from statelab.controlplane.controlplane import ControlPlane
from statelab.controlplane.errors import ApiError
from statelab.controlplane.kinds import Kind, Object
from statelab.controlplane.labels import selector_of
from statelab.manifest.relations import at

NO_ANSWER_S = 1.0
LONGEST_COMMAND_S = 5.0
MOST_AT_ONCE = 400  # questions between two seconds of the cluster
MOST_ACTS = 300
MOST_OUTPUT = 20_000
MAY = {
    "pods": frozenset({"get", "list", "patch", "delete"}),
    "configmaps": frozenset({"get", "list", "create", "patch", "delete"}),
    "leases": frozenset({"get", "list", "create", "patch", "delete"}),
    "statefulsets": frozenset({"get", "list"}),
    "services": frozenset({"get", "list"}),
    "events": frozenset({"get", "list", "create"}),
}
FORBIDDEN = "{plural} is forbidden: the loop cannot {verb} {plural} in the namespace {namespace}"
UNKNOWN = "the server doesn't have a resource type {kind}"
UNREADABLE = "this is no question: {why}"
FLOODED = "It asked {count} questions without letting a second pass: sleep, or return and be called again."
TOO_MANY_ACTS = "It changed more than {count} things in one story."
Act = Callable[[str], None]
Wait = Callable[[float], None]


class Over(Exception):
    """The loop goes beyond its bounds. `str()` says how."""


@dataclass
class Library:
    """Answers questions. `wait` lets time pass, `acted` is told of each change that was carried out, in a few words.

    `silent`: uids of Pods that do not answer the loop; `may`: what it has rights to, `MAY` if not given.
    """

    trial: Trial
    wait: Wait
    acted: Act = lambda said: None
    may: Mapping[str, frozenset[str]] = field(default_factory=lambda: MAY)
    silent: set[str] = field(default_factory=set)
    asked: int = 0
    acts: int = 0
    _since_s: float = 0.0
    _seen: dict[tuple[str, str], str] = field(default_factory=dict)  # the uid that the loop knows, by plural and name

    def handle(self, question: Mapping[str, Any]) -> dict[str, Any]:
        """Raises Over, and what `wait` and `acted` raise."""
        now_s = self.trial.cluster.loop.now_s
        if now_s - self._since_s >= 1:
            self._since_s, self.asked = now_s, 0
        self.asked += 1
        if self.asked > MOST_AT_ONCE:
            raise Over(FLOODED.format(count=MOST_AT_ONCE))
        do = getattr(self, f"_do_{question.get('do')}", None)
        if do is None:
            return {"refused": UNREADABLE.format(why="nothing is asked")}
        try:
            return {"value": do(question)}
        except ApiError as error:
            return {"refused": error.message[:500]}
        except _Refused as error:
            return {"refused": str(error)[:500]}
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            return {"refused": UNREADABLE.format(why=f"{type(error).__name__} {error}"[:200])}

    # ---- questions

    def _do_now(self, question: Mapping[str, Any]) -> float:
        return self.trial.cluster.loop.now_s

    def _do_sleep(self, question: Mapping[str, Any]) -> None:
        seconds = float(question["seconds"])
        if not math.isfinite(seconds) or seconds < 0:
            raise ValueError("so long nobody can sleep")
        self.wait(min(seconds, 3600.0))

    def _do_get(self, question: Mapping[str, Any]) -> Object | None:
        kind = self._allowed("get", question)
        found = self.trial.cluster.store.get(*self._key(kind, question["name"]))
        return self._saw(kind, [found])[0] if found is not None else None

    def _do_list(self, question: Mapping[str, Any]) -> list[Object]:
        kind = self._allowed("list", question)
        chosen = selector_of({"matchLabels": {str(key): str(value) for key, value in question["labels"].items()}})
        where = self.trial.namespace if kind.namespaced else ""
        found = self.trial.cluster.store.list(kind.plural, where)
        return self._saw(kind, [each for each in found if chosen(at(each, "metadata", "labels") or {})])

    def _saw(self, kind: Kind, objects: list[Object]) -> list[Object]:
        for each in objects:
            self._seen[kind.plural, each["metadata"]["name"]] = each["metadata"]["uid"]
        return objects

    def _do_create(self, question: Mapping[str, Any]) -> Object:
        body = question["body"]
        self._allowed("create", {"kind": str(body["kind"])})
        if at(body, "metadata", "namespace") not in (None, self.trial.namespace):
            raise _Refused(
                FORBIDDEN.format(plural=body["kind"], verb="create", namespace=body["metadata"]["namespace"])
            )
        made = self.trial.cluster.create(body, namespace=self.trial.namespace)
        self._act(f"create {body['kind'].lower()} {made['metadata']['name']}")
        return made

    def _do_patch(self, question: Mapping[str, Any]) -> Object:
        kind, patch = self._allowed("patch", question), question["patch"]
        if not isinstance(patch, dict):
            raise TypeError("a patch is a mapping")
        plural, key = self._key(kind, question["name"])
        made = self._cluster.patch(plural, key, patch, str(question.get("subresource") or "") or None)
        self._act(f"patch {kind.singular} {question['name']}")
        return made

    def _do_delete(self, question: Mapping[str, Any]) -> None:
        kind = self._allowed("delete", question)
        plural, key = self._key(kind, question["name"])
        options: dict[str, Any] = {"gracePeriodSeconds": 0} if question.get("force") else {}
        seen = self._seen.get((plural, str(question["name"])))
        if seen is not None:  # another of that name may have come meanwhile
            options["preconditions"] = {"uid": seen}
        self.trial.cluster.delete(plural, key, **options)
        self._act(f"delete {kind.singular} {question['name']}" + (" by force" if question.get("force") else ""))

    def _do_exec(self, question: Mapping[str, Any]) -> str | None:
        command = [str(each) for each in question["command"]]
        pod = self.trial.get(f"pod/{question['pod']}")
        if not command or pod is None:
            return None
        if pod.uid in self.silent or pod.phase != "Running":
            self.wait(NO_ANSWER_S)
            return None
        loop = self._cluster.loop
        began_s, container = loop.now_s, str(pod.at("spec", "containers", 0, "name"))
        ran = EMBEDDED.exec(self.trial, pod, container, command, within_s=LONGEST_COMMAND_S)
        if loop.now_s - began_s > 0.5:  # what was to happen meanwhile happens now
            self.wait(0.001)
        if not _only_asks(command):
            self._act(f"in {pod.name}: {' '.join(command)[:80]}")
        return ran.out[:MOST_OUTPUT] if ran.code == 0 else None

    # ----

    def _act(self, said: str) -> None:
        self.acts += 1
        if self.acts > MOST_ACTS:
            raise Over(TOO_MANY_ACTS.format(count=MOST_ACTS))
        self.acted(said)

    def _allowed(self, verb: str, question: Mapping[str, Any]) -> Kind:
        named = str(question["kind"])
        kind = self._kind(named)
        plural = kind.resource if kind is not None else named.lower()
        if verb not in self.may.get(plural, ()):
            name = question.get("name")
            said = FORBIDDEN.format(plural=plural, verb=verb, namespace=self.trial.namespace)
            raise _Refused(f"{said}: {name}" if name else said)
        assert kind is not None
        return kind

    def _kind(self, named: str) -> Kind | None:
        for each in self._cluster.api.kinds.custom:
            if named.lower() in (each.resource, each.singular):
                return each
        try:
            return kind_named(named)
        except KeyError:
            return None

    def _key(self, kind: Kind, name: Any) -> tuple[str, str]:
        return kind.plural, f"{self.trial.namespace}/{name}" if kind.namespaced else str(name)

    @property
    def _cluster(self) -> ControlPlane:
        assert isinstance(self.trial.cluster, ControlPlane)  # its tasks need virtual time
        return self.trial.cluster


class _Refused(Exception):
    """As the API server refuses what an account has no right to."""


_ASKS = frozenset({"info", "role", "ping", "get", "mget", "exists", "dbsize", "keys", "scan", "wait", "ttl", "type"})


def _only_asks(command: list[str]) -> bool:
    """Whether a command in a container changes nothing: Redis is asked how it is."""
    words = [each.lower() for each in command[1:] if not each.startswith("-")]
    return command[0].endswith("redis-cli") and bool(_ASKS & set(words[:3]))
