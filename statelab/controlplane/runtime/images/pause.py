"""pause: holds a place and does nothing, until it is told to stop."""

from __future__ import annotations

from statelab.controlplane.runtime.images.image import Image, numbered
from statelab.controlplane.runtime.programs import Task


def pause(task: Task) -> None:
    def stop(signal: str) -> None:
        if signal in ("TERM", "INT"):
            task.error("Shutting down, got signal: " + {"TERM": "Terminated", "INT": "Interrupt"}[signal] + "\n")
            task.finish(0)

    task.on_signal = stop


IMAGE = Image(
    entrypoint=("/pause",),
    user=65535,
    programs={"/pause": pause, "pause": pause},
    commands=frozenset(),
    tag_exists=numbered("1", "2", "3"),
    size_bytes=320_000,
)
