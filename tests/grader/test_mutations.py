"""Hundreds of answers made from the model answers by one slip each: the verdict is what a cluster says, not the slip.

The oracle below is written against the cluster directly and knows nothing of the rubric.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from grader.answer import Answer
from grader.judge import judge
from grader.registry import task
from statelab.controlplane import ControlPlane
from statelab.controlplane.dns import pod_search, resolve
from statelab.controlplane.errors import ApiError
from statelab.controlplane.quantity import whole as quantity
from statelab.manifest import ManifestError, read

CORPUS = Path(__file__).parent / "corpus"
HTML = "/usr/share/nginx/html"
SAMPLE = 130  # of each kind of task, by a fixed seed: the whole would take minutes
pytestmark = pytest.mark.slow


def model(name: str) -> str:
    path = sorted((CORPUS / name / "right").glob("01-*.yaml"))[0]
    return "".join(path.read_text(encoding="utf-8").splitlines(keepends=True)[1:])


# ---- one slip each


def mutants(text: str) -> dict[str, str]:
    """name → text: drop, rename, retype and swap each field, misindent each line."""
    found: dict[str, str] = {}
    documents = list(yaml.safe_load_all(text))
    for number, document in enumerate(documents):
        for path, _, key in places(document):
            for what, change in (("drop", drop), ("rename", rename), ("retype", retype), ("swap", swap)):
                mutant = copy.deepcopy(documents)
                holder = at(mutant[number], path)
                if change(holder, key):
                    name = f"{what} {number}:{'.'.join(map(str, (*path, key)))}"
                    found[name] = yaml.safe_dump_all(mutant, sort_keys=False)
    lines = text.splitlines(keepends=True)
    for number, line in enumerate(lines):
        for what, shifted in (("right", "  " + line), ("left", line[2:] if line.startswith("  ") else line)):
            if shifted != line:
                found[f"misindent {what} {number + 1}"] = "".join([*lines[:number], shifted, *lines[number + 1 :]])
    return found


def places(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], Any, str | int]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in items:
        yield path, value, key
        yield from places(child, (*path, key))


def at(value: Any, path: tuple[str | int, ...]) -> Any:
    for step in path:
        value = value[step]
    return value


def drop(holder: Any, key: Any) -> bool:
    del holder[key]
    return True


def rename(holder: Any, key: Any) -> bool:
    if not isinstance(holder, dict):
        return False
    items = [(f"{name}s" if name == key else name, value) for name, value in holder.items()]
    holder.clear()
    holder.update(items)
    return True


def retype(holder: Any, key: Any) -> bool:
    value = holder[key]
    holder[key] = [value] if isinstance(value, str) else str(value)
    return True


def swap(holder: Any, key: Any) -> bool:
    if isinstance(holder, list):
        return False
    keys = list(holder)
    other = keys[(keys.index(key) + 1) % len(keys)]
    if other == key or type(holder[other]) is not type(holder[key]):
        return False
    holder[key], holder[other] = holder[other], holder[key]
    return True


def sample(name: str) -> list[tuple[str, str]]:
    found = sorted(mutants(model(name)).items())
    return sorted(random.Random(name).sample(found, min(SAMPLE, len(found))))


# ---- the oracle: what a cluster does


class Cluster:
    def __init__(self, text: str, given: str = "") -> None:
        self.cp = ControlPlane(seed=7)
        self.refused = False
        for obj in [*(read(given).objects if given else []), *read(text).objects]:
            try:
                self.cp.create(obj)
            except (ApiError, KeyError, TypeError, AttributeError):
                self.refused = True
        self.cp.settle(max_s=300)

    def pods(self, owner: str) -> list[dict[str, Any]]:
        found = self.cp.get("statefulsets", f"default/{owner}")
        return self.cp.store.controlled_by("pods", found["metadata"]["uid"]) if found else []

    def names(self, owner: str) -> list[str]:
        ready = [pod for pod in self.pods(owner) if self.is_ready(pod)]
        return sorted(pod["metadata"]["name"] for pod in ready)

    @staticmethod
    def is_ready(pod: dict[str, Any]) -> bool:
        conditions = pod.get("status", {}).get("conditions", ())
        return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)

    def asks(self, name: str) -> set[str]:
        return set(resolve(name, reader=self.cp.store, search=pod_search("default")).addresses)

    def all_are_found(self, owner: str, service: str) -> bool:
        pods = self.pods(owner)
        each = all(self.asks(f"{pod['metadata']['name']}.{service}") == {pod["status"].get("podIP")} for pod in pods)
        return each and bool(pods)

    def started_in_order(self, owner: str) -> bool:
        ready: set[str] = set()
        for revision in self.cp.store.history:
            if revision.plural == "pods":
                ordinal = int(revision.key.rpartition("-")[2])
                if revision.type == "ADDED" and ordinal and f"default/{owner}-{ordinal - 1}" not in ready:
                    return False
                if self.is_ready(revision.object):
                    ready.add(revision.key)
        return True

    def kill(self, name: str) -> bool:
        before = self.cp.get("pods", f"default/{name}")
        self.cp.delete("pods", f"default/{name}")
        self.cp.settle(max_s=300)
        after = self.cp.get("pods", f"default/{name}")
        if before is None or after is None or before["metadata"]["uid"] == after["metadata"]["uid"]:
            return False
        return self.is_ready(after) and claims(before) == claims(after)

    def scale(self, owner: str, replicas: int) -> bool:
        self.cp.scale("statefulsets", f"default/{owner}", replicas)
        self.cp.settle(max_s=300)
        return self.names(owner) == [f"{owner}-{ordinal}" for ordinal in range(replicas)]


def claims(pod: dict[str, Any]) -> list[str]:
    volumes = pod["spec"].get("volumes", ())
    return [each["persistentVolumeClaim"]["claimName"] for each in volumes if "persistentVolumeClaim" in each]


def claim_for_pages(cluster: Cluster, pod: dict[str, Any]) -> str | None:
    held = {
        each["name"]: each.get("persistentVolumeClaim", {}).get("claimName") for each in pod["spec"].get("volumes", ())
    }
    for mount in pod["spec"]["containers"][0].get("volumeMounts", ()):
        if mount["mountPath"].rstrip("/") == HTML and not mount.get("readOnly"):
            return held.get(mount["name"])
    return None


def identity_holds(text: str) -> bool:
    cluster = Cluster(text)
    if cluster.names("web") != ["web-0", "web-1", "web-2"] or not cluster.started_in_order("web"):
        return False
    mine = [claim_for_pages(cluster, pod) for pod in cluster.pods("web")]
    if None in mine or len(set(mine)) != 3:
        return False
    asked = [cluster.cp.get("persistentvolumeclaims", f"default/{claim}") for claim in mine]
    if any(each is None or quantity(each["spec"]["resources"]["requests"]["storage"]) != 1024**3 for each in asked):
        return False
    service = cluster.cp.get("services", "default/nginx")
    if service is None or service["spec"].get("clusterIP") != "None" or not cluster.kill("web-1"):
        return False
    if (
        not cluster.all_are_found("web", "nginx")
        or not cluster.scale("web", 5)
        or not cluster.all_are_found("web", "nginx")
    ):
        return False
    cluster.scale("web", 1)
    return len(cluster.cp.list("persistentvolumeclaims", "default")) >= 5 and cluster.scale("web", 3)


def lookup_holds(text: str) -> bool:
    cluster = Cluster(text)
    if cluster.refused or cluster.names("cache") != ["cache-0", "cache-1"]:
        return False
    service = cluster.cp.get("services", "default/cache")
    if service is None or service["spec"].get("clusterIP") != "None" or not cluster.all_are_found("cache", "cache"):
        return False
    return cluster.kill("cache-1") and cluster.all_are_found("cache", "cache") and cluster.scale("cache", 3) and (
        cluster.all_are_found("cache", "cache")
    )  # fmt: skip


def peers_hold(text: str) -> bool:
    cluster = Cluster(text, task("ps3.peers").given)
    found = cluster.cp.get("configmaps", "default/peers")
    names = [each.strip() for each in str((found or {}).get("data", {}).get("peers", "")).split("\n") if each]
    return names == ["db-0.db-peers", "db-1.db-peers", "db-2.db-peers"]


ORACLES = {"ps3.identity": identity_holds, "ps3.lookup": lookup_holds, "ps3.peers": peers_hold}
MUTANTS = [(name, slip, text) for name in ORACLES for slip, text in sample(name)]


@pytest.mark.parametrize(("name", "slip", "text"), MUTANTS, ids=[f"{name} {slip}" for name, slip, _ in MUTANTS])
def test_a_slip_costs_points_when_and_only_when_it_changes_what_the_cluster_does(
    name: str, slip: str, text: str
) -> None:
    result = judge(task(name), Answer.of_cell(text))
    assert not [each.id for each in result.checks if each.broke]
    try:
        deserved = ORACLES[name](text)
    except ManifestError:
        deserved = False
    assert result.is_full == deserved, [(each.id, each.points, each.detail or each.message) for each in result.checks]


def test_there_are_hundreds() -> None:
    assert sum(len(mutants(model(name))) for name in ORACLES) > 300
