"""What may come into a trial's namespace, and how it is hardened on its way: nothing that others would notice."""

from __future__ import annotations

import re
from typing import Any

from grader.place import NotHere
from statelab.controlplane.errors import ApiError
from statelab.controlplane.kinds import BY_GROUP_VERSION_KIND, KINDS, Object
from statelab.manifest.relations import at

ALLOWED = frozenset(
    (
        "Pod",
        "Service",
        "ConfigMap",
        "Secret",
        "PersistentVolumeClaim",
        "StatefulSet",
        "Deployment",
        "ReplicaSet",
        "Job",
        "CronJob",
        "PodDisruptionBudget",
        "EndpointSlice",
        "Endpoints",
    )
)
SERVICE_NAMES = re.compile(r"kind: Service\s+metadata:\s*\{?\s*name: ([a-z0-9-]+)")  # in what tasks give
_TEMPLATED = ("StatefulSet", "Deployment", "ReplicaSet", "Job")


def admit(obj: Object) -> Object:
    """The object as it is applied. Raises ApiError for a kind no trial takes, NotHere for one only this place refuses.

    `obj` belongs to the caller, who gave us a copy: it is changed.
    """
    version, name = obj.get("apiVersion"), obj.get("kind")
    kind = BY_GROUP_VERSION_KIND.get((version, name)) if isinstance(version, str) and isinstance(name, str) else None
    if kind is None:
        said = f'no matches for kind "{name}" in version "{version}"'
        more = "" if name in ALLOWED else f"; a trial takes {', '.join(sorted(ALLOWED))}"
        raise ApiError(400, "BadRequest", said + more)
    if kind.name not in ALLOWED:
        why = "belongs to the namespace's owner" if kind.namespaced else "is outside of every namespace"
        raise NotHere(f"a {kind.name} {why}, and on a shared cluster no trial may change it")
    if kind.name == "Pod":
        _harden(obj.get("spec"))
    elif kind.name in _TEMPLATED:
        _harden(at(obj, "spec", "template", "spec"))
    elif kind.name == "CronJob":
        _harden(at(obj, "spec", "jobTemplate", "spec", "template", "spec"))
    return obj


def _harden(spec: Any) -> None:
    """What `restricted` Pod security asks for and every image of the course bears; no token, whatever is written.

    The rest of `restricted` (no root, no capabilities) would stop nginx, which is the notes' own example.
    """
    if not isinstance(spec, dict):
        return
    spec["automountServiceAccountToken"] = False
    context = spec.setdefault("securityContext", {})
    if isinstance(context, dict):
        context.setdefault("seccompProfile", {"type": "RuntimeDefault"})
    for container in (*_containers(spec, "initContainers"), *_containers(spec, "containers")):
        # `nginx` without a tag would be asked for at its registry each time, though the nodes have it: not offline.
        container.setdefault("imagePullPolicy", "IfNotPresent")
        context = container.setdefault("securityContext", {})
        if isinstance(context, dict):
            context.setdefault("allowPrivilegeEscalation", False)


def _containers(spec: Object, field: str) -> list[Object]:
    found = spec.get(field)
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def refuse_outside(plural: str) -> None:
    """For kubectl lines and checks: a write to what is outside of every namespace. Raises NotHere."""
    kind = KINDS[plural]
    if not kind.namespaced:
        raise NotHere(f"a {kind.name} is outside of every namespace, and on a shared cluster no trial may change it")
