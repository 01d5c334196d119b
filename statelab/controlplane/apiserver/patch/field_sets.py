"""Sets of fields, in the very form in which `managedFields` shows them (`fieldsV1`).

A set is a tree of dicts. Its keys are path elements: `f:name` (a field), `k:{"name":"nginx"}` (an element of a keyed
list), `v:"x"` (an element of a list that is a set). An empty dict is a member of the set; a dict with children is a
member only if it holds the key ".". Sets are never changed in place. Source: structured-merge-diff/fieldpath (set.go,
serialize.go, serialize-pe.go).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from statelab.reader import jsonbytes

FieldSet = dict[str, Any]

MEMBER: FieldSet = {}
EMPTY: FieldSet = {}


def field_element(name: str) -> str:
    return f"f:{name}"


def key_element(keys: dict[str, Any]) -> str:
    return "k:" + jsonbytes.dumps(keys, option=jsonbytes.OPT_SORT_KEYS).decode()


def value_element(value: Any) -> str:
    return "v:" + jsonbytes.dumps(value).decode()


def is_member(node: FieldSet) -> bool:
    return not node or "." in node


def children(node: FieldSet) -> FieldSet:
    return {element: child for element, child in node.items() if element != "."} if "." in node else node


def node_of(member: bool, below: FieldSet) -> FieldSet | None:
    """The tree of something that is a member or not, and has these children; None when it is nothing at all."""
    if not below:
        return MEMBER if member else None
    return {".": MEMBER, **below} if member else below


def union(left: FieldSet, right: FieldSet) -> FieldSet:
    if not left or not right or left is right:
        return left or right
    result = dict(left)
    for element, node in right.items():
        if element in result:
            node = _union_node(result[element], node)
        result[element] = node
    return result


def _union_node(left: FieldSet, right: FieldSet) -> FieldSet:
    member = is_member(left) or is_member(right)
    return node_of(member, union(children(left), children(right))) or MEMBER


def difference(left: FieldSet, right: FieldSet) -> FieldSet:
    """What is in `left` and not in `right`; `left` itself when that is all of it. Costs what `right` holds."""
    result = left
    for element, other in right.items():
        node = left.get(element)
        if node is None or element == ".":
            continue
        below, remaining = children(node), is_member(node) and not is_member(other)
        kept_below = difference(below, children(other))
        if kept_below is below and remaining == is_member(node):
            continue
        if result is left:
            result = dict(left)
        kept = node_of(remaining, kept_below)
        if kept is None:
            del result[element]
        else:
            result[element] = kept
    return result


def intersection(left: FieldSet, right: FieldSet) -> FieldSet:
    result = {}
    for element, node in left.items():
        if element in right:
            other = right[element]
            both = is_member(node) and is_member(other)
            common = node_of(both, intersection(children(node), children(other)))
            if common is not None:
                result[element] = common
    return result


def without_below(fields: FieldSet, element: str) -> FieldSet:
    """The set without a path element and everything below it."""
    return {each: node for each, node in fields.items() if each != element} if element in fields else fields


def paths(fields: FieldSet, prefix: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every member, as the path elements that lead to it: at each level first the members, then what is below."""
    below = sorted(element for element in fields if element != ".")
    for element in below:
        if is_member(fields[element]):
            yield (*prefix, element)
    for element in below:
        yield from paths(children(fields[element]), (*prefix, element))


def path_text(path: tuple[str, ...]) -> str:
    """As conflicts name a field: `.spec.template.spec.containers[name="nginx"].image`."""
    return "".join(map(_element_text, path))


def _element_text(element: str) -> str:
    kind, _, rest = element.partition(":")
    if kind == "f":
        return f".{rest}"
    value = jsonbytes.loads(rest)
    if kind == "v":
        return f"[={jsonbytes.dumps(value).decode()}]"
    return "[" + ",".join(f"{name}={jsonbytes.dumps(value[name]).decode()}" for name in sorted(value)) + "]"


def in_order(fields: FieldSet) -> FieldSet:
    """The same set with its keys sorted, as it is shown."""
    return {element: in_order(fields[element]) if fields[element] else {} for element in sorted(fields)}


def is_valid(fields: Any) -> bool:
    """Whether `fieldsV1` from a client is a set at all."""
    if not isinstance(fields, dict):
        return False
    return all(
        element == "." or (element[:2] == "f:" or _is_json(element[2:]) if element[:2] in ("f:", "k:", "v:") else False)
        for element in fields
    ) and all(is_valid(node) for node in fields.values())


def _is_json(text: str) -> bool:
    try:
        jsonbytes.loads(text)
    except jsonbytes.JSONDecodeError:
        return False
    return True
