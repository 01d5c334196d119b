"""Systems that start and stop in their own ways, run under both policies: what ps5.policy is held against."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from grader.seen import Seen
from grader.shared import remembered
from grader.tasks import Task
from grader.trial import Trial


@dataclass(frozen=True, slots=True)
class System:
    """`replicas`, and what its Pods' container runs; `goes_wrong` says in a word what is wrong with a run, or ""."""

    replicas: int
    container: str
    goes_wrong: Callable[[Trial, str, int], str]
    grace_s: int = 10


def never_ready(trial: Trial, name: str, replicas: int) -> str:
    """stuck, or nothing wrong."""
    return "" if trial.when(lambda: _ready(trial, name) == replicas, timeout_s=90) else "stuck"


def _crashes(trial: Trial, name: str, replicas: int) -> str:
    if never_ready(trial, name, replicas):
        return "stuck"
    restarts = [each.at("status", "containerStatuses", 0, "restartCount") for each in pods(trial, name)]
    return "crashes" if any(restarts) else ""


def _late(trial: Trial, name: str, replicas: int) -> str:
    return "" if trial.when(lambda: _ready(trial, name) == replicas, timeout_s=60) else "late"


def pods(trial: Trial, name: str) -> list[Seen]:
    """The members of a system."""
    return trial.pods_of(f"statefulset/{name}")


def _ready(trial: Trial, name: str) -> int:
    return sum(each.ready for each in pods(trial, name))


SYSTEMS: Mapping[str, System] = {
    # A member is ready when it can find all the others, whether they are ready or not.
    "ring": System(
        3,
        """\
      - name: ring
        image: nginx:1.27
        command: [sh, -c, "trap 'exit 0' TERM; while true; do sleep 5; done"]
        readinessProbe:
          periodSeconds: 5
          exec:
            command: [sh, -c, "getent hosts ring-0.ring && getent hosts ring-1.ring && getent hosts ring-2.ring"]
""",
        never_ready,
    ),
    # A replica begins by asking the member below for its data, and gives up when nobody answers.
    "copies": System(
        3,
        """\
      - name: copies
        image: nginx:1.27
        command:
        - sh
        - -c
        - |
          number=${HOSTNAME##*-}
          if [ "$number" -gt 0 ]; then
            wget -q -O /tmp/copy "http://copies-$((number - 1)).copies" || exit 1
          fi
          sleep 5
          exec nginx -g 'daemon off;'
        readinessProbe:
          periodSeconds: 2
          tcpSocket: {port: 80}
""",
        _crashes,
    ),
    # Members know nothing of one another, and each needs 20 s to warm up.
    "workers": System(
        6,
        """\
      - name: worker
        image: busybox:1.37
        command: [sh, -c, "trap 'exit 0' TERM; sleep 20; touch /tmp/warm; while true; do sleep 5; done"]
        readinessProbe:
          periodSeconds: 2
          exec: {command: [cat, /tmp/warm]}
""",
        _late,
    ),
}


def manifest(name: str, system: System, policy: str) -> str:
    """A system as it is given to the cluster, with its headless Service."""
    return f"""\
---
apiVersion: v1
kind: Service
metadata: {{name: {name}}}
spec: {{clusterIP: None, publishNotReadyAddresses: {"true" if name == "ring" else "false"}, selector: {{app: {name}}}}}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {{name: {name}}}
spec:
  serviceName: {name}
  replicas: {system.replicas}
  podManagementPolicy: {policy}
  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata: {{labels: {{app: {name}}}}}
    spec:
      terminationGracePeriodSeconds: {system.grace_s}
      containers:
{system.container}"""


def run(name: str, system: System, policy: str) -> str:
    """What goes wrong with a system under a policy; "" when nothing does."""
    trial = Trial(Task("ps5.run", 1, ""))
    trial.apply(manifest(name, system, policy))
    return system.goes_wrong(trial, name, system.replicas)


@remembered
def observed(name: str, policy: str) -> str:
    """What goes wrong with one of SYSTEMS under this policy; "" when nothing does."""
    return run(name, SYSTEMS[name], policy)


__all__ = ["SYSTEMS", "System", "manifest", "never_ready", "observed", "pods", "run"]
