"""An APIService for each version that a CustomResourceDefinition serves, as long as it does.

Those of a new cluster are made when somebody looks at them (bootstrap.py), and until then there is nothing to keep up.
Source: kube-aggregator/pkg/controllers/autoregister, pkg/controlplane/controller/crdregistration.
"""

from __future__ import annotations

from collections.abc import Iterable

from statelab.controlplane.apiserver.registry.apiservices import ALWAYS, MANAGED, ON_START, PLURAL, of_definition
from statelab.controlplane.kinds import Object
from statelab.controlplane.manager import Controller
from statelab.controlplane.store import Revision
from statelab.controlplane.view import View

_DEFINITIONS = "customresourcedefinitions"


def reconcile(name: str, view: View) -> None:
    """Make, mend or remove one APIService; one that is somebody's own stays as it is."""
    if not view.is_made(PLURAL):
        return
    definitions = view.list(_DEFINITIONS)
    wanted = next((each for one in definitions for each in of_definition(one) if _name(each) == name), None)
    found = view.get(PLURAL, name)
    if found is None:
        if wanted is not None:
            view.create(PLURAL, wanted, why=f"a CustomResourceDefinition serves {name}")
        return
    managed = (found["metadata"].get("labels") or {}).get(MANAGED)
    if wanted is None:
        if managed == ALWAYS:
            view.delete(PLURAL, found, why="no CustomResourceDefinition serves it any more")
    elif managed in (ALWAYS, ON_START) and found["spec"] != wanted["spec"]:
        view.update(PLURAL, {**found, "spec": wanted["spec"]}, why="its definition says so")


def _name(api_service: Object) -> str:
    return str(api_service["metadata"]["name"])


def _of_definition(revision: Revision, view: View) -> Iterable[str]:
    """What it serves, and what it served before."""
    states = [each for each in (revision.object, revision.previous) if each is not None]
    return dict.fromkeys(_name(each) for state in states for each in of_definition(state))


def _of_api_service(revision: Revision, view: View) -> Iterable[str]:
    return (revision.key,)


CONTROLLER = Controller("autoregister", reconcile, {_DEFINITIONS: _of_definition, PLURAL: _of_api_service})
