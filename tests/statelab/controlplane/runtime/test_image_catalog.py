"""Which images there are: what people write by mistake, and what they meant."""

from __future__ import annotations

import pytest

from statelab.controlplane.image_names import parse_reference
from statelab.controlplane.runtime.images import image_for
from statelab.controlplane.runtime.images.catalog import Missing, missing, short_name


def lacks(image: str) -> Missing | None:
    reference = parse_reference(image)
    return missing(reference, image_for(reference).tag_exists)


@pytest.mark.parametrize(
    ("written", "part", "meant"),
    [
        ("ngnix:1.27", "repository", "nginx:1.27"),
        ("radis:7", "repository", "redis:7"),
        ("nginx-slim:0.24", "repository", "registry.k8s.io/nginx-slim:0.24"),
        ("registry.k8s.io/ngnix-slim:0.24", "repository", "registry.k8s.io/nginx-slim:0.24"),
        ("registry.k8s.io/agnhost:2.53", "repository", "registry.k8s.io/e2e-test-images/agnhost:2.53"),
        ("nginxinc/nginx-unpriviledged:1.27", "repository", "nginxinc/nginx-unprivileged:1.27"),
        ("x", "repository", ""),
        ("webserver", "repository", ""),
        ("registry.k8s.oi/nginx-slim:0.24", "registry", "registry.k8s.io/nginx-slim:0.24"),
        ("k8s.io/nginx-slim:0.24", "registry", "registry.k8s.io/nginx-slim:0.24"),
        ("docker.com/library/nginx:1.27", "registry", "nginx:1.27"),
        ("registry.k8s.io/nginx-slim:0.2.4", "tag", "registry.k8s.io/nginx-slim:0.24"),
        ("registry.k8s.io/nginx-slim:0.240", "tag", "registry.k8s.io/nginx-slim:0.24"),
        ("nginx:lastest", "tag", "nginx:latest"),
        ("nginx:1.72", "tag", "nginx:1.27"),
        ("redis:7.44", "tag", "redis:7.4"),
        ("nginx:1.27-alpne", "tag", ""),
        ("nginx:v1.27", "tag", "nginx:1.27"),
        ("quay.io/coreos/etcd:3.5.21", "tag", "quay.io/coreos/etcd:v3.5.21"),
        ("quay.io/coreos/etcd:v3.5.212", "tag", "quay.io/coreos/etcd:v3.5.21"),
    ],
)
def test_a_slip_is_told_from_what_was_meant(written: str, part: str, meant: str) -> None:
    assert lacks(written) == Missing(part, meant)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "image",
    [
        "nginx", "nginx:1.9.1", "nginx:1.27-alpine", "nginx:1.27.5-alpine3.21-slim", "nginx:stable-alpine-slim",
        "nginx:mainline", "library/redis", "redis:alpine", "redis:6.0.5", "redis:7.4.1-alpine3.20",
        "busybox:1.37.0-musl",
        "python:3.12-alpine", "debian:12-slim", "mysql:5.7", "httpd:2.4", "a/b:1", "redis/redis-stack",
        "localhost:5000/shop", "my-registry.example.com/team/shop:v3", "bitnami/redis:7.2.4-debian-12-r9",
        "registry.k8s.io/kubernetes-zookeeper:1.0-3.4.10", "gcr.io/google-samples/cassandra:v13",
        "k8s.gcr.io/nginx-slim:0.8", "registry.k8s.io/pause:3.10", "quay.io/coreos/etcd:v3.5.12",
    ],
)  # fmt: skip
def test_what_exists_or_may_be_somebodys_own_is_not_missing(image: str) -> None:
    assert lacks(image) is None


@pytest.mark.parametrize(
    "image", ["redis:7.4", "docker.io/redis:7.4", "docker.io/library/redis:7.4", "library/redis:7.4"]
)
def test_one_image_has_one_short_name(image: str) -> None:
    assert short_name(image) == "redis:7.4"
