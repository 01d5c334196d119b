"""The new ReplicaSet: find its revision number, or make it; and how old ones are counted back to.

Annotations are the memory: `deployment.kubernetes.io/revision` of each ReplicaSet numbers the rollouts, and a
rollback gives an old one the next number and keeps the former in `revision-history`.

Source: pkg/controller/deployment/sync.go (getNewReplicaSet), util/deployment_util.go (SetNewReplicaSetAnnotations).
"""

from __future__ import annotations

from dataclasses import replace

from statelab.controlplane.controllers.common.owners import controller_reference, is_controlled_by, title
from statelab.controlplane.controllers.common.pods import condition
from statelab.controlplane.controllers.common.revisions import template_hash
from statelab.controlplane.controllers.deployment.family import (
    HASH_LABEL,
    Family,
    is_same_template,
    wanted_in_all,
)
from statelab.controlplane.controllers.deployment.scaling import DESIRED, MAXIMUM, new_replicas, size_annotations
from statelab.controlplane.controllers.deployment.status import has_progress_deadline, with_condition, with_status
from statelab.controlplane.errors import ApiError
from statelab.controlplane.kinds import Object
from statelab.controlplane.view import View

REVISION = "deployment.kubernetes.io/revision"
_HISTORY = "deployment.kubernetes.io/revision-history"
_HISTORY_CHARACTERS = 2000
NOT_COPIED = {
    "kubectl.kubernetes.io/last-applied-configuration",
    REVISION,
    _HISTORY,
    DESIRED,
    MAXIMUM,
    "deprecated.deployment.rollback.to",
}


def with_revision(family: Family, view: View) -> Family:
    """Number the new ReplicaSet, if there is one, and the Deployment with it; bring its annotations up to date."""
    if family.new is None:
        return family
    new = family.new
    metadata = {**new["metadata"], "annotations": _annotations(family, new)}
    spec = dict(new["spec"])
    min_ready_seconds = family.deployment["spec"].get("minReadySeconds", 0)
    if spec.get("minReadySeconds", 0) != min_ready_seconds:
        spec["minReadySeconds"] = min_ready_seconds
    if metadata["annotations"] != (new["metadata"].get("annotations") or {}) or spec != new["spec"]:
        why = f"its template is again that of {title(family.deployment)}, whose annotations it takes over"
        new = view.update("replicasets", {**new, "metadata": metadata, "spec": spec}, why=why)
        family = family.updated(new)
    family = _number_deployment(family, new["metadata"]["annotations"].get(REVISION, ""), view)
    if has_progress_deadline(family.deployment) and condition(family.deployment, "Progressing") is None:
        message = f'Found new replica set "{new["metadata"]["name"]}"'
        return _progressing(family, "True", "FoundNewReplicaSet", message, view)
    return family


def with_new_replica_set(family: Family, view: View) -> Family:
    """Make the new ReplicaSet where there is none. Raises ApiError when it cannot be made."""
    if family.new is not None:
        return family
    wished = _new_replica_set(family)
    size = wished["spec"]["replicas"]
    try:
        new = view.create("replicasets", wished, why=f"{title(family.deployment)} has a template no ReplicaSet has yet")
    except ApiError as error:
        existing = _already_there(family, wished, error, view)
        if existing is not None:
            return _number_deployment(replace(family, new=existing), wished["metadata"]["annotations"][REVISION], view)
        _tell_failure(family, wished, error, view)
        raise
    if size:
        message = f"Scaled up replica set {new['metadata']['name']} from 0 to {size}"
        view.event(family.deployment, "ScalingReplicaSet", message)
    family = _number_deployment(replace(family, new=new), new["metadata"]["annotations"][REVISION], view)
    if has_progress_deadline(family.deployment):
        message = f'Created new replica set "{new["metadata"]["name"]}"'
        return _progressing(family, "True", "NewReplicaSetCreated", message, view)
    return family


def _new_replica_set(family: Family) -> Object:
    deployment = family.deployment
    spec, status = deployment["spec"], deployment.get("status", {})
    name_hash = template_hash(spec["template"], status.get("collisionCount"))
    template_metadata = spec["template"].get("metadata") or {}
    labels = {**(template_metadata.get("labels") or {}), HASH_LABEL: name_hash}
    match_labels = {**(spec["selector"].get("matchLabels") or {}), HASH_LABEL: name_hash}
    wished: Object = {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {
            "name": f"{deployment['metadata']['name']}-{name_hash}",
            "namespace": deployment["metadata"]["namespace"],
            "labels": labels,
            "ownerReferences": [controller_reference(deployment)],
        },
        "spec": {
            "replicas": new_replicas(deployment, wanted_in_all(family.old), 0),
            "selector": {**spec["selector"], "matchLabels": match_labels},
            "template": {**spec["template"], "metadata": {**template_metadata, "labels": labels}},
        },
    }
    if spec.get("minReadySeconds"):
        wished["spec"]["minReadySeconds"] = spec["minReadySeconds"]
    wished["metadata"]["annotations"] = {**_annotations(family, wished), **size_annotations(deployment)}
    return wished


def _annotations(family: Family, new: Object) -> dict[str, str]:
    """What the new ReplicaSet's annotations should be: the Deployment's, and the number after those of all old ones."""
    annotations: dict[str, str] = dict(new["metadata"].get("annotations") or {})
    for name, value in (family.deployment["metadata"].get("annotations") or {}).items():
        if name not in NOT_COPIED:
            annotations[name] = value
    former = annotations.get(REVISION)
    if former is not None and former != "" and not _is_number(former):
        return annotations
    number = max((revision_of(each) for each in family.old), default=0) + 1
    if int(former or 0) >= number:
        return annotations
    annotations[REVISION] = str(number)
    if former is not None:
        _remember(annotations, former)
    return annotations


def _remember(annotations: dict[str, str], former: str) -> None:
    """A rollback: the ReplicaSet had another number before. The oldest numbers give way when there are too many."""
    history = [each for each in annotations.get(_HISTORY, "").split(",") if each]
    history.append(former)
    while len(",".join(history)) > _HISTORY_CHARACTERS and len(history) > 1:
        history.pop(0)
    annotations[_HISTORY] = ",".join(history)


def revision_of(obj: Object) -> int:
    """The number of a ReplicaSet's or Deployment's rollout; 0 where there is none."""
    text = (obj["metadata"].get("annotations") or {}).get(REVISION, "")
    return int(text) if _is_number(text) else 0


def _is_number(text: str) -> bool:
    return text.removeprefix("-").isdigit() and text.isascii()


def _number_deployment(family: Family, number: str, view: View) -> Family:
    deployment = family.deployment
    annotations = deployment["metadata"].get("annotations") or {}
    if annotations.get(REVISION) == number:
        return family
    metadata = {**deployment["metadata"], "annotations": {**annotations, REVISION: number}}
    # Through the status subresource, as upstream: a change of annotations by an update would be a new generation.
    written = view.update_status(
        "deployments", {**deployment, "metadata": metadata}, why=f"this is its rollout {number}"
    )
    return replace(family, deployment=written)


def _progressing(family: Family, value: str, reason: str, message: str, view: View) -> Family:
    status = with_condition(family.deployment.get("status", {}), "Progressing", value, reason, message, view)
    return with_status(family, status)


def _already_there(family: Family, wished: Object, error: ApiError, view: View) -> Object | None:
    """Someone has the name: ours, made before the status told of it; or another template with the same hash."""
    if error.reason != "AlreadyExists":
        return None
    key = f"{wished['metadata']['namespace']}/{wished['metadata']['name']}"
    existing = view.get("replicasets", key)
    if existing is None:
        return None
    template = family.deployment["spec"]["template"]
    if is_controlled_by(existing, family.deployment) and is_same_template(existing["spec"]["template"], template):
        return existing
    return None


def _tell_failure(family: Family, wished: Object, error: ApiError, view: View) -> None:
    deployment = family.deployment
    name = wished["metadata"]["name"]
    if error.reason == "AlreadyExists":
        count = deployment.get("status", {}).get("collisionCount", 0) + 1
        status = {**deployment.get("status", {}), "collisionCount": count}
        why = f"replicaset/{name} is another's: the next try takes another name"
        view.update_status("deployments", {**deployment, "status": status}, why=why)
        return
    if any(cause.get("reason") == "NamespaceTerminating" for cause in error.details.get("causes") or ()):
        return
    message = f'Failed to create new replica set "{name}": {error.message}'
    if has_progress_deadline(deployment):
        family = _progressing(family, "False", "ReplicaSetCreateError", message, view)
        view.update_status("deployments", family.deployment, why=message)
    view.event(deployment, "ReplicaSetCreateError", message, type="Warning")
