"""Lesson 13 says which writes are safe. The loop of its cells is put to it: fifty kills by a die, in virtual time.

Nothing here is a copy of the loop: the functions are those of the notebook's cells, and of the model answers of those
that are the learner's to write.
"""

from __future__ import annotations

import ast
import random
from pathlib import Path
from typing import Any

import nbformat
import pytest

from statelab.controlplane import ControlPlane
from statelab.course import solved
from statelab.tab import TabCluster

COURSE = Path(__file__).resolve().parents[2] / "course"
LESSON = COURSE / "13-an-operator-of-your-own.ipynb"
HELPERS = ("connect",)
WRONG = (*HELPERS, "loop")
RIGHT = (*HELPERS, "make-so", "try-choose", "try-loop")
KILLS = 50


def functions_of(cells: tuple[str, ...], cluster: Any) -> dict[str, Any]:
    """What the cells of these ids define, working on `cluster`; what they do besides is left out."""
    found = {cell.id: cell.source for cell in solved(nbformat.read(LESSON, as_version=4)).cells}
    made: dict[str, Any] = {"cluster": cluster, "pods": lambda labels: []}
    for id in cells:
        source = "\n".join("" if line.startswith("%") else line for line in found[id].splitlines())
        kept = [
            each
            for each in ast.parse(source).body
            if isinstance(each, ast.FunctionDef) or (isinstance(each, ast.ImportFrom) and each.module == "types")
        ]
        exec(compile(ast.Module(kept, []), id, "exec"), made)
    return made


class Dies(Exception):
    """The loop is killed, between any two lines of it."""


class Fragile:
    """The cluster as a loop sees it that dies after so many things it asked for; 0: it does not."""

    def __init__(self, cluster: TabCluster) -> None:
        self._cluster = cluster
        self.dies_after = 0

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._cluster, name)
        if name in ("get", "exec", "patch", "delete") and self.dies_after:
            self.dies_after -= 1
            if not self.dies_after:
                raise Dies
        return found


class Group:
    """Three members, a loop over them, and a client that writes; `acknowledged`: what it was promised."""

    def __init__(self, seed: int, cells: tuple[str, ...]) -> None:
        self.random = random.Random(seed)
        self.cluster = TabCluster(ControlPlane(seed=seed))
        self.cluster.use("lesson-13")
        for name in ("crd", "redis", "group"):
            text = (COURSE / "manifests" / f"13-{name}.yaml").read_text()
            assert self.cluster.kubectl("apply -f -", stdin=text).code == 0
            self.cluster.plane.settle()
        self.fragile = Fragile(self.cluster)
        self.its = functions_of(cells, self.fragile)
        self.client = functions_of(HELPERS, self.cluster)
        self.loop = self.cluster.loop("redisgroups", self.its["reconcile"])
        self.acknowledged: list[str] = []
        self.written = 0

    def live(self, seconds: float) -> None:
        self.loop.run(seconds)

    def write(self) -> None:
        self.written += 1
        if self.client["write"](f"order-{self.written}", self.written):
            self.acknowledged.append(f"order-{self.written}")

    def kill(self) -> None:
        victim = f"redis-{self.random.randrange(3)}"
        manner = self.random.choice(["deleted", "crashed", "busy"])
        if manner == "deleted":
            self.cluster.delete(f"pod/{victim}")
        elif manner == "crashed":
            self.client["redis"](victim, "SHUTDOWN", "NOSAVE")
        else:
            self.client["busy"](victim, self.random.randrange(5, 30))
        if self.random.random() < 0.3:
            self.fragile.dies_after = self.random.randrange(1, 15)

    def calm(self) -> None:
        """The end of the storm: everybody comes back, and the loop brings them together."""
        self.fragile.dies_after = 0
        for _ in range(40):
            self.live(15)
            said = [self.client["ask"](f"redis-{n}") for n in range(3)]
            if all(said) and len({each.history for each in said}) == 1:
                return
        pytest.fail(f"it did not come together: {said}, {self.loop.said[-5:]}")

    def lost(self) -> set[str]:
        return set(self.acknowledged) - set(self.client["orders"]())


def storm(seed: int, cells: tuple[str, ...], kills: int) -> Group:
    group = Group(seed, cells)
    group.live(20)
    for _ in range(kills):
        group.kill()
        for _ in range(group.random.randrange(1, 3)):
            group.live(group.random.uniform(0.2, 6))
            group.write()
    return group


def test_fifty_kills_lose_no_write_that_the_lesson_calls_safe():
    group = storm(13, RIGHT, KILLS)
    group.calm()
    assert len(group.acknowledged) >= KILLS / 2  # it was there for its clients, most of the time
    assert group.cluster.get("redisgroup/redis")["status"]["epoch"] > 5  # and had to decide
    assert group.lost() == set()


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
def test_other_storms_lose_none_either(seed):
    group = storm(seed, RIGHT, 12)
    group.calm()
    assert group.lost() == set()


def test_the_loop_that_believes_in_silence_loses_some():
    assert any(storm(seed, WRONG, 12).lost() for seed in range(4))
