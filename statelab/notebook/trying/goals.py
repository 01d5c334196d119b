"""What an empty cell is to bring about, as a line that a lesson writes and a cluster can answer.

    pod/web-4                       it exists
    sts/web Rollout                 what cluster.wait() waits for: Ready, Rollout, Bound, Gone …
    sts/web spec.replicas=5         a field; != for anything else; [0] for a place in a list
    dns web-4.nginx                 the name has an answer; dns web-4.nginx NXDOMAIN: it has none

Or a function without arguments: True (or "") when it is so, False or a sentence of what is so instead.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from statelab.cluster import Cluster, Problem, RequestRefused
from statelab.cluster import conditions as standing
from statelab.cluster.looking import only_looking
from statelab.controlplane.kinds import Object
from statelab.notebook.pictures.drawing import shortened
from statelab.notebook.strings import say

Goal = str | Callable[[], "bool | str"]
Look = Callable[[Cluster], "Seen"]

_FIELD = re.compile(r"(?P<path>[A-Za-z][\w.\-\[\]]*?)(?P<sign>!?=)(?P<value>.*)", re.DOTALL)
_STEP = re.compile(r"([^.\[\]]+)|\[(\d+)\]")
_LONGEST_SEEN = 120
# A function of a lesson looks into objects that may not be there yet, or are of another shape than it hopes.
_NOT_THERE = (KeyError, IndexError, TypeError, AttributeError, ValueError, NameError)


@dataclass(frozen=True)
class Seen:
    """Whether it is so now, and what is so instead ("" where there is nothing to say)."""

    is_so: bool
    instead: str = ""


def reader_of(goal: Goal, cluster: Cluster) -> Look:
    """What looks at a cluster for this goal. `cluster` knows the kinds. Raises Problem for a line that says nothing."""
    if callable(goal):
        return lambda _cluster: _asked(goal)
    words = goal.split(maxsplit=1) if isinstance(goal, str) else []
    if words[:1] == ["dns"] and len(words) == 2:
        return _name(words[1].split())
    if not words or "/" not in words[0]:
        raise Problem(f'"{str(goal)[:80]}" is no goal.', 'Write "pod/web-0", "sts/web spec.replicas=5" or "dns web-0".')
    kind, _ = cluster.parse(words[0])
    wanted = words[1] if len(words) == 2 else "exists"
    field = _FIELD.fullmatch(wanted)
    if field and not wanted.startswith("phase="):
        return _of(words[0], lambda obj: _field(obj, field["path"], field["sign"], field["value"]))
    is_met = standing.named(kind, wanted)
    return _of(words[0], lambda obj: Seen(is_met(obj), "" if is_met(obj) else _stands(words[0], obj)))


def look(reader: Look, cluster: Cluster) -> Seen:
    """What is so now; a cluster that does not answer is something that is so. Nothing is changed or waited for."""
    try:
        with only_looking():
            return reader(cluster)
    except (Problem, RequestRefused) as problem:
        return Seen(False, shortened(str(problem).splitlines()[0], _LONGEST_SEEN))


def _asked(function: Callable[[], bool | str]) -> Seen:
    try:
        found = function()
    except _NOT_THERE:
        return Seen(False)
    except (Problem, RequestRefused):
        raise
    except Exception as error:  # it may call what the learner has just written
        return Seen(False, shortened(f"{type(error).__name__}: {error}", _LONGEST_SEEN))
    if isinstance(found, str):
        return Seen(not found, shortened(found, _LONGEST_SEEN))
    return Seen(bool(found))


def _of(what: str, judge: Callable[[Object | None], Seen]) -> Look:
    def reader(cluster: Cluster) -> Seen:
        obj = cluster.get(what)
        found = judge(obj)
        return Seen(found.is_so, found.instead or (say("goal_no_object", what=what) if obj is None else ""))

    return reader


def _stands(what: str, obj: Object | None) -> str:
    return say("goal_no_object", what=what) if obj is None else shortened(standing.describe(obj), _LONGEST_SEEN)


def _field(obj: Object | None, path: str, sign: str, value: str) -> Seen:
    if obj is None:
        return Seen(False)
    found = at(obj, path)
    is_so = (as_text(found) == value) is (sign == "=")
    name = path.rpartition(".")[2]
    return Seen(is_so, "" if is_so else say("goal_field", field=name, value=as_text(found) or say("goal_nothing")))


def at(obj: Any, path: str) -> Any:
    """The value at "spec.template.spec.containers[0].image"; None where there is none."""
    for key, place in _STEP.findall(path):
        if place and isinstance(obj, list) and int(place) < len(obj):
            obj = obj[int(place)]
        elif key and isinstance(obj, dict):
            obj = obj.get(key)
        else:
            return None
    return obj


def as_text(value: Any) -> str:
    """A value as YAML writes it: true, 5, web."""
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else shortened(str(value), _LONGEST_SEEN)


def _name(words: list[str]) -> Look:
    name, wants_none = words[0], words[1:] == ["NXDOMAIN"]
    if words[1:] and not wants_none:
        raise Problem(f'"dns {" ".join(words)[:80]}" is no goal.', 'Write "dns web-0.nginx", or that and NXDOMAIN.')

    def reader(cluster: Cluster) -> Seen:
        answer = cluster.dns(name)
        is_so = (answer.rcode == "NXDOMAIN") if wants_none else bool(answer.records)
        return Seen(
            is_so, "" if is_so else say("goal_dns", name=name, answer=", ".join(answer.records) or answer.rcode)
        )

    return reader
