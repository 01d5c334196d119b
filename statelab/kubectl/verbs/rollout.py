"""kubectl rollout: status, history, undo, restart, pause, resume. Source: pkg/cmd/rollout, pkg/polymorphichelpers."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from statelab.controlplane.clock import timestamp
from statelab.kubectl import gojson
from statelab.kubectl.api import PATCHES, Object, Steps
from statelab.kubectl.builder import Info, select
from statelab.kubectl.call import Call
from statelab.kubectl.gotext import aligned, quote
from statelab.kubectl.printing import printer, result
from statelab.kubectl.problems import Fail, Refused, raise_all
from statelab.kubectl.verbs.common import LAST_APPLIED, at, bounded, nested, until_object

_REVISION = "deployment.kubernetes.io/revision"
_CAUSE = "kubernetes.io/change-cause"
_HASH = "pod-template-hash"
_OWN = (
    LAST_APPLIED,
    _REVISION,
    "deployment.kubernetes.io/revision-history",
    "deployment.kubernetes.io/desired-replicas",
    "deployment.kubernetes.io/max-replicas",
    "deprecated.deployment.rollback.to",
)
_CONTROLLED = ("StatefulSet", "DaemonSet")


def _selected(call: Call) -> tuple[list[Info], tuple[Exception, ...]]:
    flags = call.flags
    if not call.args and not flags.all("filename") and not flags.text("kustomize"):
        raise Fail("required resource not specified")
    found = select(call, call.args, empty_selects_all=True)
    if not found.infos and not found.errors:
        call.err("No resources found in " + call.namespace + " namespace.\n")
    return list(found.infos), found.errors


# ---- status


def status(call: Call) -> Steps[None]:
    flags = call.flags
    if flags.number("revision") < 0:
        raise Fail("revision must be a positive integer: " + flags.text("revision"))
    infos, errors = _selected(call)
    ends_s = call.api.now_s + bounded(flags.seconds("timeout"))
    for info in infos:
        tell = _STATUS.get(info.resource.kind)
        if tell is None:
            raise Fail(f"no status viewer has been implemented for {info.resource.kind}")
        yield from _status(call, info, tell, ends_s)
    raise_all(errors)


def _status(call: Call, info: Info, tell: Callable[[Call, Object], tuple[str, bool]], ends_s: float) -> Steps[None]:
    gone = [False]
    told: list[str] = []

    def is_done(obj: Object | None) -> bool:
        if obj is None:
            gone[0] = True
            return True
        said, done = tell(call, obj)
        if not told or told[-1] != said or not done:
            if not told or told[-1] != said:
                call.out(said)
            told.append(said)
        return done

    if not call.flags.on("watch"):
        is_done(call.get(info.resource, info.namespace, info.name))
        return
    done, _ = yield from until_object(call, info, is_done, ends_s - call.api.now_s)
    if gone[0]:
        raise Fail("object has been deleted")
    if not done:
        raise Fail("timed out waiting for the condition")


def _deployment_status(call: Call, obj: Object) -> tuple[str, bool]:
    name, spec, status = obj["metadata"]["name"], obj["spec"], obj.get("status") or {}
    wanted = call.flags.number("revision")
    if wanted:
        running = int((obj["metadata"].get("annotations") or {}).get(_REVISION) or 0)
        if wanted != running:
            raise Fail(f"desired revision ({wanted}) is different from the running revision ({running})")
    if (obj["metadata"].get("generation") or 0) > (status.get("observedGeneration") or 0):
        return "Waiting for deployment spec update to be observed...\n", False
    for each in status.get("conditions") or ():
        if each["type"] == "Progressing" and each.get("reason") == "ProgressDeadlineExceeded":
            raise Fail(f"deployment {quote(name)} exceeded its progress deadline")
    updated, total = status.get("updatedReplicas") or 0, status.get("replicas") or 0
    available, replicas = status.get("availableReplicas") or 0, spec.get("replicas", 1)
    waiting = f"Waiting for deployment {quote(name)} rollout to finish: "
    if updated < replicas:
        return f"{waiting}{updated} out of {replicas} new replicas have been updated...\n", False
    if total > updated:
        return f"{waiting}{total - updated} old replicas are pending termination...\n", False
    if available < updated:
        return f"{waiting}{available} of {updated} updated replicas are available...\n", False
    return f"deployment {quote(name)} successfully rolled out\n", True


def _daemonset_status(call: Call, obj: Object) -> tuple[str, bool]:
    name, status = obj["metadata"]["name"], obj.get("status") or {}
    if at(obj, "spec", "updateStrategy", "type") != "RollingUpdate":
        raise Fail("rollout status is only available for RollingUpdate strategy type")
    if (obj["metadata"].get("generation") or 0) > (status.get("observedGeneration") or 0):
        return "Waiting for daemon set spec update to be observed...\n", False
    updated, wanted = status.get("updatedNumberScheduled") or 0, status.get("desiredNumberScheduled") or 0
    available = status.get("numberAvailable") or 0
    waiting = f"Waiting for daemon set {quote(name)} rollout to finish: "
    if updated < wanted:
        return f"{waiting}{updated} out of {wanted} new pods have been updated...\n", False
    if available < wanted:
        return f"{waiting}{available} of {wanted} updated pods are available...\n", False
    return f"daemon set {quote(name)} successfully rolled out\n", True


def _statefulset_status(call: Call, obj: Object) -> tuple[str, bool]:
    spec, status = obj["spec"], obj.get("status") or {}
    strategy = spec.get("updateStrategy") or {}
    if strategy.get("type") != "RollingUpdate":
        raise Fail("rollout status is only available for RollingUpdate strategy type")
    seen = status.get("observedGeneration") or 0
    if seen == 0 or (obj["metadata"].get("generation") or 0) > seen:
        return "Waiting for statefulset spec update to be observed...\n", False
    replicas, ready = spec.get("replicas", 1), status.get("readyReplicas") or 0
    updated = status.get("updatedReplicas") or 0
    if ready < replicas:
        return f"Waiting for {replicas - ready} pods to be ready...\n", False
    if strategy.get("rollingUpdate") is not None:
        partition = strategy["rollingUpdate"].get("partition")
        if partition is not None and updated < replicas - partition:
            return (
                f"Waiting for partitioned roll out to finish: {updated} out of {replicas - partition} new pods have "
                "been "
                "updated...\n"
            ), False
        return f"partitioned roll out complete: {updated} new pods have been updated...\n", True
    update, current = status.get("updateRevision", ""), status.get("currentRevision", "")
    if update != current:
        return (f"waiting for statefulset rolling update to complete {updated} pods at revision {update}...\n"), False
    now = status.get("currentReplicas") or 0
    return f"statefulset rolling update complete {now} pods at revision {current}...\n", True


_STATUS: dict[str, Callable[[Call, Object], tuple[str, bool]]] = {
    "Deployment": _deployment_status,
    "DaemonSet": _daemonset_status,
    "StatefulSet": _statefulset_status,
}


# ---- history


def revisions(call: Call, info: Info) -> dict[int, Object]:
    """The revisions of a workload: each number with the ReplicaSet or ControllerRevision that holds it."""
    uid = info.object["metadata"]["uid"]
    found: dict[int, Object] = {}
    if info.resource.kind == "Deployment":
        for each in call.list(call.mapper.find("replicasets.apps"), info.namespace):
            number = (each["metadata"].get("annotations") or {}).get(_REVISION)
            if _is_of(each, uid) and number and number.isdigit():
                found[int(number)] = each
    elif info.resource.kind in _CONTROLLED:
        for each in call.list(call.mapper.find("controllerrevisions.apps"), info.namespace):
            if _is_of(each, uid):
                found[int(each["revision"])] = each
    return dict(sorted(found.items()))


def _is_of(obj: Object, uid: str) -> bool:
    return any(
        each.get("uid") == uid and each.get("controller") for each in obj["metadata"].get("ownerReferences") or ()
    )


def template_of(info: Info, holder: Object) -> Object:
    """The Pod template that a revision holds."""
    template: Object = json.loads(json.dumps(at(holder, "data", "spec", "template") or at(holder, "spec", "template")))
    template.pop("$patch", None)
    return template


def history(call: Call) -> None:
    flags = call.flags
    if flags.number("revision") < 0:
        raise Fail(f"revision must be a positive integer: {flags.text('revision')}")
    infos, errors = _selected(call)
    for info in infos:
        if info.resource.kind != "Deployment" and info.resource.kind not in _CONTROLLED:
            raise Fail(f"no history viewer has been implemented for {quote(_gk(info))}")
        _history(call, info, flags.number("revision"))
    raise_all(errors)


def _gk(info: Info) -> str:
    return f"{info.resource.kind}.{info.resource.group}" if info.resource.group else info.resource.kind


def _history(call: Call, info: Info, revision: int) -> None:
    found = revisions(call, info)
    printed = printer(call)
    if printed is not None:
        _history_objects(call, info, found, revision, printed)
        return
    if revision:
        if revision not in found:
            raise Fail("unable to find the specified revision")
        from statelab.kubectl.describe.pods import template_text

        template = template_of(info, found[revision])
        holder = (found[revision]["metadata"].get("annotations") or {}) if info.resource.kind == "Deployment" else {}
        cause = holder.get(_CAUSE)
        if cause:
            metadata = template.setdefault("metadata", {})
            metadata["annotations"] = {**(metadata.get("annotations") or {}), _CAUSE: cause}
        call.out(f"{info.shown} with revision #{revision}\n{template_text(template)}\n")
        return
    if not found:
        call.out(f"{info.shown} \nNo rollout history found.\n")
        return
    rows = ["REVISION\tCHANGE-CAUSE"]
    for number, holder in found.items():
        rows.append(f"{number}\t{(holder['metadata'].get('annotations') or {}).get(_CAUSE) or '<none>'}")
    call.out(f"{info.shown} \n{aligned(rows, min_width=0, padding=2)}\n")


def _history_objects(
    call: Call, info: Info, found: dict[int, Object], revision: int, printed: Callable[[Object], str]
) -> None:
    if revision:
        if revision not in found:
            raise Fail("unable to find the specified revision")
        call.out(printed(found[revision]))
        return
    for holder in found.values():
        call.out(printed(holder))


# ---- undo


def undo(call: Call) -> None:
    flags = call.flags
    if flags.number("to-revision") < 0:
        raise Fail(f"revision must be a positive integer: {flags.text('to-revision')}")
    infos, errors = _selected(call)
    for info in infos:
        if info.resource.kind != "Deployment" and info.resource.kind not in _CONTROLLED:
            raise Fail(f"no rollbacker has been implemented for {quote(_gk(info))}")
        if LAST_APPLIED in (info.object["metadata"].get("annotations") or {}):
            call.err(
                f"Warning: resource {info.resource.plural}/{info.name} was previously managed with 'kubectl apply'. "
                f"Rolling back will not update the {LAST_APPLIED} annotation, which may cause unexpected behavior on "
                "future 'kubectl apply' operations. Consider using 'kubectl apply' with your previous configuration "
                "file "
                "instead.\n"
            )
        said = _undo(call, info, flags.number("to-revision"))
        result(call, info.object, said)
    raise_all(errors)


def _undo(call: Call, info: Info, to: int) -> str:
    found = revisions(call, info)
    is_deployment = info.resource.kind == "Deployment"
    if is_deployment and info.object["spec"].get("paused"):
        raise Fail(
            "you cannot rollback a paused deployment; resume it first with 'kubectl rollout resume' and try again"
        )
    if to and to not in found:
        raise Fail(f"unable to find specified revision {to} in history")
    if not to and len(found) < 2:
        if is_deployment:
            raise Fail(f"no rollout history found for deployment {quote(info.name)}")
        raise Fail("no last revision to roll back to")
    number = to or sorted(found)[-2]
    holder = found[number]
    template = template_of(info, holder)
    if call.dry_run == "client":
        from statelab.kubectl.describe.pods import template_text

        return template_text(template)
    return (
        _roll_back_deployment(call, info, number, holder, template)
        if is_deployment
        else _roll_back(call, info, number, template)
    )


def _roll_back_deployment(call: Call, info: Info, number: int, holder: Object, template: Object) -> str:
    labels = (template.get("metadata") or {}).get("labels") or {}
    labels.pop(_HASH, None)
    if template == info.object["spec"]["template"]:
        return f"skipped rollback (current template already matches revision {number})"
    own = info.object["metadata"].get("annotations") or {}
    theirs = holder["metadata"].get("annotations") or {}
    annotations = {key: own[key] for key in _OWN if key in own}
    annotations |= {key: value for key, value in theirs.items() if key not in _OWN}
    body = [
        {"op": "replace", "path": "/spec/template", "value": template},
        {"op": "replace", "path": "/metadata/annotations", "value": annotations},
    ]
    params = {"dryRun": "All"} if call.dry_run == "server" else {}
    call.request("PATCH", info.path, params, body, content_type=PATCHES["json"])
    return "rolled back"


def _roll_back(call: Call, info: Info, number: int, template: Object) -> str:
    if _plain(template) == _plain(info.object["spec"]["template"]):
        return f"skipped rollback (current template already matches revision {number})"
    body = {"spec": {"template": {**template, "$patch": "replace"}}}
    params = {"dryRun": "All"} if call.dry_run == "server" else {}
    call.request("PATCH", info.path, params, body, content_type=PATCHES["strategic"])
    return "rolled back"


def _plain(value: Any) -> str:
    """A template without what stands for nothing."""
    if isinstance(value, dict):
        value = {key: each for key, each in value.items() if each is not None}
    return gojson.compact(value)


# ---- restart, pause, resume


def restart(call: Call) -> None:
    def act(info: Info) -> None:
        if info.resource.kind not in ("Deployment", *_CONTROLLED):
            raise Fail(f"{info.resource.group_resource} {quote(info.name)} restarting is not supported")
        if info.object["spec"].get("paused"):
            raise Fail(
                f"{info.resource.group_resource} {quote(info.name)} can't restart paused deployment (run rollout "
                "resume "
                "first)"
            )
        path = ("spec", "template", "metadata", "annotations", "kubectl.kubernetes.io/restartedAt")
        _send(call, info, nested(path, timestamp(call.api.now_s)), "restarted")

    _each(call, act)


def pause(call: Call) -> None:
    def act(info: Info) -> None:
        if info.resource.kind != "Deployment":
            raise Fail(f"{info.resource.group_resource} {quote(info.name)} pausing is not supported")
        if info.object["spec"].get("paused"):
            raise Fail(f"{info.resource.group_resource} {quote(info.name)} is already paused")
        _send(call, info, {"spec": {"paused": True}}, "paused")

    _each(call, act)


def resume(call: Call) -> None:
    def act(info: Info) -> None:
        if info.resource.kind != "Deployment":
            raise Fail(f"{info.resource.group_resource} {quote(info.name)} resuming is not supported")
        if not info.object["spec"].get("paused"):
            raise Fail(f"{info.resource.group_resource} {quote(info.name)} is not paused")
        _send(call, info, {"spec": {"paused": None}}, "resumed")

    _each(call, act)


def _send(call: Call, info: Info, body: Object, said: str) -> None:
    after = call.request("PATCH", info.path, call.write_params(), body, content_type=PATCHES["strategic"])
    result(call, after, said)


def _each(call: Call, act: Callable[[Info], None]) -> None:
    infos, selection_errors = _selected(call)
    errors: list[Exception] = list(selection_errors)
    for info in infos:
        try:
            act(info)
        except (Fail, Refused) as error:
            errors.append(error)
    raise_all(errors)
