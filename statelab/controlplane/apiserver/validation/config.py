"""ConfigMaps, Secrets, ServiceAccounts. Source: pkg/apis/core/validation/validation.go."""

from __future__ import annotations

import base64
from collections.abc import Iterator

from statelab.controlplane.apiserver.encoding import go_json
from statelab.controlplane.apiserver.validation import meta, names, warnings
from statelab.controlplane.apiserver.validation.fields import (
    Errors,
    Fields,
    forbidden,
    immutable,
    invalid,
    required,
    too_long,
)
from statelab.controlplane.apiserver.validation.rules import Rules
from statelab.controlplane.kinds import Object

_LIMIT = 1024 * 1024
_FROZEN = "field is immutable when `immutable` is set"
_MOUNTABLE = "kubernetes.io/enforce-mountable-secrets"
_ACCOUNT = "kubernetes.io/service-account.name"
_JSON_KEYS = {"kubernetes.io/dockercfg": ".dockercfg", "kubernetes.io/dockerconfigjson": ".dockerconfigjson"}


def create_config_map(obj: Object) -> Errors:
    errors = meta.metadata(obj["metadata"], namespaced=True, check_name=names.subdomain)
    data, binary = obj.get("data") or {}, obj.get("binaryData") or {}
    size = 0
    for key in sorted(data):
        errors += _key(key, f"data[{key}]")
        if key in binary:
            errors.append(invalid(f"data[{key}]", key, "duplicate of key present in binaryData"))
        size += len(data[key].encode("utf-8", "replace"))
    for key in sorted(binary):
        errors += _key(key, f"binaryData[{key}]")
        size += _decoded_size(binary[key])
    if size > _LIMIT:
        errors.append(too_long("", _LIMIT))
    return errors


def _key(key: str, field: str) -> Errors:
    return [invalid(field, key, words) for words in names.config_key(key)]


def _decoded_size(text: str) -> int:
    return len(text) // 4 * 3 - text[-2:].count("=")


def update_config_map(obj: Object, old: Object) -> Errors:
    errors = meta.metadata_update(obj["metadata"], old["metadata"])
    errors += _frozen(obj, old, ("data", "binaryData"))
    return errors + create_config_map(obj)


def _frozen(obj: Object, old: Object, keys: tuple[str, ...]) -> Errors:
    if not old.get("immutable"):
        return []
    errors: Errors = []
    if not obj.get("immutable"):
        errors.append(forbidden("immutable", _FROZEN))
    errors += [forbidden(key, _FROZEN) for key in keys if (obj.get(key) or {}) != (old.get(key) or {})]
    return errors


def create_secret(obj: Object) -> Errors:
    errors = meta.metadata(obj["metadata"], namespaced=True, check_name=names.subdomain)
    data: Fields = obj.get("data") or {}
    for key in sorted(data):
        errors += _key(key, f"data[{key}]")
    if sum(_decoded_size(value) for value in data.values()) > _LIMIT:
        errors.append(too_long("data", _LIMIT))
    return errors + _of_type(obj, data)


def _of_type(obj: Object, data: Fields) -> Errors:
    kind = obj.get("type", "")
    if kind == "kubernetes.io/service-account-token":
        if not (obj["metadata"].get("annotations") or {}).get(_ACCOUNT):
            return [required(f"metadata.annotations[{_ACCOUNT}]")]
    elif kind in _JSON_KEYS:
        key = _JSON_KEYS[kind]
        if key not in data:
            return [required(f"data[{key}]")]
        problem = _not_an_object(data[key])
        if problem:
            return [invalid(f"data[{key}]", "<secret contents redacted>", problem)]
    elif kind == "kubernetes.io/basic-auth":
        if "username" not in data and "password" not in data:
            return [required("data[username]"), required("data[password]")]
    elif kind == "kubernetes.io/ssh-auth":
        if not data.get("ssh-privatekey"):
            return [required("data[ssh-privatekey]")]
    elif kind == "kubernetes.io/tls":
        return [required(f"data[{key}]") for key in ("tls.crt", "tls.key") if key not in data]
    return []


def _not_an_object(text: str) -> str:
    """Go's words for bytes that are not a JSON object."""
    try:
        value = go_json.parse(base64.b64decode(text))
    except ValueError as error:
        return str(error)
    if value is None or isinstance(value, go_json.Pairs):
        return ""
    kind = "array" if isinstance(value, list) else "bool" if isinstance(value, bool) else "string"
    kind = "number" if isinstance(value, go_json.Number) else kind
    return f"json: cannot unmarshal {kind} into Go value of type map[string]interface {{}}"


def update_secret(obj: Object, old: Object) -> Errors:
    errors = meta.metadata_update(obj["metadata"], old["metadata"])
    errors += immutable(obj.get("type"), old.get("type"), "type")
    errors += _frozen(obj, old, ("data",))
    return errors + create_secret(obj)


def create_service_account(obj: Object) -> Errors:
    return meta.metadata(obj["metadata"], namespaced=True, check_name=names.subdomain)


def update_service_account(obj: Object, old: Object) -> Errors:
    errors = meta.metadata_update(obj["metadata"], old["metadata"])
    return errors + create_service_account(obj)


def _secret_defaults(obj: Object) -> None:
    obj.setdefault("type", "Opaque")
    written = obj.pop("stringData", None)
    if written:
        data = obj.setdefault("data", {})
        for key, text in written.items():
            data[key] = base64.b64encode(text.encode("utf-8", "replace")).decode()


def _keep_type(obj: Object, old: Object | None) -> None:
    if old is not None and not obj.get("type"):
        obj["type"] = old.get("type", "Opaque")


def _account_warnings(obj: Object, old: Object | None) -> Iterator[str]:
    has = [_MOUNTABLE in (each["metadata"].get("annotations") or {}) for each in (obj, old) if each is not None]
    if has[0] and not all(has[1:] or (False,)):
        words = "deprecated in v1.32+; prefer separate namespaces to isolate access to mounted secrets"
        yield f"metadata.annotations[{_MOUNTABLE}]: {words}"


RULES = {
    "configmaps": Rules(create_config_map, update_config_map),
    "secrets": Rules(
        create_secret, update_secret, defaults=_secret_defaults, prepare=_keep_type, warnings=warnings.secret
    ),
    "serviceaccounts": Rules(create_service_account, update_service_account, warnings=_account_warnings),
}
