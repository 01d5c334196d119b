"""The Pod Security Standards: what `baseline` and `restricted` forbid in a Pod, in upstream's words and order.

Source: pod-security-admission/policy (check_*.go, registry.go): the checks of 1.36, each from the version that has it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Literal, NamedTuple

from statelab.controlplane.apiserver.validation.security import visit

Fields = dict[str, Any]
Level = Literal["privileged", "baseline", "restricted"]
LEVELS: tuple[Level, ...] = ("privileged", "baseline", "restricted")

_CAPABILITIES = frozenset(
    [
        "AUDIT_WRITE",
        "CHOWN",
        "DAC_OVERRIDE",
        "FOWNER",
        "FSETID",
        "KILL",
        "MKNOD",
        "NET_BIND_SERVICE",
        "SETFCAP",
        "SETGID",
        "SETPCAP",
        "SETUID",
        "SYS_CHROOT",
    ]
)
# A sysctl, and the minor version of the policy that first allows it.
_SYSCTLS = {
    "kernel.shm_rmid_forced": 0,
    "net.ipv4.ip_local_port_range": 0,
    "net.ipv4.tcp_syncookies": 0,
    "net.ipv4.ping_group_range": 0,
    "net.ipv4.ip_unprivileged_port_start": 0,
    "net.ipv4.ip_local_reserved_ports": 27,
    "net.ipv4.tcp_keepalive_time": 29,
    "net.ipv4.tcp_fin_timeout": 29,
    "net.ipv4.tcp_keepalive_intvl": 29,
    "net.ipv4.tcp_keepalive_probes": 29,
    "net.ipv4.tcp_rmem": 32,
    "net.ipv4.tcp_wmem": 32,
}
_SELINUX_TYPES = {"": 0, "container_t": 0, "container_init_t": 0, "container_kvm_t": 0, "container_engine_t": 31}
_VOLUMES = frozenset(
    [
        "configMap",
        "csi",
        "downwardAPI",
        "emptyDir",
        "ephemeral",
        "image",
        "persistentVolumeClaim",
        "projected",
        "secret",
    ]
)
_APP_ARMOR = "container.apparmor.security.beta.kubernetes.io/"


class Pod(NamedTuple):
    """What is judged: a Pod or a template, by the policy of one minor version."""

    metadata: Fields
    spec: Fields
    minor: int

    @property
    def context(self) -> Fields:
        return self.spec.get("securityContext") or {}

    @property
    def containers(self) -> Iterator[tuple[str, Fields]]:
        """Each container's name and the container, init containers first."""
        for container, _ in visit(self.spec, ""):
            yield str(container.get("name", "")), container

    @property
    def contexts(self) -> Iterator[tuple[str, Fields]]:
        """Each container's name and its securityContext."""
        for name, container in self.containers:
            yield name, container.get("securityContext") or {}

    @property
    def is_windows(self) -> bool:
        return self.minor >= 25 and (self.spec.get("os") or {}).get("name") == "windows"

    @property
    def has_users_of_its_own(self) -> bool:
        """In a user namespace root is nobody: what restricts root is relaxed."""
        return self.minor >= 35 and self.spec.get("hostUsers") is False


class Finding(NamedTuple):
    """A reason ("host namespaces") and its detail ("hostNetwork=true")."""

    reason: str
    detail: str


def findings(level: Level, minor: int, metadata: Fields, spec: Fields) -> list[Finding]:
    """What this level of this minor version (of Kubernetes 1) forbids in the Pod; [] if it is allowed."""
    pod = Pod(metadata, spec, minor)
    checks = {"privileged": (), "baseline": _BASELINE + _OVERLAPPING, "restricted": _BASELINE + _RESTRICTED}[level]
    return [found for check in checks if (found := check(pod)) is not None]


def told(found: Iterable[Finding]) -> str:
    """The findings as one text, with their details."""
    return ", ".join(f"{each.reason} ({each.detail})" if each.detail else each.reason for each in found)


# ---- baseline


def _app_armor(pod: Pod) -> Finding | None:
    bad = [
        f'metadata.annotations["{key}"]="{value}"'
        for key, value in sorted((pod.metadata.get("annotations") or {}).items())
        if key.startswith(_APP_ARMOR)
        and value not in ("", "runtime/default")
        and not str(value).startswith("localhost/")
    ]
    setters, values = _setters(pod, lambda context: _bad_type(context.get("appArmorProfile")))
    details = ([f"{setters} must not set AppArmor profile type to {_quoted(values)}"] if setters else []) + bad
    if not details:
        return None
    count = len(values) + len(bad)
    return Finding(_plural("forbidden AppArmor profile", count), "; ".join(details))


def _host_namespaces(pod: Pod) -> Finding | None:
    used = [f"{key}=true" for key in ("hostNetwork", "hostPID", "hostIPC") if pod.spec.get(key)]
    return Finding("host namespaces", ", ".join(used)) if used else None


def _host_path(pod: Pod) -> Finding | None:
    names = [each["name"] for each in pod.spec.get("volumes") or () if each.get("hostPath") is not None]
    return Finding("hostPath volumes", _many("volume", names)) if names else None


def _host_ports(pod: Pod) -> Finding | None:
    used = {
        name: {str(port["hostPort"]) for port in container.get("ports") or () if port.get("hostPort")}
        for name, container in pod.containers
    }
    names, ports = [name for name in used if used[name]], sorted(set().union(*used.values()))
    if not names:
        return None
    return Finding(
        "hostPort", f"{_many('container', names)} {_uses(names)} {_plural('hostPort', ports)} {_listed(ports)}"
    )


def _probe_hosts(pod: Pod) -> Finding | None:
    if pod.minor < 34:
        return None
    used = {name: set(_hosts(container)) for name, container in pod.containers}
    names, hosts = sorted(name for name in used if used[name]), sorted(set().union(*used.values()))
    if not names:
        return None
    what = _plural("probe or lifecycle host", hosts)
    return Finding("probe or lifecycle host", f"{_many('container', names)} {_uses(names)} {what} {_quoted(hosts)}")


def _hosts(container: Fields) -> Iterator[str]:
    lifecycle = container.get("lifecycle") or {}
    handlers = [container.get(key) for key in ("livenessProbe", "readinessProbe", "startupProbe")]
    for handler in (*handlers, lifecycle.get("postStart"), lifecycle.get("preStop")):
        for action in ("httpGet", "tcpSocket"):
            if host := ((handler or {}).get(action) or {}).get("host"):
                yield host


def _privileged(pod: Pod) -> Finding | None:
    names = [name for name, context in pod.contexts if context.get("privileged")]
    if not names:
        return None
    return Finding("privileged", f"{_many('container', names)} must not set securityContext.privileged=true")


def _proc_mount(pod: Pod, *, relaxed: bool = True) -> Finding | None:
    if relaxed and pod.has_users_of_its_own:
        return None
    used = {name: context["procMount"] for name, context in pod.contexts if context.get("procMount")}
    names = [name for name, value in used.items() if value != "Default"]
    if not names:
        return None
    values = sorted({used[name] for name in names})
    return Finding(
        "procMount", f"{_many('container', names)} must not set securityContext.procMount to {_quoted(values)}"
    )


def _selinux(pod: Pod) -> Finding | None:
    def bad(context: Fields) -> tuple[str, ...]:
        options = context.get("seLinuxOptions") or {}
        kind = options.get("type", "")
        words = [f"type {kind}"] if _SELINUX_TYPES.get(kind, 1000) > pod.minor else []
        return (*words, *(key for key in ("user", "role") if options.get(key)))

    setters, words = _setters(pod, bad)
    if not setters:
        return None
    types = [each.removeprefix("type ") for each in words if each.startswith("type ")]
    data = [f"{_plural('type', types)} {_quoted(types)}"] if types else []
    data += [f"{key} may not be set" for key in ("user", "role") if key in words]
    return Finding("seLinuxOptions", f"{setters} set forbidden securityContext.seLinuxOptions: {'; '.join(data)}")


def _sysctls(pod: Pod) -> Finding | None:
    names = [each.get("name", "") for each in pod.context.get("sysctls") or ()]
    bad = [name for name in names if _SYSCTLS.get(name, 1000) > pod.minor]
    return Finding("forbidden sysctls", ", ".join(bad)) if bad else None


def _host_process(pod: Pod) -> Finding | None:
    setters, _ = _setters(pod, lambda each: ("true",) if (each.get("windowsOptions") or {}).get("hostProcess") else ())
    detail = f"{setters} must not set securityContext.windowsOptions.hostProcess=true"
    return Finding("hostProcess", detail) if setters else None


# ---- baseline, where restricted is not asked: restricted has a stricter check of the same field


def _capabilities(pod: Pod) -> Finding | None:
    added = {name: _added(context) - _CAPABILITIES for name, context in pod.contexts}
    names, bad = [name for name in added if added[name]], sorted(set().union(*added.values()))
    if not names:
        return None
    return Finding("non-default capabilities", _must_not_add(names, bad))


def _seccomp(pod: Pod) -> Finding | None:
    setters, values = _setters(pod, lambda context: _bad_type(context.get("seccompProfile")))
    return _bad_seccomp(setters, values) if setters and pod.minor >= 19 else None


# ---- restricted


def _escalation(pod: Pod) -> Finding | None:
    if pod.minor < 8 or pod.is_windows:
        return None
    names = [name for name, context in pod.contexts if context.get("allowPrivilegeEscalation") is not False]
    detail = f"{_many('container', names)} must set securityContext.allowPrivilegeEscalation=false"
    return Finding("allowPrivilegeEscalation != false", detail) if names else None


def _all_dropped(pod: Pod) -> Finding | None:
    if pod.minor < 22 or pod.is_windows:
        return None
    keep = [
        name for name, context in pod.contexts if "ALL" not in ((context.get("capabilities") or {}).get("drop") or ())
    ]
    added = {name: _added(context) - {"NET_BIND_SERVICE"} for name, context in pod.contexts}
    names, bad = [name for name in added if added[name]], sorted(set().union(*added.values()))
    details = [f'{_many("container", keep)} must set securityContext.capabilities.drop=["ALL"]'] if keep else []
    details += [_must_not_add(names, bad)] if names else []
    return Finding("unrestricted capabilities", "; ".join(details)) if details else None


def _volume_types(pod: Pod) -> Finding | None:
    used = {each["name"]: sorted(each.keys() - {"name"}) for each in pod.spec.get("volumes") or ()}
    names = [name for name, sources in used.items() if not _VOLUMES & set(sources)]
    if not names:
        return None
    types = sorted({source for name in names for source in used[name]})
    what = _plural("restricted volume type", types)
    return Finding("restricted volume types", f"{_many('volume', names)} {_uses(names)} {what} {_quoted(types)}")


def _non_root(pod: Pod) -> Finding | None:
    if pod.has_users_of_its_own:
        return None
    reason = "runAsNonRoot != true"
    setters, _ = _setters(pod, lambda context: ("false",) if context.get("runAsNonRoot") is False else ())
    if setters:
        return Finding(reason, f"{setters} must not set securityContext.runAsNonRoot=false")
    if pod.context.get("runAsNonRoot"):
        return None
    names = [name for name, context in pod.contexts if context.get("runAsNonRoot") is None]
    detail = f"pod or {_many('container', names)} must set securityContext.runAsNonRoot=true"
    return Finding(reason, detail) if names else None


def _not_user_0(pod: Pod) -> Finding | None:
    if pod.minor < 23 or pod.has_users_of_its_own:
        return None
    setters, _ = _setters(pod, lambda context: ("0",) if context.get("runAsUser") == 0 else ())
    return Finding("runAsUser=0", f"{setters} must not set runAsUser=0") if setters else None


def _seccomp_is_set(pod: Pod) -> Finding | None:
    if pod.minor < 19 or pod.is_windows:
        return None
    if bad := _seccomp(pod):
        return bad
    if pod.context.get("seccompProfile") is not None:
        return None
    names = [name for name, context in pod.contexts if context.get("seccompProfile") is None]
    what = 'must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"'
    return Finding("seccompProfile", f"pod or {_many('container', names)} {what}") if names else None


# In the order of upstream's files, which is the order of the words.
_BASELINE: tuple[Callable[[Pod], Finding | None], ...] = (
    _app_armor,
    _host_namespaces,
    _host_ports,
    _probe_hosts,
    _privileged,
    _proc_mount,
    _selinux,
    _sysctls,
    _host_process,
)
_OVERLAPPING: tuple[Callable[[Pod], Finding | None], ...] = (_capabilities, _host_path, _seccomp)
_RESTRICTED: tuple[Callable[[Pod], Finding | None], ...] = (
    _escalation,
    _all_dropped,
    lambda pod: _proc_mount(pod, relaxed=False) if pod.has_users_of_its_own else None,
    _volume_types,
    _non_root,
    _not_user_0,
    _seccomp_is_set,
)


# ---- words


def _setters(pod: Pod, bad: Callable[[Fields], Iterable[str]]) -> tuple[str, list[str]]:
    """Who sets something bad ('pod and container "web"', or "") and the bad values, sorted."""
    values = set(bad(pod.context))
    setters = ["pod"] if values else []
    names = []
    for name, context in pod.contexts:
        if found := tuple(bad(context)):
            names.append(name)
            values |= set(found)
    if names:
        setters.append(_many("container", names))
    return " and ".join(setters), sorted(values)


def _bad_type(profile: Fields | None) -> tuple[str, ...]:
    kind = (profile or {}).get("type")
    return () if profile is None or kind in ("RuntimeDefault", "Localhost") else (str(kind),)


def _bad_seccomp(setters: str, values: list[str]) -> Finding:
    return Finding("seccompProfile", f"{setters} must not set securityContext.seccompProfile.type to {_quoted(values)}")


def _added(context: Fields) -> set[str]:
    return set((context.get("capabilities") or {}).get("add") or ())


def _must_not_add(names: list[str], capabilities: list[str]) -> str:
    return f"{_many('container', names)} must not include {_quoted(capabilities)} in securityContext.capabilities.add"


def _many(what: str, names: list[str]) -> str:
    return f"{_plural(what, names)} {_quoted(names)}"


def _plural(what: str, of: list[str] | int) -> str:
    return what if (of if isinstance(of, int) else len(of)) == 1 else f"{what}s"


def _uses(names: list[str]) -> str:
    return "uses" if len(names) == 1 else "use"


def _quoted(words: Iterable[str]) -> str:
    return ", ".join(json.dumps(word) for word in words)


def _listed(words: Iterable[str]) -> str:
    return ", ".join(words)
