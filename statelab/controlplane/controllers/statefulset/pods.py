"""A StatefulSet's Pods: the identity each one has (name, labels, claims), and what its controller needs to know of it.

Source: pkg/controller/statefulset/stateful_set_utils.go.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from statelab.controlplane.controllers.common.pods import (
    is_ready,
    is_terminating,
    phase,
    pod_from_template,
    ready_since_s,
)
from statelab.controlplane.controllers.statefulset.claims import claim_volumes
from statelab.controlplane.kinds import Object
from statelab.controlplane.labels import Selector

POD_NAME_LABEL = "statefulset.kubernetes.io/pod-name"
POD_INDEX_LABEL = "apps.kubernetes.io/pod-index"
REVISION_LABEL = "controller-revision-hash"
_NAME = re.compile(r"(.*)-([0-9]+)$", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Member:
    """One Pod of a set, and what decides about it, read once for each version of the Pod."""

    pod: Object
    name: str
    ordinal: int  # -1: the name is not one that this set gives
    phase: str
    is_ready: bool  # running and ready
    ready_since_s: float
    is_terminating: bool
    revision: str
    is_selected: bool  # by the set's selector and by its name

    def is_available(self, min_ready_seconds: int, now_s: float) -> bool:
        """Ready for that long."""
        return self.is_ready and (not min_ready_seconds or self.ready_since_s + min_ready_seconds <= now_s)


def member_of(pod: Object, set_name: str, selector: Selector) -> Member:
    """Read a Pod as a member of the set of that name and selector."""
    name = str(pod["metadata"]["name"])
    match = _NAME.match(name)
    is_named = match is not None and match[1] == set_name
    ordinal = int(match[2]) if match is not None and is_named and len(match[2]) < 10 else -1
    labels = pod["metadata"].get("labels") or {}
    ready = phase(pod) == "Running" and is_ready(pod)
    return Member(
        pod=pod,
        name=name,
        ordinal=ordinal,
        phase=phase(pod),
        is_ready=ready,
        ready_since_s=ready_since_s(pod) if ready else 0.0,
        is_terminating=is_terminating(pod),
        revision=labels.get(REVISION_LABEL, ""),
        is_selected=is_named and selector(labels),
    )


# ---- identity


def first_ordinal(stateful_set: Object) -> int:
    return int((stateful_set["spec"].get("ordinals") or {}).get("start", 0))


def new_pod(stateful_set: Object, template: Object, revision: str, ordinal: int) -> Object:
    """The Pod of that ordinal, for `View.create`."""
    pod = pod_from_template(template, stateful_set)
    name = f"{stateful_set['metadata']['name']}-{ordinal}"
    pod["metadata"]["name"] = name
    pod["metadata"]["labels"] |= {**_identity_labels(name, ordinal), REVISION_LABEL: revision}
    pod["spec"] |= {"hostname": name}
    if stateful_set["spec"].get("serviceName"):
        pod["spec"]["subdomain"] = stateful_set["spec"]["serviceName"]
    volumes = _volumes(stateful_set, pod, ordinal)
    if volumes:
        pod["spec"]["volumes"] = volumes
    return pod


def _identity_labels(name: str, ordinal: int) -> dict[str, str]:
    return {POD_NAME_LABEL: name, POD_INDEX_LABEL: str(ordinal)}


def _volumes(stateful_set: Object, pod: Object, ordinal: int) -> list[Object]:
    """The claims', and of the Pod's own those that have no claim's name."""
    claims = claim_volumes(stateful_set, ordinal)
    names = {volume["name"] for volume in claims}
    return [*claims, *(volume for volume in pod["spec"].get("volumes") or () if volume["name"] not in names)]


def has_identity(member: Member) -> bool:
    return bool((member.pod["metadata"].get("labels") or {}).get(POD_NAME_LABEL) == member.name)


def has_storage(stateful_set: Object, member: Member) -> bool:
    """It mounts the claims of its ordinal."""
    if not stateful_set["spec"].get("volumeClaimTemplates"):
        return True
    mounted = {
        volume["name"]: (volume.get("persistentVolumeClaim") or {}).get("claimName")
        for volume in member.pod["spec"].get("volumes") or ()
    }
    return all(
        mounted.get(volume["name"]) == volume["persistentVolumeClaim"]["claimName"]
        for volume in claim_volumes(stateful_set, member.ordinal)
    )


def repaired(stateful_set: Object, member: Member) -> Object:
    """The Pod with its labels and volumes as they should be."""
    pod = member.pod
    labels = {**(pod["metadata"].get("labels") or {}), **_identity_labels(member.name, member.ordinal)}
    spec = pod["spec"]
    if not has_storage(stateful_set, member):
        spec = {**spec, "volumes": _volumes(stateful_set, pod, member.ordinal)}
    return {**pod, "metadata": {**pod["metadata"], "labels": labels}, "spec": spec}
