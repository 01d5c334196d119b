"""What `[sig-storage]` conformance tests of the Kubernetes project do with files in volumes, step by step.

ConfigMaps, Secrets, projected and downward API volumes, emptyDir. Source of the steps: test/e2e/common/storage.
"""

from __future__ import annotations

from typing import Any

import pytest
from e2e_client import Api

pytestmark = pytest.mark.slow

AGNHOST = "registry.k8s.io/e2e-test-images/agnhost:2.53"
BUSYBOX = "registry.k8s.io/e2e-test-images/busybox:1.36.1-1"
LATER = "path/to/data-2"


def _pod(name: str, volumes: Any, mounts: dict[str, str], args: list[str], **spec: Any) -> Any:
    listed = [{"name": volume, "mountPath": path} for volume, path in mounts.items()]
    container = {"name": "agnhost-container", "image": AGNHOST, "args": args, "volumeMounts": listed}
    container |= spec.pop("container", {})
    return {
        "metadata": {"name": name, **spec.pop("metadata", {})},
        "spec": {"containers": [container], "volumes": volumes, "restartPolicy": "Never", **spec},
    }


def _log(api: Api, pod: str) -> str:
    found = api.request("GET", api.path("pods", pod, "log"))
    return found.decode() if isinstance(found, bytes) else str(found)


def _output(api: Api, pod: Any) -> str:
    """TestContainerOutput: the log of a Pod that must succeed."""
    name = pod["metadata"]["name"]
    api.create("pods", pod)

    def is_over() -> Any:
        phase = api.get("pods", name)["status"].get("phase")
        return phase if phase in ("Succeeded", "Failed") else None

    phase = api.until(is_over, f"{name} is over")
    said = _log(api, name)
    assert phase == "Succeeded", said
    return said


def _held(api: Api, kind: str, name: str) -> None:
    data = {"data-1": "value-1", "data-2": "value-2", "data-3": "value-3"}
    plural, field = ("configmaps", "data") if kind == "configMap" else ("secrets", "stringData")
    api.create(plural, {"metadata": {"name": name}, field: data})


def _source(kind: str, name: str, *, projected: bool, **body: Any) -> dict[str, Any]:
    named = {"secretName": name} if kind == "secret" and not projected else {"name": name}
    if not projected:
        return {kind: {**named, **body}}
    items = {key: body.pop(key) for key in ("items", "optional") if key in body}
    return {"projected": {"sources": [{kind: {**named, **items}}], **body}}


@pytest.mark.parametrize("projected", [False, True], ids=["own", "projected"])
@pytest.mark.parametrize("kind", ["configMap", "secret"])
@pytest.mark.parametrize(
    ("body", "path", "mode", "context"),
    [
        ({}, "data-1", "-rw-r--r--", {}),
        ({"defaultMode": 0o400}, "data-1", "-r--------", {}),
        ({}, "data-1", "-rw-r--r--", {"runAsUser": 1000, "runAsNonRoot": True}),
        ({"defaultMode": 0o440}, "data-1", "-r--r-----", {"runAsUser": 1000, "fsGroup": 1001}),
        ({"items": [{"key": "data-2", "path": LATER}]}, LATER, "-rw-r--r--", {}),
        ({"items": [{"key": "data-2", "path": LATER, "mode": 0o400}]}, LATER, "-r--------", {}),
    ],
    ids=["plain", "mode", "non-root", "mode-and-group", "mappings", "mappings-and-mode"],
)
def test_should_be_consumable_from_pods_in_volume(
    api: Api, kind: str, projected: bool, body: Any, path: str, mode: str, context: Any
) -> None:
    _held(api, kind, "held")
    volume = {"name": "held", **_source(kind, "held", projected=projected, **body)}
    file = f"/etc/held/{path}"
    args = ["mounttest", f"--file_content={file}", f"--file_mode={file}"]
    said = _output(api, _pod("reads", [volume], {"held": "/etc/held"}, args, securityContext=context))
    assert f'content of file "{file}": value-{path[-1]}' in said
    assert f'mode of file "{file}": {mode}' in said


@pytest.mark.parametrize("projected", [False, True], ids=["own", "projected"])
@pytest.mark.parametrize("kind", ["configMap", "secret"])
def test_optional_updates_should_be_reflected_in_volume(api: Api, kind: str, projected: bool) -> None:
    plural = "configmaps" if kind == "configMap" else "secrets"
    field = "data" if kind == "configMap" else "stringData"
    for name in ("gone", "changed"):
        api.create(plural, {"metadata": {"name": name}, field: {"data-1": "value-1"}})
    names = ("gone", "changed", "late")
    volumes = [{"name": each, **_source(kind, each, projected=projected, optional=True)} for each in names]
    pod = _pod("reads", volumes, {}, [])
    pod["spec"]["containers"] = [
        {
            "name": each,
            "image": AGNHOST,
            "args": [
                "mounttest",
                "--break_on_expected_content=false",
                "--retry_time=600",
                f"--file_content_in_loop={file}",
            ],
            "volumeMounts": [{"name": each, "mountPath": "/etc/held"}],
        }
        for each, file in zip(names, ("/etc/held/data-1", "/etc/held/data-3", "/etc/held/data-1"), strict=True)
    ]
    api.create("pods", pod)

    def says(container: str, words: str) -> None:
        path = api.path("pods", "reads", f"log?container={container}")
        api.until(lambda: words.encode() in _bytes(api, path), f"{container} says {words}")

    says("gone", "value-1")
    says("changed", "Error reading file /etc/held/data-3")
    says("late", "Error reading file /etc/held/data-1")
    api.request("DELETE", api.path(plural, "gone"))
    patch = {field: {"data-1": None, "data-3": "value-3"}}
    api.patch(plural, "changed", patch)
    api.create(plural, {"metadata": {"name": "late"}, field: {"data-1": "value-1"}})
    says("late", "value-1")
    says("changed", "value-3")
    says("gone", "Error reading file /etc/held/data-1")


def _bytes(api: Api, path: str) -> bytes:
    try:
        found = api.request("GET", path)
    except Exception:  # the container is not there yet
        return b""
    return found if isinstance(found, bytes) else str(found).encode()


def _downward(path: str, projected: bool, mode: int | None = None, **what: Any) -> dict[str, Any]:
    items = {"items": [{"path": path, **what, **({"mode": mode} if mode is not None else {})}]}
    return {"projected": {"sources": [{"downwardAPI": items}]}} if projected else {"downwardAPI": items}


@pytest.mark.parametrize("projected", [False, True], ids=["own", "projected"])
@pytest.mark.parametrize(
    ("what", "value"),
    [
        ({"fieldRef": {"fieldPath": "metadata.name"}}, "tells"),
        ({"resourceFieldRef": {"containerName": "agnhost-container", "resource": "limits.cpu"}}, "2"),
        ({"resourceFieldRef": {"containerName": "agnhost-container", "resource": "requests.cpu"}}, "1"),
        ({"resourceFieldRef": {"containerName": "agnhost-container", "resource": "limits.memory"}}, "67108864"),
        ({"resourceFieldRef": {"containerName": "agnhost-container", "resource": "requests.memory"}}, "33554432"),
    ],
    ids=["podname", "limits.cpu", "requests.cpu", "limits.memory", "requests.memory"],
)
def test_downward_api_should_provide(api: Api, what: Any, value: str, projected: bool) -> None:
    resources = {"limits": {"cpu": "1250m", "memory": "64Mi"}, "requests": {"cpu": "250m", "memory": "32Mi"}}
    file = "/etc/podinfo/told"
    volume = {"name": "podinfo", **_downward("told", projected, 0o400, **what)}
    args = ["mounttest", f"--file_content={file}", f"--file_mode={file}"]
    said = _output(api, _pod("tells", [volume], {"podinfo": "/etc/podinfo"}, args, container={"resources": resources}))
    assert f'content of file "{file}": {value}\n' in said
    assert f'mode of file "{file}": -r--------' in said


@pytest.mark.parametrize("field", ["labels", "annotations"])
def test_downward_api_should_update_on_modification(api: Api, field: str) -> None:
    file = f"/etc/podinfo/{field}"
    volume = {"name": "podinfo", **_downward(field, False, fieldRef={"fieldPath": f"metadata.{field}"})}
    args = ["mounttest", "--break_on_expected_content=false", "--retry_time=600", f"--file_content_in_loop={file}"]
    metadata = {field: {"key1": "value1", "builder": "bar"}}
    api.create("pods", _pod("tells", [volume], {"podinfo": "/etc/podinfo"}, args, metadata=metadata))
    path = api.path("pods", "tells", "log")
    api.until(lambda: b'builder="bar"\n' in _bytes(api, path), "it tells what it began with")
    api.patch("pods", "tells", {"metadata": {field: {"key3": "value3", "builder": "foo"}}})
    api.until(lambda: b'builder="foo"\nkey1="value1"\nkey3="value3"' in _bytes(api, path), "it tells the change")


@pytest.mark.parametrize("user", [None, 1001], ids=["root", "non-root"])
@pytest.mark.parametrize("medium", ["", "Memory"], ids=["default", "tmpfs"])
@pytest.mark.parametrize(("mode", "shown"), [("0644", "rw-r--r--"), ("0666", "rw-rw-rw-"), ("0777", "rwxrwxrwx")])
def test_empty_dir_should_support(api: Api, mode: str, shown: str, medium: str, user: int | None) -> None:
    file = "/test-volume/test-file"
    volume = {"name": "test-volume", "emptyDir": {"medium": medium} if medium else {}}
    args = ["mounttest", "--fs_type=/test-volume", f"--new_file_{mode}={file}", f"--file_perm={file}"]
    context = {"runAsUser": user} if user else {}
    said = _output(api, _pod("writes", [volume], {"test-volume": "/test-volume"}, args, securityContext=context))
    assert f'perms of file "{file}": -{shown}' in said
    assert f'content of file "{file}": mount-tester new file' in said
    assert ('mount type of "/test-volume": tmpfs' in said) is bool(medium)


@pytest.mark.parametrize("medium", ["", "Memory"], ids=["default", "tmpfs"])
def test_empty_dir_should_have_the_correct_mode(api: Api, medium: str) -> None:
    volume = {"name": "test-volume", "emptyDir": {"medium": medium} if medium else {}}
    args = ["mounttest", "--fs_type=/test-volume", "--file_perm=/test-volume"]
    said = _output(api, _pod("looks", [volume], {"test-volume": "/test-volume"}, args))
    assert 'perms of file "/test-volume": -rwxrwxrwx' in said


@pytest.mark.parametrize(
    ("path", "context"), [(None, {}), ("/dev/termination-custom-log", {"runAsUser": 1000})], ids=["root", "non-root"]
)
def test_should_report_termination_message(api: Api, path: str | None, context: Any) -> None:
    """test/e2e/common/node/runtime.go: the file is there to be written to, by whom ever."""
    file = path or "/dev/termination-log"
    container = {"image": BUSYBOX, "command": ["/bin/sh", "-c"], "securityContext": context}
    container |= {"terminationMessagePath": path} if path else {}
    api.create("pods", _pod("ends", [], {}, [f"/bin/echo -n DONE > {file}"], container=container))

    def ended() -> Any:
        [status] = api.get("pods", "ends")["status"].get("containerStatuses") or [{}]
        return status.get("state", {}).get("terminated")

    assert api.until(ended, "it ends")["message"] == "DONE"
