"""Applications run as Deployments, and what breaks when every Pod is replaced: nothing, data or names."""

from __future__ import annotations

from collections.abc import Callable

from grader.rubrics.ps1.runs import VISITOR, deployment
from grader.shared import remembered
from grader.tasks import Task
from grader.trial import Trial

_ADDITIONS = 15  # each of the two Pods of ledger makes so many

_SITE = (
    deployment("site", 3)
    + VISITOR
    + "---\napiVersion: v1\nkind: Service\nmetadata: {name: site}\nspec: {selector: {app: site}, ports: [{port: 80}]}\n"
)

_LEDGER = f"""\
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {{name: ledger}}
spec: {{accessModes: [ReadWriteOnce], resources: {{requests: {{storage: 1Gi}}}}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: ledger}}
spec:
  replicas: 2
  selector: {{matchLabels: {{app: ledger}}}}
  template:
    metadata: {{labels: {{app: ledger}}}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
      - name: database
        image: busybox:1.36
        command:
        - sh
        - -c
        - |
          [ -e /data/counter ] || echo 0 > /data/counter
          touch /data/here-$(hostname)
          until [ "$(ls /data | grep -c here-)" -ge 2 ]; do sleep 1; done
          for i in $(seq {_ADDITIONS}); do
            n=$(cat /data/counter); sleep 0.1; echo $((n + 1)) > /data/counter
          done
          sleep 1000000
        volumeMounts: [{{name: data, mountPath: /data}}]
      volumes: [{{name: data, persistentVolumeClaim: {{claimName: ledger}}}}]
"""


@remembered
def breaks(application: str) -> str:
    """Run the application as a Deployment and see: nothing, data or names."""
    manifest, look = _APPLICATIONS[application]
    return look(Trial(Task(f"ps1.{application}", 1, "", given=manifest)).settle())


def replace_all(trial: Trial, name: str) -> None:
    """Every Pod of a Deployment is deleted, and others come."""
    for each in trial.pods_of(f"deployment/{name}"):
        trial.delete(each.reference)
    trial.settle().wait(10)


def _site(trial: Trial) -> str:
    before = trial.exec("visitor", "wget", "-qO-", "http://site")
    replace_all(trial, "site")
    return "nothing" if before.code == 0 and trial.exec("visitor", "wget", "-qO-", "http://site") == before else "names"


def _ledger(trial: Trial) -> str:
    trial.wait(30)
    counter = trial.read(trial.pods_of("deployment/ledger")[0].name, "/data/counter") or "0"
    return "nothing" if int(counter) == 2 * _ADDITIONS else "data"


_APPLICATIONS: dict[str, tuple[str, Callable[[Trial], str]]] = {
    "site": (_SITE, _site),
    "ledger": (_LEDGER, _ledger),
}
