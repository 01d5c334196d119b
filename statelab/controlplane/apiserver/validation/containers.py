"""Containers: names, images, ports, environment, mounts, probes, lifecycle.

Source: pkg/apis/core/validation/validation.go (validateContainerCommon and what it calls).
"""

from __future__ import annotations

from typing import Any

from statelab.controlplane.apiserver.validation import downward, names, probes, resources, security, sources
from statelab.controlplane.apiserver.validation.fields import (
    Errors,
    Fields,
    duplicate,
    forbidden,
    invalid,
    not_found,
    not_supported,
    required,
    too_many,
)
from statelab.controlplane.apiserver.validation.services import PROTOCOLS

PULL_POLICIES = ("Always", "IfNotPresent", "Never")
_MESSAGE_POLICIES = ("File", "FallbackToLogsOnError")
_PROPAGATIONS = ("Bidirectional", "HostToContainer", "None")
_RECURSIVE = ("Disabled", "Enabled", "IfPossible")
_ENV_SOURCES = ("fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef", "fileKeyRef")

_RESTART_POLICIES = ("Always", "Never", "OnFailure")
_RESTART_ACTIONS = ("Restart", "RestartAllContainers")
_MOST_RESTART_RULES, _MOST_EXIT_CODES = 20, 255


class PodFacts:
    """What a container's rules need to know of its Pod."""

    __slots__ = ("claims", "grace_period_s", "host_users", "restart_policy", "volumes")

    def __init__(self, spec: Fields, volumes: dict[str, Fields]) -> None:
        self.volumes = volumes
        self.claims = {each["name"] for each in spec.get("resourceClaims") or () if each.get("name")}
        self.grace_period_s: int = spec.get("terminationGracePeriodSeconds", 30)
        self.restart_policy: str = spec.get("restartPolicy", "")
        self.host_users: bool = spec.get("hostUsers") is not False


def containers(found: list[Fields], facts: PodFacts, field: str) -> Errors:
    """The regular containers."""
    if not found:
        return [required(field)]
    errors: Errors = []
    seen: set[str] = set()
    for index, container in enumerate(found):
        here = f"{field}[{index}]"
        errors += common(container, facts, here)
        name = container.get("name", "")
        if name in seen:
            errors.append(duplicate(f"{here}.name", name))
        seen.add(name)
        errors += probes.all_of(container, facts.grace_period_s, here)
        errors += _restart_policy(container, here)
    return errors + host_port_conflicts(found, field)


def init_containers(found: list[Fields], regular: list[Fields], facts: PodFacts, field: str) -> Errors:
    errors: Errors = []
    seen = {each.get("name", "") for each in regular}
    why = "may not be set for init containers without restartPolicy=Always"
    for index, container in enumerate(found):
        here = f"{field}[{index}]"
        errors += common(container, facts, here)
        policy = container.get("restartPolicy")
        errors += _restart_policy(container, here)
        name = container.get("name", "")
        if name in seen:
            errors.append(duplicate(f"{here}.name", name))
        elif name:
            seen.add(name)
        errors += host_port_conflicts([container], field)
        if policy == "Always":
            errors += probes.all_of(container, facts.grace_period_s, here)
        else:
            for key in ("lifecycle", "livenessProbe", "readinessProbe", "startupProbe"):
                if container.get(key) is not None:
                    errors.append(forbidden(f"{here}.{key}", why))
    return errors


def _restart_policy(container: Fields, field: str) -> Errors:
    """A container's own policy, and its rules by exit code."""
    policy, rules = container.get("restartPolicy"), container.get("restartPolicyRules") or ()
    errors: Errors = []
    if policy is None and rules:
        errors.append(required(f"{field}.restartPolicy", "must specify restartPolicy when restart rules are used"))
    elif policy is not None and policy not in _RESTART_POLICIES:
        errors.append(not_supported(f"{field}.restartPolicy", policy, _RESTART_POLICIES))
    if len(rules) > _MOST_RESTART_RULES:
        errors.append(too_many(f"{field}.restartPolicyRules", len(rules), _MOST_RESTART_RULES))
    for index, rule in enumerate(rules):
        here, codes = f"{field}.restartPolicyRules[{index}]", rule.get("exitCodes")
        if rule.get("action", "") not in _RESTART_ACTIONS:
            errors.append(not_supported(f"{here}.action", rule.get("action", ""), _RESTART_ACTIONS))
        if codes is None:
            errors.append(required(f"{here}.exitCodes", "must be specified"))
            continue
        if codes.get("operator", "") not in ("In", "NotIn"):
            errors.append(not_supported(f"{here}.exitCodes.operator", codes.get("operator", ""), ("In", "NotIn")))
        if len(codes.get("values") or ()) > _MOST_EXIT_CODES:
            errors.append(too_many(f"{here}.exitCodes.values", len(codes["values"]), _MOST_EXIT_CODES))
    return errors


def common(container: Fields, facts: PodFacts, field: str) -> Errors:
    """What holds for every kind of container."""
    errors: Errors = []
    name = container.get("name", "")
    if not name:
        errors.append(required(f"{field}.name"))
    elif names.label(name):
        errors += names.check_label(name, f"{field}.name")
    if not container.get("image"):
        errors.append(required(f"{field}.image"))
    policy = container.get("terminationMessagePolicy")
    if policy not in _MESSAGE_POLICIES:
        here = f"{field}.terminationMessagePolicy"
        errors.append(not_supported(here, policy, _MESSAGE_POLICIES) if policy else required(here))
    mounts: list[Fields] = container.get("volumeMounts") or []
    devices: list[Fields] = container.get("volumeDevices") or []
    if container.get("ports"):
        errors += _ports(container["ports"], f"{field}.ports")
    if container.get("env"):
        errors += _env(container["env"], f"{field}.env", facts)
    if container.get("envFrom"):
        errors += _env_from(container["envFrom"], f"{field}.envFrom")
    if mounts:
        errors += _mounts(mounts, devices, container, facts, f"{field}.volumeMounts")
    if devices:
        errors += _devices(devices, mounts, facts, f"{field}.volumeDevices")
    policy = container.get("imagePullPolicy")
    if policy not in PULL_POLICIES:
        here = f"{field}.imagePullPolicy"
        errors.append(not_supported(here, policy, PULL_POLICIES) if policy else required(here))
    if container.get("resources"):
        errors += resources.requirements(container["resources"], facts.claims, f"{field}.resources")
    if container.get("resizePolicy"):
        errors += _resize(container["resizePolicy"], facts, f"{field}.resizePolicy")
    if container.get("securityContext"):
        errors += security.container(container["securityContext"], f"{field}.securityContext", facts.host_users)
    return errors


def _ports(ports: list[Fields], field: str) -> Errors:
    errors: Errors = []
    seen: set[str] = set()
    for index, port in enumerate(ports):
        here = f"{field}[{index}]"
        name = port.get("name")
        if name:
            problems = names.port_name(name)
            if problems:
                errors += [invalid(f"{here}.name", name, words) for words in problems]
            elif name in seen:
                errors.append(duplicate(f"{here}.name", name))
            else:
                seen.add(name)
        number = port.get("containerPort", 0)
        if not number:
            errors.append(required(f"{here}.containerPort"))
        elif not 0 < number < 65536:
            errors.append(invalid(f"{here}.containerPort", number, names.BAD_PORT))
        host = port.get("hostPort", 0)
        if host and not 0 < host < 65536:
            errors.append(invalid(f"{here}.hostPort", host, names.BAD_PORT))
        protocol = port.get("protocol")
        if protocol not in PROTOCOLS:
            where = f"{here}.protocol"
            errors.append(not_supported(where, protocol, PROTOCOLS) if protocol else required(where))
    return errors


def host_port_conflicts(found: list[Fields], field: str) -> Errors:
    errors: Errors = []
    seen: set[str] = set()
    for index, container in enumerate(found):
        for number, port in enumerate(container.get("ports") or ()):
            if port.get("hostPort"):
                text = f"{port.get('protocol', '')}/{port.get('hostIP', '')}/{port['hostPort']}"
                if text in seen:
                    errors.append(duplicate(f"{field}[{index}].ports[{number}].hostPort", text))
                seen.add(text)
    return errors


def _env(found: list[Fields], field: str, facts: PodFacts) -> Errors:
    errors: Errors = []
    for index, env in enumerate(found):
        name = env.get("name", "")
        if not name:
            errors.append(required(f"{field}[{index}].name"))
        else:
            errors += [invalid(f"{field}[{index}].name", name, words) for words in names.env_name(name)]
        source = env.get("valueFrom")
        if source is not None:
            errors += _env_source(source, env.get("value", ""), f"{field}[{index}].valueFrom", facts)
    return errors


def _env_source(source: Fields, value: str, field: str, facts: PodFacts) -> Errors:
    errors: Errors = []
    count = 0
    for key in _ENV_SOURCES:
        part = source.get(key)
        if part is None:
            continue
        count += 1
        here = f"{field}.{key}"
        if key == "fieldRef":
            errors += downward.field_ref(part, downward.IN_ENV, here)
        elif key == "resourceFieldRef":
            errors += downward.resource_ref(part, here, in_volume=False)
        elif key == "fileKeyRef":
            errors += _file_key_ref(part, facts, here)
        else:
            errors += downward.config_key_ref(part, here)
    if count == 0:
        listed = "`fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`"
        errors.append(invalid(field, "", f"must specify one of: {listed}"))
    elif value:
        errors.append(invalid(field, "", "may not be specified when `value` is not empty"))
    elif count > 1:
        errors.append(invalid(field, "", "may not have more than one field specified at a time"))
    return errors


def _file_key_ref(value: Fields, facts: PodFacts, field: str) -> Errors:
    errors: Errors = []
    if not value.get("key"):
        errors.append(required(f"{field}.key"))
    else:
        errors += [invalid(f"{field}.key", value["key"], words) for words in names.env_name(value["key"])]
    volume = value.get("volumeName", "")
    if not volume:
        errors.append(required(f"{field}.volumeName"))
    elif volume not in facts.volumes:
        errors.append(not_found(f"{field}.volumeName", volume))
    path = value.get("path", "")
    return errors + (sources.local_path(path, f"{field}.path") if path else [required(f"{field}.path")])


def _env_from(found: list[Fields], field: str) -> Errors:
    errors: Errors = []
    for index, one in enumerate(found):
        here = f"{field}[{index}]"
        prefix = one.get("prefix", "")
        if prefix:
            errors += [invalid(f"{here}.prefix", prefix, words) for words in names.env_name(prefix)]
        count = 0
        for key in ("configMapRef", "secretRef"):
            part = one.get(key)
            if part is None:
                continue
            count += 1
            name = part.get("name", "")
            if not name:
                errors.append(required(f"{here}.{key}.name"))
            else:
                problems = names.subdomain(names.generated(name))
                errors += [invalid(f"{here}.{key}.name", name, words) for words in problems]
        if count == 0:
            errors.append(invalid(field, "", "must specify one of: `configMapRef` or `secretRef`"))
        elif count > 1:
            errors.append(invalid(field, "", "may not have more than one field specified at a time"))
    return errors


def _mounts(mounts: list[Fields], devices: list[Fields], container: Fields, facts: PodFacts, field: str) -> Errors:
    errors: Errors = []
    seen: set[str] = set()
    device_names = {each.get("name", "") for each in devices}
    device_paths = {each.get("devicePath", "") for each in devices}
    for index, mount in enumerate(mounts):
        here = f"{field}[{index}]"
        name, path = mount.get("name", ""), mount.get("mountPath", "")
        if not name:
            errors.append(required(f"{here}.name"))
        if name not in facts.volumes:
            errors.append(not_found(f"{here}.name", name))
        if not path:
            errors.append(required(f"{here}.mountPath"))
        if path in seen:
            errors.append(invalid(f"{here}.mountPath", path, "must be unique"))
        seen.add(path)
        if name in device_names:
            errors.append(invalid(f"{here}.name", name, "must not already exist in volumeDevices"))
        if path in device_paths:
            why = "must not already exist as a path in volumeDevices"
            errors.append(invalid(f"{here}.mountPath", path, why))
        sub, expression = mount.get("subPath"), mount.get("subPathExpr")
        if sub:
            errors += sources.descending_path(sub, f"{field}.subPath")
        if expression:
            if sub:
                why = "subPathExpr and subPath are mutually exclusive"
                errors.append(invalid(f"{here}.subPathExpr", expression, why))
            errors += sources.descending_path(expression, f"{field}.subPathExpr")
        if mount.get("mountPropagation") is not None:
            errors += _propagation(mount["mountPropagation"], container, f"{field}.mountPropagation")
        if mount.get("recursiveReadOnly") is not None:
            errors += _recursive(mount, f"{field}.recursiveReadOnly")
    return errors


def _propagation(value: str, container: Fields, field: str) -> Errors:
    errors: Errors = [] if value in _PROPAGATIONS else [not_supported(field, value, _PROPAGATIONS)]
    if value == "Bidirectional" and not (container.get("securityContext") or {}).get("privileged"):
        why = "Bidirectional mount propagation is available only to privileged containers"
        errors.append(forbidden(field, why))
    return errors


def _recursive(mount: Fields, field: str) -> Errors:
    value = mount["recursiveReadOnly"]
    if value not in _RECURSIVE:
        return [not_supported(field, value, _RECURSIVE)]
    errors: Errors = []
    if value != "Disabled":
        if not mount.get("readOnly"):
            errors.append(forbidden(field, "may only be specified when readOnly is true"))
        if mount.get("mountPropagation") not in (None, "None"):
            why = "may only be specified when mountPropagation is None or not specified"
            errors.append(forbidden(field, why))
    return errors


def _devices(devices: list[Fields], mounts: list[Fields], facts: PodFacts, field: str) -> Errors:
    errors: Errors = []
    paths: set[str] = set()
    seen: set[str] = set()
    mount_names = {each.get("name", "") for each in mounts}
    mount_paths = {each.get("mountPath", "") for each in mounts}
    for index, device in enumerate(devices):
        here = f"{field}[{index}]"
        name, path = device.get("name", ""), device.get("devicePath", "")
        volume: Any = facts.volumes.get(name)
        if not name:
            errors.append(required(f"{here}.name"))
        if name in seen:
            errors.append(invalid(f"{here}.name", name, "must be unique"))
        if volume is not None and "persistentVolumeClaim" not in volume and "ephemeral" not in volume:
            why = "can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode"
            errors.append(invalid(f"{here}.name", name, why))
        if volume is None:
            errors.append(not_found(f"{here}.name", name))
        if not path:
            errors.append(required(f"{here}.devicePath"))
        if path in paths:
            errors.append(invalid(f"{here}.devicePath", path, "must be unique"))
        if path and ".." in path.split("/"):
            errors.append(invalid(f"{here}.devicePath", path, "can not contain backsteps ('..')"))
        else:
            paths.add(path)
        if name in mount_names:
            errors.append(invalid(f"{here}.name", name, "must not already exist in volumeMounts"))
        if path in mount_paths:
            why = "must not already exist as a path in volumeMounts"
            errors.append(invalid(f"{here}.devicePath", path, why))
        if name:
            seen.add(name)
    return errors


def _resize(policies: list[Fields], facts: PodFacts, field: str) -> Errors:
    errors: Errors = []
    seen: set[str] = set()
    for index, one in enumerate(policies):
        name, policy = one.get("resourceName", ""), one.get("restartPolicy", "")
        if name in seen:
            errors.append(duplicate(f"{field}[{index}]", name))
        seen.add(name)
        if name not in ("cpu", "memory"):
            errors.append(not_supported(field, name, ("cpu", "memory")) if name else required(field))
        if policy not in ("NotRequired", "RestartContainer"):
            supported = ("NotRequired", "RestartContainer")
            errors.append(not_supported(field, policy, supported) if policy else required(field))
        if facts.restart_policy == "Never" and policy != "NotRequired":
            why = "must be 'NotRequired' when `restartPolicy` is 'Never'"
            errors.append(invalid(field, policy, why))
    return errors
