"""Loops that mean ill, or go astray: each is bounded, told in a sentence, and gains nothing; no check breaks down."""

from __future__ import annotations

import textwrap

import pytest

from grader import sandbox
from grader.answer import Answer
from grader.judge import judge
from grader.program import STOPPED, inside
from grader.registry import task
from grader.rubrics.ps9.library import TOO_MANY_ACTS

NOBODY = "After 20 seconds no member takes writes."
# What it tries, and what is said of it.
LOOPS = {
    "it ends the calls by the frames of who called it": (
        """
        import sys
        def reconcile(cluster):
            frame = sys._getframe()
            while frame:
                if "say" in frame.f_locals:
                    for _ in range(20):
                        frame.f_locals["say"]({"done": {}})
                frame = frame.f_back
        """,
        NOBODY,
    ),
    "it writes to whatever is open": (
        """
        import os
        def reconcile(cluster):
            for number in range(3, 30):
                try:
                    os.write(number, b'{"done": {}}' + bytes([10]) + os.urandom(300_000))
                except OSError:
                    pass
        """,
        STOPPED,
    ),
    "it puts its own in the place of ours": (
        """
        import json, __main__
        def reconcile(cluster):
            __main__.told = lambda error: {}
            cluster._put = lambda *words, **more: []
            json.dumps = lambda *words, **more: '{"done": {"error": "", "points": 30}}'
        """,
        NOBODY,
    ),
    "its error has no words": (
        """
        class Silent(Exception):
            def __str__(self):
                raise self
        def reconcile(cluster):
            raise Silent
        """,
        inside.UNTELLABLE,
    ),
    "its error is a book": ("def reconcile(cluster):\n    raise ValueError('x' * 10**7)\n", "ValueError: xxx"),
    "it goes down for ever": (
        """
        def down(depth): return down(depth + 1)
        def reconcile(cluster): down(0)
        """,
        "It raises RecursionError",
    ),
    "it asks too deeply": (
        """
        def reconcile(cluster):
            deep = []
            for _ in range(100_000): deep = [deep]
            cluster.patch("pods", "catalog-0", {"metadata": {"annotations": deep}})
        """,
        "RecursionError",
    ),
    "it would end later than it ends": (
        """
        import atexit, signal
        def for_ever(*_):
            while True: pass
        atexit.register(for_ever)
        for each in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP): signal.signal(each, for_ever)
        def reconcile(cluster): raise SystemExit
        """,
        "It raises SystemExit.",
    ),
    "it looks for what is hidden": (
        """
        import os
        def reconcile(cluster):
            packages = os.environ["PYTHONPATH"]
            seen = sorted(each for each in os.listdir(packages) if each[0] != ".")
            seen += [each for each in os.environ if "SECRET" in each or "TOKEN" in each]
            assert seen == ["grader", "statelab"] and not os.environ["STATELAB_SOLUTIONS"], seen
            open(packages + "/solutions/ps9/hidden.py")
        """,
        "It raises FileNotFoundError",
    ),
    "it lets time pass in a Pod": (
        'def reconcile(cluster):\n    cluster.exec("catalog-0", "sleep", "100000")\n', NOBODY
    ),
    "it lets time pass in a Pod, again and again": (
        'def reconcile(cluster):\n    while True:\n        cluster.exec("catalog-0", "sleep", "4")\n', NOBODY
    ),
    "it takes the label from its members": (
        """
        def reconcile(cluster):
            for pod in cluster.list("pods", app="catalog"):
                cluster.patch("pods", pod["metadata"]["name"], {"metadata": {"labels": {"app": None}}})
        """,
        NOBODY,
    ),
    "it fills the cluster": (
        """
        def reconcile(cluster):
            for number in range(400):
                body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": f"x{number}"}}
                cluster.create({**body, "data": {"a": "b" * 1000}})
        """,
        TOO_MANY_ACTS.format(count=300),
    ),
}  # fmt: skip


def no_sandbox() -> str:
    try:
        sandbox.check("sandbox")
    except sandbox.NoSandbox as error:
        return str(error)
    return ""


WHY_NOT = no_sandbox()


@pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT[:120] or "bubblewrap works")
@pytest.mark.parametrize(("text", "said"), LOOPS.values(), ids=LOOPS)
def test_a_loop_that_means_ill_gains_nothing_and_is_told_why(text: str, said: str) -> None:
    result = judge(task("ps9.loop"), Answer.of_cell(textwrap.dedent(text)))
    assert not [each.id for each in result.checks if each.broke]
    assert result.score == 0, [(each.id, each.points) for each in result.checks]
    assert said in result.checks[0].message
