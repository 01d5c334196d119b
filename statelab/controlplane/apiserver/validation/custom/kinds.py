"""A served version of a definition as a Kind, with all the server does with its objects.

Source: apiextensions-apiserver/pkg/apiserver/customresource_handler.go, pkg/registry/customresource/strategy.go.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from statelab.controlplane.apiserver.encoding import decoding, decoding_slow, go_json
from statelab.controlplane.apiserver.encoding.decoding import Unusual
from statelab.controlplane.apiserver.encoding.decoding_slow import Findings
from statelab.controlplane.apiserver.encoding.jsonpaths import find
from statelab.controlplane.apiserver.validation import meta, names
from statelab.controlplane.apiserver.validation.custom import rules, structural, values
from statelab.controlplane.apiserver.validation.fields import Errors, invalid, required
from statelab.controlplane.apiserver.validation.rules import Rules
from statelab.controlplane.errors import FieldError
from statelab.controlplane.kinds import Kind, Object

META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
_NOT_A_CHANGE = ("metadata", "status")


@dataclass(eq=False)
class Custom:
    """What a definition says of one version: `schema` is its openAPIV3Schema, `columns` its additional ones.

    `scale`: the paths of the scale subresource, if it has one. `stored`: the version that is stored.
    """

    definition: str  # the definition's name
    names: dict[str, Any]
    version: str
    stored: str
    schema: structural.Schema
    has_status: bool
    scale: dict[str, str] | None
    columns: list[dict[str, Any]] = field(default_factory=list)
    selectable: tuple[str, ...] = ()  # by a fieldSelector
    namespaced: bool = True
    warning: str = ""  # of a deprecated version
    served: tuple[str, ...] = ()  # every version that is served
    webhook: dict[str, Any] | None = None  # what converts, where versions differ by more than their names
    by_webhook: Callable[[Custom, Object, str], Object] | None = None  # how it is asked, where there is a server
    _doubts: list[str] = field(default_factory=list)

    @cached_property
    def has_rules(self) -> bool:
        return rules.has_rules(self.schema)

    @cached_property
    def rules(self) -> Rules:
        return Rules(
            self._create,
            self._update,
            self._update_status,
            defaults=self._fill_in,
            prepare=self._prepare,
            counts=_counts,
            new_status=lambda obj: None,
            prepare_status=self._prepare_status,
            warnings=self._told,
        )

    @cached_property
    def typed_schema(self) -> structural.Schema:
        """The schema of a whole object, for server-side apply."""
        properties = {**(self.schema.get("properties") or {})}
        text = {"type": "string"}
        properties |= {"apiVersion": text, "kind": text, "metadata": {"$ref": f"#/$defs/{META}"}}
        return {**self.schema, "type": "object", "properties": properties}

    # ---- reading

    def read(self, value: dict[str, Any]) -> tuple[Object, Findings]:
        """An object as the server takes it: metadata in normal form, the unknown pruned and told."""
        findings = Findings()
        findings.strict += [f'duplicate field "{each}"' for each in _repeated(value)]
        obj = dict(go_json.plain(value))
        metadata, more = _metadata(obj.get("metadata"))
        if metadata is None:
            findings.error = more
            return obj, findings
        unknown = structural.prune(obj, self.schema, is_resource=True)
        unknown += _prune_metadata(obj, self.schema)
        obj["metadata"] = metadata
        findings.strict += [f'unknown field "{each}"' for each in sorted(unknown)]
        findings.strict += [each for each in more.split("\n") if each]
        return obj, findings

    def converted(self, obj: Object, api_version: str) -> Object:
        """An object of this definition in another version. Raises ApiError 500 where a webhook cannot be asked."""
        if obj["apiVersion"] == api_version:
            return obj
        if self.webhook is None or self.by_webhook is None:
            return {**obj, "apiVersion": api_version}
        return self.by_webhook(self, obj, api_version)

    @cached_property
    def has_defaults(self) -> bool:
        """Whether what is read may be more than what was stored."""
        return structural.has_defaults(self.schema)

    def shown(self, obj: Object) -> Object:
        """A stored object as it is read: with defaults that its definition has got since it was written."""
        if not self.has_defaults:
            return obj
        full = {key: value if key == "metadata" else deepcopy(value) for key, value in obj.items()}
        structural.fill_in(full, self.schema)
        return full

    def _fill_in(self, obj: Object) -> None:
        structural.drop_nulls(obj, self.schema)
        structural.fill_in(obj, self.schema)

    # ---- the strategy

    def _prepare(self, obj: Object, old: Object | None) -> None:
        if self.has_status and old is None:
            obj.pop("status", None)

    def _prepare_status(self, obj: Object, old: Object) -> None:
        for key in [each for each in obj if each not in ("metadata", "status", "apiVersion", "kind")]:
            if key not in old:
                del obj[key]
        for key, value in old.items():
            if key not in ("metadata", "status"):
                obj[key] = value
        metadata = obj["metadata"]
        fixed = {key: metadata[key] for key in ("managedFields", "resourceVersion") if key in metadata}
        obj["metadata"] = {**old["metadata"], **fixed}

    # ---- judging

    def _create(self, obj: Object) -> Errors:
        errors = meta.metadata(obj["metadata"], namespaced=self.namespaced, check_name=names.subdomain)
        return errors + self._content(obj, None)

    def _update(self, obj: Object, old: Object) -> Errors:
        return meta.metadata_update(obj["metadata"], old["metadata"]) + self._content(obj, old)

    def _update_status(self, obj: Object, old: Object) -> Errors:
        return meta.metadata_update(obj["metadata"], old["metadata"]) + self._content(obj, old)

    def _content(self, obj: Object, old: Object | None) -> Errors:
        errors = values.validate(obj, self.schema, old=values.ABSENT if old is None else old)
        errors += _embedded(obj, self.schema)
        if old is None or not values.repeated(old, self.schema):
            errors += values.repeated(obj, self.schema)
        let_be: Errors = []
        if self.has_rules:
            errors += rules.unchecked(errors) or rules.validate(obj, old, self.schema, let_be)
        self._doubts = [f"{each.field}: {each.message}" for each in let_be]
        return errors + self._scale_errors(obj)

    def _told(self, obj: Object, old: Object | None) -> list[str]:
        """What the rules, asked just now, have against values that have not changed: told beside the answer."""
        told, self._doubts = self._doubts, []
        return told

    def _scale_errors(self, obj: Object) -> Errors:
        if self.scale is None:
            return []
        errors: Errors = []
        for path in (self.scale["specReplicasPath"], self.scale["statusReplicasPath"]):
            found = find(obj, path)
            if not found:
                continue
            value = found[0]
            if not isinstance(value, int) or isinstance(value, bool):
                kind = {str: "string", bool: "bool", float: "float64"}.get(type(value), type(value).__name__)
                words = f"Invalid value: 0: {path} accessor error: {value} is of the type {kind}, expected int64"
                errors.append(FieldError(path, "FieldValueInvalid", words))
            elif value < 0 or value > 2**31 - 1:
                words = (
                    "should be a non-negative integer" if value < 0 else "should be less than or equal to 2147483647"
                )
                errors.append(FieldError(path, "FieldValueInvalid", f"Invalid value: {value}: {words}"))
        return errors


def _counts(obj: Object, old: Object) -> bool:
    """Whether anything but metadata and status has changed."""
    one, other = ({key: each[key] for key in each if key not in _NOT_A_CHANGE} for each in (obj, old))
    return one != other


def _metadata(value: Any) -> tuple[Object | None, str]:
    """Metadata in normal form and the strict findings in it (one a line); None with what is wrong."""
    if value is None:
        return {}, ""
    try:
        made: Object = decoding.decoder(META)(value)
        return made, ""
    except Unusual:
        pass
    made, findings = decoding_slow.decode(META, value)
    if findings.error:
        return None, findings.error
    return made, "\n".join(each.replace('unknown field "', 'unknown field "metadata.') for each in findings.strict)


def _repeated(value: Any, path: str = "") -> Iterator[str]:
    """The places of keys that an object names twice, as strict decoding names them."""
    if isinstance(value, go_json.Pairs):
        seen: set[str] = set()
        for key, each in value:
            here = f"{path}.{key}" if path else key
            if key in seen:
                yield here
            seen.add(key)
            yield from _repeated(each, here)
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from _repeated(each, f"{path}[{index}]")


def _prune_metadata(obj: Object, schema: structural.Schema) -> list[str]:
    """Metadata of embedded resources in normal form, in place; the places of what it may not hold."""
    unknown = []
    for path, inner in structural.embedded(obj, schema):
        made, more = _metadata(inner.get("metadata"))
        if made is not None and "metadata" in inner:
            inner["metadata"] = made
            unknown += [f"{path}.{each.partition(chr(34))[2].rstrip(chr(34))}" for each in more.split("\n") if each]
    return unknown


def _embedded(obj: Object, schema: structural.Schema) -> Errors:
    """A resource inside another says what it is. Source: apiextensions-apiserver/pkg/apiserver/schema/objectmeta."""
    errors: Errors = []
    for path, inner in structural.embedded(obj, schema):
        for key in ("apiVersion", "kind"):
            found = inner.get(key)
            if key not in inner:
                errors.append(required(f"{path}.{key}", "must not be empty"))
            elif not isinstance(found, str):
                errors.append(invalid(f"{path}.{key}", found, "must be a string"))
            elif not found:
                errors.append(invalid(f"{path}.{key}", found, "must not be empty"))
    return errors


def kinds_of(definition: Object) -> list[Kind]:
    """The kinds that a definition has served, the stored version first."""
    spec, name = definition["spec"], definition["metadata"]["name"]
    accepted = (definition.get("status") or {}).get("acceptedNames") or {}
    named = accepted if accepted.get("plural") else spec["names"]
    stored = next((each["name"] for each in spec["versions"] if each.get("storage")), "")
    conversion = spec.get("conversion") or {}
    webhook = conversion.get("webhook") or {}
    served = tuple(each["name"] for each in spec["versions"] if each.get("served"))
    found = []
    for version in sorted(spec["versions"], key=lambda each: each["name"] != stored):
        if not version.get("served"):
            continue
        below = version.get("subresources") or {}
        group_kind = f"{spec['group']}/{version['name']} {named['kind']}"
        custom = Custom(
            definition=name,
            names=named,
            version=version["name"],
            stored=stored,
            schema=(version.get("schema") or {}).get("openAPIV3Schema") or {"type": "object"},
            has_status="status" in below,
            scale=below.get("scale"),
            columns=version.get("additionalPrinterColumns") or [],
            selectable=(
                "metadata.name",
                *(["metadata.namespace"] if spec["scope"] == "Namespaced" else []),
                *(each["jsonPath"].removeprefix(".") for each in version.get("selectableFields") or ()),
            ),
            namespaced=spec["scope"] == "Namespaced",
            warning=(version.get("deprecationWarning") or f"{group_kind} is deprecated")
            if version.get("deprecated")
            else "",
            served=served,
            webhook=webhook if conversion.get("strategy") == "Webhook" else None,
        )
        subresources = [key for key in ("status", "scale") if key in below]
        found.append(
            Kind(
                spec["group"],
                version["name"],
                named["kind"],
                name,
                tuple(named.get("shortNames") or ()),
                custom.namespaced,
                tuple(subresources),
                tuple(named.get("categories") or ()),
                needs_resource_version=True,
                custom=custom,
            )
        )
    return found


def _warning(version: dict[str, Any], group_kind: str) -> str:
    if not version.get("deprecated"):
        return ""
    return str(version.get("deprecationWarning") or f"{group_kind} is deprecated")


__all__ = ["Custom", "kinds_of"]
