"""Validation: every rule a whole object must keep, in upstream's words and order. One module per family of kinds."""

from __future__ import annotations

from collections.abc import Callable

from statelab.controlplane.apiserver.validation import (
    apps,
    claims,
    cluster,
    config,
    endpoints,
    meta,
    pods,
    pods_update,
    policy,
    services,
    storage,
)
from statelab.controlplane.errors import FieldError
from statelab.controlplane.kinds import KINDS, Object

Create = Callable[[Object], list[FieldError]]
Update = Callable[[Object, Object], list[FieldError]]


def create(plural: str, obj: Object) -> list[FieldError]:
    """What is wrong with a new object (decoded, defaulted, admitted); empty when nothing is."""
    return _RULES[plural][0](obj)


def update(plural: str, obj: Object, old: Object) -> list[FieldError]:
    """What is wrong with an object that is to replace `old`.

    Metadata are judged for every kind alike first (rest.BeforeUpdate), so a fault in them is a cause more than once.
    """
    common = meta.metadata(
        obj["metadata"], namespaced=KINDS[plural].namespaced, check_name=policy.path_segment
    ) + meta.metadata_update(obj["metadata"], old["metadata"])
    found = _RULES[plural][1](obj, old)
    return common + found if common else found


def update_status(plural: str, obj: Object, old: Object) -> list[FieldError]:
    """What is wrong with a new status."""
    return _RULES[plural][2](obj, old)


def _only_metadata(obj: Object, old: Object) -> list[FieldError]:
    return meta.metadata_update(obj["metadata"], old["metadata"])


_RULES: dict[str, tuple[Create, Update, Update]] = {
    "pods": (pods.create, pods_update.update, pods_update.update_status),
    "services": (services.create, services.update, services.update_status),
    "deployments": (apps.create_deployment, apps.update_deployment, apps.update_deployment_status),
    "replicasets": (apps.create_replica_set, apps.update_replica_set, apps.update_replica_set_status),
    "statefulsets": (apps.create_stateful_set, apps.update_stateful_set, apps.update_stateful_set_status),
    "controllerrevisions": (apps.create_controller_revision, apps.update_controller_revision, _only_metadata),
    "persistentvolumeclaims": (claims.create, claims.update, claims.update_status),
    "persistentvolumes": (storage.create_volume, storage.update_volume, storage.update_volume_status),
    "storageclasses": (storage.create_class, storage.update_class, _only_metadata),
    "configmaps": (config.create_config_map, config.update_config_map, _only_metadata),
    "secrets": (config.create_secret, config.update_secret, _only_metadata),
    "serviceaccounts": (config.create_service_account, config.update_service_account, _only_metadata),
    "poddisruptionbudgets": (policy.create_budget, policy.update_budget, policy.update_budget_status),
    "resourcequotas": (policy.create_quota, policy.update_quota, policy.update_quota_status),
    "namespaces": (cluster.create_namespace, cluster.update_namespace, cluster.update_namespace_status),
    "nodes": (cluster.create_node, cluster.update_node, cluster.update_node),
    "events": (cluster.create_event, cluster.update_event, _only_metadata),
    "endpoints": (endpoints.create_endpoints, endpoints.update_endpoints, _only_metadata),
    "endpointslices": (endpoints.create_slice, endpoints.update_slice, _only_metadata),
}
