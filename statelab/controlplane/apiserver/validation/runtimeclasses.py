"""RuntimeClasses. Source: pkg/apis/node/validation/validation.go."""

from __future__ import annotations

from statelab.controlplane.apiserver.validation import meta, names, resources, scheduling, warnings
from statelab.controlplane.apiserver.validation.fields import Errors, immutable, required
from statelab.controlplane.apiserver.validation.rules import Rules
from statelab.controlplane.kinds import Object


def create_class(obj: Object) -> Errors:
    errors = meta.metadata(obj["metadata"], namespaced=False, check_name=names.subdomain)
    handler = obj.get("handler", "")
    errors += names.check_label(handler, "handler") if handler else [required("handler")]
    if obj.get("overhead") is not None:
        errors += resources.requirements({"limits": obj["overhead"].get("podFixed") or {}}, set(), "overhead")
    scheduled = obj.get("scheduling") or {}
    errors += meta.labels(scheduled.get("nodeSelector") or {}, "scheduling.nodeSelector")
    return errors + scheduling.tolerations(scheduled.get("tolerations") or [], "scheduling.tolerations")


def update_class(obj: Object, old: Object) -> Errors:
    errors = meta.metadata_update(obj["metadata"], old["metadata"])
    return errors + immutable(obj.get("handler"), old.get("handler"), "handler")


RULES = {"runtimeclasses": Rules(create_class, update_class, warnings=warnings.runtime_class)}
