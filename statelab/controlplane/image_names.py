"""How an image is named, and which names are built in. Source of the grammar: github.com/distribution/reference.

Here is only what is in a name, so that a picture that asks whether an image is a stand-in need not load what runs it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_DOMAIN = r"(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*(?::[0-9]+)?"
_REFERENCE = re.compile(
    rf"^(?P<name>(?:{_DOMAIN}/)?{_COMPONENT}(?:/{_COMPONENT})*)"
    r"(?::(?P<tag>[\w][\w.-]{0,127}))?(?:@(?P<digest>[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}))?$"
)


@dataclass(frozen=True, slots=True)
class Reference:
    """An image's name in full: `nginx` is registry docker.io, path library/nginx, tag latest."""

    registry: str
    path: str
    tag: str
    digest: str = ""

    @property
    def repository(self) -> str:
        return f"{self.registry}/{self.path}"

    @property
    def full(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        return f"{self.repository}{tag}" + (f"@{self.digest}" if self.digest else "")


def parse_reference(text: str) -> Reference:
    """Raises ValueError("invalid reference format") for what is no image name."""
    match = _REFERENCE.match(text)
    if match is None or len(match["name"]) > 255:
        raise ValueError("invalid reference format")
    first, slash, rest = match["name"].partition("/")
    if slash and ("." in first or ":" in first or first == "localhost" or first != first.lower()):
        registry, path = first, rest
    else:
        registry, path = "docker.io", match["name"]
    if registry == "index.docker.io":
        registry = "docker.io"
    if registry == "docker.io" and "/" not in path:
        path = f"library/{path}"
    if path != path.lower():
        raise ValueError("invalid reference format")
    digest = match["digest"] or ""
    return Reference(registry, path, match["tag"] or ("" if digest else "latest"), digest)


@dataclass(frozen=True, slots=True)
class Names:
    """`repositories`: full names ("docker.io/library/nginx"). `also`: last parts of other names that are the same
    thing.
    """

    repositories: tuple[str, ...]
    also: tuple[str, ...] = ()


# By where the image is, below runtime/images: a module and its `Image`.
BUILT_IN: dict[str, Names] = {
    "agnhost.IMAGE": Names(
        ("registry.k8s.io/e2e-test-images/agnhost", "gcr.io/k8s-staging-e2e-test-images/agnhost"), ("agnhost",)
    ),
    "busybox.IMAGE": Names(
        ("docker.io/library/busybox", "registry.k8s.io/e2e-test-images/busybox", "docker.io/radial/busyboxplus"),
        ("busybox",),
    ),
    "caddy.IMAGE": Names(("docker.io/library/caddy",), ("caddy",)),
    "etcd.IMAGE": Names(("quay.io/coreos/etcd", "gcr.io/etcd-development/etcd", "registry.k8s.io/etcd")),
    "busybox.SHELLS": Names(
        (
            "docker.io/library/alpine",
            "docker.io/library/debian",
            "docker.io/library/ubuntu",
            "docker.io/library/bash",
            "docker.io/nicolaka/netshoot",
            "docker.io/curlimages/curl",
        ),
        ("alpine", "debian", "ubuntu", "bash", "debian-base"),
    ),
    "generic.PYTHON": Names(("docker.io/library/python",)),
    "hello_app.BOOTCAMP": Names(
        ("gcr.io/google-samples/kubernetes-bootcamp", "docker.io/jocatalin/kubernetes-bootcamp"),
        ("kubernetes-bootcamp",),
    ),
    "hello_app.HELLO_APP": Names(
        ("gcr.io/google-samples/hello-app", "us-docker.pkg.dev/google-samples/containers/gke/hello-app"), ("hello-app",)
    ),
    "hello_app.WHOAMI": Names(("docker.io/traefik/whoami", "docker.io/containous/whoami"), ("whoami",)),
    "hello_app.AT_80": Names(
        (
            "docker.io/nginxdemos/hello",
            "docker.io/ealen/echo-server",
            "docker.io/kennethreitz/httpbin",
            "mcr.microsoft.com/azuredocs/aci-helloworld",
        ),
    ),
    "hello_app.AT_8080": Names(
        (
            "gcr.io/google-samples/node-hello",
            "docker.io/paulbouwer/hello-kubernetes",
            "docker.io/jmalloc/echo-server",
            "docker.io/mendhak/http-https-echo",
            "docker.io/mccutchen/go-httpbin",
            "registry.k8s.io/echoserver",
            "k8s.gcr.io/echoserver",
        ),
    ),
    "hello_app.PODINFO": Names(("docker.io/stefanprodan/podinfo", "ghcr.io/stefanprodan/podinfo")),
    "http_echo.IMAGE": Names(("docker.io/hashicorp/http-echo",), ("http-echo",)),
    "httpd.IMAGE": Names(("docker.io/library/httpd", "registry.k8s.io/e2e-test-images/httpd"), ("httpd",)),
    "nginx.IMAGE": Names(
        (
            "docker.io/library/nginx",
            "registry.k8s.io/nginx-slim",
            "registry.k8s.io/e2e-test-images/nginx",
            "k8s.gcr.io/nginx-slim",
        ),
        ("nginx", "nginx-slim"),
    ),
    "nginx.BITNAMI": Names(
        ("docker.io/bitnami/nginx", "docker.io/bitnamilegacy/nginx", "public.ecr.aws/bitnami/nginx"),
    ),
    "nginx.UNPRIVILEGED": Names(
        (
            "docker.io/nginxinc/nginx-unprivileged",
            "quay.io/nginx/nginx-unprivileged",
            "ghcr.io/nginx/nginx-unprivileged",
            "ghcr.io/nginxinc/nginx-unprivileged",
            "public.ecr.aws/nginx/nginx-unprivileged",
        ),
        ("nginx-unprivileged",),
    ),
    "pause.IMAGE": Names(
        ("registry.k8s.io/pause", "k8s.gcr.io/pause", "gcr.io/google_containers/pause"), ("pause", "pause-amd64")
    ),
    "redis.IMAGE": Names(
        (
            "docker.io/library/redis",
            "registry.k8s.io/redis",
            "docker.io/valkey/valkey",
            "docker.io/bitnami/redis",
            "registry.k8s.io/e2e-test-images/redis",
        ),
        ("redis", "valkey"),
    ),
}
_BY_REPOSITORY = {repository: place for place, names in BUILT_IN.items() for repository in names.repositories}
_STAND_INS = (None, "generic.PYTHON")  # its scripts are not run, only its web server is
_BY_LAST_PART = {last: place for place, names in reversed(BUILT_IN.items()) for last in names.also}


def built_in(reference: Reference) -> str | None:
    """Where the image is that a reference names, as BUILT_IN has it; None for one of which there is only a stand-in."""
    last = reference.repository.rpartition("/")[2]
    return _BY_REPOSITORY.get(reference.repository) or _BY_LAST_PART.get(last)


def is_stand_in(image: str) -> bool:
    """Whether the embedded cluster runs a stand-in for this image. Not so for what is no image's name."""
    try:
        return built_in(parse_reference(image)) in _STAND_INS
    except ValueError:
        return False
