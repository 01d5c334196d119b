"""What does not depend on an answer, made once and not for each learner: scenes, and what scenarios came to.

A *scene* is a trial's cluster with what the task gives, settled, before any answer is there. `grader run` grades each
submission in a process forked from one that holds scenes ready: the child finds them in its copy of the memory and uses
them up, while the parent's stay as they were. What a child had to make itself it tells the parent (`learned`), which
has it ready for the next (`take_over`). Nothing here changes a verdict: a scene comes from a task, a namespace and a
seed alone, and nobody's answer has been near it.

Where nothing is forked, scenes are made when they are needed, and scenarios are remembered for the life of the process.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from grader.registry import NoSuchTask, task

if TYPE_CHECKING:
    from grader.tasks import Task
    from grader.trial import Trial

_P = ParamSpec("_P")
_T = TypeVar("_T")
_MOST_SCENES = 200
_MOST_ALIKE = 20


@dataclass(frozen=True, slots=True)
class Scene:
    """What a trial begins with. `with_given`: a prediction that somebody made needs nothing of what its task gives."""

    task: str
    namespace: str
    seed: int
    with_given: bool


@dataclass(slots=True)
class Learned:
    """What a process found out that the next ones need not: plain values, they go over a pipe."""

    scenes: dict[Scene, int] = field(default_factory=dict)  # how many of each were used
    observations: dict[tuple[Any, ...], Any] = field(default_factory=dict)


_used: Counter[Scene] = Counter()
_wanted: Counter[Scene] = Counter()
_ready: dict[Scene, list[Trial]] = {}
_observations: dict[tuple[Any, ...], Any] = {}
_new_observations: list[tuple[Any, ...]] = []


def scene_of(chosen: Task, namespace: str, seed: int, with_given: bool) -> Scene | None:
    """The scene's name; None for a task that a rubric makes up as it goes: nobody else will ask for it."""
    try:
        known = task(chosen.id) is chosen
    except NoSuchTask:
        return None
    return Scene(chosen.id, namespace, seed, with_given) if known else None


def take(scene: Scene | None) -> Trial | None:
    """A trial without an answer that nobody has used yet, or None."""
    if scene is None:
        return None
    held = _ready.get(scene)
    if not held:
        return None
    _used[scene] += 1
    return held.pop()


def made(scene: Scene | None, uses_threads: bool) -> None:
    """A scene had to be made. One whose containers run in threads cannot be forked: it is not worth telling."""
    if scene is not None and not uses_threads:
        _used[scene] += 1


def remembered(function: Callable[_P, _T]) -> Callable[_P, _T]:
    """For what a scenario came to, by its arguments, which no answer changes: run once, then remembered.

    The value must be plain: it is handed to other processes.
    """

    @functools.wraps(function)
    def once(*args: _P.args, **kwargs: _P.kwargs) -> _T:
        key = (function.__module__, function.__qualname__, *args, *sorted(kwargs.items()))
        if key not in _observations:
            used = dict(_used)
            _observations[key] = function(*args, **kwargs)
            _new_observations.append(key)
            _used.clear()  # the scenes that it took are wanted only once
            _used.update(used)
        found: _T = _observations[key]
        return found

    return once


def learned() -> Learned:
    """What this process used and found out since it began, or since this was last asked."""
    found = Learned(dict(_used), {key: _observations[key] for key in _new_observations})
    _used.clear()
    _new_observations.clear()
    return found


def take_over(found: Learned, times: int) -> bool:
    """Remember what another process found out. Whether there is something new: see `prepare`.

    `times`: as many scenes are wanted ready as it used, times this.
    """
    new = any(key not in _observations for key in found.observations)
    _observations.update(found.observations)
    for scene, count in found.scenes.items():
        wanted = min(count * times, _MOST_ALIKE)
        if wanted > _wanted[scene]:
            _wanted[scene] = wanted
            new = True
    return new


def prepare(make: Callable[[Scene], Trial]) -> bool:
    """Make one scene of those that are wanted and not there, the rarest first; False when all are."""
    if sum(map(len, _ready.values())) >= _MOST_SCENES:
        return False
    missing = [scene for scene, wanted in _wanted.items() if len(_ready.get(scene, ())) < wanted]
    if not missing:
        return False
    scene = min(missing, key=lambda each: len(_ready.get(each, ())))
    held = _ready.pop(scene, [])  # so that it is not taken from them
    held.append(make(scene))
    _ready[scene] = held
    learned()  # what was made here was not used
    return True


def forget() -> None:
    """Let go of everything that is held ready."""
    learned()
    _ready.clear()
    _wanted.clear()
    _observations.clear()
