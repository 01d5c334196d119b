"""Pod Security admission: a namespace's labels refuse Pods, warn of templates, and are checked themselves."""

from __future__ import annotations

from typing import Any

import pytest

from statelab.controlplane import ControlPlane
from statelab.controlplane.apiserver.serving.client import InProcessClient
from statelab.controlplane.apiserver.validation.podsecurity import LEVELS, Level, findings, told
from statelab.controlplane.errors import ApiError
from statelab.controlplane.kinds import Object

LABEL = "pod-security.kubernetes.io/"
SAFE: Object = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
}


def spec(*contexts: Object, **more: Any) -> Object:
    names = "abcdef"
    containers = [
        {"name": names[at], "image": "busybox:1.36", "securityContext": each} for at, each in enumerate(contexts)
    ]
    return {"containers": containers, **more}


def pod(name: str, *contexts: Object, **more: Any) -> Object:
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec(*contexts, **more)}


def namespace(**labels: str) -> Object:
    """A namespace `default` with these labels: enforce="baseline", warn_version="v1.20"."""
    said = {LABEL + key.replace("_", "-"): value for key, value in labels.items()}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default", "labels": said}}


def labelled(**labels: str) -> ControlPlane:
    cluster = ControlPlane()
    cluster.apply(namespace(**labels))
    return cluster


def warnings_of(cluster: ControlPlane, obj: Object) -> list[str]:
    """What applying this object is warned of."""
    plural = {"Deployment": "apis/apps/v1/namespaces/default/deployments", "Namespace": "api/v1/namespaces"}
    path = f"/{plural[obj['kind']]}/{obj['metadata']['name']}"
    params = {"fieldManager": "me"}
    reply = InProcessClient(cluster).request("PATCH", path, params, obj, content_type="application/apply-patch+yaml")
    assert reply.code in (200, 201), reply.body
    return list(reply.warnings)


def said(level: Level, body: Object, minor: int = 36, **metadata: Any) -> str:
    return told(findings(level, minor, metadata, body))


def test_a_plain_pod_is_told_all_that_restricted_wants() -> None:
    with pytest.raises(ApiError) as refused:
        labelled(enforce="restricted").create(pod("web", {}))
    assert (refused.value.code, refused.value.reason) == (403, "Forbidden")
    assert refused.value.message == (
        'pods "web" is forbidden: violates PodSecurity "restricted:latest": '
        'allowPrivilegeEscalation != false (container "a" must set securityContext.allowPrivilegeEscalation=false), '
        'unrestricted capabilities (container "a" must set securityContext.capabilities.drop=["ALL"]), '
        'runAsNonRoot != true (pod or container "a" must set securityContext.runAsNonRoot=true), '
        'seccompProfile (pod or container "a" must set securityContext.seccompProfile.type to '
        '"RuntimeDefault" or "Localhost")'
    )


@pytest.mark.parametrize("level", LEVELS)
def test_a_pod_that_restricted_allows_is_allowed_by_all(level: Level) -> None:
    assert said(level, spec(SAFE, SAFE, volumes=[{"name": "v", "emptyDir": {}}])) == ""


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (spec({}, hostNetwork=True, hostPID=True), "host namespaces (hostNetwork=true, hostPID=true)"),
        (spec({}, volumes=[{"name": "v", "hostPath": {"path": "/"}}]), 'hostPath volumes (volume "v")'),
        (spec({"privileged": True}, {"privileged": True}),
         'privileged (containers "a", "b" must not set securityContext.privileged=true)'),
        (spec({"capabilities": {"add": ["SYS_ADMIN", "KILL", "NET_RAW"]}}),
         'non-default capabilities (container "a" must not include "NET_RAW", "SYS_ADMIN" in '
         "securityContext.capabilities.add)"),
        (spec({}, securityContext={"sysctls": [{"name": "net.core.somaxconn"}, {"name": "net.ipv4.tcp_rmem"}]}),
         "forbidden sysctls (net.core.somaxconn)"),
        (spec({"procMount": "Unmasked"}),
         'procMount (container "a" must not set securityContext.procMount to "Unmasked")'),
        (spec({"seccompProfile": {"type": "Unconfined"}}, securityContext={"seccompProfile": {"type": "Unconfined"}}),
         'seccompProfile (pod and container "a" must not set securityContext.seccompProfile.type to "Unconfined")'),
        (spec({"seLinuxOptions": {"type": "spc_t", "user": "root"}}),
         'seLinuxOptions (container "a" set forbidden securityContext.seLinuxOptions: '
         'type "spc_t"; user may not be set)'),
        (spec({}, securityContext={"windowsOptions": {"hostProcess": True}}),
         "hostProcess (pod must not set securityContext.windowsOptions.hostProcess=true)"),
        ({"containers": [{"name": "a", "ports": [{"containerPort": 80, "hostPort": 8080}, {"hostPort": 443}]}]},
         'hostPort (container "a" uses hostPorts 443, 8080)'),
        ({"containers": [{"name": "a", "livenessProbe": {"httpGet": {"host": "example.com"}}}]},
         'probe or lifecycle host (container "a" uses probe or lifecycle host "example.com")'),
    ],
)  # fmt: skip
def test_what_baseline_forbids(body: Object, words: str) -> None:
    assert said("baseline", body) == words
    assert said("privileged", body) == ""


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (spec({**SAFE, "runAsUser": 0}), 'runAsUser=0 (container "a" must not set runAsUser=0)'),
        (spec({**SAFE, "runAsNonRoot": False}),
         'runAsNonRoot != true (container "a" must not set securityContext.runAsNonRoot=false)'),
        (spec(SAFE, volumes=[{"name": "v", "hostPath": {"path": "/"}}, {"name": "w", "nfs": {}}]),
         'restricted volume types (volumes "v", "w" use restricted volume types "hostPath", "nfs")'),
        (spec({**SAFE, "capabilities": {"drop": ["ALL"], "add": ["CHOWN", "NET_BIND_SERVICE"]}}),
         'unrestricted capabilities (container "a" must not include "CHOWN" in securityContext.capabilities.add)'),
    ],
)  # fmt: skip
def test_what_restricted_forbids_beside(body: Object, words: str) -> None:
    assert said("restricted", body) == words


def test_a_version_has_the_checks_of_its_time() -> None:
    body = spec({}, securityContext={"sysctls": [{"name": "net.ipv4.tcp_rmem"}]})
    assert said("baseline", body, minor=31) == "forbidden sysctls (net.ipv4.tcp_rmem)"
    assert said("baseline", body, minor=32) == ""
    assert "capabilities" not in said("restricted", spec({}), minor=21)


def test_root_of_a_user_namespace_is_nobody() -> None:
    assert said("restricted", spec({**SAFE, "runAsUser": 0, "runAsNonRoot": False}, hostUsers=False)) == ""


def test_a_template_is_warned_of_and_its_pods_are_refused() -> None:
    cluster = labelled(enforce="baseline")
    template = {"metadata": {"labels": {"a": "b"}}, "spec": spec({}, hostNetwork=True)}
    body = {"selector": {"matchLabels": {"a": "b"}}, "template": template, "serviceName": "x"}
    cluster.apply({"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "web"}, "spec": body})
    cluster.settle()
    assert not cluster.list("pods", "default")
    told_by = [each["message"] for each in cluster.list("events", "default") if each["reason"] == "FailedCreate"]
    assert any('violates PodSecurity "baseline:latest": host namespaces (hostNetwork=true)' in each for each in told_by)


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        ({"enforce": "baseline"}, 'would violate PodSecurity "baseline:latest": host namespaces (hostNetwork=true)'),
        ({"warn": "baseline", "warn_version": "v1.20"},
         'would violate PodSecurity "baseline:v1.20": host namespaces (hostNetwork=true)'),
        ({"enforce": "baseline", "warn": "privileged"}, None),
        ({"audit": "restricted"}, None),
    ],
)  # fmt: skip
def test_warn_is_as_strict_as_enforce_unless_it_is_set(labels: dict[str, str], words: str | None) -> None:
    template = {"metadata": {"labels": {"a": "b"}}, "spec": spec({}, hostNetwork=True)}
    body = {"selector": {"matchLabels": {"a": "b"}}, "template": template}
    deployment = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": body}
    assert warnings_of(labelled(**labels), deployment) == ([words] if words else [])


def test_labels_that_nobody_can_read_are_refused() -> None:
    with pytest.raises(ApiError) as refused:
        labelled(enforce="strict", warn_version="1.20")
    assert refused.value.code == 422
    assert refused.value.message == (
        'Namespace "default" is invalid: [metadata.labels[pod-security.kubernetes.io/enforce]: Invalid value: '
        '"strict": must be one of privileged, baseline, restricted, '
        'metadata.labels[pod-security.kubernetes.io/warn-version]: Invalid value: "1.20": must be "latest" or "v1.x"]'
    )


def test_a_namespace_that_becomes_strict_tells_of_the_pods_it_has() -> None:
    cluster = ControlPlane()
    for name in ("web-1", "web-0"):
        cluster.create(pod(name, {}, hostNetwork=True))
    cluster.create(pod("safe", {}))
    assert warnings_of(cluster, namespace(enforce="baseline")) == [
        'existing pods in namespace "default" violate the new PodSecurity enforce level "baseline:latest"',
        "web-0 (and 1 other pod): host namespaces",
    ]
    assert len(cluster.list("pods", "default")) == 3


def test_a_running_pod_may_still_be_labelled_but_not_given_another_image() -> None:
    cluster = ControlPlane()
    cluster.create(pod("web", {}, hostNetwork=True))
    cluster.apply(namespace(enforce="baseline"))
    cluster.patch("pods", "default/web", {"metadata": {"labels": {"a": "b"}}})
    (container,) = cluster.list("pods", "default")[0]["spec"]["containers"]
    with pytest.raises(ApiError, match="violates PodSecurity"):
        cluster.patch("pods", "default/web", {"spec": {"containers": [{**container, "image": "busybox:1.37"}]}})
