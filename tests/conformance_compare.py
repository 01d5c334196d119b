"""How recordings are compared with what our API server makes: what differs for a reason, taken out on both sides."""

from __future__ import annotations

import re
from typing import Any

# The recorded control plane came from a distribution that adds this source to every Pod's token volume. Ours has
# upstream's three sources, as kind's has.
_DISTRIBUTION_SOURCE = "openshift-service-ca.crt"
_TOKEN_VOLUME = re.compile(r"kube-api-access-[a-z0-9]{5}")
_DROPPED = ("uid", "creationTimestamp", "resourceVersion", "managedFields")
_TIMES = ("lastPhaseTransitionTime",)


def comparable(value: Any, namespace: str = "$NS") -> Any:
    """A JSON value without random names, times and the distribution's own source; `namespace` becomes `$NS`."""
    if isinstance(value, dict):
        return {
            key: "$TIME" if key in _TIMES else comparable(each, namespace)
            for key, each in value.items()
            if key not in _DROPPED
        }
    if isinstance(value, list):
        return [comparable(each, namespace) for each in value if not _is_of_the_distribution(each)]
    if isinstance(value, str):
        return _TOKEN_VOLUME.sub("kube-api-access-$RAND", "$NS" if value == namespace else value)
    return value


def _is_of_the_distribution(source: Any) -> bool:
    return isinstance(source, dict) and (source.get("configMap") or {}).get("name") == _DISTRIBUTION_SOURCE
