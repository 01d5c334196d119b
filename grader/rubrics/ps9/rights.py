"""What an account may do, asked of the authorizer of the API server, one question after the other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import product
from weakref import WeakKeyDictionary

from grader.diagnosis import not_there
from grader.trial import Trial
from grader.verdict import Verdict, no, partly, yes
from statelab.controlplane.errors import ApiError
from statelab.controlplane.kinds import KINDS
from statelab.manifest.relations import at

LOOP = "catalog-loop"
_REVIEWS = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
LIBRARY = "library.example"


@dataclass(frozen=True, slots=True)
class Ask:
    """May it? `resource` with its subresource, as a rule names it; `namespace` "" is where the answer lives."""

    verb: str
    resource: str
    group: str = ""
    name: str = ""
    namespace: str = ""

    def __str__(self) -> str:
        of = f" {self.name}" if self.name else ""
        where = f" of namespace {self.namespace}" if self.namespace else ""
        return f"{self.verb} {self.resource}{of}{where}"


@dataclass(frozen=True, slots=True)
class Account:
    """Who asks: its name for the authorizer, its groups, and how people call it."""

    user: str
    groups: tuple[str, ...]
    called: str


def service_account(namespace: str, name: str, called: str = "") -> Account:
    groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated")
    return Account(f"system:serviceaccount:{namespace}:{name}", groups, called or f"ServiceAccount {name}")


def loop_account(trial: Trial) -> Account:
    return service_account(trial.namespace, LOOP)


VISITOR = Account("visitor", ("system:authenticated",), "somebody who has only logged in")


def each(verbs: str, resource: str, group: str = "", **more: str) -> tuple[Ask, ...]:
    """One question for each verb, `each("get list", "pods")`."""
    return tuple(Ask(verb, resource, group, **more) for verb in verbs.split())


WITH_CATALOGS = (
    *each("get list watch", "catalogs", LIBRARY),
    *each("patch update", "catalogs/status", LIBRARY, name="novels"),
)
WITH_PODS = (
    *each("get list watch", "pods"),
    *each("patch delete", "pods", name="novels-0"),
    Ask("create", "pods/exec"),
)
WITH_NOTES = (*each("get update patch", "configmaps", name=LOOP),)
EVENTS = (each("create", "events"), each("create", "events", "events.k8s.io"))  # either will do

# What it has no business with, by what a person would call it.
ELSE_HERE: Mapping[str, Sequence[Ask]] = {
    "Secrets": (*each("get list", "secrets"),),
    "other ConfigMaps": (
        *each("get update delete", "configmaps", name="other"),
        Ask("list", "configmaps"),
        *each("list watch delete create", "configmaps", name=LOOP),
    ),
    "Pods beyond what the text says": (*each("create update deletecollection", "pods"), Ask("create", "pods/attach")),
    "Events beyond creating them": (
        *each("get list watch delete", "events"),
        *each("get list watch delete", "events", "events.k8s.io"),
    ),
    "a Catalog's spec": (*each("patch update create delete", "catalogs", LIBRARY),),
    "the StatefulSet": (
        *each("patch update delete create", "statefulsets", "apps"),
        Ask("patch", "statefulsets/scale", "apps"),
    ),
    "rights": (
        *each("create update", "roles", "rbac.authorization.k8s.io"),
        *each("create update", "rolebindings", "rbac.authorization.k8s.io"),
        *each("escalate bind", "roles", "rbac.authorization.k8s.io"),
        Ask("impersonate", "serviceaccounts"),
        Ask("create", "serviceaccounts/token"),
    ),
    "things that nobody has thought of": (
        Ask("get", "surprises", "example.org"),
        Ask("get", "surprises"),
        Ask("get", "surprises", LIBRARY),
        Ask("surprise", "pods"),
        Ask("surprise", "catalogs", LIBRARY),
        Ask("surprise", "catalogs/status", LIBRARY),
        Ask("surprise", "pods/exec"),
        Ask("surprise", "events"),
        Ask("surprise", "events", "events.k8s.io"),
        Ask("surprise", "configmaps", name=LOOP),
        Ask("get", "pods", "example.org"),
        Ask("get", "catalogs", "example.org"),
        Ask("create", "events", "example.org"),
        Ask("get", "configmaps", "example.org", LOOP),
    ),
}
_OF_THE_LOOP = ("pods", "configmaps", "events")
_ALREADY_ASKED = ("secrets", "statefulsets", "roles", "rolebindings")


def other_kinds() -> tuple[Ask, ...]:
    """Whatever else there is in a namespace, and has not been asked for yet."""
    kinds = [each for each in KINDS.values() if each.namespaced and each.plural not in (*_OF_THE_LOOP, *_ALREADY_ASKED)]
    asks = [ask for kind in kinds for ask in each("get list create patch delete", kind.resource, kind.group)]
    more = (
        Ask("get", "pods/log"),
        Ask("update", "catalogs/finalizers", LIBRARY),
        *each("get patch", "catalogs/scale", LIBRARY),
    )
    return (*asks, *more)


# What the loop needs, and what harms nobody beside it: (group, resource, name) to verbs.
_ITS_OWN: Mapping[tuple[str, str, str], frozenset[str]] = {
    (LIBRARY, "catalogs", ""): frozenset({"get", "list", "watch"}),
    (LIBRARY, "catalogs/status", ""): frozenset({"get", "update", "patch"}),
    ("", "pods", ""): frozenset({"get", "list", "watch", "patch", "delete"}),
    ("", "pods/exec", ""): frozenset({"create", "get"}),
    ("", "configmaps", LOOP): frozenset({"get", "update", "patch"}),
    ("", "events", ""): frozenset({"create", "patch"}),
    ("events.k8s.io", "events", ""): frozenset({"create", "patch"}),
}
_RESOURCES = frozenset((each.group, each.resource) for each in KINDS.values()) | {(LIBRARY, "catalogs")}


def said_by_rules(trial: Trial) -> tuple[Ask, ...]:
    """What the answer's own rules name, word by word, and the loop has no need of; of stars others ask."""
    found: dict[Ask, None] = {}
    for item in trial.items:
        rules = item.object.get("rules") if item.kind in ("Role", "ClusterRole") else None
        for rule in rules if isinstance(rules, list) else ():
            if not isinstance(rule, dict):
                continue
            names = sorted(_words(rule.get("resourceNames"))) or [""]
            for group, resource, verb, name in product(
                *(sorted(_words(rule.get(key)) - {"*"}) for key in ("apiGroups", "resources", "verbs")), names
            ):
                of_any, of_it = _ITS_OWN.get((group, resource, "")), _ITS_OWN.get((group, resource, name))
                is_needed = verb in (of_any or ()) or verb in (of_it or ())
                if not is_needed and (group, resource.partition("/")[0]) in _RESOURCES:
                    found[Ask(verb, resource, group, name)] = None
                if len(found) >= _MOST_ASKED:
                    return tuple(found)
    return tuple(found)


_MOST_ASKED = 300
_GRAVE = frozenset({"Secrets", "rights", "other namespaces", "things that nobody has thought of"})  # they count twice
FURTHER_AWAY: Mapping[str, Sequence[Ask]] = {
    "other namespaces": (
        *each("list delete", "pods", namespace="kube-system"),
        Ask("list", "catalogs", LIBRARY, namespace="elsewhere"),
        Ask("create", "pods/exec", namespace="elsewhere"),
    ),
    "the cluster": (
        *each("list patch", "nodes"),
        Ask("delete", "namespaces", name="default"),
        Ask("delete", "customresourcedefinitions", "apiextensions.k8s.io"),
    ),
}


def may(trial: Trial, account: Account, ask: Ask) -> bool:
    """The authorizer's answer, by a SubjectAccessReview."""
    resource, _, subresource = ask.resource.partition("/")
    about = {"verb": ask.verb, "group": ask.group, "resource": resource, "subresource": subresource, "name": ask.name}
    cluster_wide = resource in ("nodes", "namespaces", "customresourcedefinitions")
    about["namespace"] = "" if cluster_wide else ask.namespace or trial.namespace
    spec = {"user": account.user, "groups": list(account.groups), "resourceAttributes": about}
    review = {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec}
    reply = trial.place.api(trial).request("POST", _REVIEWS, None, review)
    return bool(at(reply.body, "status", "allowed"))


def allowed(trial: Trial, account: Account, asks: Iterable[Ask]) -> list[Ask]:
    return [ask for ask in asks if may(trial, account, ask)]


def must(trial: Trial, asks: Sequence[Ask]) -> Verdict:
    """Every one of these has to be allowed; each counts. A role that is right and bound wrongly is worth half."""
    if not _may_anything(trial):
        other = _bound(trial)
        if other is None:
            return no(_why_nothing(trial), line=_binding_line(trial))
        verdict = _must(other, asks)
        return partly(verdict.share / 2, _why_nothing(trial), line=_binding_line(trial))
    return _must(trial, asks)


def _may_anything(trial: Trial) -> bool:
    return bool(allowed(trial, loop_account(trial), (*WITH_CATALOGS, *WITH_PODS, *WITH_NOTES, *EVENTS[0], *EVENTS[1])))


_rebound: WeakKeyDictionary[Trial, Trial] = WeakKeyDictionary()


def _bound(trial: Trial) -> Trial | None:
    """The same answer, and each role of it bound to the loop as well; None where it has none."""
    roles = [each for each in trial.items if each.kind in ("Role", "ClusterRole")]
    if not roles:
        return None
    if trial not in _rebound:
        other = _rebound[trial] = trial.again()
        for number, role in enumerate(roles):
            with suppress(ApiError):
                other.apply(_BINDING.format(number=number, kind=role.kind, name=role.name, loop=LOOP))
    return _rebound[trial]


_BINDING = """\
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {{name: bound-for-a-look-{number}}}
roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: {kind}, name: "{name}"}}
subjects: [{{kind: ServiceAccount, name: {loop}, namespace: default}}]
"""


def _must(trial: Trial, asks: Sequence[Ask]) -> Verdict:
    account = loop_account(trial)
    lacking = [ask for ask in asks if not may(trial, account, ask)]
    if not lacking:
        return yes("")
    said = "; ".join(map(str, lacking[:4])) + ("; …" if len(lacking) > 4 else "")
    line = rule_line(trial, lacking[0].group, lacking[0].resource)
    share = (len(asks) - len(lacking)) / len(asks)
    return partly(share, f"The loop may not: {said}.", line=line)


def must_not(trial: Trial, account: Account, forbidden: Mapping[str, Sequence[Ask]]) -> Verdict:
    """None of these may be allowed: what is, costs by what it is of."""
    found = {what: granted for what, asks in forbidden.items() if (granted := allowed(trial, account, asks))}
    if not found:
        return yes("")
    first = next(iter(found.values()))[0]
    weight = sum(2 if what in _GRAVE else 1 for what in found)
    share = max(0.0, 1 - 2 * weight / (len(forbidden) + 1)) if len(found) < len(forbidden) else 0.0
    told = f"{account.called} may {first}, and has no need to."
    others = [f"It may also {granted[0]}." for granted in list(found.values())[1:4]]
    return partly(share, told, *others, line=rule_line(trial, first.group, first.resource, first.verb))


def must_not_here(trial: Trial) -> Verdict:
    """Nothing else in the loop's namespace; of a role that is bound wrongly, what it would give, for half."""
    problem = is_idle(trial)
    if problem is None:
        forbidden = {**ELSE_HERE, "other kinds": other_kinds()}
        if said := said_by_rules(trial):
            asked = (ask for asks in forbidden.values() for ask in asks)
            told = {(ask.group, ask.resource) for ask in allowed(trial, loop_account(trial), asked)}
            forbidden["what else its rules say"] = [ask for ask in said if (ask.group, ask.resource) not in told]
        return must_not(trial, loop_account(trial), forbidden)
    other = None if _may_anything(trial) else _bound(trial)
    if other is None or is_idle(other) is not None:
        return problem
    return partly(must_not(other, loop_account(other), ELSE_HERE).share / 2, problem.message)


def is_idle(trial: Trial) -> Verdict | None:
    """Why nothing can be said of what the loop may not: it may next to nothing. None where it may most of it."""
    needed = (*WITH_CATALOGS, *WITH_PODS)
    if 2 * len(allowed(trial, loop_account(trial), needed)) >= len(needed):
        return None
    return no("The loop may do less than half of what it has to do: see to that first.")


def rule_line(trial: Trial, group: str, resource: str, verb: str = "") -> int | None:
    """The line of the rule that speaks of a resource (and verb), or of where the rules are."""
    first = None
    for item in trial.items:
        if item.kind not in ("Role", "ClusterRole"):
            continue
        rules = item.object.get("rules")
        first = first or item.place(("rules",)).line
        for index, rule in enumerate(rules if isinstance(rules, list) else ()):
            if not isinstance(rule, dict):
                continue
            resources, verbs, groups = (_words(rule.get(key)) for key in ("resources", "verbs", "apiGroups"))
            speaks = {resource, resource.partition("/")[0], "*"} & resources and {group, "*"} & groups
            if speaks and (not verb or {verb, "*"} & verbs):
                return item.place(("rules", index)).line
    return first


def _words(value: object) -> set[str]:
    return {each for each in value if isinstance(each, str)} if isinstance(value, list) else set()


def account_is_there(trial: Trial) -> Verdict:
    """The ServiceAccount, and that somebody has given it anything at all."""
    if trial.get(f"serviceaccount/{LOOP}") is None:
        return not_there(trial, f"serviceaccount/{LOOP}")
    if trial.refused:
        refused = not_there(trial, f"serviceaccount/{LOOP}")
        return partly(0.5, refused.message, line=refused.line)
    if not _may_anything(trial):
        return partly(0.5, _why_nothing(trial), line=_binding_line(trial))
    return yes("")


def _bindings(trial: Trial) -> list[str]:
    return [each.kind for each in trial.items if each.kind in ("RoleBinding", "ClusterRoleBinding")]


def _binding_line(trial: Trial) -> int | None:
    kinds = _bindings(trial)
    return trial.line(kinds[0]) if kinds else None


def _why_nothing(trial: Trial) -> str:
    if not _bindings(trial):
        return f"ServiceAccount {LOOP} is there, and nothing binds a role to it."
    for item in trial.items:
        if item.kind not in ("RoleBinding", "ClusterRoleBinding"):
            continue
        subjects = [each for each in item.object.get("subjects") or () if isinstance(each, dict)]
        if not any((each.get("kind"), each.get("name")) == ("ServiceAccount", LOOP) for each in subjects):
            return f"{item.kind} {item.name} is not of ServiceAccount {LOOP}."
        if not any(each.get("namespace") == trial.namespace for each in subjects):
            where = ", ".join(str(each.get("namespace")) for each in subjects)
            return f"{item.kind} {item.name} is of a {LOOP} in namespace {where}, and not in {trial.namespace}."
        role = at(item.object, "roleRef", "name")
        kind = at(item.object, "roleRef", "kind")
        if isinstance(role, str) and kind in ("Role", "ClusterRole") and trial.get(f"{kind.lower()}/{role}") is None:
            return f"{item.kind} {item.name} is of {kind} {role}, and there is none of that name."
    return f"ServiceAccount {LOOP} may nothing of what the loop does."


def others_may_nothing(trial: Trial) -> Verdict:
    """Who is not the loop has got nothing from this answer."""
    asks = (*WITH_CATALOGS, *WITH_PODS, *WITH_NOTES)
    for account in (service_account(trial.namespace, "default"), VISITOR):
        if granted := allowed(trial, account, asks):
            return no(f"{account.called} may {granted[0]} as well.", line=_binding_line(trial))
    return yes("")
