"""Which resources a server has, and which one a word means.

Source: client-go/restmapper, kubectl's shortcut expander.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from statelab.kubectl.api import DISCOVERY, Api, Object
from statelab.kubectl.gotext import quote
from statelab.kubectl.problems import Fail, checked


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource of a server, as discovery tells it."""

    group: str
    version: str
    plural: str
    singular: str
    kind: str
    namespaced: bool
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    verbs: tuple[str, ...] = ()
    subresources: tuple[str, ...] = ()

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def group_resource(self) -> str:
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def group_kind(self) -> str:
        """As it stands before a name in what kubectl prints: `statefulset.apps`."""
        return f"{self.kind.lower()}.{self.group}" if self.group else self.kind.lower()

    def path(self, namespace: str, name: str = "", subresource: str = "") -> str:
        root = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        middle = f"/namespaces/{namespace}" if self.namespaced and namespace else ""
        rest = "".join(f"/{each}" for each in (name, subresource) if each)
        return f"{root}{middle}/{self.plural}{rest}"


class Mapper:
    """The resources of one server, found by any of their names.

    They are kept from line to line. A name that is not among them is asked for once more in each line: a
    CustomResourceDefinition may have come. (Source: client-go/restmapper/discovery.go, DeferredDiscoveryRESTMapper.)
    """

    def __init__(self, api: Api) -> None:
        self._api = api
        self._all: tuple[Resource, ...] | None = None
        self._fresh = False

    def begin_line(self) -> None:
        self._fresh = False

    @property
    def all(self) -> tuple[Resource, ...]:
        if self._all is None:
            found: list[Resource] = []
            for path in ("/api", "/apis"):
                body = checked(self._api.request("GET", path, accept=DISCOVERY))
                for group in body.get("items") or ():
                    found += _of_group(group)
            self._all, self._fresh = tuple(found), True
        return self._all

    def _served(self, look: Callable[[], Resource | None]) -> Resource | None:
        found = look()
        if found is None and not self._fresh:
            self._all = None
            found = look()
        return found

    def find(self, word: str) -> Resource:
        """The resource of "sts", "statefulsets.apps", "StatefulSet", "deployments.v1.apps". Raises Fail."""
        found = self.maybe(word)
        if found is None:
            name, dot, group = word.partition(".")
            raise Fail(
                f"the server doesn't have a resource type {quote(name)}" + (f" in group {quote(group)}" if dot else "")
            )
        return found

    def maybe(self, word: str) -> Resource | None:
        return self._served(lambda: self._called(word))

    def _called(self, word: str) -> Resource | None:
        name, dot, rest = word.partition(".")
        if dot:
            version, _, group = rest.partition(".")
            for each in self.all:
                if (each.version, each.group) == (version, group) and _is_called(each, name):
                    return each
        for each in self.all:
            if _is_called(each, name) and (not dot or each.group == rest or each.group.startswith(rest + ".")):
                return each
        if not dot:
            for each in self.all:
                if name in each.short_names:
                    return each
        else:
            for each in self.all:
                if name in each.short_names and each.group.startswith(rest):
                    return each
        return None

    def of_kind(self, api_version: str, kind: str) -> Resource | None:
        def look() -> Resource | None:
            # In small letters it is found, too, and refused by the server. Source: client-go/restmapper/discovery.go.
            of_version = (each for each in self.all if each.api_version == api_version)
            return next((each for each in of_version if kind in (each.kind, each.kind.lower())), None)

        return self._served(look)

    def expand(self, word: str) -> list[str]:
        """The resources of a category ("all"), or the word itself."""
        found = [each.group_resource for each in self.all if word in each.categories]
        return found or [word]


def _is_called(resource: Resource, name: str) -> bool:
    return name.lower() in (resource.plural, resource.singular)


def told_versions(group: Object) -> list[Object]:
    """A group's versions, without those of a server that does not answer.

    Source: client-go/discovery/aggregated_discovery.go.
    """
    return [each for each in group["versions"] if each.get("freshness") != "Stale"]


def _of_group(group: Object) -> list[Resource]:
    name = (group.get("metadata") or {}).get("name") or ""
    versions = told_versions(group)
    return [_resource(name, version["version"], each) for version in versions for each in version["resources"]]


def _resource(group: str, version: str, said: Object) -> Resource:
    def words(field: str) -> tuple[str, ...]:
        found: Sequence[str] = said.get(field) or ()
        return tuple(found)

    return Resource(
        group,
        version,
        said["resource"],
        said.get("singularResource") or said["responseKind"]["kind"].lower(),
        said["responseKind"]["kind"],
        said["scope"] == "Namespaced",
        words("shortNames"),
        words("categories"),
        words("verbs"),
        tuple(each["subresource"] for each in said.get("subresources") or ()),
    )
