"""Deployments, Jobs, CronJobs."""

from __future__ import annotations

import re

from statelab.kubectl.api import Object
from statelab.kubectl.call import Call
from statelab.kubectl.problems import Fail
from statelab.kubectl.verbs.creating.making import command_of, create, metadata, name_of

_UNSAFE = re.compile(r"[^-a-z0-9]")


def deployment(call: Call) -> None:
    flags = call.flags
    name, images, command = name_of(call), flags.all("image"), command_of(call)
    if len(images) > 1 and command:
        raise Fail("cannot specify multiple --image options and command")
    if flags.number("replicas") < 0:
        raise Fail(f"invalid replicas: {flags.number('replicas')}")
    labels = {"app": name}
    containers = [_container(call, image, command) for image in images]
    create(call, "deployments.apps", {
        "kind": "Deployment",
        "apiVersion": "apps/v1",
        "metadata": metadata(call, name, labels),
        "spec": {
            "replicas": flags.number("replicas"),
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": containers}},
            "strategy": {},
        },
        "status": {},
    }, noun="deployment")  # fmt: skip


def _container(call: Call, image: str, command: list[str]) -> Object:
    made: Object = {"name": container_name(image), "image": image}
    if command:
        made["command"] = command
    if call.flags.number("port") >= 0:
        made["ports"] = [{"containerPort": call.flags.number("port")}]
    made["resources"] = {}
    return made


def container_name(image: str) -> str:
    """The last part of an image's name, as a container's name."""
    bare = image.rpartition("/")[2].partition("@")[0].partition(":")[0]
    return _UNSAFE.sub("-", bare.lower()).strip("-")


def _job_spec(name: str, image: str, command: list[str], restart: str) -> Object:
    container: Object = {"name": name, "image": image}
    if command:
        container["command"] = command
    container["resources"] = {}
    return {"template": {"metadata": {}, "spec": {"containers": [container], "restartPolicy": restart}}}


def job(call: Call) -> None:
    flags = call.flags
    name, command = name_of(call), command_of(call)
    if bool(flags.text("image")) == bool(flags.text("from")):
        raise Fail("either --image or --from must be specified")
    if flags.text("from"):
        if command:
            raise Fail("cannot specify --from and command")
        spec, more = _from_cronjob(call, flags.text("from"))
    else:
        spec, more = _job_spec(name, flags.text("image"), command, "Never"), {}
    about = {**metadata(call, name), **more}
    create(call, "jobs.batch", {
        "kind": "Job", "apiVersion": "batch/v1", "metadata": about, "spec": spec, "status": {},
    }, noun="job")  # fmt: skip


def _from_cronjob(call: Call, said: str) -> tuple[Object, Object]:
    """The template of a CronJob, and what says that somebody started it by hand. Raises Fail, Refused."""
    type, slash, name = said.partition("/")
    resource = call.mapper.find(type)
    if not slash:
        raise Fail("from must be an existing cronjob")
    found = call.get(resource, call.namespace, name)
    if resource.kind != "CronJob":
        raise Fail("from must be an existing cronjob")
    template = found["spec"]["jobTemplate"]
    about = template.get("metadata") or {}
    more: Object = {}
    if about.get("labels"):
        more["labels"] = about["labels"]
    more["annotations"] = {**(about.get("annotations") or {}), "cronjob.kubernetes.io/instantiate": "manual"}
    more["ownerReferences"] = [{
        "apiVersion": "batch/v1", "kind": "CronJob", "name": name, "uid": found["metadata"]["uid"], "controller": True,
    }]  # fmt: skip
    return template["spec"], more


def cronjob(call: Call) -> None:
    flags = call.flags
    name, command = name_of(call), command_of(call)
    restart = flags.text("restart") or "OnFailure"
    if restart not in ("OnFailure", "Never"):
        raise Fail(f"invalid restart policy: {restart}")
    spec = _job_spec(name, flags.text("image"), command, restart)
    create(call, "cronjobs.batch", {
        "kind": "CronJob",
        "apiVersion": "batch/v1",
        "metadata": metadata(call, name),
        "spec": {"schedule": flags.text("schedule"), "jobTemplate": {"metadata": {"name": name}, "spec": spec}},
        "status": {},
    }, noun="cronjob")  # fmt: skip
