"""The authorizer that is asked on every request: who is in system:masters may, for all others RBAC decides.

A kubelet may what its node needs besides (nodes.py).

It also keeps users from giving away what they do not have. Source: apiserver/pkg/authorization (union),
apiserver/pkg/endpoints/handlers/responsewriters/errors.go, pkg/registry/rbac (escalation_check.go, policybased).
"""

from __future__ import annotations

from collections.abc import Sequence

from statelab.controlplane.apiserver.authorization import nodes, rules
from statelab.controlplane.apiserver.authorization.attributes import Attributes
from statelab.controlplane.apiserver.authorization.rbac import Decision, Rbac, Reader, aggregate
from statelab.controlplane.apiserver.authorization.rules import GROUP, Rule
from statelab.controlplane.apiserver.encoding.go_json import go_quote
from statelab.controlplane.errors import ApiError, forbidden
from statelab.controlplane.kinds import Kind, Object
from statelab.controlplane.users import User

_EVERYTHING: tuple[Rule, ...] = (
    {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]},
    {"verbs": ["*"], "nonResourceURLs": ["*"]},
)
_NEEDS_EVERYTHING = "must have cluster-admin privileges to use the aggregationRule"
_TOO_MANY = "the rules spell out more rights than the server is ready to compare one by one"
_ALLOWED = Decision(True)
_ROLES = {"Role": "roles", "ClusterRole": "clusterroles"}


class Authorizer:
    """Decides for one cluster."""

    def __init__(self, cluster: Reader) -> None:
        self._cluster = cluster
        self.rbac = Rbac(cluster)

    def authorize(self, user: User, asked: Attributes) -> Decision:
        """Whether a user may do something, and why."""
        if user.may_everything:
            return _ALLOWED
        of_node = nodes.authorize(user, asked, self._cluster)
        if of_node is not None and of_node.allowed:
            return of_node
        decision = self.rbac.authorize(user, asked)
        if of_node is None or decision.allowed:
            return decision
        return Decision(False, "\n".join(reason for reason in (of_node.reason, decision.reason) if reason))

    def check(self, user: User, asked: Attributes) -> None:
        """Raises ApiError 403 with the server's words when the user may not."""
        decision = self.authorize(user, asked)
        if not decision.allowed:
            raise refusal(user, asked, decision.reason)

    # ---- escalation

    def check_grant(self, user: User, kind: Kind, obj: Object) -> None:
        """What a user writes of roles and bindings gives away nothing that is not the user's.

        Raises ApiError 403; 404 for a role that is not there and 500 for one that cannot be.
        """
        if user.may_everything:
            return
        if kind.plural in ("rolebindings", "clusterrolebindings"):
            check_role_reference(obj)
            self._check_binding(user, kind, obj)
        else:
            self._check_role(user, kind, obj)

    def _check_role(self, user: User, kind: Kind, role: Object) -> None:
        """Nobody writes a role with rights that are not theirs, unless they may `escalate`."""
        metadata = role["metadata"]
        namespace, name = metadata.get("namespace", ""), metadata.get("name", "")
        if self._may(user, "escalate", kind.plural, namespace, name):
            return
        self._confirm(user, kind, name, namespace, role.get("rules") or ())
        if role.get("aggregationRule") and (role["aggregationRule"].get("clusterRoleSelectors")):
            try:
                self._confirm(user, kind, name, namespace, _EVERYTHING)
            except ApiError:
                raise forbidden(kind, name, _NEEDS_EVERYTHING) from None

    def _check_binding(self, user: User, kind: Kind, binding: Object) -> None:
        """Nobody binds a role with rights that are not theirs, unless they may `bind` it."""
        metadata, reference = binding["metadata"], binding["roleRef"]
        namespace, plural = metadata.get("namespace", ""), _ROLES[reference["kind"]]
        if self._may(user, "bind", plural, namespace, reference.get("name", "")):
            return
        found = self.rbac.role_rules(reference, namespace)
        if isinstance(found, str):
            details = {"name": reference.get("name", ""), "group": GROUP, "kind": plural.removesuffix("s")}
            raise ApiError(404, "NotFound", found, details)
        self._confirm(user, kind, metadata.get("name", ""), namespace, found)

    def _may(self, user: User, verb: str, plural: str, namespace: str, name: str) -> bool:
        return self.authorize(user, Attributes(verb, GROUP, plural, namespace=namespace, name=name)).allowed

    def _confirm(self, user: User, kind: Kind, name: str, namespace: str, wanted: Sequence[Rule]) -> None:
        owned, errors = self.rbac.rules_of(user, namespace)
        try:
            missing = rules.uncovered(owned, wanted)
        except rules.TooMany:
            raise forbidden(kind, name, _TOO_MANY) from None
        if missing:
            texts = sorted({rules.described(rule) for rule in rules.compact(missing)})
            who = f"user {go_quote(user.name)} (groups={rules.quoted(user.groups)})"
            why = f"{who} is attempting to grant RBAC permissions not currently held:\n" + "\n".join(texts)
            if errors:
                why += f"; resolution errors: [{aggregate(errors)}]"
            raise forbidden(kind, name, why)


def check_role_reference(binding: Object) -> None:
    """A binding is of a Role or a ClusterRole: to look whether it gives too much comes before validation, on kind too.

    Raises ApiError 500.
    """
    kind = (binding.get("roleRef") or {}).get("kind", "")
    if kind not in _ROLES:
        raise ApiError(500, "", f"unsupported role reference kind: {go_quote(kind)}")


def refusal(user: User, asked: Attributes, reason: str = "") -> ApiError:
    """403 in the server's words."""
    who = f"User {go_quote(user.name)} cannot {asked.verb}"
    more = f": {reason}" if reason else ""
    if asked.path:
        return ApiError(403, "Forbidden", f"forbidden: {who} path {go_quote(asked.path)}{more}", {})
    where = f"in the namespace {go_quote(asked.namespace)}" if asked.namespace else "at the cluster scope"
    what = f"resource {go_quote(asked.full_resource)} in API group {go_quote(asked.group)} {where}"
    kind = Kind(asked.group, "", asked.resource, asked.resource)
    return forbidden(kind, asked.name, f"{who} {what}{more}")
