"""Deployments, ReplicaSets, StatefulSets, DaemonSets, Jobs, CronJobs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from statelab.controlplane.labels import selector_text
from statelab.kubectl.api import Object
from statelab.kubectl.call import Call
from statelab.kubectl.describe.pods import template
from statelab.kubectl.describe.text import Text, age, events, owner, when
from statelab.kubectl.describe.volumes import volumes


def _phases(call: Call, obj: Object) -> str:
    """`Pods Status:` of a controller."""
    text = selector_text(obj["spec"].get("selector"))
    pods = call.list(call.mapper.find("pods"), obj["metadata"]["namespace"], labelSelector=text)
    uid = obj["metadata"]["uid"]
    found = Counter(
        (pod.get("status") or {}).get("phase", "")
        for pod in pods
        if (controller := owner(pod)) is not None and controller.get("uid") == uid
    )
    return (
        f"Pods Status:\t{found['Running']} Running / {found['Pending']} Waiting / {found['Succeeded']} Succeeded / "
        f"{found['Failed']} Failed\n"
    )


def describe_replicaset(call: Call, obj: Object) -> str:
    text = Text()
    spec, status = obj["spec"], obj.get("status") or {}
    text.name(obj)
    text.put(0, f"Selector:\t{selector_text(spec.get('selector'))}\n")
    text.labels("Labels", obj["metadata"].get("labels"))
    text.annotations(obj["metadata"].get("annotations"))
    controller = owner(obj)
    if controller is not None:
        text.put(0, f"Controlled By:\t{controller['kind']}/{controller['name']}\n")
    text.put(0, f"Replicas:\t{status.get('replicas', 0)} current / {spec.get('replicas', 0)} desired\n")
    text.put(0, _phases(call, obj))
    template(text, spec["template"])
    conditions(text, status.get("conditions") or ())
    events(call, text, obj)
    return text.text()


def conditions(text: Text, found: Any) -> None:
    if found:
        text.put(0, "Conditions:\n  Type\tStatus\tReason\n")
        text.put(1, "----\t------\t------\n")
    for each in found:
        text.put(1, f"{each['type']} \t{each['status']}\t{each.get('reason', '')}\n")


def describe_deployment(call: Call, obj: Object) -> str:
    text = Text()
    spec, status, metadata = obj["spec"], obj.get("status") or {}, obj["metadata"]
    text.name(obj)
    text.put(0, f"CreationTimestamp:\t{when(metadata.get('creationTimestamp'))}\n")
    text.labels("Labels", metadata.get("labels"))
    text.annotations(metadata.get("annotations"))
    text.put(0, f"Selector:\t{selector_text(spec.get('selector'))}\n")
    numbers = [
        status.get(field, 0) for field in ("updatedReplicas", "replicas", "availableReplicas", "unavailableReplicas")
    ]
    text.put(
        0,
        f"Replicas:\t{spec.get('replicas', 0)} desired | {numbers[0]} updated | {numbers[1]} total | "
        f"{numbers[2]} available | {numbers[3]} unavailable\n",
    )
    strategy = spec.get("strategy") or {}
    text.put(0, f"StrategyType:\t{strategy.get('type', '')}\n")
    text.put(0, f"MinReadySeconds:\t{spec.get('minReadySeconds', 0)}\n")
    rolling = strategy.get("rollingUpdate")
    if rolling:
        text.put(
            0,
            f"RollingUpdateStrategy:\t{rolling.get('maxUnavailable')} max unavailable, "
            f"{rolling.get('maxSurge')} max surge\n",
        )
    template(text, spec["template"])
    conditions(text, status.get("conditions") or ())
    old, new = _replicasets(call, obj)
    text.put(0, f"OldReplicaSets:\t{_told(old)}\n")
    text.put(0, f"NewReplicaSet:\t{_told([new] if new else [])}\n")
    events(call, text, obj)
    return text.text()


def _replicasets(call: Call, obj: Object) -> tuple[list[Object], Object | None]:
    """Those of earlier templates that still have Pods, and the one of the present template."""
    uid = obj["metadata"]["uid"]
    found = [
        each
        for each in call.list(call.mapper.find("replicasets.apps"), obj["metadata"]["namespace"])
        if (controller := owner(each)) is not None and controller.get("uid") == uid
    ]
    found.sort(key=lambda each: (str(each["metadata"]["creationTimestamp"]), str(each["metadata"]["name"])))
    wanted = _without_hash(obj["spec"]["template"])
    new = next(
        (each for each in found if _without_hash(each["spec"]["template"]) == wanted),
        None,
    )
    old = [each for each in found if each is not new]
    return old, new


def _without_hash(found: Object) -> Object:
    metadata: Mapping[str, Any] = found.get("metadata") or {}
    labels = {k: v for k, v in (metadata.get("labels") or {}).items() if k != "pod-template-hash"}
    return {**found, "metadata": {**metadata, "labels": labels, "creationTimestamp": None}}


def _told(found: list[Object]) -> str:
    said = [
        f"{each['metadata']['name']} "
        f"({(each.get('status') or {}).get('replicas', 0)}/{each['spec'].get('replicas', 0)} "
        "replicas created)"
        for each in found
    ]
    return ", ".join(said) or "<none>"


def describe_statefulset(call: Call, obj: Object) -> str:
    text = Text()
    spec, status, metadata = obj["spec"], obj.get("status") or {}, obj["metadata"]
    text.name(obj)
    text.put(0, f"CreationTimestamp:\t{when(metadata.get('creationTimestamp'))}\n")
    text.put(0, f"Selector:\t{selector_text(spec.get('selector'))}\n")
    text.labels("Labels", metadata.get("labels"))
    text.annotations(metadata.get("annotations"))
    text.put(0, f"Service Name:\t{spec.get('serviceName', '')}\n")
    text.put(0, f"Pod Management Policy:\t{spec.get('podManagementPolicy', '')}\n")
    text.put(0, f"Replicas:\t{spec.get('replicas', 0)} desired | {status.get('replicas', 0)} total\n")
    strategy = spec.get("updateStrategy") or {}
    text.put(0, f"Update Strategy:\t{strategy.get('type', '')}\n")
    rolling = strategy.get("rollingUpdate")
    if rolling and rolling.get("partition") is not None:
        text.put(1, f"Partition:\t{rolling['partition']}\n")
        if rolling.get("maxUnavailable") is not None:
            text.put(1, f"MaxUnavailable:\t{rolling['maxUnavailable']}\n")
    retention = spec.get("persistentVolumeClaimRetentionPolicy")
    if retention:
        text.put(0, "Persistent Volume Claim Retention Policy:\n")
        text.put(1, f"WhenDeleted:\t{retention.get('whenDeleted', '')}\n")
        text.put(1, f"WhenScaled:\t{retention.get('whenScaled', '')}\n")
    text.put(0, _phases(call, obj))
    template(text, spec["template"])
    claims = spec.get("volumeClaimTemplates") or ()
    text.put(0, "Volume Claims:\n" if claims else "Volume Claims:\t<none>\n")
    for claim in claims:
        about = claim.get("metadata") or {}
        text.put(1, f"Name:\t{about.get('name', '')}\n")
        said = claim["spec"].get("storageClassName")
        annotated = (about.get("annotations") or {}).get("volume.beta.kubernetes.io/storage-class")
        text.put(1, f"StorageClass:\t{annotated or said or ''}\n")
        text.labels("Labels", about.get("labels"), "  ")
        text.annotations(about.get("annotations"), indent="  ")
        storage = ((claim["spec"].get("resources") or {}).get("requests") or {}).get("storage")
        text.put(1, f"Capacity:\t{storage}\n" if storage else "Capacity:\t<default>\n")
        text.put(1, f"Access Modes:\t[{' '.join(claim['spec'].get('accessModes') or ())}]\n")
    conditions(text, status.get("conditions") or ())
    events(call, text, obj)
    return text.text()


def describe_daemonset(call: Call, obj: Object) -> str:
    text = Text()
    spec, status = obj["spec"], obj.get("status") or {}
    text.put(0, f"Name:\t{obj['metadata']['name']}\n")
    text.put(0, f"Namespace:\t{obj['metadata']['namespace']}\n")
    text.put(0, f"Selector:\t{selector_text(spec.get('selector'))}\n")
    text.labels("Node-Selector", (spec["template"].get("spec") or {}).get("nodeSelector"))
    text.labels("Labels", obj["metadata"].get("labels"))
    text.annotations(obj["metadata"].get("annotations"))
    for words, field in (
        ("Desired Number of Nodes Scheduled: ", "desiredNumberScheduled"),
        ("Current Number of Nodes Scheduled: ", "currentNumberScheduled"),
        ("Number of Nodes Scheduled with Up-to-date Pods: ", "updatedNumberScheduled"),
        ("Number of Nodes Scheduled with Available Pods: ", "numberAvailable"),
        ("Number of Nodes Misscheduled: ", "numberMisscheduled"),
    ):
        text.put(0, f"{words}{status.get(field, 0)}\n")
    text.put(0, _phases(call, obj))
    template(text, spec["template"])
    events(call, text, obj)
    return text.text()


def describe_job(call: Call, obj: Object) -> str:
    text = Text()
    spec, status, metadata = obj["spec"], obj.get("status") or {}, obj["metadata"]
    text.name(obj)
    text.put(0, f"Selector:\t{selector_text(spec.get('selector'))}\n")
    text.labels("Labels", metadata.get("labels"))
    text.annotations(metadata.get("annotations"))
    controller = owner(obj)
    if controller is not None:
        text.put(0, f"Controlled By:\t{controller['kind']}/{controller['name']}\n")
    text.put(0, f"Parallelism:\t{spec.get('parallelism', 1)}\n")
    text.put(
        0,
        f"Completions:\t{spec['completions']}\n" if spec.get("completions") is not None else "Completions:\t<unset>\n",
    )
    if spec.get("completionMode"):
        text.put(0, f"Completion Mode:\t{spec['completionMode']}\n")
    if "suspend" in spec:
        text.put(0, f"Suspend:\t{'true' if spec['suspend'] else 'false'}\n")
    if "backoffLimit" in spec:
        text.put(0, f"Backoff Limit:\t{spec['backoffLimit']}\n")
    if spec.get("ttlSecondsAfterFinished") is not None:
        text.put(0, f"TTL Seconds After Finished:\t{spec['ttlSecondsAfterFinished']}\n")
    if status.get("startTime"):
        text.put(0, f"Start Time:\t{when(status['startTime'])}\n")
    if status.get("completionTime"):
        from statelab.controlplane.clock import seconds
        from statelab.kubectl.gotext import human_duration

        text.put(0, f"Completed At:\t{when(status['completionTime'])}\n")
        lasted = seconds(status["completionTime"]) - seconds(status["startTime"])
        text.put(0, f"Duration:\t{human_duration(lasted)}\n")
    if spec.get("activeDeadlineSeconds") is not None:
        text.put(0, f"Active Deadline Seconds:\t{spec['activeDeadlineSeconds']}s\n")
    counts = [status.get(field) or 0 for field in ("active", "succeeded", "failed")]
    ready = f" ({status['ready']} Ready)" if status.get("ready") is not None else ""
    text.put(0, f"Pods Statuses:\t{counts[0]} Active{ready} / {counts[1]} Succeeded / {counts[2]} Failed\n")
    if spec.get("completionMode") == "Indexed":
        text.put(0, f"Completed Indexes:\t{status.get('completedIndexes') or '<none>'}\n")
    template(text, spec["template"])
    events(call, text, obj)
    return text.text()


def describe_cronjob(call: Call, obj: Object) -> str:
    text = Text()
    spec, status, metadata = obj["spec"], obj.get("status") or {}, obj["metadata"]
    text.name(obj)
    text.labels("Labels", metadata.get("labels"))
    text.annotations(metadata.get("annotations"))
    text.put(0, f"Schedule:\t{spec.get('schedule', '')}\n")
    if spec.get("timeZone"):
        text.put(0, f"Time Zone:\t{spec['timeZone']}\n")
    text.put(0, f"Concurrency Policy:\t{spec.get('concurrencyPolicy', '')}\n")
    suspend = spec.get("suspend")
    text.put(0, f"Suspend:\t{'<unset>' if suspend is None else 'True' if suspend else 'False'}\n")
    for words, field in (
        ("Successful Job History Limit", "successfulJobsHistoryLimit"),
        ("Failed Job History Limit", "failedJobsHistoryLimit"),
    ):
        text.put(0, f"{words}:\t{spec[field]}\n" if spec.get(field) is not None else f"{words}:\t<unset>\n")
    deadline = spec.get("startingDeadlineSeconds")
    text.put(
        0,
        f"Starting Deadline Seconds:\t{deadline}s\n"
        if deadline is not None
        else "Starting Deadline Seconds:\t<unset>\n",
    )
    job = spec["jobTemplate"].get("spec") or {}
    text.labels("Selector", (job.get("selector") or {}).get("matchLabels")) if job.get("selector") else text.put(
        0, "Selector:\t<unset>\n"
    )
    for words, field in (("Parallelism", "parallelism"), ("Completions", "completions")):
        text.put(0, f"{words}:\t{job[field]}\n" if job.get(field) is not None else f"{words}:\t<unset>\n")
    if job.get("activeDeadlineSeconds") is not None:
        text.put(0, f"Active Deadline Seconds:\t{job['activeDeadlineSeconds']}s\n")
    template(text, job.get("template") or {})
    last = status.get("lastScheduleTime")
    text.put(0, f"Last Schedule Time:\t{when(last)}\n" if last else "Last Schedule Time:\t<unset>\n")
    names = ", ".join(each.get("name", "") for each in status.get("active") or ())
    text.put(0, f"Active Jobs:\t{names or '<none>'}\n")
    events(call, text, obj)
    return text.text()


__all__ = [
    "age",
    "describe_cronjob",
    "describe_daemonset",
    "describe_deployment",
    "describe_job",
    "describe_replicaset",
    "describe_statefulset",
    "volumes",
]
