"""A rollback that the controller itself does, asked for by an annotation: what `kubectl rollout undo` was before 1.16.

Source: pkg/controller/deployment/rollback.go; the annotation is what extensions/v1beta1's spec.rollbackTo became.
"""

from __future__ import annotations

from statelab.controlplane.controllers.deployment.family import HASH_LABEL, Family, is_same_template
from statelab.controlplane.controllers.deployment.revision import NOT_COPIED, revision_of, with_new_replica_set
from statelab.controlplane.kinds import Object
from statelab.controlplane.view import View

ROLLBACK_TO = "deprecated.deployment.rollback.to"


def wanted_revision(deployment: Object) -> int | None:
    """The revision to go back to, 0 for the one before; None when no rollback is asked for."""
    text = (deployment["metadata"].get("annotations") or {}).get(ROLLBACK_TO, "")
    return int(text) if text.removeprefix("-").isdigit() and text.isascii() else None


def roll_back(family: Family, revision: int, view: View) -> None:
    """Give the Deployment the template of that revision again, and take the annotation away, whatever came of it."""
    family = with_new_replica_set(family, view)
    deployment = family.deployment
    if revision == 0:
        revision = _last_revision(family)
        if revision == 0:
            _warn(deployment, "DeploymentRollbackRevisionNotFound", "Unable to find last revision.", view)
            _write(deployment, view)
            return
    target = next((each for each in family.all if revision_of(each) == revision), None)
    name = deployment["metadata"]["name"]
    if target is None:
        _warn(deployment, "DeploymentRollbackRevisionNotFound", "Unable to find the revision to rollback to.", view)
        _write(deployment, view)
    elif is_same_template(deployment["spec"]["template"], target["spec"]["template"]):
        message = f'The rollback revision contains the same template as current deployment "{name}"'
        _warn(deployment, "DeploymentRollbackTemplateUnchanged", message, view)
        _write(deployment, view)
    else:
        _write(_with_template_of(deployment, target), view)
        view.event(deployment, "DeploymentRollback", f'Rolled back deployment "{name}" to revision {revision}')


def _last_revision(family: Family) -> int:
    """The second highest of all: the one before the present."""
    numbers = sorted((revision_of(each) for each in family.all), reverse=True)
    return numbers[1] if len(numbers) > 1 else 0


def _with_template_of(deployment: Object, replica_set: Object) -> Object:
    template = replica_set["spec"]["template"]
    labels = {key: value for key, value in (template["metadata"].get("labels") or {}).items() if key != HASH_LABEL}
    annotations = {
        key: value for key, value in (deployment["metadata"].get("annotations") or {}).items() if key in NOT_COPIED
    }
    for key, value in (replica_set["metadata"].get("annotations") or {}).items():
        if key not in NOT_COPIED:
            annotations[key] = value
    return {
        **deployment,
        "metadata": {**deployment["metadata"], "annotations": annotations},
        "spec": {
            **deployment["spec"],
            "template": {**template, "metadata": {**template["metadata"], "labels": labels}},
        },
    }


def _write(deployment: Object, view: View) -> None:
    annotations = {k: v for k, v in deployment["metadata"]["annotations"].items() if k != ROLLBACK_TO}
    metadata = {**deployment["metadata"], "annotations": annotations}
    view.update("deployments", {**deployment, "metadata": metadata}, why=f"{ROLLBACK_TO} asks for a rollback")


def _warn(deployment: Object, reason: str, message: str, view: View) -> None:
    view.event(deployment, reason, message, type="Warning")
