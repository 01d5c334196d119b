"""The map in docs/architecture.md: every function it names is there, and the ways lead past them in that order."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import pytest

from grader.answer import Answer
from grader.judge import judge
from grader.registry import task
from statelab.controlplane import ControlPlane
from statelab.controlplane.apiserver.serving.client import InProcessClient
from statelab.controlplane.dns import resolve

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
SETS = "/apis/apps/v1/namespaces/default/statefulsets"
SERVICE = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "web"},
    "spec": {"clusterIP": "None", "selector": {"app": "web"}, "ports": [{"port": 80}]},
}
SET = {
    "apiVersion": "apps/v1",
    "kind": "StatefulSet",
    "metadata": {"name": "web"},
    "spec": {
        "serviceName": "web",
        "replicas": 1,
        "selector": {"matchLabels": {"app": "web"}},
        "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {"containers": [{"name": "web", "image": "nginx:1.27"}]},
        },
        "volumeClaimTemplates": [
            {
                "metadata": {"name": "data"},
                "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
            }
        ],
    },
}

Step = tuple[str, str]  # a file below the project's folder, and a function's qualified name


def steps(title: str) -> list[Step]:
    """The functions in the table below a heading."""
    section = PAGE.split(f"## {title}\n", 1)[1].split("\n## ", 1)[0]
    found = re.findall(r"`([\w/]+\.py): ([\w.]+)` *\|", section)
    return [(file if (ROOT / file).is_file() else f"statelab/controlplane/{file}", name) for file, name in found]


TITLES = ["The way of a request", "The way of a Pod", "The way of a verdict", "Where is …?"]


@pytest.mark.parametrize(("file", "name"), [step for title in TITLES for step in steps(title)])
def test_every_function_on_the_map_is_there(file: str, name: str) -> None:
    body: list[ast.stmt] = ast.parse((ROOT / file).read_text(encoding="utf-8")).body
    for part in name.split("."):
        here = [each for each in body if getattr(each, "name", None) == part]
        if part == "__init__" and not here:
            return  # a dataclass writes its own
        assert here, f"{file} has no {name}"
        body = getattr(here[0], "body", [])


@contextmanager
def followed() -> Iterator[list[Step]]:
    """The functions of the project that are called meanwhile, each once, in the order of their first call."""
    seen: dict[Step, None] = {}
    start = f"{ROOT}/"

    def look(frame: FrameType, event: str, argument: object) -> None:
        if event == "call" and frame.f_code.co_filename.startswith(start):
            seen.setdefault((frame.f_code.co_filename.removeprefix(start), frame.f_code.co_qualname))

    called: list[Step] = []
    sys.setprofile(look)
    try:
        yield called
    finally:
        sys.setprofile(None)
        called += seen


def a_request() -> list[Step]:
    plane = ControlPlane()
    api = InProcessClient(plane)
    named = {**SET, "metadata": {"name": "followed"}}  # what a path is about is remembered: this one is new
    assert api.request("POST", SETS, None, named).code == 201
    plane.settle()
    with followed() as called:
        done = api.request("PATCH", f"{SETS}/followed/scale", None, {"spec": {"replicas": 2}}, content_type=MERGE)
    assert done.code == 200
    return called


def a_pod() -> list[Step]:
    plane = ControlPlane()
    api = InProcessClient(plane)
    api.request("POST", "/api/v1/namespaces/default/services", None, SERVICE)
    plane.settle()
    api.request("POST", SETS, None, SET)
    with followed() as called:
        plane.settle()
        assert resolve("web-0.web.default.svc.cluster.local", reader=plane.store).addresses
    return called


def a_verdict() -> list[Step]:
    file = ROOT / "tests/grader/corpus/ps3.identity/right"
    with followed() as called:
        assert judge(task("ps3.identity"), Answer.of_files([min(file.glob("*.yaml"))])).is_full
    return called


MERGE = "application/merge-patch+json"


@pytest.mark.skipif(sys.gettrace() is not None, reason="something else follows the calls")
@pytest.mark.parametrize(("title", "walk"), [*zip(TITLES[:3], [a_request, a_pod, a_verdict], strict=True)])
def test_a_real_one_passes_them_in_that_order(title: str, walk: Callable[[], list[Step]]) -> None:
    wanted = steps(title)
    assert len(wanted) > 10
    called = walk()
    missing = [step for step in wanted if step not in called]
    assert not missing
    assert sorted(wanted, key=called.index) == wanted
