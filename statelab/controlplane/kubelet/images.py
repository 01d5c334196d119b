"""Images on a node: present, pulled, or not to be had; and the words for each.

Source: pkg/kubelet/images/image_manager.go. Whether an image can be pulled is the runtime's to say (runtime/images).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING

from statelab.controlplane.image_names import parse_reference
from statelab.controlplane.kinds import Object
from statelab.controlplane.kubelet.backoff import BackOff
from statelab.controlplane.kubelet.steps import Work

if TYPE_CHECKING:
    from statelab.controlplane.runtime.runtime import Runtime

# Names on a node that are one image. containerd reports a container's image by the first of its names, so a Pod that
# asks for nginx-slim:0.21 says nginx:1.27 in its status (see tests/conformance/golden/statefulset-ordered-create.json).
_SAME_IMAGE: dict[str, str] = dict.fromkeys(
    (
        "docker.io/library/nginx:1.28",
        "registry.k8s.io/nginx-slim:0.21",
        "registry.k8s.io/nginx-slim:0.24",
    ),
    "docker.io/library/nginx:1.27",
)

Tell = Callable[..., None]  # (reason, message, type="Normal"): an event about the container


class ImageError(Exception):
    """No image: `reason` and `message` are those of the container's waiting state."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


def reported(image: str) -> tuple[str, str]:
    """`(image, imageID)` as the status of a container that runs it says."""
    name = parse_reference(image).full
    name = _SAME_IMAGE.get(name, name)
    return name, "sha256:" + hashlib.sha256(name.encode()).hexdigest()


class Images:
    """One node's image manager."""

    __slots__ = ("_back_off", "_last_error", "_now", "_pulled", "_runtime")

    def __init__(self, runtime: Runtime, now: Callable[[], float]) -> None:
        self._runtime = runtime
        self._now = now
        self._back_off = BackOff()
        self._last_error: dict[str, str] = {}
        self._pulled: set[str] = set()

    def ensure(self, pod: Object, container: Object, tell: Tell) -> Work:
        """Have the image, pulling it if the policy says so. Raises ImageError."""
        image, policy = container["image"], container.get("imagePullPolicy") or "IfNotPresent"
        key = f"{pod['metadata']['uid']}_{image}"
        pull = self._runtime.pull(image)
        if pull.invalid:
            problem = f'couldn\'t parse image name "{image}": {pull.error}'
            message = f'Failed to apply default image tag "{image}": {problem}'
            tell("InspectFailed", message, type="Warning")
            raise ImageError("InvalidImageName", message)
        name = parse_reference(image).full
        # What the runtime has at hand is as good as pulled, and not yet on the node: Never takes what a Pod brought.
        present = name in self._pulled or (pull.present and policy != "Never")
        if present and policy != "Always":
            self._pulled.add(name)
            tell("Pulled", f'Container image "{image}" already present on machine and can be accessed by the pod')
            return
        if policy == "Never":
            message = f'Container image "{image}" is not present with pull policy of Never'
            tell("ErrImageNeverPull", message, type="Warning")
            raise ImageError("ErrImageNeverPull", message)
        if self._back_off.remaining_s(key, self._now()) > 0:
            message = f'Back-off pulling image "{image}"'
            tell("BackOff", message)
            raise ImageError("ImagePullBackOff", f"{message}: {self._last_error.get(key, 'ErrImagePull')}")
        tell("Pulling", f'Pulling image "{image}"')
        yield pull.delay_s
        if pull.error is not None:
            tell("Failed", f'Failed to pull image "{image}": {pull.error}', type="Warning")
            self._back_off.next(key, self._now())
            self._last_error[key] = f"ErrImagePull: {pull.error}"
            raise ImageError("ErrImagePull", pull.error)
        self._pulled.add(name)
        took = _duration(pull.delay_s)
        words = f'Successfully pulled image "{image}" in {took} ({took} including waiting).'
        tell("Pulled", f"{words} Image size: {pull.size_bytes} bytes.")

    def attempts(self, pod: Object, container: Object) -> int:
        """How often in a row the pull has failed."""
        return self._back_off.times(f"{pod['metadata']['uid']}_{container['image']}")

    def forget(self, uid: str) -> None:
        self._back_off.forget(uid)
        for key in [each for each in self._last_error if each.startswith(uid)]:
            del self._last_error[key]


def _duration(seconds: float) -> str:
    """As Go prints a time.Duration that was rounded to milliseconds."""
    if seconds < 1:
        return f"{round(seconds * 1000)}ms"
    return f"{seconds:.3f}".rstrip("0").rstrip(".") + "s"
