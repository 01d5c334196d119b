"""Jobs: what a Job, and a CronJob's template of one, must be. Source: pkg/apis/batch/validation/validation.go."""

from __future__ import annotations

from collections.abc import Iterator

from statelab.controlplane.apiserver.validation import defaults_pods, difference, meta, names, pods, warnings
from statelab.controlplane.apiserver.validation.fields import (
    Errors,
    Fields,
    GoValue,
    go_struct,
    immutable,
    in_order,
    invalid,
    non_negative,
    not_supported,
    required,
    selector,
    too_long,
)
from statelab.controlplane.apiserver.validation.jobs_policy import failure_policy, success_policy
from statelab.controlplane.apiserver.validation.jobs_status import update_status
from statelab.controlplane.apiserver.validation.rules import Rules, spec_changed
from statelab.controlplane.kinds import Object

UID_LABEL, NAME_LABEL = "batch.kubernetes.io/controller-uid", "batch.kubernetes.io/job-name"
_OLD_UID_LABEL, _OLD_NAME_LABEL = "controller-uid", "job-name"
_BATCH = "io.k8s.api.batch.v1."
_MODES = ("NonIndexed", "Indexed")
_LONGEST_MANAGER = 63
_MOST_PARALLEL_INDEXED = 100_000
_MOST_FAILED_INDEXES = 100_000
_MANY_COMPLETIONS = 100_000
_MOST_OF_MANY = 10_000  # in parallel, or failed, where completions are many
_MISMATCH = "`selector` does not match template `labels`"


# ---- new and changed Jobs


def create(obj: Object) -> Errors:
    errors = meta.metadata(obj["metadata"], namespaced=True, check_name=names.subdomain)
    errors += _generated_selector(obj) + _whole_spec(obj["spec"])
    completions, name = obj["spec"].get("completions") or 0, obj["metadata"].get("name", "")
    if obj["spec"].get("completionMode") == "Indexed" and completions > 0:
        hostname = f"{name}-{completions - 1}"
        if names.label(hostname):
            why = f"will not able to create pod with invalid DNS label: {hostname}"
            errors.append(invalid("metadata.name", name, why))
    return errors


def _generated_selector(obj: Object) -> Errors:
    """Where the server makes the selector, the labels must be those of this very Job (validateGeneratedSelector)."""
    spec, metadata = obj["spec"], obj["metadata"]
    given = spec.get("selector")
    if spec.get("manualSelector") or given is None:
        return []
    errors: Errors = []
    labels = (spec["template"].get("metadata") or {}).get("labels") or {}
    uid, name = metadata.get("uid", ""), metadata.get("name", "")
    for key, expected in ((_OLD_UID_LABEL, uid), (_OLD_NAME_LABEL, name), (UID_LABEL, uid), (NAME_LABEL, name)):
        field = f"spec.template.metadata.labels[{key}]"
        if key not in labels:
            errors.append(required(field, f"must be '{expected}'"))
        elif labels[key] != expected:
            errors.append(invalid(field, labels, f"must be '{expected}'"))
    matches = meta.selects(given)
    expected_labels = {UID_LABEL: uid, NAME_LABEL: name, _OLD_UID_LABEL: uid, _OLD_NAME_LABEL: name}
    if matches is not None and not matches(expected_labels):
        errors.append(invalid("spec.selector", selector(given), "`selector` not auto-generated"))
    return errors


def _whole_spec(spec: Fields) -> Errors:
    errors = job_spec(spec, "spec")
    given = spec.get("selector")
    if given is None:
        errors.append(required("spec.selector"))
    else:
        errors += meta.label_selector(given, "spec.selector")
    matches = meta.selects(given)
    labels = ((spec.get("template") or {}).get("metadata") or {}).get("labels")
    if matches is not None and not matches(labels or {}):
        errors.append(invalid("spec.template.metadata.labels", labels, _MISMATCH))
    return errors


def update(obj: Object, old: Object) -> Errors:
    spec, before = obj["spec"], old["spec"]
    errors = meta.metadata_update(obj["metadata"], old["metadata"]) + _whole_spec(spec)
    errors += _completions(spec, before)
    errors += _unchanged(spec, before, "selector", "io.k8s.apimachinery.pkg.apis.meta.v1.LabelSelector")
    template, was = spec.get("template") or {}, before.get("template") or {}
    if difference.differ(template, _comparable_template(template, was, old)):
        errors.append(invalid("spec.template", _shown_template(template), "field is immutable"))
    errors += immutable(spec.get("completionMode"), before.get("completionMode"), "spec.completionMode")
    errors += _unchanged(spec, before, "podFailurePolicy", f"{_BATCH}PodFailurePolicy")
    for key in ("backoffLimitPerIndex", "managedBy"):
        if spec.get(key) != before.get(key):
            errors.append(invalid(f"spec.{key}", spec.get(key), "field is immutable"))
    return errors + _unchanged(spec, before, "successPolicy", f"{_BATCH}SuccessPolicy")


def _unchanged(spec: Fields, before: Fields, key: str, definition: str) -> Errors:
    new, was = spec.get(key), before.get(key)
    if not difference.differ(new, was):
        return []
    return [invalid(f"spec.{key}", go_struct(definition, new), "field is immutable")]


def _completions(spec: Fields, before: Fields) -> Errors:
    """They may change for an Indexed Job alone, and only together with parallelism (elastic indexed Jobs)."""
    new, was = spec.get("completions"), before.get("completions")
    if new == was:
        return []
    if spec.get("completionMode") != "Indexed":
        return [invalid("spec.completions", new, "field is immutable")]
    if new is not None and new != spec.get("parallelism"):
        return [invalid("spec.completions", new, "can only be modified in tandem with spec.parallelism")]
    return []


def _comparable_template(template: Fields, was: Fields, old: Object) -> Fields:
    """The old template, with what may change while the Job is suspended taken from the new one (KEP-2926, KEP-5440)."""
    status = old.get("status") or {}
    if not old["spec"].get("suspend") or status.get("active"):
        return was
    spec, before = dict(template.get("spec") or {}), dict(was.get("spec") or {})
    affinity = dict(before.get("affinity") or {})
    affinity.pop("nodeAffinity", None)
    if (spec.get("affinity") or {}).get("nodeAffinity"):
        affinity["nodeAffinity"] = spec["affinity"]["nodeAffinity"]
    before["affinity"] = affinity
    for key in ("nodeSelector", "tolerations", "schedulingGates"):
        before[key] = spec.get(key)
    for key in ("containers", "initContainers"):
        new, last = spec.get(key) or [], before.get(key) or []
        if len(new) == len(last):
            before[key] = [{**b, "resources": a.get("resources")} for a, b in zip(new, last, strict=True)]
    metadata = {**(was.get("metadata") or {})}
    for key in ("labels", "annotations"):
        metadata[key] = (template.get("metadata") or {}).get(key)
    if not (spec.get("affinity") or {}) and not affinity:
        before["affinity"] = spec.get("affinity")
    return {**was, "metadata": metadata, "spec": before}


def _shown_template(template: Fields) -> GoValue:
    """The server's internal PodTemplateSpec: metadata inline, the spec by its Go names."""
    metadata = template.get("metadata") or {}
    inline = {key: metadata[key] for key in ("name", "labels", "annotations") if metadata.get(key)}
    return in_order({**inline, "Spec": difference.internal_pod_spec(template.get("spec") or {})})


# ---- the spec, of a Job or of a CronJob's template


def job_spec(spec: Fields, field: str) -> Errors:
    """Everything but the selector (validateJobSpec)."""
    errors: Errors = []
    for key in (
        "parallelism",
        "completions",
        "activeDeadlineSeconds",
        "backoffLimit",
        "ttlSecondsAfterFinished",
        "backoffLimitPerIndex",
        "maxFailedIndexes",
    ):
        errors += non_negative(spec.get(key), f"{field}.{key}")
    if spec.get("maxFailedIndexes") is not None and spec.get("backoffLimitPerIndex") is None:
        errors.append(required(f"{field}.backoffLimitPerIndex", "when maxFailedIndexes is specified"))
    errors += _managed_by(spec.get("managedBy"), f"{field}.managedBy")
    mode = spec.get("completionMode")
    if mode is not None and mode not in _MODES:
        errors.append(not_supported(f"{field}.completionMode", mode, _MODES))
    if mode == "Indexed":
        errors += _indexed(spec, field)
    elif mode in (None, "NonIndexed"):
        for key in ("backoffLimitPerIndex", "maxFailedIndexes"):
            if spec.get(key) is not None:
                errors.append(invalid(f"{field}.{key}", spec[key], "requires indexed completion mode"))
    if spec.get("podFailurePolicy") is not None:
        errors += failure_policy(spec, f"{field}.podFailurePolicy")
    if spec.get("successPolicy") is not None:
        if mode != "Indexed":
            policy = go_struct(f"{_BATCH}SuccessPolicy", spec["successPolicy"])
            errors.append(invalid(f"{field}.successPolicy", policy, "requires indexed completion mode"))
        else:
            errors += success_policy(spec, f"{field}.successPolicy")
    errors += _replacement_policy(spec, f"{field}.podReplacementPolicy")
    errors += pods.pod_template(spec.get("template") or {}, f"{field}.template")
    return errors + _restart_policy(spec, f"{field}.template.spec.restartPolicy")


def _managed_by(value: str | None, field: str) -> Errors:
    if value is None:
        return []
    errors: Errors = []
    prefix, slash, path = value.partition("/")
    if not value:
        errors.append(required(field))
    elif not slash or not prefix or not path:
        why = 'must be a domain-prefixed path (such as "acme.io/foo")'
        errors.append(invalid(field, value, why))
    else:
        errors += [invalid(field, prefix, words) for words in names.subdomain(prefix)]
    if len(value) > _LONGEST_MANAGER:
        errors.append(too_long(field, _LONGEST_MANAGER))
    return errors


def _indexed(spec: Fields, field: str) -> Errors:
    errors: Errors = []
    completions, parallelism, most_failed = (
        spec.get(key) for key in ("completions", "parallelism", "maxFailedIndexes")
    )
    if completions is None:
        errors.append(required(f"{field}.completions", "when completion mode is Indexed"))
    if parallelism is not None and parallelism > _MOST_PARALLEL_INDEXED:
        why = f"must be less than or equal to {_MOST_PARALLEL_INDEXED} when completion mode is Indexed"
        errors.append(invalid(f"{field}.parallelism", parallelism, why))
    if completions is not None and most_failed is not None and most_failed > completions:
        errors.append(invalid(f"{field}.maxFailedIndexes", most_failed, "must be less than or equal to completions"))
    if most_failed is not None and most_failed > _MOST_FAILED_INDEXES:
        why = f"must be less than or equal to {_MOST_FAILED_INDEXES}"
        errors.append(invalid(f"{field}.maxFailedIndexes", most_failed, why))
    if completions is not None and completions > _MANY_COMPLETIONS and spec.get("backoffLimitPerIndex") is not None:
        why = (
            f"must be less than or equal to {_MOST_OF_MANY} when completions are above {_MANY_COMPLETIONS} "
            "and used with backoff limit per index"
        )
        if most_failed is None:
            missing = f"must be specified when completions is above {_MANY_COMPLETIONS}"
            errors.append(required(f"{field}.maxFailedIndexes", missing))
        if parallelism is not None and parallelism > _MOST_OF_MANY:
            errors.append(invalid(f"{field}.parallelism", parallelism, why))
        if most_failed is not None and most_failed > _MOST_OF_MANY:
            errors.append(invalid(f"{field}.maxFailedIndexes", most_failed, why))
    return errors


def _replacement_policy(spec: Fields, field: str) -> Errors:
    policy = spec.get("podReplacementPolicy")
    allowed = ("Failed",) if spec.get("podFailurePolicy") is not None else ("Failed", "TerminatingOrFailed")
    return [not_supported(field, policy, allowed)] if policy is not None and policy not in allowed else []


def _restart_policy(spec: Fields, field: str) -> Errors:
    policy = ((spec.get("template") or {}).get("spec") or {}).get("restartPolicy", "")
    if policy in ("Always", ""):  # Always is what is filled in where nothing was said
        return [required(field, 'valid values: "OnFailure", "Never"')]
    if policy not in ("OnFailure", "Never"):
        return [not_supported(field, policy, ("OnFailure", "Never"))]
    if spec.get("podFailurePolicy") is not None and policy != "Never":
        return [invalid(field, policy, 'only "Never" is supported when podFailurePolicy is specified')]
    return []


def template_spec(template: Fields, field: str) -> Errors:
    """A CronJob's `jobTemplate` (ValidateJobTemplateSpec)."""
    spec = template.get("spec") or {}
    errors = job_spec(spec, f"{field}.spec")
    if spec.get("selector") is not None:
        errors.append(
            invalid(f"{field}.spec.selector", selector(spec["selector"]), "`selector` will be auto-generated")
        )
    if spec.get("manualSelector"):
        errors.append(not_supported(f"{field}.spec.manualSelector", True, ("nil", "false")))
    return errors


# ---- what is filled in, and doubts


def _defaults(obj: Object) -> None:
    spec = defaults_pods.with_spec(obj)["spec"]
    defaults_pods.template(spec.setdefault("template", {}))
    if spec.get("completions") is None and spec.get("parallelism") is None:
        spec["completions"] = 1
    spec.setdefault("parallelism", 1)
    spec.setdefault("backoffLimit", 6 if spec.get("backoffLimitPerIndex") is None else pods.LARGEST_INT32)
    spec.setdefault("completionMode", "NonIndexed")
    spec.setdefault("suspend", False)
    spec.setdefault("manualSelector", False)
    policy = spec.get("podFailurePolicy")
    spec.setdefault("podReplacementPolicy", "TerminatingOrFailed" if policy is None else "Failed")
    condition_defaults(spec)
    _share_labels(obj)


def condition_defaults(spec: Fields) -> None:
    """A pattern of a Pod failure policy that names no status means True."""
    for rule in (spec.get("podFailurePolicy") or {}).get("rules") or ():
        for pattern in rule.get("onPodConditions") or ():
            pattern["status"] = pattern.get("status") or "True"


def _share_labels(obj: Object) -> None:
    """A Job without labels of its own shows those of its Pods; also once the server has made them."""
    labels = (obj["spec"]["template"].get("metadata") or {}).get("labels")
    if labels and not obj["metadata"].get("labels"):
        obj["metadata"]["labels"] = dict(labels)


def _prepare(obj: Object, old: Object | None) -> None:
    """Give a new Job the labels and the selector by which it knows its Pods (generateSelector)."""
    if old is not None or obj["spec"].get("manualSelector"):
        return
    spec, metadata = obj["spec"], obj["metadata"]
    labels = spec["template"].setdefault("metadata", {}).setdefault("labels", {})
    # Labels that were filled in from the template's are the same map upstream: they get what the template's get.
    own = bool(labels) and metadata.get("labels") == labels
    uid, name = metadata.get("uid", ""), metadata.get("name", "")
    for key, value in ((UID_LABEL, uid), (NAME_LABEL, name), (_OLD_UID_LABEL, uid), (_OLD_NAME_LABEL, name)):
        labels.setdefault(key, value)
    if own:
        metadata["labels"] = dict(labels)
    spec["selector"] = dict(spec.get("selector") or {})
    spec["selector"]["matchLabels"] = {**(spec["selector"].get("matchLabels") or {})}
    spec["selector"]["matchLabels"].setdefault(UID_LABEL, uid)


def _warnings(obj: Object, old: Object | None) -> Iterator[str]:
    if old is None:
        yield from warnings.name(obj, "Pod names and hostnames")
    yield from spec_warnings(obj["spec"], (old or {}).get("spec"), "spec")


def spec_warnings(spec: Fields, before: Fields | None, field: str) -> Iterator[str]:
    """Of a JobSpec at `field` (WarningsForJobSpec)."""
    many = (spec.get("completions") or 0) > _MANY_COMPLETIONS
    if spec.get("completionMode") == "Indexed" and many and (spec.get("parallelism") or 0) > _MOST_OF_MANY:
        yield (
            f"{field}: In Indexed Jobs with a number of completions higher than 10^5 and a parallelism higher than "
            "10^4, a Kubernetes cluster might not be able to track completedIndexes"
        )
    if spec.get("template") != (before or {}).get("template"):
        yield from warnings.pod_template(spec.get("template") or {}, f"{field}.template.")


RULES = {
    "jobs": Rules(
        create,
        update,
        update_status,
        defaults=_defaults,
        prepare=_prepare,
        finish=_share_labels,
        counts=spec_changed,
        warnings=_warnings,
        delete_warning="child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to "
        "remove them or set propagationPolicy=Orphan to suppress this warning",
    ),
}
