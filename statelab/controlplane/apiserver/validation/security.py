"""Security contexts of Pods and containers. Source: pkg/apis/core/validation/validation.go."""

from __future__ import annotations

import re
from collections.abc import Iterator

from statelab.controlplane.apiserver.validation import names, sources
from statelab.controlplane.apiserver.validation.fields import (
    Errors,
    Fields,
    duplicate,
    forbidden,
    go_struct,
    invalid,
    not_supported,
    required,
    too_long,
)

_LARGEST_ID = 2147483647
_SYSCTL = "([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?"
_sysctl_re = re.compile(_SYSCTL)
_PROFILES = ("Localhost", "RuntimeDefault", "Unconfined")
_CORE = "io.k8s.api.core.v1."
_NET_SYSCTLS = ("net.",)
_IPC_SYSCTLS = ("kernel.shm", "kernel.msg", "kernel.sem", "fs.mqueue.")


def visit(spec: Fields, field: str) -> Iterator[tuple[Fields, str]]:
    """Every container with its path: init containers first, as upstream visits them."""
    for key in ("initContainers", "containers", "ephemeralContainers"):
        for index, container in enumerate(spec.get(key) or ()):
            yield container, f"{field}.{key}[{index}]"


def container(context: Fields, field: str, host_users: bool) -> Errors:
    """A container's SecurityContext."""
    errors = _ids(context, field, ("runAsUser", "runAsGroup"))
    proc = context.get("procMount")
    if proc is not None:
        if proc not in ("Default", "Unmasked"):
            errors.append(not_supported(f"{field}.procMount", proc, ("Default", "Unmasked")))
        if host_users and proc == "Unmasked":
            errors.append(invalid(f"{field}.procMount", proc, "`hostUsers` must be false to use `Unmasked`"))
    errors += _seccomp(context.get("seccompProfile"), f"{field}.seccompProfile")
    if context.get("allowPrivilegeEscalation") is False:
        shown = go_struct(f"{_CORE}SecurityContext", context)
        if context.get("privileged"):
            why = "cannot set `allowPrivilegeEscalation` to false and `privileged` to true"
            errors.append(invalid(field, shown, why))
        if "CAP_SYS_ADMIN" in ((context.get("capabilities") or {}).get("add") or ()):
            why = "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN"
            errors.append(invalid(field, shown, why))
    errors += _windows(context.get("windowsOptions"), f"{field}.windowsOptions")
    return errors + _app_armor(context.get("appArmorProfile"), f"{field}.appArmorProfile")


def pod(spec: Fields, field: str) -> Errors:
    """A Pod's securityContext and what goes with the host's namespaces."""
    context = spec.get("securityContext")
    errors: Errors = []
    if context:
        here = f"{field}.securityContext"
        errors += _ids(context, here, ("fsGroup", "runAsUser", "runAsGroup"))
        for index, group in enumerate(context.get("supplementalGroups") or ()):
            if not 0 <= group <= _LARGEST_ID:
                errors.append(invalid(f"{here}.supplementalGroups[{index}]", group, names.BAD_ID))
    if spec.get("shareProcessNamespace") and spec.get("hostPID"):
        why = "ShareProcessNamespace and HostPID cannot both be enabled"
        errors.append(invalid(f"{field}.securityContext.shareProcessNamespace", True, why))
    if context:
        errors += _sysctls(context.get("sysctls") or [], spec, f"{here}.sysctls")
        change = context.get("fsGroupChangePolicy")
        if change is not None and change not in ("Always", "OnRootMismatch"):
            errors.append(not_supported(f"{here}.fsGroupChangePolicy", change, ("Always", "OnRootMismatch")))
        errors += _seccomp(context.get("seccompProfile"), f"{here}.seccompProfile")
        errors += _windows(context.get("windowsOptions"), f"{here}.windowsOptions")
        errors += _app_armor(context.get("appArmorProfile"), f"{here}.appArmorProfile")
        policy = context.get("supplementalGroupsPolicy")
        if policy is not None and policy not in ("Merge", "Strict"):
            errors.append(not_supported(f"{here}.supplementalGroupsPolicy", policy, ("Merge", "Strict")))
        selinux = context.get("seLinuxChangePolicy")
        if selinux is not None and selinux not in ("MountOption", "Recursive"):
            errors.append(not_supported(f"{here}.seLinuxChangePolicy", selinux, ("MountOption", "Recursive")))
    return errors


def host_process(spec: Fields, field: str) -> Errors:
    """Windows' hostProcess containers: all of them or none."""
    of_pod = ((spec.get("securityContext") or {}).get("windowsOptions") or {}).get("hostProcess")
    count = privileged = 0
    errors: Errors = []
    for one, here in visit(spec, field):
        count += 1
        own = ((one.get("securityContext") or {}).get("windowsOptions") or {}).get("hostProcess")
        if of_pod is not None and own is not None and own != of_pod:
            was = "true" if of_pod else "false"
            why = f"pod hostProcess value must be identical if both are specified, was {was}"
            errors.append(invalid(f"{here}.securityContext.windowsOptions.hostProcess", own, why))
        privileged += bool(own if own is not None else of_pod)
    if privileged:
        if privileged != count:
            why = "If pod contains any hostProcess containers then all containers must be HostProcess containers"
            errors.append(invalid(field, "", why))
        if not spec.get("hostNetwork"):
            why = "hostNetwork must be true if pod contains any hostProcess containers"
            errors.append(invalid(f"{field}.hostNetwork", False, why))
    return errors


def _ids(context: Fields, field: str, keys: tuple[str, ...]) -> Errors:
    return [
        invalid(f"{field}.{key}", context[key], names.BAD_ID)
        for key in keys
        if context.get(key) is not None and not 0 <= context[key] <= _LARGEST_ID
    ]


def _sysctls(found: list[Fields], spec: Fields, field: str) -> Errors:
    errors: Errors = []
    seen: set[str] = set()
    for index, one in enumerate(found):
        here = f"{field}[{index}].name"
        name = one.get("name", "")
        if not name:
            errors.append(required(here))
        elif len(name) > 253 or not _sysctl_re.fullmatch(name):
            errors.append(invalid(here, name, f"must have at most 253 characters and match regex ^{_SYSCTL}$"))
        elif name in seen:
            errors.append(duplicate(here, name))
        dotted = name.replace("/", ".")
        if spec.get("hostNetwork") and dotted.startswith(_NET_SYSCTLS):
            errors.append(invalid(here, name, "may not be specified when 'hostNetwork' is true"))
        elif spec.get("hostIPC") and dotted.startswith(_IPC_SYSCTLS):
            errors.append(invalid(here, name, "may not be specified when 'hostIPC' is true"))
        seen.add(name)
    return errors


def _seccomp(profile: Fields | None, field: str) -> Errors:
    if profile is None:
        return []
    errors: Errors = []
    kind, local = profile.get("type", ""), profile.get("localhostProfile")
    if not kind:
        errors.append(required(f"{field}.type", "type is required when seccompProfile is set"))
    elif kind not in _PROFILES:
        errors.append(not_supported(f"{field}.type", kind, _PROFILES))
    if kind == "Localhost":
        if local is None:
            why = "must be set when seccomp type is Localhost"
            errors.append(required(f"{field}.localhostProfile", why))
        else:
            errors += sources.descending_path(local, f"{field}.localhostProfile")
    elif local is not None:
        shown = go_struct(f"{_CORE}SeccompProfile", profile)
        errors.append(invalid(f"{field}.localhostProfile", shown, "can only be set when seccomp type is Localhost"))
    return errors


def _app_armor(profile: Fields | None, field: str) -> Errors:
    if profile is None:
        return []
    kind, local = profile.get("type", ""), profile.get("localhostProfile")
    here = f"{field}.localhostProfile"
    if kind == "Localhost":
        if not local or not local.strip():
            if local:
                return [invalid(here, local, "must not be padded with whitespace")]
            return [required(here, "must be set when AppArmor type is Localhost")]
        errors: Errors = []
        if local != local.strip():
            errors.append(invalid(here, local, "must not be padded with whitespace"))
        if len(local) > 4095:
            errors.append(too_long(here, 4095))
        return errors
    if kind in ("RuntimeDefault", "Unconfined"):
        if local is None:
            return []
        return [invalid(here, local, "can only be set when AppArmor type is Localhost")]
    if not kind:
        return [required(f"{field}.type", "type is required when appArmorProfile is set")]
    return [not_supported(f"{field}.type", kind, _PROFILES)]


def _windows(options: Fields | None, field: str) -> Errors:
    if options is None:
        return []
    errors: Errors = []
    name, spec, user = (options.get(key) for key in ("gmsaCredentialSpecName", "gmsaCredentialSpec", "runAsUserName"))
    if name is not None:
        errors += names.check_subdomain(name, f"{field}.gmsaCredentialSpecName")
    if spec is not None:
        here = f"{field}.gmsaCredentialSpec"
        if not spec:
            errors.append(invalid(here, spec, "gmsaCredentialSpec cannot be an empty string"))
        elif len(spec) > 64 * 1024:
            errors.append(invalid(here, spec, "gmsaCredentialSpec size must be under 64 KiB"))
    if user is not None:
        errors += [invalid(f"{field}.runAsUserName", user, why) for why in _windows_user(user)]
    return errors


def _windows_user(text: str) -> list[str]:
    if not text:
        return ["runAsUserName cannot be an empty string"]
    if re.search(r"[\x00-\x1f\x7f]", text):
        return ["runAsUserName cannot contain control characters"]
    parts = text.split("\\")
    if len(parts) > 2:
        return ["runAsUserName cannot contain more than one backslash"]
    found: list[str] = []
    user, domain = parts[-1], parts[0] if len(parts) == 2 else None
    if domain is not None:
        if len(domain) >= 256:
            found.append("runAsUserName's Domain length must be under 256 characters")
        label = "[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
        net_bios = re.fullmatch(r'[^\\/:*?"<>|.][^\\/:*?"<>|]{0,14}', domain)
        if not net_bios and not re.fullmatch(rf"{label}(?:\.{label})*", domain):
            found.append("runAsUserName's Domain doesn't match the NetBios nor the DNS format")
    if not user:
        found.append("runAsUserName's User cannot be empty")
    elif len(user) > 104:
        found.append("runAsUserName's User length must not be longer than 104 characters")
    if re.fullmatch(r"[. ]+", user):
        found.append("runAsUserName's User cannot contain only periods or spaces")
    if re.search(r'["/\\:;|=,+*?<>@\[\]]', user):
        found.append("runAsUserName's User cannot contain the following characters: \"/\\:;|=,+*?<>@[]")
    return found


def operating_system(spec: Fields, field: str) -> Errors:
    """What a Pod that names its operating system may not set."""
    system = spec.get("os")
    if system is None:
        return []
    name = system.get("name", "")
    if not name:
        return [required(f"{field}.os.name", "cannot be empty")]
    if name not in ("linux", "windows"):
        return [not_supported(f"{field}.os", name, ("linux", "windows"))]
    errors: Errors = []
    context = spec.get("securityContext") or {}
    if name == "linux":
        why = "windows options cannot be set for a linux pod"
        if "windowsOptions" in context:
            errors.append(forbidden(f"{field}.securityContext.windowsOptions", why))
        for one, here in visit(spec, field):
            if "windowsOptions" in (one.get("securityContext") or {}):
                errors.append(forbidden(f"{here}.securityContext.windowsOptions", why))
        return errors
    why = "cannot be set for a windows pod"
    for key in _NOT_ON_WINDOWS_PODS:
        if key in ("hostUsers", "hostPID", "hostIPC", "shareProcessNamespace"):
            if spec.get(key) is not None:
                errors.append(forbidden(f"{field}.{key}", why))
        elif context.get(key) is not None:
            errors.append(forbidden(f"{field}.securityContext.{key}", why))
    for one, here in visit(spec, field):
        own = one.get("securityContext") or {}
        for key in _NOT_ON_WINDOWS:
            if own.get(key) is not None:
                errors.append(forbidden(f"{here}.securityContext.{key}", why))
    return errors


_NOT_ON_WINDOWS_PODS = (
    "appArmorProfile", "seLinuxOptions", "hostUsers", "hostPID", "hostIPC", "seccompProfile", "fsGroup",
    "fsGroupChangePolicy", "sysctls", "shareProcessNamespace", "runAsUser", "runAsGroup", "supplementalGroups",
    "supplementalGroupsPolicy",
)  # fmt: skip
_NOT_ON_WINDOWS = (
    "appArmorProfile", "seLinuxOptions", "seccompProfile", "capabilities", "readOnlyRootFilesystem", "privileged",
    "allowPrivilegeEscalation", "procMount", "runAsUser", "runAsGroup",
)  # fmt: skip
