"""podFailurePolicy and successPolicy. Source: pkg/controller/job/pod_failure_policy.go, success_policy.go."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from statelab.controlplane.controllers.job.indexes import Indexes
from statelab.controlplane.kinds import Object


@dataclass(frozen=True, slots=True)
class Ruling:
    """What the policy says of one failed Pod. `fails_job`: why the whole Job fails for it."""

    action: str = "Count"
    fails_job: str | None = None

    @property
    def counts(self) -> bool:
        return self.action != "Ignore"


def ruling_on(pod: Object, job: Object) -> Ruling:
    """The action of the first rule that the failed Pod matches."""
    for index, rule in enumerate((job["spec"].get("podFailurePolicy") or {}).get("rules") or ()):
        matched = _matched(pod, rule)
        if matched is None:
            continue
        action = rule["action"]
        why = f"{matched} matching FailJob rule at index {index}" if action == "FailJob" else None
        return Ruling(action, why)
    return Ruling()


def _matched(pod: Object, rule: Object) -> str | None:
    """In the controller's words, what of the Pod the rule is about; None if nothing is."""
    name = f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"
    status = pod.get("status", {})
    if rule.get("onExitCodes") is not None:
        wanted = rule["onExitCodes"]
        for key in ("containerStatuses", "initContainerStatuses"):
            for container in status.get(key) or ():
                code = ((container.get("state") or {}).get("terminated") or {}).get("exitCode", 0)
                named = wanted.get("containerName") in (None, container["name"])
                if code and named and (code in wanted["values"]) == (wanted["operator"] == "In"):
                    return f"Container {container['name']} for pod {name} failed with exit code {code}"
        return None
    for pattern in rule.get("onPodConditions") or ():
        for each in status.get("conditions") or ():
            if each["type"] == pattern["type"] and each["status"] == pattern.get("status", "True"):
                return f"Pod {name} has condition {each['type']}"
    return None


def success_of(job: Object, succeeded: Indexes) -> str | None:
    """Why an Indexed Job's successPolicy is met; None while it is not."""
    completions = job["spec"].get("completions") or 0
    rules: list[Any] = (job["spec"].get("successPolicy") or {}).get("rules") or []
    for index, rule in enumerate(rules if len(succeeded) else ()):
        count = rule.get("succeededCount")
        if rule.get("succeededIndexes") is None:
            met = count is not None and len(succeeded) >= count
        else:
            required = Indexes.parse(rule["succeededIndexes"], completions)
            have = succeeded.common(required)
            met = bool(len(required)) and have >= (len(required) if count is None else count)
        if met:
            return f"Matched rules at index {index}"
    return None
