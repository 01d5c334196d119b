"""agnhost, the Kubernetes tests' own image: many small servers behind one command."""

from __future__ import annotations

from statelab.controlplane.runtime.images.image import Image, numbered
from statelab.controlplane.runtime.images.pause import pause
from statelab.controlplane.runtime.programs import Task


def agnhost(task: Task) -> None:
    what, task.argv = (task.argv[0] if task.argv else "pause"), task.argv[1:]
    if what == "pause":
        pause(task)
    else:
        task.fail(f'Error: unknown command "{what}" for "app"\n')


IMAGE = Image(
    repositories=("registry.k8s.io/e2e-test-images/agnhost", "gcr.io/k8s-staging-e2e-test-images/agnhost"),
    also=("agnhost",),
    entrypoint=("/agnhost",),
    command=("pause",),
    programs={"/agnhost": agnhost, "agnhost": agnhost},
    tag_exists=numbered("2"),
    size_bytes=50_000_000,
)
