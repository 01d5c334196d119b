"""Why a Pod's image is not to be had, told by its name: what of it does not exist, and what it was meant to be."""

from __future__ import annotations

from grader.seen import Seen
from statelab.cluster.engine_errors import NO_NETWORK
from statelab.controlplane.image_names import parse_reference
from statelab.controlplane.runtime.images import image_for
from statelab.controlplane.runtime.images.catalog import missing, short_name
from statelab.manifest.relations import at

_REASONS = frozenset(("ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName"))
_NO_NAME = "{image} is no image name: small letters, then a colon and a tag."
_NEVER = "no node has the image {image}, and imagePullPolicy: Never says not to fetch it."
_NO_REGISTRY = "its image cannot be pulled: there is no registry called {registry}.{meant}"
_NO_IMAGE = "its image cannot be pulled: there is no image called {image}.{meant}"
_NO_TAG = "its image cannot be pulled: {image} has no tag {tag}.{meant}"
_MEANT = " Did you mean {image}?"
_STAND_IN = (
    "{image} is none of the images that run here: a stand-in runs in its place, and nobody can tell what the real "
    "one would answer. nginx:1.27 or registry.k8s.io/nginx-slim:0.24 would do."
)


def image_fault(pod: Seen) -> tuple[str, str] | None:
    """`(why, image)` for a Pod that waits for an image, in a sentence's second half; None when it does not."""
    spec = {
        each["name"]: each["image"]
        for key in ("initContainers", "containers")
        for each in pod.at("spec", key) or ()
        if each.get("image")
    }
    for key in ("initContainerStatuses", "containerStatuses"):
        for status in pod.at("status", key) or ():
            reason = at(status, "state", "waiting", "reason")
            if reason in _REASONS and status.get("name") in spec:
                image = spec[status["name"]]
                why = _why(image, reason)
                return (why, image) if why else None
    return None


def unreachable(pod: Seen) -> str | None:
    """What a node says of an image that exists and that it cannot fetch for want of a network; None otherwise."""
    if image_fault(pod) is not None:
        return None
    for key in ("initContainerStatuses", "containerStatuses"):
        for status in pod.at("status", key) or ():
            said = str(at(status, "state", "waiting", "message") or "")
            is_pulling = at(status, "state", "waiting", "reason") in _REASONS
            if is_pulling and any(word in said.lower() for word in NO_NETWORK):
                return said
    return None


def _why(image: str, reason: str) -> str:
    if reason == "InvalidImageName":
        return _NO_NAME.format(image=image)
    if reason == "ErrImageNeverPull":
        return _NEVER.format(image=image)
    reference = parse_reference(image)
    lacks = missing(reference, image_for(reference).tag_exists)
    if lacks is None:
        return ""
    meant = _MEANT.format(image=lacks.meant) if lacks.meant else ""
    if lacks.part == "registry":
        return _NO_REGISTRY.format(registry=reference.registry, meant=meant)
    if lacks.part == "repository":
        return _NO_IMAGE.format(image=image, meant=meant)
    name = short_name(image).rpartition(":")[0]
    return _NO_TAG.format(image=name, tag=reference.tag, meant=meant)


def stand_in(page: str) -> str | None:
    """What to say of a page that a stand-in gave, where the task asks for a web server; None for any other page."""
    if not page.startswith("statelab: "):
        return None
    return _STAND_IN.format(image=page.removeprefix("statelab: ").partition(" ")[0])
