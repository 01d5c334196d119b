"""What each kubectl line does to the trial's cluster, through the API server like any client."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from grader.kubectl.lines import CommandError, Line
from grader.seen import Seen, kind_named
from statelab.controlplane.errors import ApiError
from statelab.controlplane.kinds import Kind
from statelab.controlplane.labels import parse_label_selector
from statelab.manifest import ManifestError, read

if TYPE_CHECKING:
    from grader.trial import Trial

_BETWEEN_LINES_S = 1.0
_DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s)?\Z")
_MOST_WAIT_S = 600.0
_TEMPLATED = ("deployments", "statefulsets", "replicasets")


def run(trial: Trial, lines: Iterable[Line]) -> list[CommandError]:
    """Carry the lines out in order, a second apart, and go on after one that fails as a shell would. What failed."""
    failed: list[CommandError] = []
    for line in lines:
        try:
            if line.flag("namespace") not in (None, trial.namespace, trial.task.namespace):
                raise line.error(f'namespaces "{line.flag("namespace")}" is not where this task takes place')
            if line.flag("dry-run") in (None, "none"):
                _DO.get(line.verb, _nothing)(trial, line)
        except CommandError as error:
            failed.append(error)
        except ApiError as error:
            failed.append(line.error(f"Error from server ({error.reason}): {error.message}"))
        trial.wait(_BETWEEN_LINES_S)
    return failed


def _nothing(trial: Trial, line: Line) -> None:
    """get, describe, logs, explain: they look and change nothing."""


# ---- naming objects


def _kind(line: Line, name: str) -> Kind:
    try:
        return kind_named(name.partition(".")[0])
    except KeyError:
        raise line.error(f'the server doesn\'t have a resource type "{name[:40]}"') from None


def _targets(trial: Trial, line: Line, words: tuple[str, ...], *, only: tuple[str, ...] = ()) -> list[Seen]:
    """The objects named by `TYPE NAME…`, `TYPE/NAME…`, `TYPE -l selector`, `TYPE --all`. Raises CommandError."""
    if not words:
        raise line.error(
            "resource(s) were provided, but no name was specified" if line.flags else "you must name a resource"
        )
    found: list[Seen] = []
    if "/" in words[0]:
        for word in words:
            type, _, name = word.partition("/")
            found.append(_get(trial, line, _kind(line, type), name))
    else:
        for type in words[0].split(","):
            kind = _kind(line, type)
            if len(words) > 1:
                found += [_get(trial, line, kind, name) for name in words[1:]]
            elif line.flag("selector") is not None or line.flag("all") is not None:
                chosen = parse_label_selector(line.flag("selector") or "")
                found += [each for each in trial.all(kind.plural) if chosen(each.labels)]
            else:
                raise line.error("resource(s) were provided, but no name was specified")
    for each in found:
        if only and each.plural not in only:
            raise line.error(f"cannot {line.verb} a {each.plural.removesuffix('s')}")
    return found


def _get(trial: Trial, line: Line, kind: Kind, name: str) -> Seen:
    found = trial.get(f"{kind.plural}/{name}")
    if found is None:
        raise line.error(f'Error from server (NotFound): {kind.group_resource} "{name[:60]}" not found')
    return found


def _reference(seen: Seen) -> str:
    return f"{seen.plural}/{seen.name}"


# ---- verbs


def _scale(trial: Trial, line: Line) -> None:
    replicas = line.flag("replicas")
    if replicas is None or not replicas.isdigit():
        raise line.error(
            'required flag(s) "replicas" not set' if replicas is None else f"--replicas={replicas}: a number"
        )
    if int(replicas) > trial.task.most_pods:
        raise line.error(f"{replicas} Pods: {trial.task.most_pods} are the most in this trial")
    for each in _targets(trial, line, line.words, only=_TEMPLATED):
        trial.scale(_reference(each), int(replicas))


def _delete(trial: Trial, line: Line) -> None:
    try:
        targets = _targets(trial, line, line.words)
    except CommandError as error:
        if line.flag("ignore-not-found") and "NotFound" in error.message:
            return
        raise
    cascade = line.flag("cascade") or "background"
    propagation = {
        "background": "Background",
        "true": "Background",
        "foreground": "Foreground",
        "orphan": "Orphan",
        "false": "Orphan",
    }
    if cascade not in propagation:
        raise line.error(f'invalid cascade value ({cascade}). Must be "background", "foreground", or "orphan"')
    options: dict[str, Any] = {"propagationPolicy": propagation[cascade]}
    grace = line.flag("grace-period")
    if line.flag("now"):
        grace = "1"
    if grace is not None and grace.lstrip("-").isdigit() and int(grace) >= 0:
        options["gracePeriodSeconds"] = int(grace)
    if line.flag("force"):
        options["gracePeriodSeconds"] = 0
    for each in targets:
        trial.delete(_reference(each), **options)
    if line.flag("wait") != "false" and not line.flag("force"):
        keys = [(_reference(each), each.uid) for each in targets]
        trial.when(
            lambda: all((now := trial.get(key)) is None or now.uid != uid for key, uid in keys), timeout_s=_MOST_WAIT_S
        )


def _set_image(trial: Trial, line: Line) -> None:
    names = tuple(word for word in line.words if "=" not in word)
    images = dict(word.split("=", 1) for word in line.words if "=" in word)
    if not images:
        raise line.error("at least one image update is required")
    for each in _targets(trial, line, names, only=(*_TEMPLATED, "pods")):
        path = ("spec",) if each.plural == "pods" else ("spec", "template", "spec")
        containers = [dict(container) for container in each.at(*path, "containers") or ()]
        for name, image in images.items():
            chosen = [container for container in containers if name in ("*", container["name"])]
            if not chosen:
                raise line.error(f'unable to find container named "{name[:60]}"')
            for container in chosen:
                container["image"] = image
        _patch_at(trial, each, (*path, "containers"), containers)


def _patch_at(trial: Trial, seen: Seen, path: tuple[str, ...], value: Any) -> None:
    body: Any = value
    for step in reversed(path):
        body = {step: body}
    trial.patch(_reference(seen), body)


def _rollout_undo(trial: Trial, line: Line) -> None:
    to = int(line.flag("to-revision") or 0) if (line.flag("to-revision") or "0").isdigit() else -1
    for each in _targets(trial, line, line.words, only=("deployments", "statefulsets")):
        template = _earlier_template(trial, line, each, to)
        # A merge patch keeps what it does not name: what is not in the earlier template has to be taken away.
        _patch_at(trial, each, ("spec", "template"), _replacing(each.at("spec", "template"), template))


def _earlier_template(trial: Trial, line: Line, seen: Seen, to: int) -> Any:
    revisions: dict[int, Any] = {}
    if seen.plural == "deployments":
        for found in trial.all("replicaset"):
            number = found.at("metadata", "annotations", "deployment.kubernetes.io/revision")
            if found.owner == f"Deployment/{seen.name}" and number:
                template = json.loads(json.dumps(found.at("spec", "template")))
                template.get("metadata", {}).get("labels", {}).pop("pod-template-hash", None)
                revisions[int(number)] = template
    else:
        for found in trial.all("controllerrevision"):
            if found.owner == f"StatefulSet/{seen.name}":
                template = json.loads(json.dumps(found.at("data", "spec", "template")))
                template.pop("$patch", None)
                revisions[int(found.at("revision"))] = template
    if to:
        if to not in revisions:
            raise line.error(f"error: unable to find specified revision {to} in history")
        return revisions[to]
    if len(revisions) < 2:
        raise line.error(
            "error: no rollout history found" if not revisions else "error: no last revision to roll back to"
        )
    return revisions[sorted(revisions)[-2]]


def _replacing(now: Any, wanted: Any) -> Any:
    if isinstance(now, dict) and isinstance(wanted, dict):
        gone = {key: None for key in now if key not in wanted}
        return {**gone, **{key: _replacing(now.get(key), value) for key, value in wanted.items()}}
    return wanted


def _rollout_restart(trial: Trial, line: Line) -> None:
    for each in _targets(trial, line, line.words, only=("deployments", "statefulsets")):
        at = f"{trial.cluster.loop.now_s:.0f}"
        path = ("spec", "template", "metadata", "annotations")
        _patch_at(trial, each, path, {"kubectl.kubernetes.io/restartedAt": at})


def _rollout_pause(trial: Trial, line: Line) -> None:
    for each in _targets(trial, line, line.words, only=("deployments",)):
        _patch_at(trial, each, ("spec", "paused"), line.verb == "rollout pause" or None)


def _rollout_status(trial: Trial, line: Line) -> None:
    timeout_s = _seconds(line, line.flag("timeout") or "0s") or _MOST_WAIT_S
    for each in _targets(trial, line, line.words, only=("deployments", "statefulsets")):
        if not trial.when(lambda: _is_rolled_out(trial.get(_reference(each))), timeout_s=min(timeout_s, _MOST_WAIT_S)):  # noqa: B023
            raise line.error("error: timed out waiting for the condition")


def _is_rolled_out(seen: Seen | None) -> bool:
    if seen is None:
        return True
    status = seen.at("status") or {}
    wanted = seen.at("spec", "replicas") or 0
    partition = seen.at("spec", "updateStrategy", "rollingUpdate", "partition") or 0
    return (
        (status.get("observedGeneration") or 0) >= (seen.at("metadata", "generation") or 0)
        and (status.get("updatedReplicas") or 0) >= wanted - partition
        and (status.get("readyReplicas") or 0) >= wanted
        and (status.get("replicas") or 0) <= wanted
    )


def _patch(trial: Trial, line: Line) -> None:
    text = line.flag("patch")
    if text is None:
        raise line.error("must specify --patch to patch")
    try:
        body = read(text, "the patch").documents[0].value
    except ManifestError as error:
        raise line.error(f"unable to parse the patch: {error.problem}") from None
    kind = line.flag("type") or "strategic"
    if kind not in ("json", "merge", "strategic"):
        raise line.error(f"--type must be one of [json merge strategic], not {kind!r}")
    for each in _targets(trial, line, line.words):
        trial.cluster.api.patch(
            each.plural, trial.namespace if "/" in each.key else "", each.name, kind, body, trial.cluster.options()
        )


def _label(trial: Trial, line: Line) -> None:
    pairs = [word for word in line.words if "=" in word or (word.endswith("-") and "/" not in word)]
    names = tuple(word for word in line.words if word not in pairs)
    where = "labels" if line.verb == "label" else "annotations"
    values = {pair.split("=", 1)[0].removesuffix("-"): pair.split("=", 1)[1] if "=" in pair else None for pair in pairs}
    if not values:
        raise line.error(f"at least one {where[:-1]} update is required")
    for each in _targets(trial, line, names):
        for key, value in values.items():
            has = (each.at("metadata", where) or {}).get(key)
            if has is not None and value is not None and has != value and not line.flag("overwrite"):
                raise line.error(f"'{key}' already has a value ({has}), and --overwrite is false")
        _patch_at(trial, each, ("metadata", where), values)


def _wait(trial: Trial, line: Line) -> None:
    wanted = line.flag("for") or ""
    timeout_s = min(_seconds(line, line.flag("timeout") or "30s"), _MOST_WAIT_S)
    kind, _, condition = wanted.partition("=")
    targets = [_reference(each) for each in _targets(trial, line, line.words)]
    if wanted == "delete":
        done = trial.when(lambda: all(trial.get(each) is None for each in targets), timeout_s=timeout_s)
    elif kind == "condition" and condition:
        name, _, status = condition.partition("=")
        done = trial.when(
            lambda: all(_has(trial.get(each), name, status or "True") for each in targets), timeout_s=timeout_s
        )
    else:
        raise line.error("--for: condition=NAME or delete")
    if not done:
        raise line.error(f"error: timed out waiting for the condition on {targets[0]}")


def _has(seen: Seen | None, name: str, status: str) -> bool:
    conditions = (seen.at("status", "conditions") if seen else None) or ()
    return any(each.get("type", "").lower() == name.lower() and each.get("status") == status for each in conditions)


def _cordon(trial: Trial, line: Line) -> None:
    if not line.words:
        raise line.error("must provide a node")
    for name in line.words:
        node = _get(trial, line, kind_named("node"), name.removeprefix("node/"))
        trial.patch(_reference(node), {"spec": {"unschedulable": None if line.verb == "uncordon" else True}})
        if line.verb == "drain":
            for pod in [each for each in trial.all("pod") if each.node == node.name]:
                trial.delete(_reference(pod))


def _exec(trial: Trial, line: Line) -> None:
    if not line.words or not line.after:
        raise line.error("you must specify at least one command for the container: kubectl exec POD -- COMMAND")
    pod = _get(trial, line, kind_named("pod"), line.words[0].removeprefix("pod/"))
    ran = trial.exec(pod.name, *line.after, container=line.flag("container"))
    if ran.code != 0:
        raise line.error(f"command terminated with exit code {ran.code}")


def _manifest(trial: Trial, line: Line) -> None:
    raise line.error("manifests are not read from files here: what a manifest says goes into a manifest's cell")


def _seconds(line: Line, text: str) -> float:
    found = _DURATION.match(text)
    if found is None or not any(found.groups()):
        raise line.error(f'invalid duration "{text[:20]}": write 30s or 2m')
    hours, minutes, seconds = (float(each or 0) for each in found.groups())
    return hours * 3600 + minutes * 60 + seconds


_DO: dict[str, Callable[[Any, Line], None]] = {
    "scale": _scale,
    "delete": _delete,
    "set image": _set_image,
    "rollout undo": _rollout_undo,
    "rollout restart": _rollout_restart,
    "rollout pause": _rollout_pause,
    "rollout resume": _rollout_pause,
    "rollout status": _rollout_status,
    "patch": _patch,
    "label": _label,
    "annotate": _label,
    "wait": _wait,
    "cordon": _cordon,
    "uncordon": _cordon,
    "drain": _cordon,
    "exec": _exec,
    "apply": _manifest,
    "create": _manifest,
    "replace": _manifest,
}
