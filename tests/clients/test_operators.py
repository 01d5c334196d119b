"""What operators are written with: kopf, the official client's dynamic module, and its leader election by a Lease."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from kubernetes import client, config, dynamic
from kubernetes.leaderelection import electionconfig, leaderelection
from kubernetes.leaderelection.resourcelock.leaselock import LeaseLock

GROUP = "operators.example.com"
OPERATOR = """
import kopf
from kubernetes import client, config

config.load_kube_config()

@kopf.on.create("operators.example.com", "v1", "caches")
def made(spec, name, namespace, body, patch, **_):
    cells = [{"name": "main", "image": "redis:7.4"}]
    template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": cells}}
    made = {"metadata": {"name": name}, "spec": {"replicas": spec["size"], "serviceName": name,
            "selector": {"matchLabels": {"app": name}}, "template": template}}
    kopf.adopt(made, owner=body)
    client.AppsV1Api().create_namespaced_stateful_set(namespace, made)
    kopf.info(body, reason="Made", message="a StatefulSet stands")
    patch.status["wanted"] = spec["size"]

@kopf.on.field("operators.example.com", "v1", "caches", field="spec.size")
def resized(old, new, name, namespace, patch, **_):
    if old is not None:
        client.AppsV1Api().patch_namespaced_stateful_set_scale(name, namespace, {"spec": {"replicas": new}})
        patch.status["wanted"] = new

@kopf.on.delete("operators.example.com", "v1", "caches")
def gone(**_):
    pass
"""


@pytest.fixture
def api(server: Any) -> Iterator[client.ApiClient]:
    with config.new_client_from_config(config_file=str(server.kubeconfig)) as made:
        yield made


@pytest.fixture
def caches(api: client.ApiClient) -> Iterator[Any]:
    """The custom kind at the dynamic client."""
    number = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    schema = {"openAPIV3Schema": {"type": "object", "properties": {"spec": number, "status": number}}}
    version = {"name": "v1", "served": True, "storage": True, "schema": schema, "subresources": {"status": {}}}
    definition = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"caches.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {"plural": "caches", "singular": "cache", "kind": "Cache"},
            "versions": [version],
        },
    }
    definitions = client.ApiextensionsV1Api(api)
    definitions.create_custom_resource_definition(definition)
    until(lambda: dynamic.DynamicClient(api).resources.search(group=GROUP, kind="Cache"))
    yield dynamic.DynamicClient(api).resources.get(api_version=f"{GROUP}/v1", kind="Cache")
    definitions.delete_custom_resource_definition(f"caches.{GROUP}")


def until(done: Callable[[], Any], seconds: float = 30) -> Any:
    end = time.monotonic() + seconds
    while not (found := done()):
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.1)
    return found


def cache(name: str, size: int) -> dict[str, Any]:
    return {"apiVersion": f"{GROUP}/v1", "kind": "Cache", "metadata": {"name": name}, "spec": {"size": size}}


def test_the_dynamic_client_makes_watches_applies_and_deletes_a_custom_resource(caches: Any, namespace: str) -> None:
    first = caches.create(cache("one", 1), namespace=namespace).metadata.resourceVersion
    caches.patch({"status": {"ready": 1}}, "one", namespace, content_type="application/merge-patch+json")
    assert caches.get("one", namespace).status is None  # the status is a subresource
    caches.status.patch({"status": {"ready": 1}}, "one", namespace, content_type="application/merge-patch+json")
    assert caches.get("one", namespace).status.ready == 1
    applied = caches.server_side_apply(cache("one", 2), "one", namespace, field_manager="me", force_conflicts=True)
    assert applied.spec.size == 2
    caches.delete("one", namespace)
    seen = [event["type"] for event in caches.watch(namespace=namespace, resource_version=first, timeout=1)]
    assert seen == ["MODIFIED", "MODIFIED", "DELETED"]
    assert caches.get(namespace=namespace).items == []


def test_an_operator_makes_resizes_and_gives_up_what_it_owns(
    caches: Any, api: client.ApiClient, server: Any, namespace: str, tmp_path: Path
) -> None:
    pytest.importorskip("kopf", reason="kopf is not installed")
    (tmp_path / "operator.py").write_text(OPERATOR)
    command = [sys.executable, "-m", "kopf", "run", "--standalone", "-n", namespace, str(tmp_path / "operator.py")]
    sets, events = client.AppsV1Api(api), client.CoreV1Api(api)
    with subprocess.Popen(
        command,
        env={"KUBECONFIG": str(server.kubeconfig), "PATH": "", "HOME": str(tmp_path)},
        stdout=subprocess.DEVNULL,
        stderr=(tmp_path / "said").open("w"),
    ) as process:
        try:
            caches.create(cache("one", 2), namespace=namespace)
            until(lambda: sets.list_namespaced_stateful_set(namespace).items)
            until(lambda: sets.read_namespaced_stateful_set("one", namespace).status.ready_replicas == 2)
            caches.patch({"spec": {"size": 3}}, "one", namespace, content_type="application/merge-patch+json")
            until(lambda: sets.read_namespaced_stateful_set("one", namespace).status.ready_replicas == 3)
            until(lambda: caches.get("one", namespace).status.wanted == 3)
            until(lambda: "Made" in {event.reason for event in events.list_namespaced_event(namespace).items})
            caches.delete("one", namespace)
            until(lambda: not caches.get(namespace=namespace).items)
            until(lambda: not sets.list_namespaced_stateful_set(namespace).items)  # with its owner
        except AssertionError:
            raise AssertionError((tmp_path / "said").read_text()[-4000:]) from None
        finally:
            process.terminate()


class Candidate:
    """Leads until it is told to stop; then it lets its Lease go stale."""

    def __init__(self, name: str, namespace: str, led: list[str]) -> None:
        self._stop = threading.Event()
        self._name, self._led = name, led
        election = electionconfig.Config(
            LeaseLock("the-one", namespace, name),
            lease_duration=4,
            renew_deadline=3,
            retry_period=1,
            onstarted_leading=self._lead,
            onstopped_leading=lambda: None,
        )
        self._thread = threading.Thread(target=leaderelection.LeaderElection(election).run, daemon=True)
        self._thread.start()

    def _lead(self) -> None:
        self._led.append(self._name)
        self._stop.wait(60)
        raise InterruptedError("this ends the renewing")

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(10)


@pytest.fixture
def by_default(server: Any) -> Iterator[None]:
    """What the official client's locks take: its default configuration."""
    config.load_kube_config(config_file=str(server.kubeconfig))
    yield
    client.Configuration.set_default(None)


@pytest.mark.usefixtures("by_default")
def test_one_of_two_leads_and_the_other_takes_over(namespace: str) -> None:
    led: list[str] = []
    leases = client.CoordinationV1Api()
    anna = Candidate("anna", namespace, led)
    until(lambda: led == ["anna"])
    assert leases.read_namespaced_lease("the-one", namespace).spec.holder_identity == "anna"
    ben = Candidate("ben", namespace, led)
    time.sleep(1.2)
    assert led == ["anna"]
    anna.stop()
    until(lambda: led == ["anna", "ben"])
    lease = leases.read_namespaced_lease("the-one", namespace)
    assert (lease.spec.holder_identity, lease.spec.lease_duration_seconds) == ("ben", 4)
    ben.stop()
