"""What the tasks of ps9 ask for, said again as questions to a cluster: objects that are made, rights asked for."""

from __future__ import annotations

from itertools import product
from typing import Any

from small_cluster import Cluster

from statelab.controlplane.apiserver.authorization.attributes import Attributes
from statelab.controlplane.apiserver.serving.client import InProcessClient
from statelab.controlplane.users import User

CATALOGS = "catalogs.library.example"
GROUP = "library.example"


# ---- the definition


class Catalogs:
    path = f"/apis/{GROUP}/v1/namespaces/default/catalogs"

    def __init__(self, text: str) -> None:
        self.cluster = Cluster(text)
        self.cp = self.cluster.cp
        self.count = 0

    def make(self, spec: Any, **more: Any) -> Any:
        """A Catalog of that spec, or None where it is refused."""
        self.count += 1
        obj = {"apiVersion": f"{GROUP}/v1", "kind": "Catalog", "metadata": {"name": f"c{self.count}"}, **more}
        if spec is not None:
            obj["spec"] = spec
        reply = InProcessClient(self.cp).request("POST", self.path, None, obj)
        return reply.body if reply.code < 400 else None

    def change(self, made: Any, patch: Any, subresource: str | None = None) -> Any:
        path = "/".join(filter(None, [self.path, made["metadata"]["name"], subresource]))
        merge = "application/merge-patch+json"
        reply = InProcessClient(self.cp).request("PATCH", path, None, patch, content_type=merge)
        return reply.body if reply.code < 400 else None

    def get(self, made: Any) -> Any:
        return self.cp.get(CATALOGS, f"default/{made['metadata']['name']}")


def definition(text: str) -> bool:
    catalogs = Catalogs(text)
    return (
        _takes(catalogs)
        and _fills_in(catalogs)
        and _grows(catalogs)
        and _keeps_the_status_apart(catalogs)
        and _is_scaled(catalogs)
        and _is_shown(catalogs)
    )


def _takes(catalogs: Catalogs) -> bool:
    good = {"version": ("7.4", "10.12", "0.1"), "members": (1, 3, 5, 7, 9), "writes": ("safe", "fast")}
    if not all(catalogs.make(dict(zip(good, values, strict=True))) is not None for values in product(*good.values())):
        return False
    bad: list[Any] = [None, {}, {"members": 3}]
    bad += [{"version": each} for each in ("7", "7.4.1", "v7.4", "latest", "x7.4", "7.4 ", "7x4", 7.4, "7.", ".4", ".")]
    bad += [{"version": "7.4", "members": each} for each in (0, -1, 2, 4, 6, 8, 11, "3", "three", 3.5)]
    bad += [{"version": "7.4", "writes": each} for each in ("slow", "Safe", "")]
    return all(catalogs.make(each) is None for each in bad)


def _fills_in(catalogs: Catalogs) -> bool:
    made = catalogs.make({"version": "7.4", "colour": "red"})
    return made is not None and made["spec"] == {"version": "7.4", "members": 3, "writes": "safe"}


def _grows(catalogs: Catalogs) -> bool:
    made = catalogs.make({"version": "7.4", "members": 1})
    if made is None:
        return False
    steps = [({"members": 3}, True), ({"version": "8.0"}, True), ({"members": 1}, False), ({"members": 9}, True),
             ({"members": 7}, False)]  # fmt: skip
    return all((catalogs.change(made, {"spec": patch}) is not None) == may for patch, may in steps)


def _keeps_the_status_apart(catalogs: Catalogs) -> bool:
    made = catalogs.make({"version": "7.4"}, status={"primary": "me", "members": 1})
    if made is None or made.get("status"):
        return False
    wrote = {"primary": "novels-1", "members": 2}
    after = catalogs.change(made, {"spec": {"members": 5}, "status": wrote}, "status")
    return after is not None and after.get("status") == wrote and after["spec"]["members"] == 3


def _is_scaled(catalogs: Catalogs) -> bool:
    made = catalogs.make({"version": "7.4"})
    if made is None or catalogs.change(made, {"spec": {"replicas": 5}}, "scale") is None:
        return False
    if catalogs.get(made)["spec"]["members"] != 5:
        return False
    if any(catalogs.change(made, {"spec": {"replicas": count}}, "scale") is not None for count in (3, 4, 11)):
        return False
    catalogs.change(made, {"status": {"members": 4}}, "status")
    path = f"/apis/{GROUP}/v1/namespaces/default/catalogs/{made['metadata']['name']}/scale"
    found = InProcessClient(catalogs.cp).request("GET", path).body
    return bool(found.get("status", {}).get("replicas") == 4)


def _is_shown(catalogs: Catalogs) -> bool:
    made = catalogs.make({"version": "7.4", "members": 7})
    if made is None:
        return False
    catalogs.change(made, {"status": {"primary": "novels-2"}}, "status")
    accept = "application/json;as=Table;g=meta.k8s.io;v=v1"
    path = f"/apis/{GROUP}/v1/namespaces/default/catalogs"
    table = InProcessClient(catalogs.cp).request("GET", path, accept=accept).body
    names = [each["name"].lower() for each in table["columnDefinitions"]]
    cells = next(each["cells"] for each in table["rows"] if each["cells"][0] == made["metadata"]["name"])
    shown = dict(zip(names, map(str, cells), strict=True))
    return shown.get("members") == "7" and shown.get("primary") == "novels-2"


# ---- the rights

NEEDED = {
    (GROUP, "catalogs", "", ""): "get list watch",
    (GROUP, "catalogs", "status", "novels"): "update patch",
    ("", "pods", "", ""): "get list watch",
    ("", "pods", "", "novels-0"): "patch delete",
    ("", "pods", "exec", "novels-0"): "create",
    ("", "configmaps", "", "catalog-loop"): "get update patch",
}
VERBS = "get list watch create update patch delete deletecollection escalate bind impersonate".split()  # noqa: SIM905
RESOURCES = [
    ("", "pods", ""), ("", "pods", "attach"), ("", "pods", "portforward"), ("", "secrets", ""),
    ("", "configmaps", ""), ("", "serviceaccounts", ""), ("", "serviceaccounts", "token"),
    ("", "persistentvolumeclaims", ""), ("", "services", ""), (GROUP, "catalogs", ""),
    ("apps", "statefulsets", ""), ("apps", "statefulsets", "scale"), ("apps", "deployments", ""), ("batch", "jobs", ""),
    ("rbac.authorization.k8s.io", "roles", ""), ("rbac.authorization.k8s.io", "rolebindings", ""),
    ("example.org", "pods", ""), ("example.org", "catalogs", ""), ("", "surprises", ""),
]  # fmt: skip
MAY = {("", "pods", ""): "get list watch patch delete", (GROUP, "catalogs", ""): "get list watch"}


def permissions(text: str) -> bool:
    cluster = Cluster(text)
    if cluster.was_refused or cluster.one("serviceaccounts", "catalog-loop") is None:
        return False
    loop = _account("default", "catalog-loop")
    if not _may_all(cluster, loop):
        return False
    for (group, resource, sub), verb in product(RESOURCES, VERBS):
        here = _may(cluster, loop, verb, group, resource, sub)
        elsewhere = _may(cluster, loop, verb, group, resource, sub, namespace="kube-system")
        if (here and verb not in MAY.get((group, resource, sub), "").split()) or elsewhere:
            return False
    others = (
        _account("default", "default"),
        _account("elsewhere", "catalog-loop"),
        User("x", ("system:authenticated",)),
    )
    return not any(
        _may(cluster, who, verb, group, resource, sub, name)
        for who in others
        for (group, resource, sub, name), verbs in NEEDED.items()
        for verb in verbs.split()
    )


def _may_all(cluster: Cluster, who: User) -> bool:
    events = any(_may(cluster, who, "create", group, "events") for group in ("", "events.k8s.io"))
    return events and all(
        _may(cluster, who, verb, group, resource, sub, name)
        for (group, resource, sub, name), verbs in NEEDED.items()
        for verb in verbs.split()
    )


def _account(namespace: str, name: str) -> User:
    groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated")
    return User(f"system:serviceaccount:{namespace}:{name}", groups)


def _may(
    cluster: Cluster, who: User, verb: str, group: str, resource: str, sub: str = "", name: str = "",
    namespace: str = "default",
) -> bool:  # fmt: skip
    asked = Attributes(verb, group, resource, sub, namespace, name)
    return cluster.cp.api.authorizer.authorize(who, asked).allowed


ORACLES = {"ps9.definition": definition, "ps9.permissions": permissions}
