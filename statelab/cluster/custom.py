"""Kinds that a cluster has learned: what its CustomResourceDefinitions say, as rows like those of built-in kinds."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from statelab.cluster.connection import RequestRefused
from statelab.cluster.names import NoKind, kind_named, split
from statelab.controlplane.kinds import Kind, Object

if TYPE_CHECKING:
    from statelab.cluster.cluster import Cluster

DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


@dataclass(frozen=True)
class Defined:
    """What a definition says beyond a kind's row. `names`: spec.names; `columns`: additionalPrinterColumns."""

    names: dict[str, Any]
    columns: tuple[Object, ...] = ()


def kind_of_definition(definition: Object) -> Kind | None:
    """The kind in the version that is stored; None while the API server does not serve it."""
    spec = definition["spec"]
    names, group = {"listKind": f"{spec['names']['kind']}List", **spec["names"]}, str(spec["group"])
    names.setdefault("singular", names["kind"].lower())
    established = any(
        each["type"] == "Established" and each["status"] == "True"
        for each in (definition.get("status") or {}).get("conditions") or ()
    )
    served = [each for each in spec["versions"] if each.get("served")]
    if not established or not served:
        return None
    version = next((each for each in served if each.get("storage")), served[0])
    return Kind(
        group,
        str(version["name"]),
        str(names["kind"]),
        f"{names['plural']}.{group}",
        tuple(names.get("shortNames") or ()),
        namespaced=spec.get("scope") == "Namespaced",
        subresources=tuple(version.get("subresources") or ()),
        custom=Defined(names, tuple(version.get("additionalPrinterColumns") or ())),
    )


def custom_kinds(cluster: Cluster) -> list[Kind]:
    """Those that the cluster serves now; none where it does not tell. Raises Problem when it does not answer."""
    with suppress(RequestRefused):
        found = [kind_of_definition(each) for each in cluster.request("GET", DEFINITIONS)["items"]]
        return [kind for kind in found if kind is not None]
    return []


def kind_called(cluster: Cluster, text: str) -> Kind:
    """The kind that a person calls so, a built-in one or one of the cluster's own. Raises Problem."""
    try:
        return kind_named(text)
    except NoKind:
        for kind in custom_kinds(cluster):
            names = (kind.resource, kind.singular, kind.name.lower(), *kind.short_names)
            if text.lower() in (*names, *(f"{name}.{kind.group}" for name in names)):
                return kind
        raise


def parse_for(cluster: Cluster, what: str) -> tuple[Kind, str]:
    """`(RedisGroup, "redis")` of "redisgroup/redis", as `names.parse`, with the cluster's own kinds. Raises Problem."""
    text, name = split(what)
    return kind_called(cluster, text), name
