"""The copies that a backup has left: found on the claim `backups`, looked at with etcdutl, and restored."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from grader.rubrics.ps8 import texts
from grader.seen import Seen
from grader.trial import Trial
from grader.verdict import Verdict, no
from statelab.controlplane.errors import ApiError
from statelab.manifest.relations import at

FOLDER = "/backups"
_AUDITOR = f"""\
apiVersion: v1
kind: Pod
metadata: {{name: auditor}}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - name: shell
    image: busybox:1.37
    command: [sleep, "1000000"]
    volumeMounts: [{{name: backups, mountPath: {FOLDER}}}]
  - name: etcd
    image: {texts.ETCD}
    volumeMounts: [{{name: backups, mountPath: {FOLDER}}}]
  volumes: [{{name: backups, persistentVolumeClaim: {{claimName: backups}}}}]
"""
_RESTORE = """\
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {{name: data-shop-0}}
spec: {{accessModes: [ReadWriteOnce], resources: {{requests: {{storage: 1Gi}}}}}}
---
apiVersion: batch/v1
kind: Job
metadata: {{name: restore-it}}
spec:
  backoffLimit: 0
  template:
    spec:
      restartPolicy: Never
      containers:
      - name: restore
        image: {image}
        command: [etcdutl, snapshot, restore, {path}, --data-dir=/data/etcd, --name=shop-0,
                  "--initial-cluster=shop-0=http://shop-0.shop:2380",
                  "--initial-advertise-peer-urls=http://shop-0.shop:2380"]
        volumeMounts: [{{name: backups, mountPath: /backups}}, {{name: data, mountPath: /data}}]
      volumes:
      - {{name: backups, persistentVolumeClaim: {{claimName: backups}}}}
      - {{name: data, persistentVolumeClaim: {{claimName: data-shop-0}}}}
"""


@dataclass(frozen=True, slots=True)
class Copy:
    """A file on the claim: what etcdutl says of it, and the revision of the store that is in it; 0 where it is none."""

    path: str
    revision: int
    said: str

    @property
    def is_whole(self) -> bool:
        return self.revision > 0


def etcdctl(trial: Trial, *words: str, on: str = "shop-0") -> str:
    """What etcdctl says in a member's Pod; "" where it fails."""
    ran = trial.exec(on, "etcdctl", *words)
    return ran.out if ran.code == 0 else ""


def revision_of(trial: Trial, on: str = "shop-0") -> int:
    """The store's revision by now; 0 where nobody answers."""
    said = etcdctl(trial, "get", "no-such-key", "--write-out=json", on=on)
    return int(json.loads(said)["header"]["revision"]) if said else 0


def orders_in(trial: Trial, on: str, *more: str) -> dict[str, str] | None:
    """The orders that a member has; None where it does not answer."""
    ran = trial.exec(on, "etcdctl", "get", "order/", "--prefix", *more)
    if ran.code:
        return None
    lines = ran.out.splitlines()
    return dict(zip(lines[::2], lines[1::2], strict=False))


def copies(trial: Trial) -> list[Copy] | None:
    """The files on claim `backups` that end in .db, as an auditor's Pod sees them; None where it cannot mount it."""
    claim = trial.get("pvc/backups")
    if claim is None or claim.phase != "Bound":
        return None
    pod = trial.get("pod/auditor")
    if pod is None or not pod.ready:
        trial.delete("pod/auditor").apply(_AUDITOR)
        trial.when(lambda: (seen := trial.get("pod/auditor")) is not None and seen.ready, timeout_s=60)
    listed = trial.exec("auditor", "find", FOLDER, "-name", "*.db", "-type", "f", container="shell").out
    return [_looked_at(trial, path) for path in sorted(listed.splitlines())]


def _looked_at(trial: Trial, path: str) -> Copy:
    ran = trial.exec("auditor", "etcdutl", "snapshot", "status", path, "--write-out=json", container="etcd")
    said = (ran.error.strip() or ran.out.strip()).split("\n")[-1]
    try:
        return Copy(path, int(json.loads(ran.out)["revision"]) if ran.code == 0 else 0, said)
    except (ValueError, KeyError, TypeError):
        return Copy(path, 0, said)


def last_word_of_jobs(trial: Trial, pods: Sequence[Seen]) -> str:
    """What the last Pod that a CronJob has made says, or waits for."""
    pod = pods[-1]
    said = log_of(trial, pod) or pod.waiting_for
    if said:
        return said
    ended = [at(each, "state", "terminated", "message") for each in pod.at("status", "containerStatuses") or ()]
    return next((str(each).split("init: ")[-1][:200] for each in ended if each), f"{pod.name} is {pod.phase}")


def log_of(trial: Trial, pod: Seen) -> str:
    """The last line that a Pod has written, of the container that keeps it from going on."""
    container = _not_done(pod) or str(pod.at("spec", "containers", 0, "name"))
    path = f"/api/v1/namespaces/{trial.namespace}/pods/{pod.name}/log"
    reply = trial.place.api(trial).request("GET", path, {"container": container})
    if reply.code >= 400:
        return ""
    text = reply.body.decode("utf-8", "replace") if isinstance(reply.body, bytes) else str(reply.body)
    lines = [each for each in text.splitlines() if each.strip()]
    plain = [each for each in lines if not each.startswith("{")]
    return (plain or [_words(each) for each in lines] or [""])[-1][:200]


def _words(line: str) -> str:
    """Of a line of etcd's log: what it says, and the error with it."""
    try:
        said = json.loads(line)
    except ValueError:
        return line
    return ": ".join(str(said[key]) for key in ("msg", "error") if said.get(key))


def _not_done(pod: Seen) -> str | None:
    """The first container that keeps it from going on, or has not ended well."""
    for each in pod.at("status", "initContainerStatuses") or ():
        if at(each, "state", "terminated", "exitCode") != 0:
            return str(each["name"])
    ended = (
        each for each in pod.at("status", "containerStatuses") or () if at(each, "state", "terminated", "exitCode")
    )
    return next((str(each["name"]) for each in ended), None)


def failed_pods(trial: Trial) -> list[str]:
    """The Pods of Jobs, and those of nobody, that have not ended well: their names and last words."""
    found = [
        each
        for each in trial.all("pod")
        if (each.owner or "Job/").startswith("Job/") and (each.phase == "Failed" or _not_done(each))
    ]
    return [f"{each.name}: {last_word_of_jobs(trial, [each])}" for each in found if each.name != "auditor"][:3]


def restored(trial: Trial, copy: Copy) -> dict[str, str] | Verdict:
    """The shop again, from this copy, as a person would do it; the orders that are in it, or why it is not there."""
    trial.delete("cronjob/backup").settle()
    try:
        trial.apply(_RESTORE.format(image=texts.ETCD, path=json.dumps(copy.path))).settle()
        trial.apply(texts.SHOP).settle()
    except ApiError as error:
        return no(f"It could not be restored: {error.message}")
    found = orders_in(trial, "shop-0")
    if found is None:
        pods = trial.pods_of("job/restore-it")
        return no(f"{copy.path} could not be restored: {last_word_of_jobs(trial, pods) if pods else 'no Pod'}")
    return found
