"""PodTemplates, which nothing reads. Source: pkg/apis/core/validation/validation.go (ValidatePodTemplate)."""

from __future__ import annotations

from statelab.controlplane.apiserver.validation import defaults_pods, meta, names, pods
from statelab.controlplane.apiserver.validation.fields import Errors
from statelab.controlplane.apiserver.validation.rules import Rules
from statelab.controlplane.kinds import Object


def create(obj: Object) -> Errors:
    errors = meta.metadata(obj["metadata"], namespaced=True, check_name=names.subdomain)
    return errors + pods.pod_template(obj.get("template") or {}, "template")


def update(obj: Object, old: Object) -> Errors:
    errors = meta.metadata_update(obj["metadata"], old["metadata"])
    return errors + pods.pod_template(obj.get("template") or {}, "template")


def _defaults(obj: Object) -> None:
    defaults_pods.template(obj.setdefault("template", {}))


def _changed(obj: Object, old: Object) -> bool:
    return obj.get("template") != old.get("template")


RULES = {"podtemplates": Rules(create, update, defaults=_defaults, counts=_changed)}
