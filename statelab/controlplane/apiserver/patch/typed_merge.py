"""Objects changed with their schema: one merged into another, a set of fields taken out.

Source: structured-merge-diff/typed (merge.go, remove.go), fieldpath/set.go (EnsureNamedFieldsAreMembers).
"""

from __future__ import annotations

from typing import Any

from statelab.controlplane.apiserver.patch.field_sets import (
    MEMBER,
    FieldSet,
    children,
    field_element,
    is_member,
    node_of,
)
from statelab.controlplane.apiserver.patch.typed import ABSENT, Mistyped, Type, parts_of_list


def merge(type: Type, old: Any, new: Any) -> Any:
    """`old` with everything that `new` says. Elements that only `old` has stay, where they were among the others."""
    if new is ABSENT:
        return old
    if old is ABSENT or type.kind == "leaf" or old is None or new is None:
        return new
    if type.kind == "map":
        merged = dict(old)
        for name, each in new.items():
            field = type.field(name)
            merged[name] = each if field is None else merge(field, old.get(name, ABSENT), each)
        return merged
    return _merge_list(type, old, new)


def _merge_list(type: Type, old: list[Any], new: list[Any]) -> list[Any]:
    live, wanted = parts_of_list(type, old), parts_of_list(type, new)
    left = [(element, each) for element, each in live.items()]
    right = list(wanted)
    shared = iter([element for element in right if element in live])
    next_shared = next(shared, None)
    merged: list[Any] = []
    done: set[str] = set()
    i = j = 0
    while i < len(left) or j < len(right):
        if i < len(left):
            element, each = left[i]
            if j < len(right):
                if element == right[j]:
                    merged.append(merge(type.element, each, wanted[element]))
                    done.add(element)
                    i, j, next_shared = i + 1, j + 1, next(shared, None)
                    continue
                if element in wanted and next_shared is not None and next_shared != element:
                    i += 1
                    continue
            if element not in wanted:
                merged.append(each)
                i += 1
                continue
            if element in done:
                i += 1
        if j < len(right):
            element = right[j]
            merged.append(merge(type.element, live.get(element, ABSENT), wanted[element]))
            done.add(element)
            if next_shared == element:
                next_shared = next(shared, None)
            j += 1
    return merged


def remove(type: Type, value: Any, fields: FieldSet) -> Any:
    """`value` without the fields of a set; a map or list that becomes empty is gone altogether: ABSENT."""
    if not fields or type.kind == "leaf" or not value:
        return value
    if type.kind == "map":
        kept: dict[str, Any] = {}
        for name, each in value.items():
            node = fields.get(field_element(name))
            if node is not None:
                if is_member(node):
                    continue
                below = type.field(name)
                each = remove(below, each, children(node)) if below is not None else each
                if each is ABSENT:
                    continue
            kept[name] = each
        return kept or ABSENT
    elements: list[Any] = []
    for each in value:
        try:
            node = fields.get(type.element_name(each))
        except Mistyped:
            node = None
        if node is not None:
            if is_member(node):
                continue
            each = remove(type.element, each, children(node))
            if each is ABSENT:
                continue
        elements.append(each)
    return elements or ABSENT


def with_named_fields(type: Type, fields: FieldSet) -> FieldSet:
    """The set, with each declared field that has a member somewhere below it as a member itself."""
    result: FieldSet = {}
    for element, node in fields.items():
        if element == ".":
            continue
        inner = type.element if type.kind == "list" else type.field(element[2:]) if element[:2] == "f:" else None
        below = children(node)
        if inner is not None and inner.kind != "leaf":
            below = with_named_fields(inner, below)
        named = element[:2] == "f:" and type.kind == "map" and type.declares(element[2:])
        result[element] = node_of(is_member(node) or named, below) or MEMBER
    return result
