"""PodTemplates and RuntimeClasses: rows of a table. Source: pkg/printers/internalversion/printers.go."""

from __future__ import annotations

from typing import Any

from statelab.controlplane.apiserver.printing.cells import (
    AGE,
    CONTAINERS,
    IMAGES,
    NAME,
    Printer,
    Since,
    age,
    name,
    part,
)
from statelab.controlplane.kinds import Object


def _template(obj: Object, since: Since) -> list[Any]:
    template = part(obj, "template")
    containers = part(template, "spec").get("containers") or ()
    labels = part(part(template, "metadata"), "labels")
    names, images = (",".join(each.get(key, "") for each in containers) for key in ("name", "image"))
    return [name(obj), names, images, ",".join(f"{key}={labels[key]}" for key in sorted(labels)) or "<none>"]


def _class(obj: Object, since: Since) -> list[Any]:
    return [name(obj), obj.get("handler", ""), age(obj, since)]


PRINTERS = {
    "podtemplates": Printer(
        (
            NAME,
            (*CONTAINERS[:2], 0, CONTAINERS[3]),
            (*IMAGES[:2], 0, IMAGES[3]),
            ("Pod Labels", "string", 0, "The labels for the pod template."),
        ),
        _template,
    ),
    "runtimeclasses": Printer((NAME, ("Handler", "string", 0, "io.k8s.api.node.v1.RuntimeClass#handler"), AGE), _class),
}
