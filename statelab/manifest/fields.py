"""Static advice on one object: its kind, its fields and their types, held against the OpenAPI definitions.

Advice comes before the API server's own word and is never the last one: it names the line and the likely cure.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from statelab.controlplane import quantity
from statelab.controlplane.apiserver.encoding import schemas
from statelab.reader import Item, Path_
from statelab.reader.errors import Finding, Place
from statelab.reader.spelling import nearest

_HEAD = ("apiVersion", "kind", "metadata", "spec", "data", "status")

# Values that Kubernetes compares letter by letter. path → (values, what it is called)
_ONE_OF: dict[tuple[str, str], tuple[str, ...]] = {
    ("StatefulSetSpec", "podManagementPolicy"): ("OrderedReady", "Parallel"),
    ("StatefulSetUpdateStrategy", "type"): ("RollingUpdate", "OnDelete"),
    ("DeploymentStrategy", "type"): ("RollingUpdate", "Recreate"),
    ("StatefulSetPersistentVolumeClaimRetentionPolicy", "whenDeleted"): ("Retain", "Delete"),
    ("StatefulSetPersistentVolumeClaimRetentionPolicy", "whenScaled"): ("Retain", "Delete"),
    ("PodSpec", "restartPolicy"): ("Always", "OnFailure", "Never"),
    ("PodSpec", "dnsPolicy"): ("ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"),
    ("Container", "imagePullPolicy"): ("Always", "IfNotPresent", "Never"),
    ("ContainerPort", "protocol"): ("TCP", "UDP", "SCTP"),
    ("ServicePort", "protocol"): ("TCP", "UDP", "SCTP"),
    ("ServiceSpec", "type"): ("ClusterIP", "NodePort", "LoadBalancer", "ExternalName"),
    ("PersistentVolumeSpec", "persistentVolumeReclaimPolicy"): ("Retain", "Delete", "Recycle"),
    ("StorageClass", "volumeBindingMode"): ("Immediate", "WaitForFirstConsumer"),
}
_ACCESS_MODES = ("ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany", "ReadWriteOncePod")


@lru_cache(maxsize=1)
def _kinds() -> dict[str, dict[str, str]]:
    """kind → apiVersion → the definition's name, for every kind of Kubernetes that has metadata."""
    found: dict[str, dict[str, str]] = {}
    for name, schema in schemas.definitions().items():
        for each in schema.get("x-kubernetes-group-version-kind", ()):
            if "metadata" in schema.get("properties", {}):
                version = f"{each['group']}/{each['version']}" if each["group"] else each["version"]
                found.setdefault(each["kind"], {}).setdefault(version, name)
    return found


def object_findings(item: Item) -> Iterator[Finding]:
    """What can be said about one object by itself: of its kind first, then of each field."""
    obj = item.object
    slips: set[str] = set()
    for key in ("kind", "apiVersion"):
        if key not in obj:
            slip = nearest(key, [each for each in obj if each not in _HEAD])
            if slip:
                slips.add(slip)
                yield Finding(f'"{slip[:60]}" is no field', item.place((slip,)), f"Did you mean {key}?", (slip,))
            else:
                yield Finding(f"{key} is missing", item.place(), "every object has an apiVersion and a kind", (key,))
        elif not isinstance(obj[key], str):
            yield Finding(f"{key} has to be text", item.place_of_value((key,)), path=(key,))
    kind, version = obj.get("kind"), obj.get("apiVersion")
    if not isinstance(kind, str):
        return
    versions = _kinds().get(kind)
    if versions is None:
        near = nearest(kind, _served_first())
        advice = f"Did you mean {near}?" if near else ""
        yield Finding(f'there is no kind "{kind[:60]}"', item.place_of_value(("kind",)), advice, ("kind",))
        return
    definition = versions.get(version) if isinstance(version, str) else None
    if definition is None:
        best = min(versions, key=lambda each: ("alpha" in each, "beta" in each, each))
        if isinstance(version, str):
            best = nearest(version, versions) or best
            problem, path = f'{version[:60]} has no kind "{kind}"', ("apiVersion",)
            yield Finding(problem, item.place_of_value(path), f"Did you mean apiVersion: {best}?", path)
        definition = versions[best]
    without = {key: value for key, value in obj.items() if key not in slips}
    yield from _fields(item, without, schemas.definition(definition), definition, (), [])


def _served_first() -> list[str]:
    from statelab.controlplane.kinds import KINDS

    served = [kind.name for kind in KINDS.values()]
    return served + [kind for kind in _kinds() if kind not in served]


def _fields(
    item: Item, value: Any, schema: schemas.Schema, name: str, path: Path_, parents: list[tuple[str, schemas.Schema]]
) -> Iterator[Finding]:
    """Walk value and schema side by side. `parents`: the schemas above, outermost first, each with its field's name."""
    schema = schemas.resolve(schema)
    if value is None:
        return
    wrong_type = _type_finding(item, value, schema, name, path)
    if wrong_type:
        yield wrong_type
        return
    if isinstance(value, list):
        inside = schema.get("items")
        for index, each in enumerate(value):
            if inside is not None:
                yield from _fields(item, each, inside, schemas.reference(inside) or "", (*path, index), parents)
        return
    if not isinstance(value, dict):
        return
    known = schema.get("properties")
    if known is None:
        inside = schema.get("additionalProperties")
        if isinstance(inside, dict):
            for key, each in value.items():
                yield from _fields(item, each, inside, schemas.reference(inside) or "", (*path, key), parents)
        return
    here = (next((step for step in reversed(path) if isinstance(step, str)), f"the {item.kind} itself"), schema)
    short = name.rpartition(".")[2]
    for key, each in value.items():
        if key not in known:
            yield _unknown(item, key, value, schema, short, path, parents)
            continue
        values = _ONE_OF.get((short, key))
        if values and isinstance(each, str) and each not in values:
            yield _not_one_of(item, each, values, (*path, key))
        if key == "accessModes" and isinstance(each, list):
            for index, mode in enumerate(each):
                if isinstance(mode, str) and mode not in _ACCESS_MODES:
                    yield _not_one_of(item, mode, _ACCESS_MODES, (*path, key, index))
        child = known[key]
        yield from _fields(item, each, child, schemas.reference(child) or "", (*path, key), [*parents, here])


def dotted(path: Path_) -> str:
    """`spec.containers[0].image`, as the API server writes a field."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def _unknown(
    item: Item,
    key: str,
    value: dict[str, Any],
    schema: schemas.Schema,
    short: str,
    path: Path_,
    parents: list[tuple[str, schemas.Schema]],
) -> Finding:
    problem = f'unknown field "{dotted((*path, key))}"'
    place = item.place((*path, key))
    known = schema["properties"]
    what = f"a {short}" if not path else str(next(step for step in reversed(path) if isinstance(step, str)))
    if not path or path == ("spec",):
        what = f"a {item.kind}"
    slip = nearest(key, [each for each in known if each not in value])
    if slip:
        return Finding(problem, place, f'{what} has "{slip}". Did you mean that?', (*path, key))
    if path == ("metadata",) and "name" not in value:
        return Finding(problem, place, "Did you mean name?", (*path, key))
    # Indented too far: one of the parents has it.
    for parent, above in reversed(parents):
        if key in above.get("properties", {}):
            return Finding(problem, place, f"it belongs to {parent}: move it to the left", (*path, key))
        if "spec" in above.get("properties", {}) and key in schemas.properties(above["properties"]["spec"]):
            return Finding(problem, place, "it belongs to spec", (*path, key))
    # Not indented far enough: a field beside it has it, or a field below that.
    for sibling in sorted(known, key=lambda each: each not in value):
        below = schemas.resolve(known[sibling])
        inner = schemas.resolve(below["items"]) if "items" in below else below
        if sibling != "status" and key in schemas.properties(inner):
            return Finding(problem, place, f"it belongs into {dotted((*path, sibling))}", (*path, key))
    return Finding(problem, place, f"{what} has no such field", (*path, key))


def _not_one_of(item: Item, value: str, values: tuple[str, ...], path: Path_) -> Finding:
    near = nearest(value, values)
    advice = f"Did you mean {near}?" if near else "it can be " + ", ".join(values[:-1]) + f" or {values[-1]}"
    step = path[-1] if isinstance(path[-1], str) else str(path[-2]).removesuffix("s")
    return Finding(f'"{value[:60]}" is no {step}', item.place_of_value(path), advice, path)


def _is_right(value: Any, schema: schemas.Schema, name: str) -> bool:
    """Whether there is nothing to say of its type; False as well for what has to be looked at more closely."""
    if name in (schemas.QUANTITY, schemas.INT_OR_STRING) or "oneOf" in schema:
        return False
    is_type = {"object": dict, "array": list, "string": str}.get(schemas.type_of(schema) or "")
    return is_type is not None and isinstance(value, is_type)


def _type_finding(item: Item, value: Any, schema: schemas.Schema, name: str, path: Path_) -> Finding | None:
    if _is_right(value, schema, name):  # most are, and where it stands takes long to find among thousands
        return None
    place, field = item.place_of_value(path), dotted(path)
    if name in (schemas.QUANTITY, schemas.INT_OR_STRING) or "oneOf" in schema:
        if isinstance(value, (str, int, float)) and not isinstance(value, bool):
            return _quantity_finding(value, place, field, path) if name == schemas.QUANTITY else None
        return Finding(f"{field} has to be a number or text", place, path=path)
    wanted = schemas.type_of(schema)
    if wanted == "object" and not isinstance(value, dict):
        advice = "take the - away" if isinstance(value, list) else "its fields go on lines of their own, indented"
        return Finding(f"{field or 'an object'} has to be a mapping", place, advice, path)
    if wanted == "array" and not isinstance(value, list):
        advice = (
            "begin each item with -"
            if isinstance(value, dict)
            else f"write [{str(value)[:30]}], or - {str(value)[:30]}"
        )
        return Finding(f"{field} has to be a list", place, advice, path)
    if wanted == "string" and not isinstance(value, str):
        if isinstance(value, (dict, list)):
            return Finding(f"{field} has to be text", place, path=path)
        shown = _WRITTEN.get((value, place.length), str(value).lower()) if isinstance(value, bool) else str(value)
        return Finding(
            f"{field} has to be text, and this is a {_name(value)}", place, f'put it in quotes: "{shown}"', path
        )
    if wanted == "integer" and (not isinstance(value, int) or isinstance(value, bool)):
        quoted = isinstance(value, str) and value.strip().lstrip("-").isdigit()
        return Finding(f"{field} has to be a whole number", place, "take the quotes away" if quoted else "", path)
    if wanted == "boolean" and not isinstance(value, bool):
        quoted = isinstance(value, str) and value.lower() in ("true", "false")
        return Finding(f"{field} has to be true or false", place, "take the quotes away" if quoted else "", path)
    return None


# What stood there, by its meaning and its length: YAML 1.1 has many words for true and false.
_WRITTEN = {(True, 1): "y", (False, 1): "n", (True, 2): "on", (False, 2): "no", (True, 3): "yes", (False, 3): "off"}
_UNITS = {"GB": "G", "MB": "M", "KB": "k", "TB": "T", "GIB": "Gi", "MIB": "Mi", "KIB": "Ki", "TIB": "Ti"}


def _quantity_finding(value: Any, place: Place, field: str, path: Path_) -> Finding | None:
    """What is no quantity: `1GB`, `1 Gi`, `1gi`."""
    text = str(value)
    try:
        quantity.parse(text)
    except ValueError:
        pass
    else:
        return None
    number = text.strip().rstrip("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ").strip()
    unit = text.strip()[len(number) :].strip()
    meant = _UNITS.get(unit.upper()) or next((each for each in _UNITS.values() if each.upper() == unit.upper()), "")
    advice = f"Did you mean {number}{meant}?" if meant and number else "write 1Gi, 500Mi, 100m or 2, for example"
    return Finding(f'{field}: "{text[:60]}" is no quantity', place, advice, path)


def _name(value: Any) -> str:
    return "boolean" if isinstance(value, bool) else "number"
