"""Why it is not as it should be, in the learner's terms: what several rubrics would say in the same words."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING

from grader.image_faults import image_fault
from grader.result import REFUSED
from grader.seen import Seen, parse_reference, tidy
from grader.verdict import Verdict, no
from statelab.manifest.relations import at
from statelab.reader import Path_
from statelab.reader.spelling import nearest

if TYPE_CHECKING:
    from grader.trial import Refused, Trial


DELETED = "--for=delete"  # a Pod of a set is there again, under its name, before anybody looks whether it is gone


def not_there(trial: Trial, reference: str) -> Verdict:
    """Why an object the task asks for is not in the cluster: refused, called otherwise, or never written."""
    kind, name = parse_reference(reference)
    mine = [each for each in trial.refused if each.item.kind in (kind.name, "") or each.item.name == name]
    if trial.refused:
        refused = (mine or trial.refused)[0]
        return no(f"{REFUSED} {refused.message}", line=_line_of(trial, refused))
    others = [each for each in trial.items if each.kind == kind.name]
    if others:
        item = others[0]
        if item.object.get("metadata", {}).get("namespace") not in (None, trial.namespace):
            where = item.object["metadata"]["namespace"]
            return no(
                f"{kind.name} {item.name} is in namespace {where}.", line=item.place(("metadata", "namespace")).line
            )
        return no(
            f"There is a {kind.name} called {item.name}, and none called {name}.",
            line=item.place(("metadata", "name")).line,
        )
    if trial.task.answer == "commands":
        return no(f"There is no {kind.name} called {name}.", trial.evidence(reference, most=4))
    said = ", ".join(dict.fromkeys(each.kind or "an object without a kind" for each in trial.items)) or "nothing"
    return no(f"There is no {kind.name} called {name}: your answer has {said}.")


def _line_of(trial: Trial, refused: Refused) -> int:
    """Where it says what the server did not take, as far as advice knows; else where the object begins."""
    first = refused.item.place().line
    if refused.message.startswith("namespaces "):
        return refused.item.place(("metadata", "namespace")).line
    if (named := _named_field(refused)) is not None:
        return named
    after = min((line for each in trial.items if (line := each.place().line) > first), default=None)
    found = [each.place.line for each in trial.findings() if each.place]
    return min((line for line in found if line >= first and (after is None or line < after)), default=first)


def _pods(count: int | None) -> str:
    return "1 Pod" if count == 1 else f"{count or 0} Pods"


_FIELD = re.compile(r": ([a-z][A-Za-z]*(?:\.[A-Za-z]+|\[\d+\])+): ")


def _named_field(refused: Refused) -> int | None:
    """The line of the field that the API server names, where the answer has it; clusterIPs[0] is clusterIP too."""
    found = _FIELD.search(refused.message)
    if found is None:
        return None
    path: Path_ = tuple(int(each) if each.isdigit() else each for each in re.findall(r"\w+", found[1]))
    last = path[-2:] if isinstance(path[-1], int) else ()
    singular = (*path[:-2], str(last[0]).removesuffix("s")) if last == (path[-2], 0) else path
    for each in (path, singular):
        if at(refused.item.object, *each) is not None:
            return refused.item.place(each).line
    return None


def pods_not_ready(trial: Trial, reference: str, wanted: int) -> Verdict | None:
    """What keeps a workload from having `wanted` ready Pods; None when it has them."""
    workload = trial.get(reference)
    if workload is None:
        return not_there(trial, reference)
    pods = trial.pods_of(reference)
    ready = [each for each in pods if each.ready]
    if len(ready) == wanted == len(pods):
        return None
    kind = parse_reference(reference)[0].name
    replicas = workload.at("spec", "replicas")
    if replicas != wanted:
        line = trial.line(kind, "spec", "replicas", name=workload.name)
        return no(
            f"{kind} {workload.name} asks for {_pods(replicas)}, and {wanted} {'is' if wanted == 1 else 'are'} wanted.",
            line=line,
        )
    waiting = next((each for each in pods if not each.ready), None)
    if waiting is None:
        event = _last_warning(trial, workload)
        return no(f"{len(pods)} of {wanted} Pods are there{': ' + event if event else '.'}", trial.evidence(reference))
    claim = pending_claim(trial, waiting)
    if claim is not None:
        return claim
    fault = image_fault(waiting)
    if fault is not None:
        line = trial.line(kind, "spec", "template", "spec", "containers", 0, "image", name=workload.name)
        return no(f"{waiting.name} does not get ready: {fault[0]}", trial.evidence(waiting.reference), line=line)
    why = why_not_ready(trial, waiting)
    why = _COMPUTES.sub(_FOR_EVER, why)
    field = "image" if "mage" in why else next((each for each in _PROBES if each in why), "")
    where = ("spec", "template", "spec", "containers", 0)
    line = trial.line(kind, *where, _PROBES.get(field, field), name=workload.name) if field else None
    after = " No later Pod is created before it is Ready." if len(pods) < wanted else ""
    return no(f"{waiting.name} does not get ready: {why}.{after}", trial.evidence(waiting.reference), line=line)


def pending_claim(trial: Trial, pod: Seen) -> Verdict | None:
    """Which claim a Pod waits for, and why it is not bound; None when it waits for none."""
    for volume in pod.at("spec", "volumes") or ():
        name = at(volume, "persistentVolumeClaim", "claimName")
        if not name:
            continue
        claim = trial.get(f"pvc/{name}")
        if claim is None:
            return no(f"{pod.name} waits: there is no claim called {name}.", trial.evidence(pod.reference))
        if claim.phase != "Bound":
            wanted = claim.at("spec", "storageClassName")
            classes = [each.name for each in trial.all("storageclass")]
            text = f"{pod.name} waits for its claim {name}, which is {claim.phase}"
            line = trial.line("StatefulSet", "spec", "volumeClaimTemplates", 0, "spec", "storageClassName")
            refused = next((each for each in trial.refused if each.item.name == wanted), None)
            if refused is not None:
                return no(f"{REFUSED} {refused.message}", line=_line_of(trial, refused))
            if wanted and wanted not in classes:
                text += f": there is no StorageClass {wanted} here. There is {', '.join(classes)}"
            elif why := _last_warning(trial, claim):
                text += f": {why}"
            return no(f"{text}.", trial.evidence(pod.reference, claim.reference), line=line)
    return None


def _last_warning(trial: Trial, seen: Seen) -> str:
    found = ""
    for event in trial.all("event"):
        if event.at("involvedObject", "uid") == seen.uid and event.at("type") == "Warning":
            found = tidy(f"{event.at('reason')}: {event.at('message')}")
    return found


_ENDED = "its container {name} ended with exit code {code}{again}"
_AGAIN = ", and was started again {times}"
_LAST = "; the last it wrote: {line}"


# What a container is told that has gone over a limit of its computing; the limit's size says nothing to a learner.
_COMPUTES = re.compile(
    r"(statelab: )?limit exceeded: computed for [\d.]+ s without a pause|awk: fatal: [\w ]*loop iteration.*"
)
_FOR_EVER = "its script computes and never comes to an end, so it was stopped"
_PROBES = {
    "Readiness probe": "readinessProbe",
    "Startup probe": "startupProbe",
    "Liveness probe": "livenessProbe",
}


def why_not_ready(trial: Trial, pod: Seen) -> str:
    """What keeps a Pod from being Ready, in a sentence's second half: its image, how it ended, what it waits for."""
    fault = image_fault(pod)
    why = (fault[0].rstrip(".") if fault else "") or _ended(trial, pod) or pod.waiting_for
    return why or _last_warning(trial, pod) or f"it is {pod.phase}, and not Ready"


def _ended(trial: Trial, pod: Seen) -> str:
    """How a container ended that keeps its Pod from being Ready, and the last line it wrote; "" where none did."""
    for key in ("initContainerStatuses", "containerStatuses"):
        for status in pod.at("status", key) or ():
            now = at(status, "state", "terminated")
            ended = now or at(status, "lastState", "terminated")
            is_over = now is not None or at(status, "state", "waiting", "reason") == "CrashLoopBackOff"
            if not ended or not is_over or (key == "initContainerStatuses" and ended.get("exitCode") == 0):
                continue
            times = status.get("restartCount") or 0
            again = _AGAIN.format(times="once" if times == 1 else f"{times} times") if times else ""
            line = _last_line(trial, pod, status["name"], is_previous=now is None)
            said = _ENDED.format(name=status["name"], code=ended.get("exitCode"), again=again)
            return said + (_LAST.format(line=line) if line else "")
    return ""


def _last_line(trial: Trial, pod: Seen, container: str, *, is_previous: bool) -> str:
    params = {"container": container, "tailLines": "1", **({"previous": "true"} if is_previous else {})}
    reply = trial.place.api(trial).request("GET", f"/api/v1/namespaces/{trial.namespace}/pods/{pod.name}/log", params)
    lines = str(reply.body).strip().splitlines() if reply.code == HTTPStatus.OK else []
    return lines[-1].strip().rstrip(".")[:160] if lines else ""


def gave_up_waiting(trial: Trial, *, but_for: str = "\n") -> Verdict | None:
    """A line that waited for what never came, so that the lines below it were in time by luck only; None if all came.

    `but_for`: in lines with this word it does not matter.
    """
    lines = trial.answer.text.split("\n")
    late = next(
        (each for each in trial.failed if "timed out" in each.message and but_for not in lines[each.line - 1]), None
    )
    if late is None:
        return None
    return no(f"Line {late.line} gave up waiting, and the lines below it went on: {late.message}", line=late.line)


def names_of_pods(trial: Trial, set_name: str, service: str) -> Verdict | None:
    """Why the Pods of a StatefulSet are not found as `<pod>.<service>`; None when each is, at its own address."""
    pods = trial.pods_of(f"statefulset/{set_name}")
    if not pods:
        return not_there(trial, f"statefulset/{set_name}")
    for pod in pods:
        if image_fault(pod) is not None:  # it has no name because it has never run: that is no fault of its name
            owner = trial.get(f"statefulset/{set_name}")
            return pods_not_ready(trial, f"statefulset/{set_name}", owner.at("spec", "replicas") if owner else 1)
        answer = trial.dns(f"{pod.name}.{service}")
        if answer.records == (pod.ip,):
            continue
        asked = f"{answer} (asked inside {pods[-1].name})."
        reason, line = _why_no_name(trial, set_name, service, pod)
        return no(f"{reason}", asked, line=line)
    return None


def all_addresses(trial: Trial, set_name: str, service: str) -> Verdict | None:
    """Why a Service's own name does not lead to all Pods of a set at once, as a headless one's does; None when so."""
    found = trial.get(f"service/{service}")
    if found is None:
        return not_there(trial, f"service/{service}")
    answer = trial.dns(service)
    if found.at("spec", "clusterIP") != "None":
        text = f"Service {service} has one address of its own, {found.at('spec', 'clusterIP')}: it is not headless."
        return no(text, f"{answer}.", line=trial.line("Service", "spec", name=service))
    pods = trial.pods_of(f"statefulset/{set_name}")
    if set(answer.records) != {each.ip for each in pods}:
        line = trial.line("Service", "spec", "selector", name=service)
        return no(f"{service} does not lead to {', '.join(each.name for each in pods)}.", f"{answer}.", line=line)
    return None


def _why_no_name(trial: Trial, set_name: str, service: str, pod: Seen) -> tuple[str, int | None]:
    owner = trial.get(f"statefulset/{set_name}")
    governing = owner.at("spec", "serviceName") if owner else None
    line = trial.line("StatefulSet", "spec", "serviceName", name=set_name) or trial.line("StatefulSet", "spec")
    services = {each.name: each for each in trial.all("service")}
    if not governing:
        return f"StatefulSet {set_name} has no serviceName, so its Pods have no names.", line
    if governing not in services:
        refused = next((each for each in trial.refused if each.item.name == governing), None)
        if refused is not None:
            return f"{REFUSED} {refused.message}", _line_of(trial, refused)
        near = nearest(governing, services) or (service if service in services else None)
        meant = f" Service {near} exists{_selecting(services[near], pod)}. Did you mean {near}?" if near else ""
        where = f" (line {line})" if line else ""
        return (
            f"StatefulSet {set_name} says serviceName: {governing}{where}, "
            f"and there is no Service of that name.{meant}",
            line,
        )
    found = services[governing]
    if governing != service:
        text = f"StatefulSet {set_name} says serviceName: {governing}, so its Pods are called {pod.name}.{governing}"
        return f"{text}, not {pod.name}.{service}.", line
    if not _selects(found, pod):
        at_line = trial.line("Service", "spec", "selector", name=governing)
        wanted = (
            ", ".join(f"{key}: {value}" for key, value in (found.at("spec", "selector") or {}).items()) or "nothing"
        )
        has = ", ".join(f"{key}: {value}" for key, value in pod.labels.items() if "/" not in key and "hash" not in key)
        return f"Service {governing} selects {wanted}, and {pod.name} has {has or 'no labels'}.", at_line
    if not pod.ready:
        return f"{pod.name} is not Ready, and only ready Pods have a name.", None
    return f"{pod.name}.{service} does not lead to {pod.name} ({pod.ip}).", line


def _selects(service: Seen, pod: Seen) -> bool:
    selector = service.at("spec", "selector") or {}
    return bool(selector) and all(pod.labels.get(key) == value for key, value in selector.items())


def _selecting(service: Seen, pod: Seen) -> str:
    return " and selects these Pods" if _selects(service, pod) else ""
