"""The environment of a container, from its spec and the cluster around it."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from statelab.controlplane.kinds import Object
from statelab.controlplane.kubelet.env import (
    ConfigError,
    PodFacts,
    TooLong,
    environment,
    expand,
    field_value,
    resource_value,
)

FACTS = PodFacts("10.244.1.7", "172.17.0.1", {"cpu": "8", "memory": "16Gi"})


class Cluster:
    def __init__(self, *objects: Object) -> None:
        self.objects = {(o["kind"].lower() + "s", _key(o)): o for o in objects}

    def get(self, plural: str, key: str) -> Object | None:
        return self.objects.get((plural, key))

    def list(self, plural: str, namespace: str = "") -> list[Object]:
        return [o for (kind, key), o in self.objects.items() if kind == plural and key.startswith(f"{namespace}/")]


def _key(obj: Object) -> str:
    return f"{obj['metadata']['namespace']}/{obj['metadata']['name']}"


def thing(kind: str, name: str, namespace: str = "shop", **rest: Any) -> Object:
    return {"kind": kind, "metadata": {"name": name, "namespace": namespace}, **rest}


def pod(*env: Object, env_from: list[Object] | None = None, **spec: Any) -> tuple[Object, Object]:
    container = {"name": "app", "env": list(env), "envFrom": env_from or [], "resources": spec.pop("resources", {})}
    metadata = {
        "name": "web-0",
        "namespace": "shop",
        "uid": "u-1",
        "labels": {"app": "web", "a": 'x"y'},
        "annotations": {"note": "hi"},
    }
    return {"metadata": metadata, "spec": {"containers": [container], "nodeName": "kind-worker", **spec}}, container


def test_a_reference_takes_what_was_declared_before_it_and_leaves_what_it_does_not_know() -> None:
    one, container = pod(
        {"name": "LATER", "value": "$(HOST)"},
        {"name": "HOST", "value": "web-0"},
        {"name": "URL", "value": "http://$(HOST).nginx/$(NOBODY)?cost=$$(HOST)"},
    )
    env = environment(one, container, FACTS, Cluster())
    assert env["LATER"] == "$(HOST)"
    assert env["URL"] == "http://web-0.nginx/$(NOBODY)?cost=$(HOST)"


@pytest.mark.parametrize(
    ("text", "expanded"),
    [
        ("$(A)$(B)", "1$(B)"),
        ("$$(A)", "$(A)"),
        ("$$$(A)", "$1"),
        ("$A $", "$A $"),
        ("$(A", "$(A"),
        ("100% $(A)", "100% 1"),
    ],
)
def test_expansion_is_kubernetes_and_not_a_shells(text: str, expanded: str) -> None:
    assert expand(text, {"A": "1"}) == expanded


@given(st.text(alphabet="ab$() ", max_size=30))
def test_expansion_never_fails_and_leaves_text_without_dollars_alone(text: str) -> None:
    expanded = expand(text, {"a": "x"})
    if "$" not in text:
        assert expanded == text


def test_env_from_takes_every_entry_with_its_prefix_and_env_wins() -> None:
    settings = thing("ConfigMap", "settings", data={"color": "red", "size": "L"})
    secret = thing("Secret", "login", data={"password": base64.b64encode(b"s3cret").decode()})
    one, container = pod(
        {"name": "size", "value": "XL"},
        env_from=[{"configMapRef": {"name": "settings"}}, {"prefix": "DB_", "secretRef": {"name": "login"}}],
    )
    env = environment(one, container, FACTS, Cluster(settings, secret))
    assert (env["color"], env["size"], env["DB_password"]) == ("red", "XL", "s3cret")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ({"configMapKeyRef": {"name": "none", "key": "k"}}, 'configmap "none" not found'),
        ({"secretKeyRef": {"name": "none", "key": "k"}}, 'secret "none" not found'),
        ({"configMapKeyRef": {"name": "cm", "key": "k"}}, "couldn't find key k in ConfigMap shop/cm"),
    ],
)
def test_a_key_that_is_missing_is_an_error_unless_it_is_optional(source: Object, message: str) -> None:
    cluster = Cluster(thing("ConfigMap", "cm", data={}))
    one, container = pod({"name": "A", "valueFrom": source})
    with pytest.raises(ConfigError) as caught:
        environment(one, container, FACTS, cluster)
    assert str(caught.value) == message
    (field,) = source
    source[field]["optional"] = True
    assert "A" not in environment(one, container, FACTS, cluster)


def test_the_downward_api_tells_a_pod_who_and_where_it_is() -> None:
    one, container = pod(resources={"limits": {"memory": "64Mi"}, "requests": {"cpu": "250m"}})
    assert field_value(one, "metadata.name", FACTS) == "web-0"
    assert field_value(one, "metadata.labels['app']", FACTS) == "web"
    assert field_value(one, "metadata.labels", FACTS) == 'a="x\\"y"\napp="web"'
    assert field_value(one, "status.podIP", FACTS) == "10.244.1.7"
    assert field_value(one, "spec.nodeName", FACTS) == "kind-worker"
    assert resource_value(one, {"resource": "limits.memory", "divisor": "1Mi"}, FACTS, container) == "64"
    assert resource_value(one, {"resource": "requests.cpu"}, FACTS, container) == "1"
    assert resource_value(one, {"resource": "requests.cpu", "divisor": "1m"}, FACTS, container) == "250"
    # A limit that is not set is the node's.
    assert resource_value(one, {"resource": "limits.cpu"}, FACTS, container) == "8"


def test_services_with_an_address_are_linked_and_headless_ones_are_not() -> None:
    kubernetes = thing("Service", "kubernetes", "default", spec={"clusterIP": "10.96.0.1", "ports": [{"port": 443}]})
    ports = [{"name": "web-ui", "port": 80}, {"name": "dns", "port": 53, "protocol": "UDP"}]
    front = thing("Service", "my-front", spec={"clusterIP": "10.96.7.7", "ports": ports})
    headless = thing("Service", "nginx", spec={"clusterIP": "None", "ports": [{"port": 80}]})
    one, container = pod(enableServiceLinks=True)
    env = environment(one, container, FACTS, Cluster(kubernetes, front, headless))
    assert env["KUBERNETES_SERVICE_HOST"] == "10.96.0.1"
    assert env["MY_FRONT_SERVICE_PORT_WEB_UI"] == "80"
    assert env["MY_FRONT_PORT"] == "tcp://10.96.7.7:80"
    assert env["MY_FRONT_PORT_53_UDP_PROTO"] == "udp"
    assert not any(name.startswith("NGINX") for name in env)
    one["spec"]["enableServiceLinks"] = False
    assert "MY_FRONT_PORT" not in environment(one, container, FACTS, Cluster(kubernetes, front, headless))


@pytest.mark.parametrize(
    "variables",
    [
        [("A0", "x" * 100), *((f"A{n}", f"$(A{n - 1})$(A{n - 1})") for n in range(1, 60))],
        [("A", "x" * 1000), *((f"B{n}", "$(A)" * 100) for n in range(30))],
    ],
    ids=["one that doubles", "too many in all"],
)
def test_variables_longer_than_linux_takes_are_refused_before_they_are_made(variables: list[tuple[str, str]]) -> None:
    with pytest.raises(TooLong, match="argument list too long") as raised:
        environment(*pod(*({"name": name, "value": value} for name, value in variables)), FACTS, Cluster())
    assert raised.value.reason == "RunContainerError"
