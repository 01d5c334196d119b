"""Whatever Pod the API server accepts, the scheduler and the kubelet live with it."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from statelab.controlplane.controlplane import ControlPlane
from statelab.controlplane.errors import ApiError

names = st.sampled_from(["a", "b", "data", "web"])
ports = st.one_of(st.integers(1, 65535), st.sampled_from(["web", "80", "nope"]))
amounts = st.sampled_from(["0", "1", "100m", "64Mi", "1Gi", "1e3", "0.5", "99999"])
fields = st.sampled_from(["metadata.name", "metadata.labels['a']", "status.podIP", "spec.nodeName"])
Drawn = st.SearchStrategy[dict[str, Any]]


def record(required: dict[str, Any], **optional: Any) -> Drawn:
    return st.fixed_dictionaries(required, optional=optional)


def either(**entries: Any) -> Drawn:
    """An object with exactly one of these fields."""
    return st.one_of(*(st.fixed_dictionaries({name: strategy}) for name, strategy in entries.items()))


def joined(*parts: Any) -> Drawn:
    return st.tuples(*parts).map(lambda drawn: {name: value for each in drawn for name, value in each.items()})


def uniquely(strategy: Any, field: str, most: int = 2, least: int = 0) -> Any:
    return st.lists(strategy, min_size=least, max_size=most, unique_by=lambda each: each[field])


field_refs = either(fieldRef=record({"fieldPath": fields}))
resource_refs = either(
    resourceFieldRef=record({"resource": st.sampled_from(["limits.cpu", "requests.memory"]), "containerName": names})
)
key_refs = either(configMapKeyRef=record({"name": names, "key": names}, optional=st.booleans()))
variables = joined(
    record({"name": names}),
    st.one_of(either(value=st.sampled_from(["", "$(a)", "$$(b)", "x$("])), either(valueFrom=field_refs | key_refs)),
)
commands = st.sampled_from([["true"], ["false"], ["sleep", "2"], ["sh", "-c", "exit 3"], ["nonsense"]])
handlers = {
    "exec": record({"command": commands}),
    "httpGet": record({"port": ports}, path=st.sampled_from(["/", "x"]), scheme=st.sampled_from(["HTTP", "HTTPS"])),
}
actions = either(**handlers, sleep=record({"seconds": st.integers(1, 3)}))
timings = record(
    {},
    initialDelaySeconds=st.integers(0, 5),
    periodSeconds=st.integers(1, 5),
    timeoutSeconds=st.integers(1, 3),
    failureThreshold=st.integers(1, 3),
)
questions = either(**handlers, tcpSocket=record({"port": ports}), grpc=record({"port": st.integers(1, 100)}))
probes = joined(questions, timings)
resources = record(
    {},
    requests=st.dictionaries(st.sampled_from(["cpu", "memory", "ephemeral-storage"]), amounts),
    limits=st.dictionaries(st.sampled_from(["cpu", "memory"]), amounts),
)
mounts = record(
    {"name": names, "mountPath": st.sampled_from(["/a", "/a/b", "/"])},
    subPath=st.sampled_from(["", "x", "x/y"]),
    readOnly=st.booleans(),
)
images = st.sampled_from(["nginx", "busybox:1.36", "nginx:no-such-tag", "UPPER", "a/b@sha256:xyz"])
opened = record({"containerPort": st.integers(1, 90)}, name=names, hostPort=st.sampled_from([80, 81]))
sources = st.lists(either(configMapRef=record({"name": names}, optional=st.booleans())), max_size=1)
basics: dict[str, Any] = {
    "command": commands,
    "env": st.lists(variables, max_size=2),
    "envFrom": sources,
    "resources": resources,
    "volumeMounts": uniquely(mounts, "mountPath"),
    "ports": uniquely(opened, "containerPort"),
    "terminationMessagePolicy": st.just("FallbackToLogsOnError"),
}
watched: dict[str, Any] = {
    "livenessProbe": probes,
    "readinessProbe": probes,
    "startupProbe": probes,
    "lifecycle": record({}, postStart=actions, preStop=actions),
}
containers = record({"name": names, "image": images}, **basics, **watched)
init_containers = record({"name": st.sampled_from(["i", "j"]), "image": images}, **basics)
sidecars = record(
    {"name": st.sampled_from(["i", "j"]), "image": images, "restartPolicy": st.just("Always")}, **basics, **watched
)
items = st.lists(record({"key": names, "path": st.sampled_from(["a", "a/b"])}, mode=st.integers(0, 511)), max_size=2)
told = st.lists(joined(field_refs | resource_refs, record({"path": names})), max_size=2)
projections = either(
    configMap=record({"name": names}, items=items, optional=st.booleans()),
    secret=record({"name": names}, optional=st.booleans()),
    serviceAccountToken=record({"path": names}),
    downwardAPI=record({"items": told}),
)
template = {"spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}}
bodies = either(
    emptyDir=record({}, medium=st.just("Memory")),
    configMap=record({"name": names}, items=items, optional=st.booleans()),
    secret=record({"secretName": names}, optional=st.booleans()),
    hostPath=record({"path": st.sampled_from(["/", "/data"])}, type=st.sampled_from(["", "Directory", "FileOrCreate"])),
    persistentVolumeClaim=record({"claimName": names}),
    projected=record({"sources": st.lists(projections, max_size=2)}),
    downwardAPI=record({"items": told}),
    nfs=record({"server": names, "path": st.just("/")}),
    ephemeral=record({"volumeClaimTemplate": st.just(template)}),
)
volumes = st.fixed_dictionaries(dict.fromkeys(["a", "b", "data", "web"], bodies)).map(
    lambda drawn: [{"name": name, **body} for name, body in drawn.items()]
)
selectors = record({}, matchLabels=st.just({"a": "1"}), matchExpressions=st.just([{"key": "a", "operator": "Exists"}]))
term = record({"labelSelector": selectors, "topologyKey": st.sampled_from(["kubernetes.io/hostname", "zone"])})
required = either(requiredDuringSchedulingIgnoredDuringExecution=st.lists(term, max_size=2))
constraint = record(
    {"maxSkew": st.integers(1, 2), "topologyKey": st.sampled_from(["kubernetes.io/hostname", "zone"])},
    labelSelector=selectors,
).map(lambda drawn: {**drawn, "whenUnsatisfiable": "DoNotSchedule"})
specs = record(
    {"containers": uniquely(containers, "name", least=1), "volumes": volumes},
    initContainers=uniquely(init_containers | sidecars, "name"),
    restartPolicy=st.sampled_from(["Always", "OnFailure", "Never"]),
    nodeName=st.sampled_from(["kind-worker", "kind-control-plane", "nowhere"]),
    affinity=either(podAffinity=required, podAntiAffinity=required),
    topologySpreadConstraints=st.lists(constraint, max_size=1),
    tolerations=st.just([{"operator": "Exists"}]),
    activeDeadlineSeconds=st.integers(1, 5),
    terminationGracePeriodSeconds=st.integers(0, 3),
    dnsPolicy=st.sampled_from(["Default", "ClusterFirst"]),
    hostAliases=st.just([{"ip": "1.2.3.4", "hostnames": ["a"]}]),
    readinessGates=st.just([{"conditionType": "a/b"}]),
)


@pytest.mark.slow
@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(specs, min_size=1, max_size=3))
def test_whatever_is_accepted_is_run_or_refused_with_words(caplog: Any, drawn: list[Any]) -> None:
    cluster = ControlPlane()
    accepted = 0
    for index, spec in enumerate(drawn):
        body = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": f"p{index}", "labels": {"a": "1"}},
            "spec": spec,
        }
        try:
            cluster.create(body)
            accepted += 1
        except ApiError:
            continue
    with caplog.at_level(logging.ERROR):
        cluster.loop.run_for(25)
        for pod in cluster.list("pods"):
            assert pod["status"]["phase"] in ("Pending", "Running", "Succeeded", "Failed")
            cluster.delete("pods", f"default/{pod['metadata']['name']}")
        cluster.loop.run_for(15)
    assert not [record.getMessage() for record in caplog.records]
    assert [pod for pod in cluster.list("pods") if pod["spec"].get("nodeName") != "nowhere"] == []
