"""Who may administer devices that others use: only claims in namespaces that are marked for it.

Source: pkg/registry/resource/utils.go (AuthorizedForAdmin).
"""

from __future__ import annotations

from statelab.controlplane.apiserver.registry.service_ips import Reader
from statelab.controlplane.apiserver.validation.fields import forbidden
from statelab.controlplane.errors import invalid
from statelab.controlplane.kinds import KINDS, Object

PLURALS = ("resourceclaims", "resourceclaimtemplates")
_LABEL = "resource.kubernetes.io/admin-access"
_WHY = f"admin access to devices requires the `{_LABEL}: true` label on the containing namespace"


def check(plural: str, obj: Object, cluster: Reader) -> None:
    """Raises ApiError 422 for a new claim, or template of one, that asks for what its namespace may not."""
    spec, metadata = obj["spec"], obj["metadata"]
    claim = spec if plural == PLURALS[0] else spec["spec"]
    for index, request in enumerate((claim.get("devices") or {}).get("requests") or ()):
        if not (request.get("exactly") or {}).get("adminAccess"):
            continue
        namespace = cluster.get("namespaces", metadata["namespace"])
        if namespace is None or (namespace["metadata"].get("labels") or {}).get(_LABEL) != "true":
            cause = forbidden(f"spec.devices.requests[{index}].adminAccess", _WHY)
            raise invalid(KINDS[plural], metadata.get("name", ""), [cause])
        return
