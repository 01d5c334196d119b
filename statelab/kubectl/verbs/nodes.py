"""kubectl cordon, uncordon, drain and taint. Source: pkg/drain/*.go, pkg/cmd/drain/drain.go, pkg/cmd/taint/*.go."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from statelab.kubectl.api import PATCHES, Object, Pause, Steps
from statelab.kubectl.builder import Info, select
from statelab.kubectl.call import Call
from statelab.kubectl.gotext import quote
from statelab.kubectl.printing import result
from statelab.kubectl.problems import Ended, Fail, Refused, Several, UsageFail, raise_all, short
from statelab.kubectl.verbs.common import bounded

_RETRY_S = 5.0
_EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")
_NAME = re.compile(r"(?:[a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?([A-Za-z0-9][-A-Za-z0-9_.]{0,62})?[A-Za-z0-9]\Z")
_NAME_RULE = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric "
    "character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
    "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
)


# ---- cordon and uncordon


def cordon(call: Call) -> None:
    _cordon_all(call, _nodes(call), True)


def uncordon(call: Call) -> None:
    _cordon_all(call, _nodes(call), False)


def _nodes(call: Call) -> list[Info]:
    """The nodes of a line. Raises Fail, Refused."""
    if call.args and call.flags.text("selector"):
        raise UsageFail("error: cannot specify both a node name and a --selector option", call.command)
    if not call.args and not call.flags.text("selector"):
        raise UsageFail(f"USAGE: {call.command} NODE [flags]", call.command)
    words = ["nodes", *call.args] if call.args and "/" not in call.args[0] else call.args or ["nodes"]
    return select(call, words).all()


def _cordon_all(call: Call, infos: Sequence[Info], wanted: bool) -> None:
    for info in infos:
        if info.resource.kind != "Node":
            raise Fail(f"{info.resource.group_kind}/{info.name} is not a node")
        done = "cordoned" if wanted else "uncordoned"
        if bool(info.object["spec"].get("unschedulable")) == wanted:
            call.out(f"node/{info.name} already {done}{call.dry_run_note}\n")
            continue
        if call.dry_run != "client":
            body = {"spec": {"unschedulable": True if wanted else None}}
            call.request("PATCH", info.path, call.write_params(), body, content_type=PATCHES["strategic"])
        call.out(f"node/{info.name} {done}{call.dry_run_note}\n")


# ---- drain


def drain(call: Call) -> Steps[None]:
    infos = _nodes(call)
    _cordon_all(call, infos, True)
    failed: list[Exception] = []
    pending: list[str] = []
    for info in infos:
        try:
            yield from _drain(call, info)
        except (Fail, Refused, Several) as error:
            text = _text(error)
            call.err(f"error: unable to drain node {quote(info.name)} due to error: {text}, continuing command...\n")
            failed.append(error)
            pending.append(info.name)
            continue
        call.out(f"node/{info.name} drained{call.dry_run_note}\n")
    if failed:
        call.err("There are pending nodes to be drained:\n" + "".join(f" {name}\n" for name in pending))
        call.err("".join(f"{_text(each)}\n" for each in failed))
        raise Ended("", 1)


def _text(error: Exception) -> str:
    if isinstance(error, Several):
        return "[" + ", ".join(short(each) for each in error.errors) + "]"
    return short(error) if not isinstance(error, Refused) else error.message


@dataclass(slots=True)
class _Sorted:
    """A node's Pods: those that go, what is warned of, and why others cannot go."""

    going: list[Object]
    warnings: dict[str, list[str]]
    refusals: dict[str, list[str]]


_WARN = {
    "daemon": "ignoring DaemonSet-managed Pods",
    "bare": "deleting Pods that declare no controller",
    "local": "deleting Pods with local storage",
}
_REFUSE = {
    "daemon": "cannot delete DaemonSet-managed Pods (use --ignore-daemonsets to ignore)",
    "bare": "cannot delete Pods that declare no controller (use --force to override)",
    "local": "cannot delete Pods with local storage (use --delete-emptydir-data to override)",
}


def _drain(call: Call, node: Info) -> Steps[None]:
    flags = call.flags
    pods = call.list(
        call.mapper.find("pods"), "", fieldSelector=f"spec.nodeName={node.name}",
        labelSelector=flags.text("pod-selector"),
    )  # fmt: skip
    chosen = _sort(call, pods)
    if chosen.refusals:
        errors: list[Exception] = [
            Fail(f"{_REFUSE[why]}: {', '.join(names)}") for why, names in sorted(chosen.refusals.items(), key=_by_words)
        ]
        raise_all(errors)
    if chosen.warnings:
        told = "; ".join(
            f"{_WARN[why]}: {', '.join(names)}" for why, names in sorted(chosen.warnings.items(), key=_warn_words)
        )
        call.err(f"Warning: {told}\n")
    yield from _evict_all(call, chosen.going)


def _by_words(pair: tuple[str, list[str]]) -> str:
    return _REFUSE[pair[0]]


def _warn_words(pair: tuple[str, list[str]]) -> str:
    return _WARN[pair[0]]


def _sort(call: Call, pods: Sequence[Object]) -> _Sorted:
    flags = call.flags
    out = _Sorted([], {}, {})
    for pod in pods:
        metadata = pod["metadata"]
        name = f"{metadata['namespace']}/{metadata['name']}"
        done = (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")
        owner = next((each for each in metadata.get("ownerReferences") or () if each.get("controller")), None)
        if "kubernetes.io/config.mirror" in (metadata.get("annotations") or {}):
            continue
        if owner is not None and owner["kind"] == "DaemonSet" and not done:
            where = out.warnings if flags.on("ignore-daemonsets") else out.refusals
            where.setdefault("daemon", []).append(name)
            continue
        troubles = []
        if any("emptyDir" in each for each in pod["spec"].get("volumes") or ()) and not done:
            troubles.append(("local", flags.on("delete-emptydir-data")))
        if owner is None and not done:
            troubles.append(("bare", flags.on("force")))
        for why, allowed in troubles:
            (out.warnings if allowed else out.refusals).setdefault(why, []).append(name)
        out.going.append(pod)
    return out


def _evict_all(call: Call, pods: Sequence[Object]) -> Steps[None]:
    """Ask for each Pod's eviction, again where a budget refuses it, and wait until all are gone. Raises Fail."""
    flags = call.flags
    grace = flags.number("grace-period")
    ends_s = call.api.now_s + bounded(flags.seconds("timeout"))
    delete = flags.on("disable-eviction")
    waiting = list(pods)
    gone: list[Object] = []
    for pod in waiting:
        call.out(f"{'deleting' if delete else 'evicting'} pod {_full(pod)}{call.dry_run_note}\n")
    if call.dry_run == "client":
        return
    left = waiting
    while left:
        refused = [pod for pod in left if not _evict(call, pod, grace, delete)]
        gone += [pod for pod in left if pod not in refused]
        left = refused
        if left:
            if call.api.now_s + _RETRY_S > ends_s:
                raise Fail(
                    f"error when evicting pods/{quote(left[0]['metadata']['name'])} -n "
                    f"{quote(left[0]['metadata']['namespace'])}: global timeout reached: "
                    f"{flags.text('timeout') if flags.has('timeout') else f'{bounded(0):.0f}s'}"
                )
            yield Pause(lambda: False, _RETRY_S)
            for pod in left:
                call.out(f"evicting pod {_full(pod)}\n")
    for pod in gone:
        yield from _wait_gone(call, pod, ends_s, delete)


def _full(pod: Object) -> str:
    return f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"


def _evict(call: Call, pod: Object, grace: int, delete: bool) -> bool:
    """Whether the eviction was accepted. Raises Fail for a refusal that stays."""
    metadata = pod["metadata"]
    options: Object = {"gracePeriodSeconds": grace} if grace >= 0 else {}
    path = f"/api/v1/namespaces/{metadata['namespace']}/pods/{metadata['name']}"
    if call.dry_run == "server":
        options["dryRun"] = ["All"]
    try:
        if delete:
            call.request("DELETE", path, None, options)
        else:
            body: Object = {
                "apiVersion": "policy/v1", "kind": "Eviction",
                "metadata": {"name": metadata["name"], "namespace": metadata["namespace"]},
                "deleteOptions": options,
            }  # fmt: skip
            call.request("POST", f"{path}/eviction", None, body)
    except Refused as refused:
        if refused.code == 404:
            return True
        if refused.code == 429:
            call.err(
                f"error when evicting pods/{quote(metadata['name'])} -n {quote(metadata['namespace'])} "
                f"(will retry after 5s): {refused.message}\n"
            )
            return False
        raise Fail(
            f"error when evicting pods/{quote(metadata['name'])} -n {quote(metadata['namespace'])}: {refused.message}"
        ) from None
    return True


def _wait_gone(call: Call, pod: Object, ends_s: float, delete: bool) -> Steps[None]:
    resource = call.mapper.find("pods")
    metadata = pod["metadata"]
    if call.dry_run == "server":
        return

    def is_gone() -> bool:
        now = call.maybe(resource, metadata["namespace"], metadata["name"])
        return now is None or now["metadata"]["uid"] != metadata["uid"]

    while not is_gone():
        if call.api.now_s >= ends_s:
            raise Fail(
                f"error when waiting for pod {quote(metadata['name'])} in namespace "
                f"{quote(metadata['namespace'])} to terminate: global timeout reached: "
                f"{call.flags.text('timeout') if call.flags.has('timeout') else f'{bounded(0):.0f}s'}"
            )
        yield Pause(lambda: False, 1.0)
    call.out(f"pod/{metadata['name']} {'deleted' if delete else 'evicted'}\n")


# ---- taint


@dataclass(frozen=True, slots=True)
class _Taint:
    key: str
    value: str
    effect: str


def taint(call: Call) -> None:
    flags = call.flags
    words: list[str] = []
    changes: list[str] = []
    for word in call.args:
        is_change = "=" in word or ":" in word or word.endswith("-")
        if not is_change and changes:
            raise Fail(f"all resources must be specified before taint changes: {word}")
        (changes if is_change else words).append(word)
    if not words:
        raise Fail("one or more resources must be specified as <resource> <name>")
    if not changes:
        raise Fail("at least one taint update is required")
    added, gone = _parsed(changes)
    resource = call.mapper.maybe(words[0].partition("/")[0])
    if resource is None:
        raise Ended(f"the server doesn't have a resource type {quote(words[0].partition('/')[0])}\n", 1)
    if resource.kind != "Node":
        raise Fail(f"invalid resource type {words[0].partition('/')[0]}, only node types are supported")
    if len(words) == 1 and "/" not in words[0] and not flags.on("all") and not flags.text("selector"):
        raise Fail("at least one resource name must be specified since 'all' parameter is not set")
    found = select(call, words, files=False, all_flag=flags.on("all"))
    for info in found.infos:
        _taint(call, info, added, gone)
    raise_all(found.errors)


def _parsed(changes: Sequence[str]) -> tuple[list[_Taint], list[_Taint]]:
    """What is added and what is taken away. Raises Fail."""
    added: list[_Taint] = []
    gone: list[_Taint] = []
    seen: set[tuple[str, str]] = set()
    for said in changes:
        one = _one(said.removesuffix("-"), removing=said.endswith("-"))
        if said.endswith("-"):
            gone.append(one)
            continue
        if (one.key, one.effect) in seen:
            raise UsageFail(f"duplicated taints with the same key and effect: {said}", "taint")
        seen.add((one.key, one.effect))
        added.append(one)
    return added, gone


def _one(said: str, *, removing: bool) -> _Taint:
    key, colon, effect = said.partition(":")
    key, equals, value = key.partition("=")
    if said.count(":") > 1 or said.count("=") > 1:
        raise UsageFail(f"invalid taint spec: {said}", "taint")
    if not colon and equals:
        raise UsageFail(f"invalid taint spec: {said}, {_NAME_RULE}", "taint")
    if colon and effect not in _EFFECTS and not (removing and not effect):
        raise UsageFail(f"invalid taint effect: {effect}, unsupported taint effect", "taint")
    if not _NAME.match(key):
        raise UsageFail(f"invalid taint spec: {said}, {_NAME_RULE}", "taint")
    return _Taint(key, value, effect)


def _taint(call: Call, info: Info, added: Sequence[_Taint], gone: Sequence[_Taint]) -> None:
    now: list[Object] = list(info.object["spec"].get("taints") or ())
    has = {(each["key"], each["effect"]) for each in now}
    there = [each.key for each in added if (each.key, each.effect) in has]
    if there and not call.flags.on("overwrite"):
        raise Fail(
            f"node {info.name} already has {','.join(there)} taint(s) with same effect(s) and --overwrite is false"
        )
    overwritten = bool(there)
    errors: list[Exception] = []
    for each in gone:
        left = [t for t in now if not (t["key"] == each.key and each.effect in ("", t["effect"]))]
        if len(left) == len(now):
            shown = f"{each.key}:{each.effect}" if each.effect else each.key
            errors.append(Fail(f"taint {quote(shown)} not found"))
        now = left
    raise_all(errors)
    for each in added:
        now = [t for t in now if (t["key"], t["effect"]) != (each.key, each.effect)]
    new: list[Object] = [
        {"key": each.key, **({"value": each.value} if each.value else {}), "effect": each.effect} for each in added
    ]
    body = {"spec": {"taints": [*new, *now] or None}}
    said = "untainted" if gone and not added else "modified" if overwritten or gone else "tainted"
    if call.dry_run == "client":
        result(call, info.object, said, note="")
        return
    after = call.request("PATCH", info.path, call.write_params(), body, content_type=PATCHES["merge"])
    result(call, after, said, note="")
