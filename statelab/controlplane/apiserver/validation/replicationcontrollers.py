"""ReplicationControllers: what ReplicaSets were before they had selectors with expressions.

Source: pkg/apis/core/validation/validation.go, pkg/apis/core/v1/defaults.go.
"""

from __future__ import annotations

from statelab.controlplane.apiserver.validation import defaults_pods, meta, names, pods, warnings
from statelab.controlplane.apiserver.validation.apps import always_running, count_errors
from statelab.controlplane.apiserver.validation.fields import Errors, Fields, invalid, non_negative, required
from statelab.controlplane.apiserver.validation.rules import Rules, spec_changed
from statelab.controlplane.kinds import Object


def create(obj: Object) -> Errors:
    return meta.metadata(obj["metadata"], namespaced=True, check_name=names.subdomain) + _spec(obj["spec"])


def update(obj: Object, old: Object) -> Errors:
    return meta.metadata_update(obj["metadata"], old["metadata"]) + _spec(obj["spec"])


def _spec(spec: Fields) -> Errors:
    errors = non_negative(spec.get("minReadySeconds"), "spec.minReadySeconds")
    wanted, template = spec.get("selector") or {}, spec.get("template")
    if not wanted:
        errors.append(required("spec.selector"))
    errors += non_negative(spec.get("replicas"), "spec.replicas")
    if template is None:
        return [*errors, required("spec.template")]
    labels = (template.get("metadata") or {}).get("labels")
    if wanted and any((labels or {}).get(key) != value for key, value in wanted.items()):
        why = "`selector` does not match template `labels`"
        errors.append(invalid("spec.template.metadata.labels", labels, why))
    errors += pods.pod_template(template, "spec.template")
    return errors + always_running(template.get("spec") or {}, "ReplicationController")


def update_status(obj: Object, old: Object) -> Errors:
    errors = meta.metadata_update(obj["metadata"], old["metadata"])
    keys = ("fullyLabeledReplicas", "readyReplicas", "availableReplicas")
    return errors + count_errors(obj.get("status") or {}, ("replicas", *keys), keys)


def _defaults(obj: Object) -> None:
    spec = defaults_pods.with_spec(obj)["spec"]
    spec.setdefault("replicas", 1)
    if spec.get("template") is None:
        return
    defaults_pods.template(spec["template"])
    labels = (spec["template"].get("metadata") or {}).get("labels")
    if labels:
        if not spec.get("selector"):
            spec["selector"] = dict(labels)
        if not obj["metadata"].get("labels"):
            obj["metadata"]["labels"] = dict(labels)


RULES = {
    "replicationcontrollers": Rules(
        create, update, update_status, defaults=_defaults, counts=spec_changed, warnings=warnings.template
    ),
}
