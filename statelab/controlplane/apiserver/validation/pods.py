"""Pods and the specs of Pod templates. Source: pkg/apis/core/validation/validation.go (ValidatePod…)."""

from __future__ import annotations

import re
from typing import Any

from statelab.controlplane.apiserver import strategy
from statelab.controlplane.apiserver.go_json import go_quote
from statelab.controlplane.apiserver.validation import (
    containers,
    difference,
    meta,
    names,
    resources,
    scheduling,
    security,
    volumes,
)
from statelab.controlplane.apiserver.validation.fields import (
    Errors,
    Fields,
    duplicate,
    forbidden,
    go_struct,
    invalid,
    not_found,
    not_supported,
    required,
)
from statelab.controlplane.kinds import Object

RESTART_POLICIES = ("Always", "OnFailure", "Never")
_DNS_POLICIES = ("ClusterFirstWithHostNet", "ClusterFirst", "Default", "None")
_MIRROR = "kubernetes.io/config.mirror"
_DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"
_APP_ARMOR = "container.apparmor.security.beta.kubernetes.io/"
_LARGEST_INT32 = 2147483647
_NOT_EPHEMERAL = ("ports", "resources", "livenessProbe", "readinessProbe", "startupProbe", "lifecycle",
                  "resizePolicy", "restartPolicy", "restartPolicyRules")  # fmt: skip
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


def create(pod: Object) -> Errors:
    errors = _metadata_and_spec(pod, meta.metadata(pod["metadata"], namespaced=True, check_name=names.subdomain))
    spec = pod["spec"]
    if spec.get("ephemeralContainers"):
        errors.append(forbidden("spec.ephemeralContainers", "cannot be set on create"))
    if spec.get("nodeName") and spec.get("schedulingGates"):
        errors.append(forbidden("spec.nodeName", "cannot be set until all schedulingGates have been cleared"))
    return errors


def _metadata_and_spec(pod: Object, errors: Errors) -> Errors:
    spec, metadata = pod["spec"], pod["metadata"]
    if metadata.get("annotations"):
        errors += check_annotations(metadata["annotations"], spec, "metadata.annotations")
    errors += pod_spec(spec, "spec", metadata.get("name", ""), is_pod=True)
    if not spec.get("serviceAccountName"):
        for index, volume in enumerate(spec.get("volumes") or ()):
            for number, source in enumerate((volume.get("projected") or {}).get("sources") or ()):
                if "serviceAccountToken" in source:
                    field = f"spec.volumes[{index}].projected.sources[{number}].serviceAccountToken"
                    errors.append(forbidden(field, "must not be specified when serviceAccountName is not set"))
    for key in ("containers", "initContainers"):
        for index, container in enumerate(spec.get(key) or ()):
            errors += _image(container, f"spec.{key}[{index}]")
    return errors


def _image(container: Fields, field: str) -> Errors:
    image = container.get("image", "")
    if image == image.strip():
        return []
    return [invalid(f"{field}.image", image, "must not have leading or trailing whitespace")]


def check_annotations(found: Fields, spec: Fields, field: str) -> Errors:
    """Annotations that Pods give a meaning to."""
    errors: Errors = []
    if _MIRROR in found and not spec.get("nodeName"):
        why = "must set spec.nodeName if mirror pod annotation is set"
        errors.append(invalid(f"{field}[{_MIRROR}]", found[_MIRROR], why))
    cost = found.get(_DELETION_COST)
    if cost is not None and not _is_deletion_cost(cost):
        errors.append(invalid(f"{field}[{_DELETION_COST}]", cost, "must be a 32bit integer"))
    for key in sorted(found):
        if key.startswith(_APP_ARMOR):
            name, profile = key.removeprefix(_APP_ARMOR), found[key]
            if all(one.get("name") != name for one, _ in security.visit(spec, "spec")):
                errors.append(invalid(f"{field}[{key}]", name, "container not found"))
            if profile not in ("", "runtime/default", "unconfined") and not profile.startswith("localhost/"):
                why = f"invalid AppArmor profile name: {go_quote(profile)}"
                errors.append(invalid(f"{field}[{key}]", profile, why))
    return errors


def _is_deletion_cost(text: str) -> bool:
    return bool(re.fullmatch(r"0|-?[1-9][0-9]{0,9}", text)) and -(2**31) <= int(text) < 2**31


def pod_template(template: Fields, field: str) -> Errors:
    """A PodTemplateSpec (ValidatePodTemplateSpec)."""
    metadata = template.get("metadata") or {}
    spec = template.get("spec") or {}
    errors: Errors = []
    if metadata.get("labels"):
        errors += meta.labels(metadata["labels"], f"{field}.labels")
    if metadata.get("annotations"):
        errors += meta.check_annotations(metadata["annotations"], f"{field}.annotations")
        errors += check_annotations(metadata["annotations"], spec, f"{field}.annotations")
    errors += pod_spec(spec, f"{field}.spec")
    if spec.get("ephemeralContainers"):
        why = "ephemeral containers not allowed in pod template"
        errors.append(forbidden(f"{field}.spec.ephemeralContainers", why))
    return errors


def pod_spec(spec: Fields, field: str, pod_name: str = "", *, is_pod: bool = False) -> Errors:
    errors: Errors = []
    if spec.get("terminationGracePeriodSeconds") is None:
        errors.append(required(f"{field}.terminationGracePeriodSeconds"))
    by_name, found = volumes.volumes(spec.get("volumes") or [], f"{field}.volumes", pod_name)
    errors += found
    facts = containers.PodFacts(spec, by_name)
    if spec.get("resourceClaims"):
        errors += _resource_claims(spec["resourceClaims"], f"{field}.resourceClaims")
    regular: list[Fields] = spec.get("containers") or []
    errors += containers.containers(regular, facts, f"{field}.containers")
    if spec.get("initContainers"):
        errors += containers.init_containers(spec["initContainers"], regular, facts, f"{field}.initContainers")
    if spec.get("ephemeralContainers"):
        errors += _ephemeral(spec, facts, f"{field}.ephemeralContainers")
    if spec.get("resources"):
        errors += resources.requirements(spec["resources"], facts.claims, f"{field}.resources")
    if spec.get("hostNetwork"):
        errors += _host_ports(regular, f"{field}.containers", is_pod=is_pod)
    policy = spec.get("restartPolicy")
    if policy not in RESTART_POLICIES:
        here = f"{field}.restartPolicy"
        errors.append(not_supported(here, policy, RESTART_POLICIES) if policy else required(here))
    policy = spec.get("dnsPolicy")
    if policy not in _DNS_POLICIES:
        here = f"{field}.dnsPolicy"
        errors.append(not_supported(here, policy, _DNS_POLICIES) if policy else required(here))
    if spec.get("nodeSelector"):
        errors += meta.labels(spec["nodeSelector"], f"{field}.nodeSelector")
    errors += security.pod(spec, field)
    errors += scheduling.affinity(spec.get("affinity"), f"{field}.affinity")
    if spec.get("dnsConfig") is not None or policy == "None":
        errors += _dns_config(spec.get("dnsConfig"), policy or "", f"{field}.dnsConfig")
    for index, gate in enumerate(spec.get("readinessGates") or ()):
        here = f"{field}.readinessGates[{index}].conditionType"
        errors += names.check_qualified(gate.get("conditionType", ""), here)
    if spec.get("schedulingGates"):
        errors += _scheduling_gates(spec["schedulingGates"], f"{field}.schedulingGates")
    if spec.get("topologySpreadConstraints"):
        errors += scheduling.spread(spec["topologySpreadConstraints"], f"{field}.topologySpreadConstraints")
    errors += security.host_process(spec, field)
    if spec.get("hostUsers") is False:
        why = "when `hostUsers` is false"
        for key in ("hostNetwork", "hostPID", "hostIPC"):
            if spec.get(key):
                errors.append(forbidden(f"{field}.{key}", why))
    return errors + _rest(spec, field)


def _rest(spec: Fields, field: str) -> Errors:
    """Single fields of the spec, in upstream's order."""
    errors: Errors = []
    for key in ("serviceAccountName", "nodeName"):
        if spec.get(key):
            errors += names.check_subdomain(spec[key], f"{field}.{key}")
    deadline = spec.get("activeDeadlineSeconds")
    if deadline is not None and not 1 <= deadline <= _LARGEST_INT32:
        why = f"must be between 1 and {_LARGEST_INT32}, inclusive"
        errors.append(invalid(f"{field}.activeDeadlineSeconds", deadline, why))
    for key in ("hostname", "subdomain"):
        if spec.get(key):
            errors += names.check_label(spec[key], f"{field}.{key}")
    if spec.get("hostnameOverride") is not None:
        errors += _hostname_override(spec, f"{field}.hostnameOverride")
    if spec.get("tolerations"):
        errors += scheduling.tolerations(spec["tolerations"], f"{field}.tolerations")
    for index, alias in enumerate(spec.get("hostAliases") or ()):
        errors += names.check_ip(alias.get("ip", ""), f"{field}.hostAliases[{index}].ip")
        for number, host in enumerate(alias.get("hostnames") or ()):
            errors += names.check_subdomain(host, f"{field}.hostAliases[{index}].hostnames[{number}]")
    if spec.get("priorityClassName"):
        errors += names.check_subdomain(spec["priorityClassName"], f"{field}.priorityClassName")
    if spec.get("runtimeClassName") is not None:
        errors += names.check_subdomain(spec["runtimeClassName"], f"{field}.runtimeClassName")
    preemption = spec.get("preemptionPolicy")
    if preemption is not None and preemption not in ("PreemptLowerPriority", "Never"):
        here = f"{field}.preemptionPolicy"
        supported = ("PreemptLowerPriority", "Never")
        errors.append(not_supported(here, preemption, supported) if preemption else required(here))
    if spec.get("overhead"):
        errors += resources.requirements({"limits": spec["overhead"]}, set(), f"{field}.overhead")
    return errors + security.operating_system(spec, field)


def _hostname_override(spec: Fields, field: str) -> Errors:
    name = spec["hostnameOverride"]
    errors: Errors = []
    if spec.get("setHostnameAsFQDN"):
        errors.append(forbidden(field, "may not be set when `setHostnameAsFQDN` is true"))
    if spec.get("hostNetwork"):
        errors.append(forbidden(field, "may not be set when `hostNetwork` is true"))
    if len(name) > 64:
        errors.append(invalid(field, name, names.at_most(64)))
    return errors + names.check_subdomain(name, field)


def _host_ports(regular: list[Fields], field: str, *, is_pod: bool) -> Errors:
    errors: Errors = []
    why = "must match `containerPort` when `hostNetwork` is true"
    for index, container in enumerate(regular):
        for number, port in enumerate(container.get("ports") or ()):
            host = port.get("hostPort", 0)
            if (is_pod or host) and host != port.get("containerPort", 0):
                errors.append(invalid(f"{field}[{index}].ports[{number}].hostPort", host, why))
    return errors


def _resource_claims(claims: list[Fields], field: str) -> Errors:
    errors: Errors = []
    seen: set[str] = set()
    for index, claim in enumerate(claims):
        here = f"{field}[{index}]"
        name = claim.get("name", "")
        if not name:
            errors.append(required(f"{here}.name"))
        elif name in seen:
            errors.append(duplicate(f"{here}.name", name))
        else:
            errors += names.check_label(name, f"{here}.name")
            seen.add(name)
        direct, template = claim.get("resourceClaimName"), claim.get("resourceClaimTemplateName")
        shown = go_struct("io.k8s.api.core.v1.PodResourceClaim", claim)
        if direct is not None and template is not None:
            why = "at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified"
            errors.append(invalid(here, shown, why))
        if direct is None and template is None:
            why = "must specify one of: `resourceClaimName`, `resourceClaimTemplateName`"
            errors.append(invalid(here, shown, why))
        for key, value in (("resourceClaimName", direct), ("resourceClaimTemplateName", template)):
            if value is not None:
                errors += names.check_subdomain(value, f"{here}.{key}")
    return errors


def _ephemeral(spec: Fields, facts: containers.PodFacts, field: str) -> Errors:
    errors: Errors = []
    others = {each.get("name") for key in ("containers", "initContainers") for each in spec.get(key) or ()}
    taken = set(others)
    for index, container in enumerate(spec["ephemeralContainers"]):
        here = f"{field}[{index}]"
        errors += containers.common(container, facts, here) + _image(container, here)
        name = container.get("name", "")
        if name in taken:
            errors.append(duplicate(f"{here}.name", name))
        taken.add(name)
        target = container.get("targetContainerName", "")
        if target and target not in others:
            errors.append(not_found(f"{here}.targetContainerName", target))
        for key in _NOT_EPHEMERAL:
            if container.get(key):
                errors.append(forbidden(f"{here}.{key}", "cannot be set for an Ephemeral Container"))
        for number, mount in enumerate(container.get("volumeMounts") or ()):
            for key in ("subPath", "subPathExpr"):
                if mount.get(key):
                    where = f"{here}.volumeMounts[{number}].{key}"
                    errors.append(forbidden(where, "cannot be set for an Ephemeral Container"))
    return errors


def _dns_config(config: Fields | None, policy: str, field: str) -> Errors:
    if policy == "None":
        if config is None:
            return [required(field, "must provide `dnsConfig` when `dnsPolicy` is None")]
        if not config.get("nameservers"):
            why = "must provide at least one DNS nameserver when `dnsPolicy` is None"
            return [required(f"{field}.nameservers", why)]
    if config is None:
        return []
    errors: Errors = []
    servers, searches = config.get("nameservers") or [], config.get("searches") or []
    if len(servers) > 3:
        errors.append(invalid(f"{field}.nameservers", servers, "must not have more than 3 nameservers"))
    for index, server in enumerate(servers):
        errors += names.check_ip(server, f"{field}.nameservers[{index}]")
    if len(searches) > 32:
        errors.append(invalid(f"{field}.searches", searches, "must not have more than 32 search paths"))
    if len(" ".join(searches)) > 2048:
        why = "must not have more than 2048 characters (including spaces) in the search list"
        errors.append(invalid(f"{field}.searches", searches, why))
    for index, search in enumerate(searches):
        if search != ".":
            # Underscores are common in search paths, so these are laxer than other names.
            errors += _search_path(search.removesuffix("."), f"{field}.searches[{index}]")
    for index, option in enumerate(config.get("options") or ()):
        if not option.get("name"):
            errors.append(required(f"{field}.options[{index}]", "must not be empty"))
    return errors


_LAX_LABEL = "[a-z0-9_]([-_a-z0-9]*[a-z0-9_])?"
_LAX = rf"{_LAX_LABEL}(\.{_LAX_LABEL})*"
_lax_re = re.compile(_LAX)


def _search_path(text: str, field: str) -> Errors:
    errors: Errors = [invalid(field, text, names.at_most(253))] if len(text) > 253 else []
    if not _lax_re.fullmatch(text):
        why = (
            "an RFC 1123 subdomain must consist of lower case alphanumeric characters, '-', '_' or '.', and must start "
            f"and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '{_LAX}')"
        )
        errors.append(invalid(field, text, why))
    return errors


def _scheduling_gates(gates: list[Fields], field: str) -> Errors:
    errors: Errors = []
    seen: set[str] = set()
    for index, gate in enumerate(gates):
        name = gate.get("name", "")
        errors += names.check_qualified(name, f"{field}[{index}]")
        if name in seen:
            errors.append(duplicate(f"{field}[{index}]", name))
        seen.add(name)
    return errors


# ---- updates


def update(pod: Object, old: Object) -> Errors:
    errors = meta.metadata_update(pod["metadata"], old["metadata"])
    errors += [
        error
        for error in _metadata_and_spec(
            pod, meta.metadata(pod["metadata"], namespaced=True, check_name=names.subdomain)
        )
        if error not in errors
    ]
    errors += _annotation_changes(pod["metadata"], old["metadata"])
    spec, before = pod["spec"], old["spec"]
    for key in ("containers", "initContainers"):
        new, was = spec.get(key) or [], before.get(key) or []
        if len(new) != len(was):
            return [*errors, forbidden(f"spec.{key}", "pod updates may not add or remove containers")]
    deadline, last = spec.get("activeDeadlineSeconds"), before.get("activeDeadlineSeconds")
    field = "spec.activeDeadlineSeconds"
    if deadline is not None:
        if not 0 <= deadline <= _LARGEST_INT32:
            why = f"must be between 0 and {_LARGEST_INT32}, inclusive"
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
    if strategy.qos_class(spec) != strategy.qos_class(before):
        shown = (pod.get("status") or {}).get("qosClass", "")
        errors.append(invalid("metadata", shown, "Pod QOS Class may not change as a result of resizing"))
    munged = _munged(spec, before, errors)
    if difference.differ(munged, before):
        shown = difference.text("core.PodSpec", before, munged, _SPEC)
        why = f"pod updates may not change fields other than {_UPDATABLE}\n{shown}"
        errors.append(forbidden("spec", why))
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
        if key.startswith(_APP_ARMOR):
            errors.append(forbidden(f"metadata.annotations[{key}]", f"may not {verb} AppArmor annotations"))
        if key == _MIRROR:
            errors.append(forbidden(f"metadata.annotations[{key}]", f"may not {verb} mirror pod annotation"))
    return errors


def _only_added_tolerations(new: list[Fields], old: list[Fields]) -> Errors:
    def without_seconds(toleration: Fields) -> Fields:
        return {key: value for key, value in toleration.items() if key != "tolerationSeconds"}

    stripped = [without_seconds(each) for each in new]
    if any(without_seconds(each) not in stripped for each in old):
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
