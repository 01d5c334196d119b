"""A client as thin as can be, with what the Kubernetes project's own e2e tests do with theirs."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from protobuf_bodies import encoded

from statelab.controlplane.apiserver.encoding.request import Target, resolve

PACE = 20.0
JSON, PROTOBUF = "application/json", "application/vnd.kubernetes.protobuf"
MERGE, STRATEGIC = "application/merge-patch+json", "application/strategic-merge-patch+json"
HTTPD = "registry.k8s.io/e2e-test-images/httpd:2.4.38-4"
NEW_HTTPD = "registry.k8s.io/e2e-test-images/httpd:2.4.39-4"
_GROUPS = {
    plural: path
    for path, plurals in {
        "/apis/apps/v1": "deployments replicasets statefulsets controllerrevisions daemonsets",
        "/apis/batch/v1": "jobs cronjobs",
        "/apis/policy/v1": "poddisruptionbudgets",
        "/apis/discovery.k8s.io/v1": "endpointslices",
        "/apis/networking.k8s.io/v1": "ingresses ingressclasses networkpolicies ipaddresses servicecidrs",
        "/apis/node.k8s.io/v1": "runtimeclasses",
        "/apis/storage.k8s.io/v1": "storageclasses csidrivers csinodes csistoragecapacities volumeattachments "
        "volumeattributesclasses",
        "/apis/resource.k8s.io/v1": "deviceclasses resourceclaims resourceclaimtemplates resourceslices",
        "/apis/scheduling.k8s.io/v1": "priorityclasses",
        "/apis/coordination.k8s.io/v1": "leases",
        "/apis/apiextensions.k8s.io/v1": "customresourcedefinitions",
        "/apis/admissionregistration.k8s.io/v1": "validatingadmissionpolicies validatingadmissionpolicybindings "
        "validatingwebhookconfigurations mutatingwebhookconfigurations",
        "/apis/certificates.k8s.io/v1": "certificatesigningrequests",
        "/apis/flowcontrol.apiserver.k8s.io/v1": "flowschemas prioritylevelconfigurations",
        "/apis/rbac.authorization.k8s.io/v1": "roles rolebindings clusterroles clusterrolebindings",
    }.items()
    for plural in plurals.split()
}
_EVERYWHERE = frozenset(
    (
        "nodes", "namespaces", "persistentvolumes", "ingressclasses", "runtimeclasses", "storageclasses",
        "priorityclasses", "customresourcedefinitions", "clusterroles", "clusterrolebindings",
        "csidrivers", "csinodes", "volumeattachments", "validatingadmissionpolicies",
        "validatingadmissionpolicybindings", "flowschemas", "prioritylevelconfigurations",
        "validatingwebhookconfigurations", "mutatingwebhookconfigurations", "certificatesigningrequests",
        "ipaddresses", "servicecidrs", "volumeattributesclasses", "deviceclasses", "resourceslices",
    )
)  # fmt: skip
AGNHOST = "registry.k8s.io/e2e-test-images/agnhost:2.53"
BUSYBOX = "registry.k8s.io/e2e-test-images/busybox:1.36.1-1"
PAUSE = "registry.k8s.io/pause:3.10"


def _in_protobuf(path: str, body: Any) -> bytes:
    """A body as a typed Go client writes it; nothing for what has no protobuf or is not of its type's form."""
    target = resolve(path.partition("?")[0])
    if not isinstance(body, dict) or not isinstance(target, Target):
        return b""
    kind, is_its_own = target.kind, target.subresource in ("", "status")
    said = {"apiVersion": kind.api_version, "kind": kind.name} if is_its_own else {}
    try:
        return encoded({**said, **body})
    except (KeyError, TypeError, ValueError, AttributeError):
        return b""


class Refused(Exception):
    def __init__(self, code: int, status: Any) -> None:
        super().__init__(f"{code}: {status}")
        self.code, self.status = code, status


class Api:
    """The API of one namespace. A request that is refused raises Refused."""

    def __init__(self, port: int, token: str, kubeconfig: Path, namespace: str) -> None:
        self.port, self.token, self.kubeconfig, self.namespace = port, token, kubeconfig, namespace

    def request(self, method: str, path: str, body: Any = None, content_type: str = JSON) -> Any:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=60)
        # As a Go client of the e2e tests: it sends protobuf wherever a kind has it, and would rather have it, too.
        accept = "application/vnd.kubernetes.protobuf, */*"
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        if method in ("POST", "PUT") and content_type == JSON and (written := _in_protobuf(path, body)):
            data, content_type = written, PROTOBUF
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": content_type, "Accept": accept}
        connection.request(method, path, data, headers)
        answer = connection.getresponse()
        found = answer.read()
        connection.close()
        decoded = json.loads(found) if found[:1] == b"{" else found
        if answer.status >= 300:
            raise Refused(answer.status, decoded)
        return decoded

    def path(self, plural: str, *parts: str, everywhere: bool = False) -> str:
        where = "" if everywhere or plural in _EVERYWHERE else f"/namespaces/{self.namespace}"
        return "/".join((_GROUPS.get(plural, "/api/v1") + where, plural, *parts))

    def create(self, plural: str, obj: Any) -> Any:
        return self.request("POST", self.path(plural), obj)

    def get(self, plural: str, name: str, *subresource: str) -> Any:
        return self.request("GET", self.path(plural, name, *subresource))

    def list(self, plural: str, selector: str = "", *, everywhere: bool = False) -> Any:
        query = f"?labelSelector={selector.replace('=', '%3D').replace(',', '%2C')}" if selector else ""
        return self.request("GET", self.path(plural, everywhere=everywhere) + query)

    def patch(self, plural: str, name: str, patch: Any, *subresource: str, type: str = STRATEGIC) -> Any:
        return self.request("PATCH", self.path(plural, name, *subresource), patch, type)

    def update(self, plural: str, name: str, change: Callable[[Any], Any]) -> Any:
        """Get, change, put; again when somebody else was faster."""
        for _ in range(50):
            obj = self.get(plural, name)
            change(obj)
            try:
                return self.request("PUT", self.path(plural, name), obj)
            except Refused as refused:
                if refused.code != 409:
                    raise
        raise AssertionError(f"{plural} {name} changes all the time")

    def update_status(self, plural: str, name: str, change: Callable[[Any], Any]) -> Any:
        for _ in range(50):
            obj = self.get(plural, name)
            change(obj)
            try:
                return self.request("PUT", self.path(plural, name, "status"), obj)
            except Refused as refused:
                if refused.code != 409:
                    raise
        raise AssertionError(f"{plural} {name} changes all the time")

    def delete(self, plural: str, name: str, **options: Any) -> Any:
        body = {"kind": "DeleteOptions", "apiVersion": "v1", **options}
        return self.request("DELETE", self.path(plural, name), body)

    def delete_collection(self, plural: str, selector: str, **options: Any) -> Any:
        query = f"?labelSelector={selector.replace('=', '%3D')}"
        body = {"kind": "DeleteOptions", "apiVersion": "v1", **options}
        return self.request("DELETE", self.path(plural) + query, body)

    def exists(self, plural: str, name: str) -> bool:
        try:
            self.get(plural, name)
        except Refused as refused:
            assert refused.code == 404, refused
            return False
        return True

    def until(self, condition: Callable[[], Any], what: str = "", timeout_s: float = 180.0) -> Any:
        """Ask until it holds; its answer."""
        deadline_s = time.monotonic() + timeout_s
        while not (found := condition()):
            assert time.monotonic() < deadline_s, f"it has not come to hold: {what}"
            time.sleep(0.02)
        return found

    def stays(self, condition: Callable[[], Any], cluster_s: float) -> None:
        """Ask for so many cluster seconds; it must hold all the time."""
        ends_s = time.monotonic() + cluster_s / PACE
        while time.monotonic() < ends_s:
            assert condition()
            time.sleep(0.02)

    def watch_until(
        self, plural: str, version: str, condition: Callable[[str, Any], Any], query: str = "", timeout_s: float = 180.0
    ) -> Any:
        """Watch from a resourceVersion, as watchtools.Until does, until an event satisfies; its object."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=timeout_s)
        path = f"{self.path(plural)}?watch=true&allowWatchBookmarks=true&resourceVersion={version}&{query}"
        connection.request("GET", path, None, {"Authorization": f"Bearer {self.token}"})
        answer = connection.getresponse()
        assert answer.status == 200, answer.read()
        deadline_s = time.monotonic() + timeout_s
        try:
            while time.monotonic() < deadline_s:
                event = json.loads(answer.readline())
                assert event["type"] != "ERROR", event
                if condition(event["type"], event["object"]):
                    return event["object"]
        finally:
            connection.close()
        raise AssertionError("no such event was seen")

    def in_background(self, work: Callable[[], Any]) -> Callable[[], Any]:
        """Start `work` in a thread; the answer waits for it and gives what it gave."""
        results: list[Any] = []
        problems: list[BaseException] = []

        def run() -> None:
            try:
                results.append(work())
            except BaseException as problem:
                problems.append(problem)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()

        def wait() -> Any:
            thread.join(60)
            assert not thread.is_alive(), "it goes on and on"
            if problems:
                raise problems[0]
            return results[0]

        return wait

    def run(self, pod: str, command: str, *, may_be_gone: bool = False) -> str:
        """RunHostCmdWithRetries: `kubectl exec` of a shell that says what it does, again while it cannot."""
        kubectl = Path(sys.executable).parent / "kubectl"
        words = [str(kubectl) if kubectl.exists() else "kubectl", "--kubeconfig", str(self.kubeconfig)]
        words += ["exec", f"--namespace={self.namespace}", pod, "--", "/bin/sh", "-x", "-c", command]

        def done() -> Any:
            nonlocal last
            last = subprocess.run(words, capture_output=True, text=True, timeout=60)
            return last.returncode == 0 or (may_be_gone and "NotFound" in last.stderr)

        last: subprocess.CompletedProcess[str] | None = None
        self.until(done, f"{command} on {pod}")
        assert last is not None
        return "" if last.returncode else last.stdout

    # ---- Pods, as the framework looks at them

    def log(self, pod: str, container: str = "", query: str = "") -> str:
        """What it has said so far; "" while there is nothing to read."""
        words = "&".join(filter(None, (f"container={container}" if container else "", query)))
        try:
            found = self.request("GET", self.path("pods", pod, "log") + (f"?{words}" if words else ""))
        except Refused:
            return ""
        return found.decode() if isinstance(found, bytes) else json.dumps(found)

    def phase(self, name: str) -> str:
        return str(self.get("pods", name)["status"].get("phase"))

    def until_over(self, name: str) -> str:
        """The phase of a Pod that has come to its end."""
        return str(self.until(lambda: self._over(name), f"{name} is over"))

    def _over(self, name: str) -> str:
        phase = self.phase(name)
        return phase if phase in ("Succeeded", "Failed") else ""

    def output(self, made: Any) -> str:
        """TestContainerOutput: the log of a Pod that must succeed."""
        name = self.create("pods", made)["metadata"]["name"]
        phase = self.until_over(name)
        said = self.log(name, made["spec"]["containers"][0]["name"])
        assert phase == "Succeeded", said
        return said

    def until_ready(self, *names: str) -> None:
        for name in names:
            self.until(lambda name=name: is_ready(self.get("pods", name)), f"{name} is ready")  # type: ignore[misc]

    def until_gone(self, plural: str, name: str) -> None:
        self.until(lambda: not self.exists(plural, name), f"{plural} {name} is gone")

    def refusal(self, method: str, path: str, body: Any = None, content_type: str = "application/json") -> Refused:
        """The refusal of a request that must be refused."""
        try:
            found = self.request(method, path, body, content_type)
        except Refused as refused:
            return refused
        raise AssertionError(f"it was not refused: {found}")

    def kubectl(self, *words: str, stdin: str = "", code: int = 0) -> str:
        """What kubectl prints; its exit code must be `code`."""
        kubectl = Path(sys.executable).parent / "kubectl"
        command = [str(kubectl) if kubectl.exists() else "kubectl", "--kubeconfig", str(self.kubeconfig)]
        command += [f"--namespace={self.namespace}", *words]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, input=stdin)
        assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
        return done.stdout + done.stderr

    def pods(self, labels: dict[str, str]) -> list[Any]:
        return list(self.list("pods", ",".join(f"{key}={value}" for key, value in labels.items()))["items"])

    def wait_for_running(self, labels: dict[str, str], count: int, ready: int) -> list[Any]:
        """Exactly so many Pods, all Running, and so many of them Ready."""

        def settled() -> Any:
            pods = self.pods(labels)
            running = [pod for pod in pods if pod["status"].get("phase") == "Running"]
            is_done = len(pods) == len(running) == count and sum(map(is_ready, pods)) == ready
            return is_done and (pods or True)

        found = self.until(settled, f"{count} Pods, {ready} ready")
        return found if found is not True else []


def pod(name: str, *args: str, image: str = AGNHOST, command: list[str] | None = None, **more: Any) -> Any:
    """A Pod of one container. `container`: more of it; `labels`, `annotations`; the rest goes into its spec."""
    metadata = {"name": name, **{key: more.pop(key) for key in ("labels", "annotations") if key in more}}
    container = {"name": "main", "image": image, **({"args": list(args)} if args else {})}
    container |= {"command": command} if command else {}
    container |= more.pop("container", {})
    return {"metadata": metadata, "spec": {"containers": [container], "terminationGracePeriodSeconds": 1, **more}}


def once(name: str, script: str, **more: Any) -> Any:
    """A Pod of busybox that runs a script once."""
    return pod(name, image=BUSYBOX, command=["sh", "-c", script], restartPolicy="Never", **more)


def is_ready(pod: Any) -> bool:
    conditions = pod["status"].get("conditions") or ()
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)
