"""A loop that keeps the Pods of a Desk, and what its next call did: run in a cluster, situation by situation."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from grader.program.inside import Program
from grader.rubrics.ps9.library import MAY, Library
from grader.shared import remembered
from grader.tasks import Task
from grader.trial import Trial
from grader.vocabulary import COUNT, NOBODY, Kind, pods

# Stands in the notebook as it stands here: a test holds one against the other.
LOOP = """\
def reconcile(cluster):
    desk = cluster.get("desks", "front")
    if desk is None:
        return
    wanted = desk["spec"]["clerks"]
    pods = cluster.list("pods", desk="front")           # those that are stopping are among them
    names = sorted(pod["metadata"]["name"] for pod in pods)
    ready = len([pod for pod in pods if is_ready(pod)])  # one that is stopping is not

    if len(names) < wanted:
        free = [f"front-{n}" for n in range(wanted) if f"front-{n}" not in names]
        cluster.create(clerk(free[0]))
    elif len(names) > wanted:
        cluster.delete("pods", names[-1])
    elif desk.get("status", {}).get("ready") != ready:
        cluster.patch("desks", "front", {"status": {"ready": ready}}, subresource="status")
"""

_HELPERS = """

def is_ready(pod):
    conditions = pod.get("status", {}).get("conditions", [])
    stopping = "deletionTimestamp" in pod["metadata"]
    return not stopping and any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


def clerk(name):
    container = {"name": "clerk", "image": "registry.k8s.io/nginx-slim:0.24"}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"desk": "front"}},
        "spec": {"containers": [container]},
    }
"""

_DEFINITION = """\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: desks.library.example}
spec:
  group: library.example
  scope: Namespaced
  names: {kind: Desk, plural: desks, singular: desk}
  versions:
  - name: v1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
    subresources: {status: {}}
"""
_MAY = {**MAY, "desks": frozenset({"get", "list", "patch"}), "pods": frozenset({"get", "list", "create", "delete"})}

_IT = r"(?:(?:it|the loop|the call|this call|that call|one call|reconcile)\s+)?(?:(?:will|would|just|only|simply)\s+)*"
_POD = (
    r"(?:\s+(?:again|back|anew|a|an|the|one|another|new|missing|last|extra|pods?|front-\d|annex-0|replacement|stranger|"
    r"called|named|for|of|it))*"
)
_STATUS = (  # each word ends at its end: a text of many words is read in one way only
    r"(?:(?:the|its|desk|desks|desk's|status|ready|field|count|number|value|to|back|into|in|with|from|of|at|again|\d+)"
    r"\b[\s.:=]*)"
)
_BE = r"(?:is|are|gets?|will be)\s+(?:being\s+)?"
ACT = Kind(
    "create, delete, status or nothing",
    {"create": frozenset(), "delete": frozenset(), "status": frozenset(), "nothing": NOBODY},
    forms={
        "create": re.compile(
            rf"{_IT}(?:(?:re-?)?creat(?:es?|ed|ing|ion)|makes?|adds?|replaces?){_POD}"
            rf"|(?:a|the|one|front-\d){_POD}\s+{_BE}(?:re-?)?created(?: again| anew)?"
        ),
        "delete": re.compile(
            rf"{_IT}(?:delet(?:es?|ed|ing|ion)|removes?|removed|kills?){_POD}"
            rf"|(?:a|the|one|front-\d|annex-0){_POD}\s+{_BE}(?:deleted|removed)"
        ),
        "status": re.compile(
            rf"{_IT}(?:patch(?:es|ed)?|writes?|updates?|sets?|corrects?|changes?|fix(?:es)?|puts?)\s+{_STATUS}+"
            rf"|{_IT}patch(?:es)?|(?:the )?status\b[\s.:=]*{_STATUS}*(?:update|patch|write)?"
            rf"|(?:the )?(?:status|ready)\b[\s.]*{_STATUS}*{_BE}"
            rf"(?:patched|written|updated|set|corrected|changed)\b\s*{_STATUS}*"
            rf"|ready[\s:=]+(?:to )?\d"
        ),
        "nothing": re.compile(
            rf"{_IT}(?:does nothing|do nothing|changes nothing|returns?|waits?)"
            r"(?: at all| early| at once| immediately)?"
            r"|no (?:new )?pods? (?:is|are) (?:created|deleted|made|removed)"
            r"|nothing (?:at all|happens|changes|is done|is changed|to do)|no[ -]?(?:changes?|action|op)"
            rf"|{_IT}does(?:n't| not) (?:do|change|create|delete) anything"
        ),
    },
)

QUESTIONS: Mapping[str, Kind] = {
    "asleep": ACT, "again": ACT, "stopping": ACT, "stranger": ACT, "who-goes": pods("front"), "by-hand": ACT,
    "fewer": COUNT, "gone": ACT,
}  # fmt: skip
START = "".join(f"{each}:\n" for each in QUESTIONS)


@dataclass(frozen=True, slots=True)
class Called:
    """What one call did, in a word; and the Pods of the Desk when it had returned, those that are stopping left out."""

    act: str
    left: tuple[str, ...]
    gone: tuple[str, ...]


Happens = Callable[[Trial], object]


def next_call(happens: Happens) -> Called:
    """A Desk of three, well kept; something happens; the loop, just started, is called once."""
    trial = _kept_desk()
    happens(trial)
    before = _names(trial)
    acts = _call(trial)
    after = _names(trial)
    words = {"create": "create", "delete": "delete", "patch": "status"}
    return Called(words[acts[0].split()[0]] if acts else "nothing", after, tuple(sorted({*before} - {*after})))


def _kept_desk() -> Trial:
    trial = Trial(Task("ps9.desk", 1, "", given=_DEFINITION)).settle()
    desk = {"apiVersion": "library.example/v1", "kind": "Desk", "metadata": {"name": "front"}, "spec": {"clerks": 3}}
    trial.cluster.create(desk)
    for _ in range(10):
        if not _call(trial):
            break
        trial.settle()
    return trial


def _call(trial: Trial) -> list[str]:
    acts: list[str] = []
    library = Library(trial, lambda seconds: None, acts.append, _MAY)
    Program(LOOP + _HELPERS, library.handle).call()
    return acts


def _names(trial: Trial) -> tuple[str, ...]:
    pods = trial.all("pod", desk="front")
    return tuple(sorted(each.name for each in pods if each.at("metadata", "deletionTimestamp") is None))


def change(trial: Trial, patch: Any, subresource: str = "") -> None:
    """Somebody changes the Desk by hand."""
    path = "/".join(filter(None, ["/apis/library.example/v1/namespaces/default/desks/front", subresource]))
    trial.place.api(trial).request("PATCH", path, None, patch, content_type="application/merge-patch+json")


def _a_stranger_comes(trial: Trial) -> None:
    metadata = {"name": "annex-0", "labels": {"desk": "front"}}
    container = {"name": "clerk", "image": "registry.k8s.io/nginx-slim:0.24"}
    trial.cluster.create({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": [container]}})
    trial.settle()


@remembered
def situations() -> dict[str, str]:
    """Question → what the loop did."""
    stranger = next_call(_a_stranger_comes)
    return {
        "asleep": next_call(lambda trial: trial.delete("pod/front-1").settle()).act,
        "again": next_call(lambda trial: None).act,
        "stopping": next_call(lambda trial: trial.delete("pod/front-1")).act,
        "stranger": stranger.act,
        "by-hand": next_call(lambda trial: change(trial, {"status": {"ready": 7}}, "status")).act,
    }


@remembered
def who_goes() -> tuple[str, ...]:
    return next_call(_a_stranger_comes).gone
