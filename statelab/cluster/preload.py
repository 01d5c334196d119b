"""The course's images, brought to a kind cluster's nodes beforehand: a lesson does not wait for a download."""

from __future__ import annotations

from collections.abc import Sequence

from statelab.cluster.engine import Engine, Node
from statelab.cluster.kind_program import Kind
from statelab.cluster.problem import Problem
from statelab.cluster.steps import Steps

_PULLED_WITHIN_S = 600.0


def preload(
    engine: Engine, kind: Kind, name: str, nodes: Sequence[Node], images: Sequence[str], steps: Steps
) -> tuple[list[str], list[str]]:
    """Bring each image to the nodes: (those that are there now, why the others are not). Raises no Problem.

    What cannot be brought is no reason to fail: the nodes pull it when a Pod asks for it.
    """
    there: list[str] = []
    failed: list[str] = []
    is_hopeless = False
    for number, image in enumerate(images, 1):
        lacking = [node for node in nodes if not _is_on(engine, node, image)]
        if not lacking:  # whoever brought it there: nobody has to reach a registry
            there.append(image)
            continue
        if is_hopeless:
            continue
        steps.now(f"Images: {number} of {len(images)}, {image}")
        try:
            _bring(engine, kind, name, lacking, image)
            there.append(image)
        except Problem as problem:
            failed.append(f"{image}: {problem.what}")
            is_hopeless = _is_hopeless(problem)
    return there, failed


def _bring(engine: Engine, kind: Kind, name: str, nodes: Sequence[Node], image: str) -> None:
    """By way of the engine, which keeps it for the next cluster; else each node pulls it itself.

    Where Docker keeps images as containerd does, kind cannot load what was pulled for one platform alone ("content
    digest … not found", kubernetes-sigs/kind#3795).
    """
    try:
        engine.run("image", "inspect", image)
    except Problem:
        engine.run("pull", "--quiet", image, timeout_s=_PULLED_WITHIN_S)
    try:
        kind.load_image(engine, name, image)
    except Problem:
        for node in nodes:
            engine.run("exec", node.name, "crictl", "pull", image, timeout_s=_PULLED_WITHIN_S)


def _is_on(engine: Engine, node: Node, image: str) -> bool:
    """Whether a node has it."""
    try:
        engine.run("exec", node.name, "crictl", "inspecti", "--quiet", image)
    except Problem:
        return False
    return True


def _is_hopeless(problem: Problem) -> bool:
    """Without internet, or with a full disk, the next image fares no better."""
    return any(
        word in problem.what
        for word in ("internet", "cannot be pulled", "disk is full", "no more images", "not running")
    )
