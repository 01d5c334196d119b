"""Pods and the specs of Pod templates. Source: pkg/apis/core/validation/validation.go (ValidatePod…)."""

from __future__ import annotations

import re

from statelab.controlplane.apiserver.encoding.go_json import go_quote
from statelab.controlplane.apiserver.validation import (
    containers,
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
MIRROR = "kubernetes.io/config.mirror"
_DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"
APP_ARMOR = "container.apparmor.security.beta.kubernetes.io/"
LARGEST_INT32 = 2147483647
_POINTERS = ("livenessProbe", "readinessProbe", "startupProbe", "lifecycle")
_NOT_EPHEMERAL = ("ports", "resources", "livenessProbe", "readinessProbe", "startupProbe", "lifecycle",
                  "resizePolicy", "restartPolicy", "restartPolicyRules")  # fmt: skip


def create(pod: Object) -> Errors:
    errors = metadata_and_spec(pod)
    spec = pod["spec"]
    if spec.get("ephemeralContainers"):
        errors.append(forbidden("spec.ephemeralContainers", "cannot be set on create"))
    if spec.get("nodeName") and spec.get("schedulingGates"):
        errors.append(forbidden("spec.nodeName", "cannot be set until all schedulingGates have been cleared"))
    return errors


def metadata_and_spec(pod: Object) -> Errors:
    """What holds for a Pod that is new or changed (validatePodMetadataAndSpec)."""
    spec, metadata = pod["spec"], pod["metadata"]
    errors = meta.metadata(metadata, namespaced=True, check_name=names.subdomain)
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
    if MIRROR in found and not spec.get("nodeName"):
        why = "must set spec.nodeName if mirror pod annotation is set"
        errors.append(invalid(f"{field}[{MIRROR}]", found[MIRROR], why))
    cost = found.get(_DELETION_COST)
    if cost is not None and not _is_deletion_cost(cost):
        errors.append(invalid(f"{field}[{_DELETION_COST}]", cost, "must be a 32bit integer"))
    for key in sorted(found):
        if key.startswith(APP_ARMOR):
            name, profile = key.removeprefix(APP_ARMOR), found[key]
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
        errors += resources.of_pod(spec, facts.claims, field)
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
    if deadline is not None and not 1 <= deadline <= LARGEST_INT32:
        why = f"must be between 1 and {LARGEST_INT32}, inclusive"
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
        for key in _NOT_EPHEMERAL:  # what Go points at is set even where nothing is in it
            if container.get(key) or (key in _POINTERS and container.get(key) is not None):
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
