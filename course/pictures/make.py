"""Makes the pictures that stand in the lessons' text, for a reader without a kernel: `python course/pictures/make.py`.

Each is drawn of a cluster in virtual time that was brought to the moment the lesson speaks of. The same script gives
the same pictures, to the byte; a test says when the ones in git are out of date.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import yaml

from statelab.controlplane.controlplane import ControlPlane
from statelab.controlplane.kinds import Object
from statelab.notebook.pictures.customs import DEFINITIONS, kinds_defined
from statelab.notebook.pictures.picture import draw
from statelab.notebook.pictures.scene import WATCHED, PodShown, make_scene, pod_shown

HERE = Path(__file__).parent
PICTURES: dict[str, Callable[[], str]] = {}


class Stage:
    """A cluster of its own with a lesson's namespace, and the lesson's manifests."""

    def __init__(self, lesson: str) -> None:
        self.namespace = f"lesson-{lesson}"
        self.plane = ControlPlane(seed=int(lesson))
        self.plane.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.namespace}})
        self.plane.settle()  # it has its service account now, without which there are no Pods

    def apply(self, *files: str) -> None:
        for file in files:
            documents = yaml.safe_load_all((HERE.parent / "manifests" / f"{file}.yaml").read_text())
            self.plane.apply(*documents, namespace=self.namespace)
        self.plane.settle()

    def key(self, name: str) -> str:
        return f"{self.namespace}/{name}"

    def pods(self) -> list[PodShown]:
        return [pod_shown(pod) for pod in self.plane.list("pods", self.namespace)]

    def drawn(self, before: list[PodShown] | None = None) -> str:
        """The picture now; Pods of `before` that are gone, or another Pod now, are shown as ghosts."""
        everywhere = ("nodes", DEFINITIONS)
        objects = {each: self.plane.list(each, "" if each in everywhere else self.namespace) for each in WATCHED}
        for plural in kinds_defined(objects[DEFINITIONS]):
            objects[plural] = self.plane.list(plural, self.namespace)
        return draw(make_scene(objects, self.namespace), ghosts=before or ()).svg() + "\n"


def picture(name: str) -> Callable[[Callable[[], str]], Callable[[], str]]:
    def keep(make: Callable[[], str]) -> Callable[[], str]:
        PICTURES[name] = make
        return make

    return keep


@picture("01-killed")
def killed() -> str:
    stage = Stage("01")
    stage.apply("01-shop")
    before = stage.pods()
    stage.plane.delete("pods", stage.key(before[0].name))
    stage.plane.settle()
    return stage.drawn(before)


@picture("02-team")
def team() -> str:
    stage = Stage("02")
    stage.apply("02-services-and-claims", "02-team")
    return stage.drawn()


@picture("03-services")
def services() -> str:
    stage = Stage("03")
    stage.apply("03-services", "03-named-pod")
    return stage.drawn()


@picture("04-web")
def web() -> str:
    stage = Stage("04")
    stage.apply("04-web")
    return stage.drawn()


@picture("04-killed")
def web_killed() -> str:
    stage = Stage("04")
    stage.apply("04-web")
    before = stage.pods()
    stage.plane.delete("pods", stage.key("web-1"))
    stage.plane.settle()
    return stage.drawn(before)


@picture("05-bound")
def bound() -> str:
    stage = Stage("05")
    stage.apply("notes/claim", "05-pod")
    return stage.drawn()


@picture("06-claims")
def claims() -> str:
    stage = Stage("06")
    stage.apply("06-web")
    return stage.drawn()


@picture("06-waiting")
def waiting() -> str:
    stage = Stage("06")
    stage.apply("06-web")
    stage.plane.scale("statefulsets", stage.key("web"), 0)
    stage.plane.settle()
    return stage.drawn()


@picture("07-canary")
def canary() -> str:
    stage = Stage("07")
    stage.apply("07-web")
    before = stage.pods()
    container = {"name": "nginx", "image": "registry.k8s.io/nginx-slim:0.26"}
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}
    spec = {"updateStrategy": strategy, "template": {"spec": {"containers": [container]}}}
    stage.plane.patch("statefulsets", stage.key("web"), {"spec": spec})
    stage.plane.settle()
    return stage.drawn(before)


@picture("08-lost")
def lost() -> str:
    stage = Stage("08")
    stage.apply("08-service", "08-config", "08-redis", "08-front")
    pod = stage.plane.get("pods", stage.key("redis-0"))
    assert pod is not None
    stage.plane.kubelets[pod["spec"]["nodeName"]].stop()
    stage.plane.when(lambda: any(each.state == "terminating" for each in stage.pods()))
    stage.plane.settle()
    return stage.drawn()


@picture("09-waiting")
def patient_5() -> str:
    stage = Stage("09")
    stage.apply("09-5-waiting")
    return stage.drawn()


@picture("10-drained")
def drained() -> str:
    stage = Stage("10")
    stage.apply("10-web")
    before = stage.pods()
    emptied = next(pod.node for pod in before if pod.name == "web-1")
    stage.plane.patch("nodes", emptied, {"spec": {"unschedulable": True}})
    for pod in before:
        if pod.node == emptied:  # each when the one before is Ready again, as the budget has it
            stage.plane.delete("pods", stage.key(pod.name))
            stage.plane.settle()
    return stage.drawn(before)


@picture("11-form")
def no_quorum() -> str:
    stage = Stage("11")
    stage.apply("11-etcd")
    return stage.drawn()


@picture("12-restored")
def restored() -> str:
    stage = Stage("12")
    stage.apply("12-shop")
    stage.apply("12-backup")
    cron_job = stage.plane.get("cronjobs", stage.key("backup"))
    assert cron_job is not None
    stage.plane.create(job_from(cron_job, "first"), stage.namespace)
    stage.plane.settle()
    stage.plane.delete("statefulsets", stage.key("shop"))
    stage.plane.delete("persistentvolumeclaims", stage.key("data-shop-0"))
    stage.plane.settle()
    stage.apply("12-restore")
    stage.apply("12-again")
    return stage.drawn()


def job_from(cron_job: Object, name: str) -> Object:
    """What `kubectl create job NAME --from=cronjob/…` makes."""
    owner = {"apiVersion": "batch/v1", "kind": "CronJob", "name": cron_job["metadata"]["name"], "controller": True}
    metadata = {"name": name, "ownerReferences": [{**owner, "uid": cron_job["metadata"]["uid"]}]}
    spec = cron_job["spec"]["jobTemplate"]["spec"]
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": spec}


@picture("13-two")
def two_primaries() -> str:
    stage = Stage("13")
    stage.apply("13-crd")  # what is learned is served a moment later
    stage.apply("13-redis", "13-group")
    for pod in ("redis-0", "redis-1"):
        stage.plane.patch("pods", stage.key(pod), {"metadata": {"labels": {"role": "primary"}}})
    (group,) = kinds_defined(stage.plane.list(DEFINITIONS))
    stage.plane.patch(group, stage.key("redis"), {"status": {"primary": "redis-1", "epoch": 2}}, "status")
    stage.plane.settle()
    return stage.drawn()


def main(folder: Path = HERE) -> None:
    for name, make in PICTURES.items():
        (folder / f"{name}.svg").write_text(make(), encoding="utf-8")


if __name__ == "__main__":
    main(*(Path(each) for each in sys.argv[1:2]))
