"""The same seed and the same requests give the same history, to the byte: today's, and the one that is stored.

What makes the cluster cheaper must change nothing that anybody can see: not one revision, resourceVersion, uid, event,
moment, cause, or byte of an object as it is sent. `histories.json` holds, for each scenario and kind of object, how
many revisions there were and a digest of them. A change that is meant (a new event, another word) is written down with

    python tests/statelab/controlplane/test_histories.py

and the kinds that differ are the reason's measure: whoever changes an event's words finds events there, and no Pods.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from statelab.controlplane import ControlPlane
from statelab.controlplane.kinds import Object
from statelab.reader import jsonbytes

STORED = Path(__file__).with_name("histories.json")

_SET = """
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {clusterIP: None, selector: {app: web}, ports: [{port: 80, name: http}]}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: web}
spec:
  serviceName: web
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 5
      initContainers:
      - {name: first, image: busybox, command: [sh, -c, "echo $HOSTNAME > /data/name"],
         volumeMounts: [{name: data, mountPath: /data}]}
      containers:
      - name: nginx
        image: nginx:1.27
        ports: [{containerPort: 80, name: http}]
        readinessProbe: {httpGet: {path: /name, port: http}, periodSeconds: 2}
        livenessProbe: {exec: {command: [cat, /usr/share/nginx/html/name]}}
        volumeMounts: [{name: data, mountPath: /usr/share/nginx/html}]
  volumeClaimTemplates:
  - metadata: {name: data}
    spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
"""
_ROLLOUT = """
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {COLOUR: blue}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  replicas: 4
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - {name: nginx, image: "nginx:1.26", envFrom: [{configMapRef: {name: settings}}],
         resources: {requests: {cpu: 50m, memory: 16Mi}, limits: {memory: 64Mi}}}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80}]}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: web}
spec: {minAvailable: 3, selector: {matchLabels: {app: web}}}
"""
_BATCH = """
apiVersion: batch/v1
kind: Job
metadata: {name: works}
spec:
  completions: 3
  parallelism: 2
  template:
    spec:
      restartPolicy: Never
      containers: [{name: main, image: busybox, command: ["true"]}]
---
apiVersion: batch/v1
kind: Job
metadata: {name: fails}
spec:
  backoffLimit: 2
  template:
    spec:
      restartPolicy: Never
      containers: [{name: main, image: busybox, command: [sh, -c, "echo no >&2; exit 3"]}]
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: often}
spec:
  schedule: "*/2 * * * *"
  jobTemplate:
    spec:
      template:
        spec:
          restartPolicy: OnFailure
          containers: [{name: main, image: busybox, command: [echo, "$(NODE)"],
                        env: [{name: NODE, valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}]}]
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent}
spec:
  selector: {matchLabels: {app: agent}}
  template:
    metadata: {labels: {app: agent}}
    spec:
      containers: [{name: main, image: busybox, command: [sh, -c, "while true; do date; sleep 10; done"]}]
"""
_TROUBLE = """
apiVersion: v1
kind: Pod
metadata: {name: crashes}
spec: {containers: [{name: main, image: busybox, command: [sh, -c, "echo once; sleep 2; exit 1"]}]}
---
apiVersion: v1
kind: Pod
metadata: {name: missing}
spec: {containers: [{name: main, image: "nginx:9.99"}]}
---
apiVersion: v1
kind: Pod
metadata: {name: cannot}
spec: {containers: [{name: main, image: busybox, command: [no-such-program]}]}
---
apiVersion: v1
kind: Pod
metadata: {name: large}
spec: {containers: [{name: main, image: busybox, command: ["true"], resources: {requests: {cpu: "500"}}}]}
---
apiVersion: v1
kind: Pod
metadata: {name: simple}
spec:
  restartPolicy: Never
  containers:
  - {name: says, image: busybox, command: [echo, "one  two", "*", "$HOME"]}
  - {name: "false", image: busybox, command: ["false"]}
  - {name: script, image: busybox, command: [sh, -c, "echo a && echo b; ls /bin | head -3; exit 4"]}
---
apiVersion: v1
kind: Pod
metadata: {name: told}
spec:
  restartPolicy: Never
  terminationGracePeriodSeconds: 3
  containers:
  - {name: main, image: busybox, command: [sh, -c, "trap 'echo bye; exit 7' TERM; sleep 1000 & wait"]}
  - {name: deaf, image: busybox, command: [sleep, "1000"]}
"""

_GOSSIP = """
apiVersion: v1
kind: Service
metadata: {name: gossip}
spec: {clusterIP: None, publishNotReadyAddresses: true, selector: {app: gossip}, ports: [{port: 80}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: gossip}
spec:
  replicas: 5
  selector: {matchLabels: {app: gossip}}
  template:
    metadata: {labels: {app: gossip}}
    spec:
      containers:
      - name: member
        image: busybox
        command: [sh, -c, "nslookup gossip | grep Address & sleep 1; nslookup gossip | cat; sleep 1000"]
        readinessProbe:
          periodSeconds: 3
          exec: {command: [sh, -c, "test $(nslookup gossip | grep -c 'Address.*10[.]244') -ge 6"]}
"""


def _stateful(cluster: ControlPlane) -> None:
    _apply(cluster, _SET)
    cluster.loop.run_for(60)
    cluster.delete("pods", "default/web-1")
    cluster.scale("statefulsets", "default/web", 4)
    cluster.loop.run_for(60)
    template = {"metadata": {"annotations": {"note": "new"}}}
    cluster.patch("statefulsets", "default/web", {"spec": {"template": template}})
    cluster.loop.run_for(120)
    cluster.scale("statefulsets", "default/web", 1)
    cluster.loop.run_for(60)
    cluster.delete("statefulsets", "default/web", propagationPolicy="Foreground")
    cluster.loop.run_for(30)


def _rollout(cluster: ControlPlane) -> None:
    _apply(cluster, _ROLLOUT)
    cluster.loop.run_for(30)
    _apply(cluster, _ROLLOUT.replace("1.26", "1.27"))
    cluster.loop.run_for(60)
    _apply(cluster, _ROLLOUT.replace("1.26", "9.99"))
    cluster.loop.run_for(60)
    cluster.delete("deployments", "default/web")
    cluster.loop.run_for(60)


def _batch(cluster: ControlPlane) -> None:
    _apply(cluster, _BATCH)
    cluster.loop.run_for(500)
    cluster.delete("jobs", "default/works")
    cluster.delete("daemonsets", "default/agent", propagationPolicy="Orphan")
    cluster.loop.run_for(60)


def _gossip(cluster: ControlPlane) -> None:
    """Shells that run at one moment, with pipes and jobs: which of them goes on first is part of the history."""
    _apply(cluster, _GOSSIP)
    cluster.loop.run_for(40)
    cluster.scale("deployments", "default/gossip", 7)
    cluster.loop.run_for(40)


def _trouble(cluster: ControlPlane) -> None:
    _apply(cluster, _TROUBLE)
    cluster.loop.run_for(200)
    for name in ("told", "crashes"):
        cluster.delete("pods", f"default/{name}")
    cluster.loop.run_for(60)


SCENARIOS: dict[str, Callable[[ControlPlane], None]] = {
    "a StatefulSet's life": _stateful,
    "rollouts of a Deployment": _rollout,
    "Jobs, a CronJob and a DaemonSet": _batch,
    "Pods in trouble": _trouble,
    "Pods that look for each other": _gossip,
}


def _apply(cluster: ControlPlane, manifest: str) -> None:
    cluster.apply(*yaml.safe_load_all(manifest))


def _history(scenario: Callable[[ControlPlane], None], seed: int) -> dict[str, str]:
    """For each kind, the number of its revisions and their digest; with the logs of the containers that are left."""
    cluster = ControlPlane(seed=seed)
    scenario(cluster)
    digests: dict[str, Any] = {}
    counts: dict[str, int] = {}
    for each in cluster.store.history:
        row = [each.number, each.type, each.key, each.object, each.cause.actor, each.cause.why, each.at_s]
        digests.setdefault(each.plural, hashlib.sha256()).update(jsonbytes.dumps(row))
        counts[each.plural] = counts.get(each.plural, 0) + 1
    found = {plural: f"{counts[plural]} {digest.hexdigest()[:16]}" for plural, digest in sorted(digests.items())}
    return {**found, "logs": hashlib.sha256(jsonbytes.dumps(_logs(cluster))).hexdigest()[:16]}


def _logs(cluster: ControlPlane) -> list[Object]:
    found: list[Object] = []
    for pod in cluster.list("pods", "default"):
        kubelet = cluster.kubelets.get(pod["spec"].get("nodeName", ""))
        for container in pod["spec"]["containers"] if kubelet is not None else ():
            running = kubelet.container(f"default/{pod['metadata']['name']}", container["name"])
            lines = [[line.stream, line.text, line.at_s] for line in running.logs] if running is not None else []
            found.append({"pod": pod["metadata"]["name"], "container": container["name"], "lines": lines})
    return found


def _stored() -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = json.loads(STORED.read_text(encoding="utf-8"))
    return found


@pytest.mark.parametrize("seed", [0, 7])
@pytest.mark.parametrize("name", SCENARIOS)
def test_nothing_observable_has_changed(name: str, seed: int) -> None:
    assert _history(SCENARIOS[name], seed) == _stored()[f"{name}, seed {seed}"]


def test_another_seed_has_another_history() -> None:
    stored = _stored()
    for name in SCENARIOS:
        assert stored[f"{name}, seed 0"]["pods"] != stored[f"{name}, seed 7"]["pods"]


if __name__ == "__main__":
    rows = {f"{name}, seed {seed}": _history(scenario, seed) for name, scenario in SCENARIOS.items() for seed in (0, 7)}
    STORED.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
