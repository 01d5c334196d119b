"""The OpenAPI definitions of Kubernetes 1.36, as `kubernetes-validate` carries them: fields, types, patch keys.

Loaded once, on first use (about 8 ms). Treat what you get as read-only.
"""

from __future__ import annotations

from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from statelab.reader import jsonbytes

Schema = dict[str, Any]

_PREFIX = "#/$defs/"
_FILE = "kubernetes-json-schema/v1.36.0-local/_definitions.json"

META = "io.k8s.apimachinery.pkg.apis.meta.v1."
CORE = "io.k8s.api.core.v1."
QUANTITY = "io.k8s.apimachinery.pkg.api.resource.Quantity"
INT_OR_STRING = "io.k8s.apimachinery.pkg.util.intstr.IntOrString"


@lru_cache(maxsize=1)
def definitions() -> dict[str, Schema]:
    """Every definition by its full name, e.g. `io.k8s.api.apps.v1.StatefulSet`."""
    # Found, not imported: the package brings jsonschema and its grammars, which take over a second to import.
    spec = find_spec("kubernetes_validate")
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeError("kubernetes-validate is not installed: it carries the schemas of Kubernetes")
    text = Path(spec.submodule_search_locations[0], _FILE).read_bytes()
    found: dict[str, Schema] = jsonbytes.loads(text)["$defs"]
    return found


def definition(name: str) -> Schema:
    """The definition of that full name. Raises KeyError where there is none."""
    return definitions()[name]


def reference(schema: Schema) -> str | None:
    """The full name of the definition that `schema` points to, or None where it is written in place."""
    pointer: str | None = schema.get("$ref")
    return pointer.removeprefix(_PREFIX) if pointer is not None else None


def resolve(schema: Schema) -> Schema:
    """`schema` itself, or the definition it points to.

    Patch keys and list types stay on the field's own schema: read those before resolving.
    """
    name = reference(schema)
    return schema if name is None else definition(name)


def properties(schema: Schema) -> dict[str, Schema]:
    """The fields of an object schema (resolved first), {} for anything else."""
    found: dict[str, Schema] = resolve(schema).get("properties", {})
    return found


def type_of(schema: Schema) -> str:
    """`object`, `array`, `string`, `integer`, `number` or `boolean`; "" where the schema leaves it open."""
    kind = resolve(schema).get("type", "")
    if isinstance(kind, list):
        kind = next((one for one in kind if one != "null"), "")
    return str(kind)
