"""ServiceAccounts, their tokens, roles and bindings."""

from __future__ import annotations

from statelab.kubectl import gojson
from statelab.kubectl.api import Object
from statelab.kubectl.call import Call
from statelab.kubectl.printing import printer
from statelab.kubectl.problems import Fail, Refused
from statelab.kubectl.verbs.creating.cluster import labels_of
from statelab.kubectl.verbs.creating.making import create, metadata, name_of
from statelab.kubectl.verbs.set import new_subjects

_GROUP = "rbac.authorization.k8s.io"
_VERBS = (
    "get",
    "delete",
    "list",
    "create",
    "update",
    "patch",
    "watch",
    "proxy",
    "deletecollection",
    "use",
    "bind",
    "impersonate",
    "*",
    "approve",
    "sign",
    "escalate",
    "attest",
)


def serviceaccount(call: Call) -> None:
    create(call, "serviceaccounts", {
        "kind": "ServiceAccount", "apiVersion": "v1", "metadata": metadata(call, name_of(call)),
    }, noun="serviceaccount")  # fmt: skip


def token(call: Call) -> None:
    flags = call.flags
    name = name_of(call)
    spec: Object = {}
    if flags.all("audience"):
        spec["audiences"] = flags.all("audience")
    if flags.seconds("duration") < 0:
        raise Fail("--duration must be greater than or equal to 0")
    if flags.seconds("duration"):
        spec["expirationSeconds"] = int(flags.seconds("duration"))
    if flags.text("bound-object-kind"):
        spec["boundObjectRef"] = {
            "apiVersion": "v1",
            "kind": flags.text("bound-object-kind"),
            "name": flags.text("bound-object-name"),
            "uid": flags.text("bound-object-uid"),
        }
    body: Object = {"kind": "TokenRequest", "apiVersion": "authentication.k8s.io/v1", "metadata": {}, "spec": spec}
    path = call.mapper.find("serviceaccounts").path(call.namespace, name, "token")
    try:
        found = call.request("POST", path, None, body)
    except Refused as refused:
        raise Fail(f"failed to create token: {refused.message}") from None
    printed = printer(call)
    call.out(printed(found) if printed is not None else f"{found['status']['token']}\n")


# ---- roles


def role(call: Call) -> None:
    name = name_of(call)
    rules = _rules(call, cluster=False)
    create(call, f"roles.{_GROUP}", {
        "kind": "Role", "apiVersion": f"{_GROUP}/v1", "metadata": metadata(call, name), "rules": rules,
    })  # fmt: skip


def clusterrole(call: Call) -> None:
    flags = call.flags
    name = name_of(call)
    about = metadata(call, name, namespaced=False)
    obj: Object = {"kind": "ClusterRole", "apiVersion": f"{_GROUP}/v1", "metadata": about}
    if flags.text("aggregation-rule"):
        if flags.all("verb") or flags.all("resource") or flags.all("non-resource-url"):
            raise Fail(
                "aggregation rule must be specified without nonResourceURLs, resources or resourceNames"
                if flags.all("resource")
                else "aggregation rule must be specified without verbs"
            )
        chosen = labels_of(flags.text("aggregation-rule"))
        obj["rules"] = None
        obj["aggregationRule"] = {"clusterRoleSelectors": [{"matchLabels": chosen}]}
    else:
        obj["rules"] = _rules(call, cluster=True)
    create(call, f"clusterroles.{_GROUP}", obj)


def _rules(call: Call, *, cluster: bool) -> list[Object]:
    """Raises Fail."""
    flags = call.flags
    verbs = list(dict.fromkeys(flags.all("verb")))
    if "*" in verbs:
        verbs = ["*"]
    if not verbs:
        raise Fail("at least one verb must be specified")
    urls = flags.all("non-resource-url") if cluster else []
    if not flags.all("resource") and not urls:
        raise Fail(
            "one of resource or nonResourceURL must be specified"
            if cluster
            else "at least one resource must be specified"
        )
    for each in verbs:
        if each not in _VERBS:
            call.err(f"Warning: '{each}' is not a standard resource verb\n")
    by_group: dict[str, list[str]] = {}
    for said in flags.all("resource"):
        group, resource = _resource(call, said)
        by_group.setdefault(group, []).append(resource)
    rules: list[Object] = []
    for group, resources in by_group.items():
        rule: Object = {"verbs": verbs, "apiGroups": [group], "resources": list(dict.fromkeys(resources))}
        if flags.all("resource-name"):
            rule["resourceNames"] = list(dict.fromkeys(flags.all("resource-name")))
        rules.append(rule)
    if urls:
        rules.append({"verbs": verbs, "nonResourceURLs": urls})
    return rules


def _resource(call: Call, said: str) -> tuple[str, str]:
    """(group, resource) of "pods", "deployments.apps", "pods/log". Raises Fail."""
    name, slash, sub = said.partition("/")
    if name == "*":
        return "*", said
    found = call.mapper.maybe(name)
    if found is None:
        call.mapper.find(name)
        return "", said
    return found.group, f"{found.plural}{slash}{sub}"


# ---- bindings


def rolebinding(call: Call) -> None:
    flags = call.flags
    name = name_of(call)
    cluster, local = flags.text("clusterrole"), flags.text("role")
    if bool(cluster) == bool(local):
        raise Fail("exactly one of clusterrole or role must be specified")
    ref = {"apiGroup": _GROUP, "kind": "ClusterRole" if cluster else "Role", "name": cluster or local}
    _binding(call, "RoleBinding", f"rolebindings.{_GROUP}", metadata(call, name), ref, "rolebinding")


def clusterrolebinding(call: Call) -> None:
    name = name_of(call)
    ref = {"apiGroup": _GROUP, "kind": "ClusterRole", "name": call.flags.text("clusterrole")}
    about = metadata(call, name, namespaced=False)
    _binding(call, "ClusterRoleBinding", f"clusterrolebindings.{_GROUP}", about, ref, "clusterrolebinding")


def _binding(call: Call, kind: str, plural: str, about: Object, ref: Object, noun: str) -> None:
    obj: Object = {"kind": kind, "apiVersion": f"{_GROUP}/v1", "metadata": about}
    subjects = new_subjects(call)
    if subjects:
        obj["subjects"] = subjects
    obj["roleRef"] = ref
    create(call, plural, obj, noun=noun)


__all__ = ["clusterrole", "clusterrolebinding", "gojson", "role", "rolebinding", "serviceaccount", "token"]
