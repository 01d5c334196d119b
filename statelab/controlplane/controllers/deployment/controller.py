"""The Deployment controller: one ReplicaSet for each template it ever had, and the Pods moved from the old to the new.

Which ReplicaSet is the new one is in deployment_family.py; how it is numbered or made, in deployment_revision.py;
a rollback the old way, in deployment_rollback.py; how many Pods each may have, in deployment_scaling.py; the two
strategies, in deployment_rollout.py; what the status says, in deployment_status.py.

Source: pkg/controller/deployment/deployment_controller.go and sync.go.
"""

from __future__ import annotations

from collections.abc import Iterable

from statelab.controlplane.controllers.common.owners import claim, concerned, owner_keys
from statelab.controlplane.controllers.common.pods import is_terminating
from statelab.controlplane.controllers.deployment import rollout
from statelab.controlplane.controllers.deployment.family import Family, family_of
from statelab.controlplane.controllers.deployment.revision import with_revision
from statelab.controlplane.controllers.deployment.rollback import roll_back, wanted_revision
from statelab.controlplane.controllers.deployment.scaling import is_scaling_event, scale_to_deployment
from statelab.controlplane.controllers.deployment.status import note_pause, write_status, write_status_of_rollout
from statelab.controlplane.kinds import Object
from statelab.controlplane.labels import selector_of
from statelab.controlplane.manager import Controller
from statelab.controlplane.store import Revision
from statelab.controlplane.view import View


def reconcile(key: str, view: View) -> float | None:
    """One pass: at most one step of a rollout, and then the status, which tells of it.

    Returns when to look whether the rollout still makes progress. Raises ApiError when a write is refused.
    """
    deployment = view.get("deployments", key)
    if deployment is None:
        return None
    replica_sets = claim("replicasets", deployment, selector_of(deployment["spec"]["selector"]), view)
    if is_terminating(deployment):
        write_status(family_of(deployment, replica_sets), view)
        return None
    deployment = note_pause(deployment, view)
    family = with_revision(family_of(deployment, replica_sets), view)
    if deployment["spec"].get("paused"):
        family = scale_to_deployment(family, view)
        rollout.forget_old_replica_sets(family, view)
        write_status(family, view)
        return None
    revision = wanted_revision(deployment)
    if revision is not None:
        roll_back(family, revision, view)
        return None
    if is_scaling_event(family):
        write_status(scale_to_deployment(family, view), view)
        return None
    family = _step(family, view)
    return write_status_of_rollout(family, view)


def _step(family: Family, view: View) -> Family:
    if family.deployment["spec"]["strategy"]["type"] == "Recreate":
        return rollout.recreate(family, view)
    return rollout.roll(family, view)


def _on_replica_set(revision: Revision, view: View) -> Iterable[str]:
    return concerned(revision, "Deployment", "deployments", view)


def _on_pod(revision: Revision, view: View) -> Iterable[str]:
    """A Recreate rollout goes on when the last old Pod is gone."""
    if revision.type != "DELETED":
        return
    namespace = revision.object["metadata"]["namespace"]
    for replica_set_key in owner_keys(revision, "ReplicaSet"):
        replica_set: Object | None = view.get("replicasets", replica_set_key)
        if replica_set is None:
            continue
        for reference in replica_set["metadata"].get("ownerReferences") or ():
            deployment = view.get("deployments", f"{namespace}/{reference['name']}")
            if deployment is not None and deployment["spec"]["strategy"]["type"] == "Recreate":
                yield f"{namespace}/{reference['name']}"


CONTROLLER = Controller(
    "deployment-controller",
    reconcile,
    {
        "deployments": lambda revision, view: (revision.key,),
        "replicasets": _on_replica_set,
        "pods": _on_pod,
    },
    latency_s=0.005,  # a step of a rollout is done by the ReplicaSets before the next one is thought of
)
