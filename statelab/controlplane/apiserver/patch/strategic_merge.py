"""Strategic merge patch: a patch that knows which lists are keyed, because the schema says so.

`containers` merges by `name`, `ports` of a Service by `port`, `finalizers` as a set; other lists are replaced. A patch
may carry directives: `$patch` (replace, delete), `$setElementOrder/<list>`, `$deleteFromPrimitiveList/<list>` and
`$retainKeys`. Source: apimachinery/pkg/util/strategicpatch/patch.go; the fields' strategies are the definitions'
`x-kubernetes-patch-strategy` and `x-kubernetes-patch-merge-key`.
"""

from __future__ import annotations

from typing import Any

from statelab.controlplane.apiserver.encoding import schemas
from statelab.controlplane.apiserver.encoding.schemas import Schema
from statelab.controlplane.errors import ApiError, bad_request
from statelab.controlplane.kinds import Object
from statelab.reader import jsonbytes

_PATCH = "$patch"
_RETAIN_KEYS = "$retainKeys"
_SET_ORDER = "$setElementOrder/"
_DELETE_FROM = "$deleteFromPrimitiveList/"

_BAD_PRIMITIVE_LIST = "invalid patch format of primitive list"
_BAD_RETAIN_KEYS = "invalid patch format of retainKeys"
_BAD_SET_ORDER = "invalid patch format of setElementOrder list"


def strategic_merge(obj: Object, patch: Any, schema: str | Schema) -> Object:
    """`obj` after a strategic merge patch. `schema` is the kind's definition, or its name.

    Raises ApiError 400 or 422 in upstream's words. (Where upstream answers 500, because its error has no code, as for
    an element without its merge key, this answers 400.)
    """
    if patch is None:
        return obj
    if not isinstance(patch, dict):
        kind = "array" if isinstance(patch, list) else "string" if isinstance(patch, str) else "number"
        raise bad_request(f"json: cannot unmarshal {kind} into Go value of type map[string]interface {{}}")
    try:
        private: Object = jsonbytes.loads(jsonbytes.dumps(patch))
    except (jsonbytes.JSONEncodeError, jsonbytes.JSONDecodeError):
        raise bad_request("json: exceeded max depth") from None
    return _merge_map(obj, private, schemas.definition(schema) if isinstance(schema, str) else schema)


# ---- maps


def _merge_map(original: Object, patch: Object, schema: Schema) -> Object:
    """`patch` is private and may be changed; `original` is not."""
    if _PATCH in patch:
        directive = patch.pop(_PATCH)
        if directive == "replace":
            replacement: Object = _plain(patch)[1]
            return replacement
        if directive == "delete":
            return {}
        raise bad_request(f"unknown patch type: {go_text(directive)} in map: {go_text({**patch, _PATCH: directive})}")
    merged = dict(original)
    _retain_keys(merged, patch)
    _merge_ordered_lists(merged, patch, schema)
    for key, change in patch.items():
        deletes = key.startswith(_DELETE_FROM)
        if deletes:
            key = key.removeprefix(_DELETE_FROM)
        if change is None:
            merged.pop(key, None)
            continue
        before = merged.get(key)
        if before is None or _type(before) != _type(change):
            if not deletes:
                _take(merged, key, change)
            continue
        if isinstance(change, dict):
            field = _field(schema, key)
            if _strategy(field) == "replace":
                _take(merged, key, change)
            else:
                merged[key] = _merge_map(before, change, field)
        elif isinstance(change, list):
            field = _field(schema, key)
            if _strategy(field) == "merge":
                merged[key] = _merge_list(before, change, field, deletes)
            else:
                _take(merged, key, change)
        else:
            merged[key] = change
    return merged


def _take(merged: Object, key: str, value: Any) -> None:
    """A value that meets nothing to merge with: taken as it is, without nulls and directives."""
    kept, value = _plain(value)
    if kept:
        merged[key] = value
    else:
        merged.pop(key, None)


def _plain(value: Any) -> tuple[bool, Any]:
    """Whether a new value is kept at all (`$patch: delete` is not), and the value without directives and nulls."""
    if isinstance(value, dict):
        if value.get(_PATCH) == "delete":
            return False, None
        plain = {}
        for key, each in value.items():
            if each is None or key in (_PATCH, _RETAIN_KEYS) or key.startswith((_SET_ORDER, _DELETE_FROM)):
                continue
            kept, each = _plain(each)
            if kept:
                plain[key] = each
        return True, plain
    if isinstance(value, list):
        return True, [each for kept, each in map(_plain, value) if kept and not _only_directive(each, value)]
    return True, value


def _only_directive(element: Any, elements: list[Any]) -> bool:
    """`- $patch: replace` in a list says how to treat the list; without its directive nothing is left of it."""
    return element == {} and any(isinstance(each, dict) and set(each) == {_PATCH} for each in elements)


def _retain_keys(merged: Object, patch: Object) -> None:
    if _RETAIN_KEYS not in patch:
        return
    retained = patch.pop(_RETAIN_KEYS)
    if not isinstance(retained, list):
        raise bad_request(_BAD_RETAIN_KEYS)
    for key, change in patch.items():
        if change is not None and not key.startswith((_SET_ORDER, _DELETE_FROM)) and key not in retained:
            raise bad_request(_BAD_RETAIN_KEYS)
    for key in list(merged):
        if key not in retained:
            del merged[key]


def _merge_ordered_lists(merged: Object, patch: Object, schema: Schema) -> None:
    """`$setElementOrder`: merge each list that has one, put it in order, and take both out of the patch."""
    for directive in [key for key in patch if key.startswith(_SET_ORDER)]:
        order = patch.pop(directive)
        key = directive.removeprefix(_SET_ORDER)
        if not isinstance(order, list):
            raise bad_request(f"expected a []interface {{}}, but received a {_go_type(order)}")
        before, change = merged.get(key), patch.get(key)
        for each in (before, change):
            if each is not None and not isinstance(each, list):
                raise bad_request(f"expected a []interface {{}}, but received a {_go_type(each)}")
        field = _field(schema, key)
        merge_key = str(field.get("x-kubernetes-patch-merge-key", ""))
        _check_order(change or [], order, merge_key)
        if before is None and change is None:
            continue
        if before is None:
            result = [each for kept, each in map(_plain, change or []) if kept]
        elif change is None:
            result = before
        elif _strategy(field) == "merge":
            result = _merge_list(before, change, field, deletes=False)
        else:
            result = change
        patch.pop(key, None)
        merged[key] = _interleave(result, order, before or [], merge_key)


def _check_order(change: list[Any], order: list[Any], merge_key: str) -> None:
    """The elements of the patch must be in the order list, and in that order; deletions do not count."""
    kept = [each for each in change if not (isinstance(each, dict) and _PATCH in each)]
    if not kept or not order:
        return
    positions = iter(order)
    for element in kept:
        if not any(_identity(element, merge_key) == _identity(each, merge_key) for each in positions):
            texts = go_text(change), go_text(order)
            raise bad_request(
                f"The order in patch list:\n{texts[0]}\n doesn't match $setElementOrder list:\n{texts[1]}\n"
            )


# ---- lists


def _merge_list(before: list[Any], change: list[Any], field: Schema, deletes: bool) -> list[Any]:
    if not before and not change:
        return before
    kinds = {_type(each) for each in (*before, *change)}
    if "array" in kinds:
        raise ApiError(422, "Invalid", "the server rejected our request due to an error in our request", {})
    if "object" not in kinds:
        if deletes:
            unwanted = [_identity(each, "") for each in change]
            return [each for each in before if _identity(each, "") not in unwanted]
        merged = list({_identity(each, ""): each for each in (*before, *change)}.values())
        return _interleave(merged, change, before, "")
    if kinds != {"object"}:
        raise bad_request("list element types are not identical: []")
    if deletes:
        raise bad_request(_BAD_PRIMITIVE_LIST)
    merge_key = field.get("x-kubernetes-patch-merge-key", "")
    if not merge_key:
        raise bad_request("cannot merge lists without merge key for type struct")
    before, change = _apply_list_directives(before, change, merge_key)
    merged = list(before)
    for element in change:
        value = _identity(element, merge_key)
        found = next((i for i, each in enumerate(merged) if _identity_or_none(each, merge_key) == value), None)
        if found is None:
            kept, plain = _plain(element)
            if kept:
                merged.append(plain)
        else:
            merged[found] = _merge_map(merged[found], element, schemas.resolve(field)["items"])
    return _interleave(merged, change, before, merge_key)


def _apply_list_directives(before: list[Any], change: list[Any], merge_key: str) -> tuple[list[Any], list[Any]]:
    """`- $patch: delete` with a key removes elements; `- $patch: replace` makes the rest of the patch the list."""
    plain: list[Any] = []
    replace = False
    for element in change:
        if _PATCH not in element:
            plain.append(element)
            continue
        match element[_PATCH]:
            case "delete":
                value = _identity(element, merge_key)
                before = [each for each in before if _identity_or_none(each, merge_key) != value]
            case "replace":
                replace = True
            case "merge":
                raise bad_request("merging lists cannot yet be specified in the patch")
            case unknown:
                raise bad_request(f"unknown patch type: {go_text(unknown)} in map: {go_text(element)}")
    return (plain, []) if replace else (before, plain)


def _interleave(merged: list[Any], order: list[Any], live_order: list[Any], merge_key: str) -> list[Any]:
    """Put the patch's elements in the patch's order, and the others among them where the live list had them."""
    places = {identity: i for i, identity in reversed(list(enumerate(_identity(each, merge_key) for each in order)))}
    live = {
        identity: i
        for i, identity in reversed(list(enumerate(_identity_or_none(each, merge_key) for each in live_order)))
    }
    named = [(_identity(each, merge_key), each) for each in merged]
    patched = sorted((each for each in named if each[0] in places), key=lambda each: places[each[0]])
    others = [each for each in named if each[0] not in places]
    result: list[Any] = []
    position = 0
    for identity, element in others:
        while position < len(patched):
            following = patched[position][0]
            if identity in live and following in live and live[identity] < live[following]:
                break
            result.append(patched[position][1])
            position += 1
        result.append(element)
    return [*result, *(element for _, element in patched[position:])]


def _identity(element: Any, merge_key: str) -> Any:
    """What makes an element itself: its merge key's value, or for a scalar the scalar."""
    if not merge_key:
        return jsonbytes.dumps(element)
    if not isinstance(element, dict):
        raise bad_request(f"expected a map[string]interface {{}}, but received a {_go_type(element)}")
    if merge_key not in element:
        raise bad_request(f"map: {go_text(element)} does not contain declared merge key: {merge_key}")
    return jsonbytes.dumps(element[merge_key])


def _identity_or_none(element: Any, merge_key: str) -> Any:
    """As `_identity`, of an element that is already there and may lack the key."""
    if merge_key and (not isinstance(element, dict) or merge_key not in element):
        return None
    return _identity(element, merge_key)


# ---- the schema


def _field(schema: Schema, key: str) -> Schema:
    """The schema of one field: a property with its patch keys, or what all values of a map share."""
    resolved = schemas.resolve(schema)
    if "properties" in resolved:
        if key not in resolved["properties"]:
            name = (schemas.reference(schema) or "").rpartition(".")[2] or "struct"
            raise bad_request(f'unable to find api field in struct {name} for the json field "{key}"')
        found: Schema = resolved["properties"][key]
        return found
    values = resolved.get("additionalProperties")
    return values if isinstance(values, dict) else {}


def _strategy(field: Schema) -> str:
    """ "merge", "replace" or "": `retainKeys` beside one says only that the client sends `$retainKeys`."""
    strategies = [each for each in field.get("x-kubernetes-patch-strategy", "").split(",") if each != "retainKeys"]
    return strategies[0] if strategies else ""


def _type(value: Any) -> str:
    """What Go would decode the value as: values of two types do not merge."""
    if isinstance(value, dict):
        return "object"
    return "array" if isinstance(value, list) else type(value).__name__


def _go_type(value: Any) -> str:
    names = {"dict": "map[string]interface {}", "list": "[]interface {}", "str": "string", "int": "int64"}
    return names.get(type(value).__name__, {"float": "float64"}.get(type(value).__name__, type(value).__name__))


def go_text(value: Any) -> str:
    """A JSON value as Go's %v prints it."""
    if isinstance(value, dict):
        return "map[" + " ".join(f"{key}:{go_text(value[key])}" for key in sorted(value)) + "]"
    if isinstance(value, list):
        return "[" + " ".join(map(go_text, value)) + "]"
    if value is None:
        return "<nil>"
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
