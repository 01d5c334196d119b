"""A ClusterRole with an aggregationRule has the rules of every ClusterRole that its selectors choose, each once.

One that chooses itself adds nothing to itself, and several that choose each other end with the same rules.
Source: pkg/controller/clusterroleaggregation/clusterroleaggregation_controller.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from statelab.controlplane.kinds import Object, Objects
from statelab.controlplane.labels import selector_of
from statelab.controlplane.manager import Controller
from statelab.controlplane.store import Revision
from statelab.controlplane.view import View
from statelab.reader import jsonbytes

_PLURAL = "clusterroles"


def reconcile(name: str, view: View) -> float | None:
    """Give one ClusterRole the rules it gathers."""
    role = view.get(_PLURAL, name)
    if role is None or role.get("aggregationRule") is None:
        return None
    rules = list(_gathered(role, view.list(_PLURAL)))
    if rules != (role.get("rules") or []):
        view.update(_PLURAL, {**role, "rules": rules}, why=f"ClusterRole {name} gathers the rules of others by label")
    return None


def _gathered(role: Object, all_roles: Objects) -> Iterator[Object]:
    told: set[bytes] = set()
    for selector in role["aggregationRule"].get("clusterRoleSelectors") or ():
        chooses = selector_of(selector)
        for other in all_roles:
            if other["metadata"]["name"] == role["metadata"]["name"]:
                continue
            if chooses(other["metadata"].get("labels") or {}):
                for rule in other.get("rules") or ():
                    known = jsonbytes.dumps(rule, option=jsonbytes.OPT_SORT_KEYS)
                    if known not in told:
                        told.add(known)
                        yield rule


def _on_revision(revision: Revision, view: View) -> Iterable[str]:
    """Any ClusterRole may be chosen by any that gathers."""
    return [each["metadata"]["name"] for each in view.list(_PLURAL) if each.get("aggregationRule") is not None]


CONTROLLER = Controller(name="clusterrole-aggregation-controller", reconcile=reconcile, watches={_PLURAL: _on_revision})
