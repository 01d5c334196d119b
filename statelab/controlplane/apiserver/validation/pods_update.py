"""What of a Pod may change, and its status. Source: pkg/apis/core/validation/validation.go (ValidatePodUpdate)."""

from __future__ import annotations

from typing import Any

from statelab.controlplane import qos
from statelab.controlplane.apiserver.encoding.go_json import go_quote
from statelab.controlplane.apiserver.validation import difference, meta, names, pods
from statelab.controlplane.apiserver.validation.fields import Errors, Fields, forbidden, invalid
from statelab.controlplane.kinds import Object

_UPDATABLE = ",".join(
    (
        "`spec.containers[*].image`",
        "`spec.initContainers[*].image`",
        "`spec.activeDeadlineSeconds`",
        "`spec.tolerations` (only additions to existing tolerations)",
        "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)",
    )
)
_SPEC = "io.k8s.api.core.v1.PodSpec"
_EPHEMERAL = "io.k8s.api.core.v1.EphemeralContainer"


def update(pod: Object, old: Object) -> Errors:
    errors = meta.metadata_update(pod["metadata"], old["metadata"])
    errors += pods.metadata_and_spec(pod)
    errors += _annotation_changes(pod["metadata"], old["metadata"])
    spec, before = pod["spec"], old["spec"]
    for key in ("containers", "initContainers"):
        new, was = spec.get(key) or [], before.get(key) or []
        if len(new) != len(was):
            return [*errors, forbidden(f"spec.{key}", "pod updates may not add or remove containers")]
    deadline, last = spec.get("activeDeadlineSeconds"), before.get("activeDeadlineSeconds")
    field = "spec.activeDeadlineSeconds"
    if deadline is not None:
        if not 0 <= deadline <= pods.LARGEST_INT32:
            why = f"must be between 0 and {pods.LARGEST_INT32}, inclusive"
            return [*errors, invalid(field, deadline, why)]
        if last is not None and last < deadline:
            return [*errors, invalid(field, deadline, "must be less than or equal to previous value")]
    elif last is not None:
        errors.append(invalid(field, None, "must not update from a positive integer to nil value"))
    errors += _only_added_tolerations(spec.get("tolerations") or [], before.get("tolerations") or [])
    known = {gate.get("name") for gate in before.get("schedulingGates") or ()}
    for index, gate in enumerate(spec.get("schedulingGates") or ()):
        if gate.get("name") not in known:
            why = f"only deletion is allowed, but found new scheduling gate '{gate.get('name')}'"
            errors.append(forbidden(f"spec.schedulingGates[{index}].name", why))
    if not difference.differ(spec, before):
        return errors
    if qos.qos_class(spec) != qos.qos_class(before):
        shown = (pod.get("status") or {}).get("qosClass", "")
        errors.append(invalid("metadata", shown, "Pod QOS Class may not change as a result of resizing"))
    munged = _munged(spec, before, errors)
    if difference.differ(munged, before):
        shown = difference.text(_SPEC, before, munged)
        why = f"pod updates may not change fields other than {_UPDATABLE}\n{shown}"
        errors.append(forbidden("spec", why))
    return errors


def update_ephemeral(pod: Object, old: Object) -> Errors:
    """What is wrong with the ephemeral containers of a Pod: one that is there stays, and stays as it is."""
    errors = meta.metadata_update(pod["metadata"], old["metadata"]) + pods.metadata_and_spec(pod)
    if pods.MIRROR in (old["metadata"].get("annotations") or {}):
        errors.append(forbidden("", "static pods do not support ephemeral containers"))
    found = {each["name"]: each for each in pod["spec"].get("ephemeralContainers") or ()}
    for each in old["spec"].get("ephemeralContainers") or ():
        name = go_quote(each["name"])
        if each["name"] not in found:
            words = f"existing ephemeral containers {name} may not be removed\n"
            errors.append(forbidden("spec.ephemeralContainers", words))
        elif found[each["name"]] != each:
            shown = difference.text(_EPHEMERAL, each, found[each["name"]])
            words = f"existing ephemeral containers {name} may not be changed\n{shown}"
            errors.append(forbidden("spec.ephemeralContainers", words))
    return errors


def _munged(spec: Fields, before: Fields, errors: Errors) -> Fields:
    """The new spec with everything that may change taken from the old one."""
    munged: Fields = dict(spec)
    for key in ("containers", "initContainers"):
        if spec.get(key):
            munged[key] = [
                {**new, "image": was.get("image", "")} for new, was in zip(spec[key], before[key], strict=True)
            ]
    for key in ("activeDeadlineSeconds", "tolerations", "schedulingGates"):
        munged.pop(key, None)
        if key in before:
            munged[key] = before[key]
    if before.get("terminationGracePeriodSeconds", 0) < 0 and spec.get("terminationGracePeriodSeconds") == 1:
        munged["terminationGracePeriodSeconds"] = before["terminationGracePeriodSeconds"]
    if before.get("schedulingGates"):
        selector, was = spec.get("nodeSelector") or {}, before.get("nodeSelector") or {}
        if any(selector.get(key) != value for key, value in was.items()):
            why = "only additions to spec.nodeSelector are allowed (no mutations or deletions)"
            errors.append(invalid("spec.nodeSelector", selector, why))
        munged["nodeSelector"] = was or None
        affinity = {key: value for key, value in (spec.get("affinity") or {}).items() if key != "nodeAffinity"}
        kept = (before.get("affinity") or {}).get("nodeAffinity")
        munged["affinity"] = {**affinity, "nodeAffinity": kept} if kept or affinity else before.get("affinity")
    return munged


def _annotation_changes(metadata: Fields, before: Fields) -> Errors:
    errors: Errors = []
    new, old = metadata.get("annotations") or {}, before.get("annotations") or {}
    for key in sorted({*new, *old}):
        if new.get(key) == old.get(key):
            continue
        verb = "remove or update" if key in old else "add"
        if key.startswith(pods.APP_ARMOR):
            errors.append(forbidden(f"metadata.annotations[{key}]", f"may not {verb} AppArmor annotations"))
        if key == pods.MIRROR:
            errors.append(forbidden(f"metadata.annotations[{key}]", f"may not {verb} mirror pod annotation"))
    return errors


def _only_added_tolerations(new: list[Fields], old: list[Fields]) -> Errors:
    def without_seconds(toleration: Fields) -> frozenset[tuple[str, str]]:
        return frozenset((key, value) for key, value in toleration.items() if key != "tolerationSeconds")

    kept = {without_seconds(each) for each in new}
    if any(without_seconds(each) not in kept for each in old):
        why = "existing toleration can not be modified except its tolerationSeconds"
        return [forbidden("spec.tolerations", why)]
    return []


def update_status(pod: Object, old: Object) -> Errors:
    errors = meta.metadata_update(pod["metadata"], old["metadata"])
    status, before = pod.get("status") or {}, old.get("status") or {}
    for index, condition in enumerate(status.get("conditions") or ()):
        if condition.get("type") not in ("PodScheduled", "Ready", "Initialized"):
            errors += names.check_qualified(condition.get("type", ""), f"metadata.conditions[{index}].Type")
    nominated = status.get("nominatedNodeName")
    if nominated and nominated != before.get("nominatedNodeName"):
        errors += names.check_subdomain(nominated, "status.nominatedNodeName")
    policy = old["spec"].get("restartPolicy", "Always")
    errors += _transitions(status, before, "containerStatuses", policy, old["spec"])
    errors += _transitions(status, before, "initContainerStatuses", policy, old["spec"])
    errors += _transitions(status, before, "ephemeralContainerStatuses", "Never", old["spec"])
    for key, where in (("podIPs", "status.podIPs"), ("hostIPs", "status.hostIPs")):
        errors += _ips(status.get(key) or [], where)
    hosts: list[Fields] = status.get("hostIPs") or []
    if hosts and hosts[0].get("ip") != status.get("hostIP"):
        errors.append(invalid("status.hostIPs[0].ip", hosts[0].get("ip", ""), "must be equal to `hostIP`"))
    return errors


def _transitions(status: Fields, before: Fields, key: str, policy: str, spec: Fields) -> Errors:
    """A container that ended for good does not come back (ValidateContainerStateTransition)."""
    if policy == "Always":
        return []
    errors: Errors = []
    sidecars = {each.get("name") for each in spec.get("initContainers") or () if each.get("restartPolicy") == "Always"}
    own = {each.get("name"): each.get("restartPolicy") for each in spec.get("containers") or ()}
    now: dict[Any, Fields] = {each.get("name"): each for each in status.get(key) or ()}
    for index, was in enumerate(before.get(key) or ()):
        ended = (was.get("state") or {}).get("terminated")
        name = was.get("name")
        if ended is None or (ended.get("exitCode") and policy == "OnFailure"):
            continue
        if (key == "initContainerStatuses" and name in sidecars) or own.get(name):
            continue
        if name in now and "terminated" not in (now[name].get("state") or {}):
            why = "may not be transitioned to non-terminated state"
            errors.append(forbidden(f"status.{key}[{index}].state", why))
    return errors


def _ips(found: list[Fields], field: str) -> Errors:
    errors: Errors = []
    texts = [each.get("ip", "") for each in found]
    for index, text in enumerate(texts):
        errors += names.check_ip(text, f"{field}[{index}]")
    if len(texts) > 1 and (len({":" in text for text in texts}) < 2 or len(texts) > 2):
        errors.append(invalid(field, found, "may specify no more than one IP for each IP family"))
    return errors
