"""kubectl auth can-i and whoami. Source: pkg/cmd/auth/*.go."""

from __future__ import annotations

from statelab.controlplane.users import groups_of
from statelab.kubectl.api import Object
from statelab.kubectl.call import Call
from statelab.kubectl.gotext import aligned
from statelab.kubectl.printing import printer
from statelab.kubectl.problems import Ended, Fail, UsageFail

_AUTHORIZATION = "/apis/authorization.k8s.io/v1"


def can_i(call: Call) -> None:
    flags = call.flags
    if flags.on("list"):
        if call.args:
            raise Fail("list option must be specified with no arguments")
        _list(call)
        return
    if len(call.args) != 2 or not call.args[1]:
        raise UsageFail(
            "you must specify two arguments: verb resource or verb resource/resourceName.", "auth can-i",
            tail="help and examples.",
        )  # fmt: skip
    spec = _asked(call)
    body: Object = {
        "kind": "SelfSubjectAccessReview",
        "apiVersion": "authorization.k8s.io/v1",
        "metadata": {},
        "spec": spec,
    }
    path = f"{_AUTHORIZATION}/selfsubjectaccessreviews"
    if flags.has("as"):  # what kubectl asks in that name, we ask about it: the answer is the same
        body["kind"], path = "SubjectAccessReview", f"{_AUTHORIZATION}/subjectaccessreviews"
        spec |= {"user": flags.text("as"), "groups": list(groups_of(flags.text("as"), tuple(flags.all("as-group"))))}
    status = call.request("POST", path, None, body)["status"]
    if not flags.on("quiet"):
        said = "yes" if status.get("allowed") else "no"
        for field in ("reason", "evaluationError") if not status.get("allowed") else ():
            if status.get(field):
                said += f" - {status[field]}"
        call.out(f"{said}\n")
    if not status.get("allowed"):
        raise Ended("", 1)


def _asked(call: Call) -> Object:
    verb, what = call.args[0], call.args[1]
    if what.startswith("/"):
        return {"nonResourceAttributes": {"path": what, "verb": verb}}
    type, _, name = what.partition("/")
    resource = call.mapper.maybe(type) if type != "*" else None
    if resource is None and type != "*":
        bare, dot, group = type.partition(".")
        where = f" in group '{group}'" if dot else ""
        call.err(f"Warning: the server doesn't have a resource type '{bare}'{where}\n\n")
    namespaced = resource is None or resource.namespaced
    if not namespaced:
        where = f" in group '{resource.group}'" if resource is not None and resource.group else ""
        call.err(f"Warning: resource '{resource.plural if resource else type}' is not namespace scoped{where}\n\n")
    attributes: Object = {
        "verb": verb,
        "group": resource.group if resource is not None else "*" if type == "*" else type.partition(".")[2],
        "resource": resource.plural if resource is not None else type.partition(".")[0],
    }
    if not call.everywhere:
        attributes["namespace"] = call.namespace
    if name:
        attributes["name"] = name
    if call.flags.text("subresource"):
        attributes["subresource"] = call.flags.text("subresource")
    return {"resourceAttributes": attributes}


def _list(call: Call) -> None:
    body: Object = {
        "kind": "SelfSubjectRulesReview",
        "apiVersion": "authorization.k8s.io/v1",
        "metadata": {},
        "spec": {"namespace": call.namespace},
    }
    status = call.request("POST", f"{_AUTHORIZATION}/selfsubjectrulesreviews", None, body)["status"]
    rules: list[tuple[str, list[str]]] = []
    for rule in status.get("resourceRules") or ():
        verbs, names = _words(rule.get("verbs")), _words(rule.get("resourceNames"))
        for group in rule.get("apiGroups") or [""]:
            for resource in rule.get("resources") or ():
                row = [f"{resource}.{group}" if group else resource, "[]", names, verbs]
                rules.append((f"{verbs},[{group}],[{resource}],{names}", row))
    for rule in status.get("nonResourceRules") or ():
        verbs = _words(rule.get("verbs"))
        rules += [(f"{verbs},[],[],[],[{url}]", ["", f"[{url}]", "[]", verbs]) for url in rule["nonResourceURLs"]]
    rows = [row for _, row in sorted(rules, key=lambda each: each[0])]  # as Go's own text of a rule sorts
    head = [] if call.flags.on("no-headers") else [["Resources", "Non-Resource URLs", "Resource Names", "Verbs"]]
    call.out(aligned("\t".join(row) for row in [*head, *rows]))


def _words(found: list[str] | None) -> str:
    return f"[{' '.join(found or ())}]"


def whoami(call: Call) -> None:
    if call.args:
        raise UsageFail(f"unexpected arguments: [{' '.join(call.args)}]", "auth whoami")
    body: Object = {"kind": "SelfSubjectReview", "apiVersion": "authentication.k8s.io/v1", "metadata": {}}
    found = call.request("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", None, body)
    printed = printer(call, sort=False)
    if printed is not None:
        call.out(
            printed(
                {
                    "kind": found["kind"],
                    "apiVersion": found["apiVersion"],
                    "metadata": found.get("metadata") or {},
                    "status": found["status"],
                }
            )
        )
        return
    user = found["status"]["userInfo"]
    rows = ["ATTRIBUTE\tVALUE", f"Username\t{user.get('username', '')}"]
    if user.get("uid"):
        rows.append(f"UID\t{user['uid']}")
    if user.get("groups"):
        rows.append(f"Groups\t{_words(user['groups'])}")
    for key in sorted(user.get("extra") or {}):
        rows.append(f"Extra: {key}\t{_words(user['extra'][key])}")
    call.out(aligned(rows))
