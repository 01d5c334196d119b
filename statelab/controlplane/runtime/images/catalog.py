"""Which images there are to be had: registries, repositories and tags that exist, and what a slip was meant to be.

Docker Hub's official images and their tags are few enough to be known. A name elsewhere that is near to none of these
may be somebody's own: it is taken to exist. Source: the images' own lists of tags, as they were in 2025 and before.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

from statelab.controlplane.image_names import Reference, parse_reference
from statelab.reader.spelling import nearest, slips

_REGISTRIES = frozenset(
    (
        "docker.io", "registry.k8s.io", "k8s.gcr.io", "gcr.io", "us.gcr.io", "eu.gcr.io", "mirror.gcr.io", "ghcr.io",
        "quay.io", "mcr.microsoft.com", "public.ecr.aws", "us-docker.pkg.dev", "docker.elastic.co", "cgr.dev",
        "lscr.io", "nvcr.io", "registry.gitlab.com", "registry.access.redhat.com", "registry.redhat.io",
        "registry-1.docker.io", "localhost",
    )
)  # fmt: skip

# Names that are written for a registry and are none: pages for people to read.
_PAGES = {"k8s.io": "registry.k8s.io", "kubernetes.io": "registry.k8s.io", "hub.docker.com": "docker.io"}

# docker.io/library: nobody can push there, so what is not here is not there.
_OFFICIAL = frozenset(
    (
        "adminer", "adoptopenjdk", "aerospike", "almalinux", "alpine", "alt", "amazoncorretto", "amazonlinux",
        "api-firewall", "arangodb", "archlinux", "azul-zulu", "backdrop", "bash", "bonita", "buildpack-deps",
        "busybox", "caddy", "cassandra", "celery", "centos", "chronograf", "cirros", "clearlinux", "clefos",
        "clojure", "composer", "consul", "convertigo", "couchbase", "couchdb", "crate", "crux", "dart", "debian",
        "django", "docker", "dotnet", "drupal", "eclipse-mosquitto", "eclipse-temurin", "eggdrop", "elasticsearch",
        "elixir", "emqx", "erlang", "euleros", "express-gateway", "fedora", "flink", "fluentd", "friendica",
        "fsharp", "gazebo", "gcc", "geonetwork", "ghost", "glassfish", "golang", "gradle", "groovy", "haproxy",
        "haskell", "haxe", "hello-seattle", "hello-world", "hitch", "hola-mundo", "httpd", "hylang",
        "ibm-semeru-runtimes", "ibmjava", "influxdb", "iojs", "irssi", "java", "jenkins", "jetty", "jobber",
        "joomla", "jruby", "julia", "kaazing-gateway", "kapacitor", "kibana", "kong", "krakend", "lightstreamer",
        "liquibase", "logstash", "mageia", "mariadb", "matomo", "maven", "mediawiki", "memcached", "mongo",
        "mongo-express", "monica", "mono", "mysql", "nats", "nats-streaming", "neo4j", "neurodebian", "nextcloud",
        "nginx", "node", "notary", "nuxeo", "odoo", "open-liberty", "openjdk", "opensuse", "oraclelinux",
        "orientdb", "owncloud", "percona", "perl", "photon", "php", "php-zendserver", "phpmyadmin", "piwik",
        "plone", "postfixadmin", "postgres", "pypy", "python", "r-base", "rabbitmq", "rails", "rakudo-star",
        "rapidoid", "redis", "redmine", "registry", "rethinkdb", "rocket.chat", "rockylinux", "ros", "ruby", "rust",
        "sapmachine", "satosa", "scratch", "sentry", "silverpeas", "sl", "solr", "sonarqube", "sourcemage", "spark",
        "spiped", "storm", "swarm", "swift", "swipl", "tarantool", "teamspeak", "telegraf", "thrift", "tomcat",
        "tomee", "traefik", "ubuntu", "ubuntu-debootstrap", "ubuntu-upstart", "unit", "varnish", "vault", "voltdb",
        "websphere-liberty", "wordpress", "xwiki", "yourls", "znc", "zookeeper",
    )
)  # fmt: skip

# What the course and Kubernetes' own pages use from elsewhere: a name a slip away from one of these is that slip.
_ELSEWHERE = (
    "registry.k8s.io/nginx-slim", "registry.k8s.io/pause", "registry.k8s.io/e2e-test-images/agnhost",
    "registry.k8s.io/e2e-test-images/busybox", "registry.k8s.io/e2e-test-images/httpd",
    "registry.k8s.io/e2e-test-images/nginx", "k8s.gcr.io/nginx-slim", "k8s.gcr.io/pause",
    "docker.io/nginxinc/nginx-unprivileged", "docker.io/hashicorp/http-echo", "docker.io/traefik/whoami",
    "docker.io/curlimages/curl", "docker.io/nicolaka/netshoot", "docker.io/valkey/valkey",
    "gcr.io/google-samples/hello-app", "gcr.io/google-samples/kubernetes-bootcamp",
)  # fmt: skip

# Of what a tag's later parts are made: a distribution, its release, a variant.
_VARIANT = re.compile(
    r"(?:alpine(?:\d+\.\d+)?|slim|perl|otel|debian|bookworm|bullseye|buster|stretch|jessie|wheezy|trixie|forky|sid"
    r"|glibc|musl|uclibc|32bit|rc\d*|beta\d*|m\d+|\d+|r\d+)\Z"
)


@dataclass(frozen=True, slots=True)
class _Tags:
    """`minors`: for each major the highest minor there is, or the minors themselves. `words`: tags without a number."""

    minors: dict[str, int | tuple[int, ...]]
    words: str = "latest"
    usual: str = ""  # those that a slip may have been meant to be
    short: bool = True  # "1" alone, and patch numbers: 1.27.3
    v: bool = False  # three numbers, and a v before them: v3.5.21; else none has one

    def has(self, tag: str) -> bool:
        head, *variants = tag.split("-")
        if head not in self.words.split() and not self._numbered(head):
            return False
        return all(_VARIANT.match(each) for each in variants)

    def _numbered(self, version: str) -> bool:
        numbers = version.removeprefix("v").split(".")
        if version.startswith("v") != self.v or (self.v and len(numbers) != 3):
            return False
        # Two digits are the most that a part has had; "0.240" is none.
        if not all(re.fullmatch(r"0|[1-9]\d?", each) for each in numbers) or numbers[0] not in self.minors:
            return False
        known = self.minors[numbers[0]]
        if len(numbers) == 1:
            return self.short
        minor = int(numbers[1])
        if not (minor <= known if isinstance(known, int) else minor in known):
            return False
        return len(numbers) == 2 or (self.short and len(numbers) <= 4)


_DISTRIBUTIONS = "alpine bookworm bullseye buster stretch trixie slim perl"
_NGINX = _Tags(
    {"1": 31}, f"latest mainline stable otel {_DISTRIBUTIONS}", "1.25 1.26 1.27 1.28 1.29 alpine stable latest"
)
_SLIM = _Tags({"0": 40}, usual="0.8 0.21 0.24 0.25 0.26 0.27", short=False)
_BUSYBOX = _Tags({"1": 38}, "latest stable unstable glibc musl uclibc", "1.28 1.35 1.36 1.37 latest stable")
_ETCD = _Tags({"2": 3, "3": 6}, "latest", "v3.4.37 v3.5.0 v3.5.9 v3.5.21 v3.6.0 latest", v=True)
_TAGS: dict[str, _Tags] = {
    "docker.io/library/nginx": _NGINX,
    "docker.io/nginxinc/nginx-unprivileged": _NGINX,
    "registry.k8s.io/nginx-slim": _SLIM,
    "k8s.gcr.io/nginx-slim": _SLIM,
    "docker.io/library/busybox": _BUSYBOX,
    "docker.io/library/redis": _Tags(
        {"2": (6, 8), "3": (0, 2), "4": 0, "5": 0, "6": (0, 2), "7": (0, 2, 4), "8": (0, 2, 4, 6)},
        f"latest 32bit {_DISTRIBUTIONS}",
        "6 6.2 7 7.0 7.2 7.4 8 8.0 alpine latest",
    ),
    "docker.io/library/httpd": _Tags({"2": (2, 4)}, f"latest {_DISTRIBUTIONS}", "2 2.4 alpine latest"),
    "docker.io/library/alpine": _Tags({"2": (6, 7), "3": 26}, "latest edge", "3 3.18 3.19 3.20 3.21 3.22 edge latest"),
    "quay.io/coreos/etcd": _ETCD,
    "gcr.io/etcd-development/etcd": _ETCD,
    "registry.k8s.io/e2e-test-images/agnhost": _Tags({"2": 99}, usual="2.39 2.40 2.47 2.52 2.53", short=False),
}


@dataclass(frozen=True, slots=True)
class Missing:
    """An image that is not to be had. `part`: what of its name does not exist. `meant`: the name it is a slip of."""

    part: Literal["registry", "repository", "tag"]
    meant: str = ""


def missing(reference: Reference, tag_exists: Callable[[str], bool]) -> Missing | None:
    """Why an image cannot be pulled; None when it can. `tag_exists`: for repositories whose tags are not listed."""
    registry = reference.registry
    if registry not in _REGISTRIES:
        near = _PAGES.get(registry) or _near(registry, _REGISTRIES)
        if near is not None:
            return Missing("registry", familiar(replace(reference, registry=near)))
    near = _nearest_repository(reference)
    if near is not None or _is_not_official(reference):
        host, _, path = (near or "").partition("/")
        return Missing("repository", familiar(replace(reference, registry=host, path=path)) if near else "")
    if reference.digest:  # what has a digest is found by it, whatever the tag says
        return None
    tags = _TAGS.get(reference.repository)
    if tags.has(reference.tag) if tags else tag_exists(reference.tag):
        return None
    meant = nearest(reference.tag, tags.usual.split()) if tags else None
    return Missing("tag", familiar(replace(reference, tag=meant)) if meant else "")


def familiar(reference: Reference) -> str:
    """The name as people write it: `redis:7.4` for docker.io/library/redis:7.4. Source: distribution/reference."""
    name = reference.repository.removeprefix("docker.io/").removeprefix("library/")
    tag = f":{reference.tag}" if reference.tag else ""
    return f"{name}{tag}" + (f"@{reference.digest}" if reference.digest else "")


@lru_cache(maxsize=1024)
def short_name(image: str) -> str:
    """One spelling for each image: `docker.io/library/redis:7.4`, `redis:7.4` → `redis:7.4`; what is no name, as it is.

    Two texts name the same image when this is the same of both.
    """
    try:
        return familiar(parse_reference(image))
    except ValueError:
        return image


def _is_not_official(reference: Reference) -> bool:
    folder, _, name = reference.path.rpartition("/")
    return reference.registry == "docker.io" and folder == "library" and name not in _OFFICIAL


def _nearest_repository(reference: Reference) -> str | None:
    """The repository that a name is a slip of; None when it is there, or when none is near."""
    if reference.repository in _ELSEWHERE or reference.registry not in _REGISTRIES:
        return None
    if reference.registry == "docker.io" and reference.path.startswith("library/"):
        name = reference.path.removeprefix("library/")
        if name in _OFFICIAL:
            return None
        near = _near(name, _OFFICIAL)
        if near is not None:
            return f"docker.io/library/{near}"
        return next((each for each in _ELSEWHERE if each.endswith(f"/{name}")), None)
    near = _near(reference.repository, _beside(reference.registry))
    if near is not None and _TAGS.get(near) is not _TAGS.get(reference.repository):
        return near
    last = reference.path.rpartition("/")[2]
    if reference.registry == "registry.k8s.io" and last in ("agnhost", "nginx-slim", "pause"):
        return next(each for each in _ELSEWHERE if each.startswith("registry.k8s.io/") and each.endswith(f"/{last}"))
    return None


def _beside(registry: str) -> Iterator[str]:
    for each in _ELSEWHERE:
        if each.startswith(f"{registry}/"):
            yield each


def _near(word: str, words: Iterable[str]) -> str | None:
    """The one word that is one slip away, or two where it is long; None where there is none, or it is the word."""
    chosen = sorted(words)
    if word in chosen:
        return None
    for allowed in (1, 2):
        for each in chosen:
            if len(each) > 4 * allowed - 1 and slips(word, each, allowed) <= allowed:
                return each
    return None
