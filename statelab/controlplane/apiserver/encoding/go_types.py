"""What the OpenAPI leaves out and Go's JSON decoder goes by: Go names and types, pointers, `omitempty`.

Read from `go_types.tsv`, once. The real server's messages name these types ("of type []v1.Container"), and its answers
leave out or spell out a field by these rules (`resources: {}`, `lastProbeTime: null`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files

from statelab.controlplane.apiserver.encoding import schemas

_SPECIAL = {
    "resource.Quantity": "quantity",
    "intstr.IntOrString": "int-or-string",
    "v1.Time": "time",
    "v1.MicroTime": "micro-time",
    "v1.FieldsV1": "raw",
    "runtime.RawExtension": "raw",
    "v1.JSONSchemaProps": "raw",
    "[]uint8": "bytes",
}


@dataclass(frozen=True, slots=True)
class GoField:
    """One field of a Go struct, embedded structs' fields included."""

    json: str  # "rollingUpdate"
    name: str  # "RollingUpdate"
    go_type: str  # as error messages name it, a pointer's target: "v1.RollingUpdateDeployment"
    pointer: bool
    kind: str  # string bool int32 int64 struct slice map, or one of _SPECIAL's values
    omit: str  # "o" left out when empty, "z" left out when zero, "-" always there
    element: str  # of a slice or map: its elements' Go type
    element_kind: str
    definition: str  # of a struct, or of a slice's or map's struct elements; "" otherwise

    @property
    def drops_empty(self) -> bool:
        """Whether an empty value counts as none: `omitempty`, but where a default stands only for what is not there."""
        return self.omit != "-" and not self.pointer and self.go_type not in _EMPTY_COUNTS

    @property
    def may_be_left_out(self) -> bool:
        """Whether JSON without this field can stand for its zero value."""
        return self.pointer or self.omit == "z" or (self.omit == "o" and self.kind not in _NEVER_EMPTY)


_EMPTY_COUNTS = frozenset({"[]v2.HPAScalingPolicy"})  # `policies: []` is refused, without policies they are made
_NEVER_EMPTY = frozenset({"struct", "time", "micro-time", "int-or-string", "quantity"})


@cache
def fields_of(definition: str) -> tuple[GoField, ...]:
    """The fields of a struct, by the full name of its OpenAPI definition, in Go's order. Raises KeyError."""
    return tuple(_field(definition, row.split("\t")) for row in _rows()[definition])


def is_struct(definition: str) -> bool:
    """Whether the fields of that definition are known."""
    return definition in _rows()


@lru_cache(maxsize=1)
def _rows() -> dict[str, list[str]]:
    """The rows of each struct, read when first asked for; made fields of one by one, as most are never met."""
    found: dict[str, list[str]] = {}
    name = ""
    for line in files(__package__).joinpath("go_types.tsv").read_text().splitlines():
        if line.startswith("\t"):
            found[name].append(line[1:])
        elif not line.startswith("#"):
            name = line
            found[name] = []
    return found


def go_name(definition: str) -> str:
    """`v1.Container`: how Go's messages name the struct of a definition."""
    _, version, name = definition.rsplit(".", 2)
    return f"{version}.{name}"


def _field(owner: str, row: list[str]) -> GoField:
    json, name, go_type, kind, omit = row
    pointer = go_type.startswith("*")
    go_type = go_type.removeprefix("*")
    kind = _SPECIAL.get(go_type, kind)
    schema = schemas.properties(schemas.definition(owner)).get(json, {})
    element = element_kind = definition = ""
    if kind == "struct":
        definition = schemas.reference(schema) or ""
    elif kind == "slice":
        items = schema.get("items", {})
        element = go_type.removeprefix("[]")
        definition = schemas.reference(items) or ""
        element_kind = _SPECIAL.get(element) or ("struct" if definition else _scalar(element))
        if element_kind != "struct":
            definition = ""
    elif kind == "map":
        values = schema.get("additionalProperties", {})
        quantities = schemas.reference(values) == schemas.QUANTITY
        element = "resource.Quantity" if quantities else go_type.partition("]")[2] or "string"
        special = _SPECIAL.get(element)
        definition = "" if special else schemas.reference(values) or ""
        element_kind = special or ("struct" if definition else _scalar(element))
    return GoField(json, name, go_type, pointer, kind, omit, element, element_kind, definition)


def _scalar(go_type: str) -> str:
    return go_type if go_type in ("int32", "int64", "bool") else "string"
