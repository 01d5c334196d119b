"""What admission policies and webhooks have in common: rules, match conditions, and the CEL expressions they hold.

Source: pkg/apis/admissionregistration/validation/validation.go, apiserver/pkg/admission/plugin/cel/compile.go.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from statelab.controlplane.apiserver.validation import meta, names
from statelab.controlplane.apiserver.validation.custom import cel
from statelab.controlplane.apiserver.validation.custom.cel import types
from statelab.controlplane.apiserver.validation.fields import (
    Errors,
    Fields,
    duplicate,
    forbidden,
    invalid,
    not_supported,
    required,
    too_many,
)
from statelab.controlplane.syntax import rfc1035_label

Names = Mapping[str, types.Type]

FAILURE_POLICIES = ("Fail", "Ignore")
MATCH_POLICIES = ("Equivalent", "Exact")
REINVOCATION_POLICIES = ("IfNeeded", "Never")
OPERATIONS = ("*", "CONNECT", "CREATE", "DELETE", "UPDATE")
MUTATING_OPERATIONS = ("*", "CONNECT", "CREATE", "UPDATE")
_SCOPES = ("*", "Cluster", "Namespaced")
_MOST_CONDITIONS = 64
_REVIEWS = ("v1", "v1beta1")
_OUTSIDE = "StateLab calls no server outside of the cluster; a real cluster made with kind is the place to try it"

# ---- what an expression may speak of

_GVK = types.object_of("kubernetes.GroupVersionKind", dict.fromkeys(("group", "version", "kind"), types.STRING))
_GVR = types.object_of("kubernetes.GroupVersionResource", dict.fromkeys(("group", "version", "resource"), types.STRING))
_USER = types.object_of(
    "kubernetes.UserInfo",
    {
        "username": types.STRING,
        "uid": types.STRING,
        "groups": types.list_of(types.STRING),
        "extra": types.map_of(types.list_of(types.STRING)),
    },
)
_REQUEST = types.object_of(
    "kubernetes.AdmissionRequest",
    {
        "kind": _GVK,
        "resource": _GVR,
        "subResource": types.STRING,
        "requestKind": _GVK,
        "requestResource": _GVR,
        "requestSubResource": types.STRING,
        "name": types.STRING,
        "namespace": types.STRING,
        "operation": types.STRING,
        "userInfo": _USER,
        "dryRun": types.BOOL,
        "options": types.DYN,
    },
)
_NAMESPACE = types.object_of(
    "kubernetes.Namespace",
    {
        "metadata": types.object_of(
            "kubernetes.NamespaceMetadata",
            {
                **dict.fromkeys(
                    ("name", "generateName", "namespace", "UID", "creationTimestamp", "deletionTimestamp"), types.DYN
                ),
                **dict.fromkeys(("generation", "deletionGracePeriodSeconds"), types.INT),
                **dict.fromkeys(("labels", "annotations"), types.map_of(types.STRING)),
                "resourceVersion": types.STRING,
                "finalizers": types.list_of(types.STRING),
                "uid": types.STRING,
            },
        ),
        "spec": types.object_of("kubernetes.NamespaceSpec", {"finalizers": types.list_of(types.STRING)}),
        "status": types.object_of("kubernetes.NamespaceStatus", {"phase": types.STRING, "conditions": types.DYN}),
    },
)
AUTHORIZER = types.Type("kubernetes.authorization.Authorizer")


def known_names(*, params: bool, authorizer: bool = True, variables: Names | None = None) -> dict[str, types.Type]:
    """The variables of an expression, with what is known of their types."""
    found = {"object": types.DYN, "oldObject": types.DYN, "request": _REQUEST, "namespaceObject": _NAMESPACE}
    if params:
        found["params"] = types.DYN
    if authorizer:
        found["authorizer"] = AUTHORIZER
    if variables is not None:
        found["variables"] = types.object_of("kubernetes.variables", variables)
    return found


def compiled(text: str, known: Names, wanted: Sequence[str], field: str) -> tuple[Errors, types.Type]:
    """What is wrong with an expression that must come to one of `wanted` types (none: to any), and its type."""
    problem, found = cel.problems(text, known)
    if problem:
        return [invalid(field, text, f"compilation failed: {problem}")], types.DYN
    if wanted and found.kind not in wanted and str(found) not in wanted:
        one_of = wanted[0] if len(wanted) == 1 else f"one of [{' '.join(wanted)}]"
        return [invalid(field, text, f"must evaluate to {one_of} but got {found}")], found
    return [], found


def match_conditions(conditions: Sequence[Fields], field: str, *, params: bool) -> Errors:
    """At most 64, each with a name of its own and an expression that comes to true or false."""
    errors: Errors = []
    if len(conditions) > _MOST_CONDITIONS:
        errors.append(too_many(field, len(conditions), _MOST_CONDITIONS))
    seen: set[str] = set()
    for index, condition in enumerate(conditions[:_MOST_CONDITIONS]):
        here = f"{field}[{index}]"
        text, name = condition.get("expression", "").strip(), condition.get("name", "")
        if text:
            errors += compiled(text, known_names(params=params), ("bool",), f"{here}.expression")[0]
        else:
            errors.append(required(f"{here}.expression"))
        errors += names.check_qualified(name, f"{here}.name") if name else [required(f"{here}.name")]
        if name and name in seen:
            errors.append(duplicate(f"{here}.name", name))
        seen.add(name)
    return errors


# ---- rules


def rule(value: Fields, field: str, operations: Sequence[str] = OPERATIONS) -> Errors:
    """Operations, groups, versions, resources and scope: which requests are meant."""
    errors: Errors = []
    asked: list[str] = value.get("operations") or []
    if not asked:
        errors.append(required(f"{field}.operations"))
    if len(asked) > 1 and "*" in asked:
        words = "if '*' is present, must not specify other operations"
        errors.append(invalid(f"{field}.operations", asked, words))
    for index, each in enumerate(asked):
        if each not in operations:
            errors.append(not_supported(f"{field}.operations[{index}]", each, operations))
    for key, words in (("apiGroups", "API groups"), ("apiVersions", "API versions")):
        listed: list[str] = value.get(key) or []
        if not listed:
            errors.append(required(f"{field}.{key}"))
        if len(listed) > 1 and "*" in listed:
            errors.append(invalid(f"{field}.{key}", listed, f"if '*' is present, must not specify other {words}"))
        if key == "apiVersions":
            errors += [required(f"{field}.{key}[{index}]") for index, each in enumerate(listed) if not each]
    errors += _resources(value.get("resources") or [], f"{field}.resources")
    scope = value.get("scope")
    if scope is not None and scope not in _SCOPES:
        errors.append(not_supported(f"{field}.scope", scope, _SCOPES))
    return errors


def _resources(listed: list[str], field: str) -> Errors:
    errors: Errors = [] if listed else [required(field)]
    all_of: set[str] = set()  # x of x/*
    everywhere: set[str] = set()  # y of */y
    plain = False
    for index, each in enumerate(listed):
        here = f"{field}[{index}]"
        if not each:
            errors.append(required(here))
            continue
        resource, slash, sub = each.partition("/")
        if not slash:
            plain = each != "*"
            continue
        if resource in all_of:
            errors.append(invalid(here, each, f"if '{resource}/*' is present, must not specify {each}"))
        if sub in everywhere:
            errors.append(invalid(here, each, f"if '*/{sub}' is present, must not specify {each}"))
        if sub == "*":
            all_of.add(resource)
        if resource == "*":
            everywhere.add(sub)
    if len(listed) > 1 and "*/*" in listed:
        errors.append(invalid(field, listed, "if '*/*' is present, must not specify other resources"))
    if "*" in listed and plain:
        words = "if '*' is present, must not specify other resources without subresources"
        errors.append(invalid(field, listed, words))
    return errors


def one_of(value: str | None, field: str, supported: Iterable[str], *, is_required: bool = False) -> Errors:
    """A field that has one of some values, or none."""
    if not value:
        return [required(field)] if is_required else []
    return [] if value in supported else [not_supported(field, value, supported)]


def match_resources(value: Fields | None, field: str, operations: Sequence[str] = OPERATIONS) -> Errors:
    """`matchConstraints` of a policy and `matchResources` of a binding."""
    if value is None:
        return []
    errors = one_of(value.get("matchPolicy"), f"{field}.matchPolicy", MATCH_POLICIES, is_required=True)
    for key in ("namespaceSelector", "objectSelector"):
        selector = value.get(key)
        errors += [required(f"{field}.{key}")] if selector is None else meta.label_selector(selector, f"{field}.{key}")
    for key in ("resourceRules", "excludeResourceRules"):
        for index, each in enumerate(value.get(key) or ()):
            here = f"{field}.{key}[{index}]"
            errors += _resource_names(each.get("resourceNames") or [], f"{here}.resourceNames")
            errors += rule(each, here, operations)
    return errors


def _resource_names(listed: list[str], field: str) -> Errors:
    errors: Errors = []
    for index, name in enumerate(listed):
        errors += [invalid(f"{field}[{index}]", name, words) for words in names.path_segment(name)]
        if name in listed[:index]:
            errors.append(duplicate(f"{field}[{index}]", name))
    return errors


def fill_in_match(value: Fields | None) -> None:
    """What matchConstraints and matchResources are without being told."""
    if value is None:
        return
    value.setdefault("namespaceSelector", {})
    value.setdefault("objectSelector", {})
    value.setdefault("matchPolicy", "Equivalent")
    for key in ("resourceRules", "excludeResourceRules"):
        fill_in_rules(value.get(key) or ())


def fill_in_rules(rules: Iterable[Fields]) -> None:
    """A rule is about what lives in a namespace and what does not."""
    for each in rules:
        each.setdefault("scope", "*")


_IDENTIFIER = re.compile("[_a-zA-Z][_a-zA-Z0-9]*")
_RESERVED = frozenset(
    (
        "true", "false", "null", "in", "as", "break", "const", "continue", "else", "for", "function", "if", "import",
        "let", "loop", "package", "namespace", "return", "var", "void", "while",
    )
)  # fmt: skip


def is_identifier(name: str) -> bool:
    """Whether CEL can call a variable that."""
    return bool(_IDENTIFIER.fullmatch(name)) and name not in _RESERVED


# ---- webhooks


def client(config: Fields, field: str) -> Errors:
    """Where a webhook is: a Service of the cluster; an address outside is refused."""
    url, service = config.get("url"), config.get("service")
    if (url is None) == (service is None):
        return [required(field, "exactly one of url or service is required")]
    if service is None:
        return [forbidden(f"{field}.url", _OUTSIDE)]
    here = f"{field}.service"
    errors: Errors = []
    if not service.get("name"):
        errors.append(required(f"{here}.name", "service name is required"))
    if not service.get("namespace"):
        errors.append(required(f"{here}.namespace", "service namespace is required"))
    if not 1 <= service.get("port", 443) <= 65535:
        words = "port is not valid: must be between 1 and 65535, inclusive"
        errors.append(invalid(f"{here}.port", service["port"], words))
    path = service.get("path")
    return errors + (_path(path, f"{here}.path") if path is not None else [])


def _path(path: str, field: str) -> Errors:
    if not path.startswith("/"):
        return [invalid(field, path, "must start with a '/'")]
    errors: Errors = []
    steps = path[1:].split("/")
    if steps and not steps[-1]:
        steps = steps[:-1]
    for index, step in enumerate(steps):
        if not step:
            errors.append(invalid(field, path, f"segment[{index}] may not be empty"))
        else:
            errors += [invalid(field, path, f"segment[{index}]: {words}") for words in names.subdomain(step)]
    return errors


def review_versions(versions: list[str], here: str) -> Errors:
    """The versions of reviews that a webhook understands: one that the server speaks must be among them."""
    if not versions:
        return [required(here, f"must specify one of {', '.join(_REVIEWS)}")]
    errors: Errors = []
    for index, version in enumerate(versions):
        if version in versions[:index]:
            errors.append(invalid(f"{here}[{index}]", version, "duplicate version"))
        else:
            errors += [invalid(f"{here}[{index}]", version, words) for words in rfc1035_label(version)]
    if not any(each in _REVIEWS for each in versions):
        errors.append(invalid(here, versions, f"must include at least one of {', '.join(_REVIEWS)}"))
    elif "v1" not in versions:
        words = "StateLab asks in version v1 alone; a real cluster made with kind is the place to try v1beta1"
        errors.append(invalid(here, versions, words))
    return errors
