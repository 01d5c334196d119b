"""What can be told of a CEL expression before it is asked: names, fields and overloads that are not there.

Not cel-go's whole checker: what it does not know it takes for `dyn`, so it never refuses what a real server takes.
Source: cel-go checker/checker.go, common/stdlib.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from statelab.controlplane.apiserver.validation.custom.cel import libraries
from statelab.controlplane.apiserver.validation.custom.cel.evaluating import MACROS, is_bind
from statelab.controlplane.apiserver.validation.custom.cel.parsing import CelSyntaxError, Node, located, parse
from statelab.controlplane.apiserver.validation.custom.cel.types import (
    BOOL,
    BYTES,
    DOUBLE,
    DYN,
    INT,
    NULL,
    NUMBERS,
    PRIMITIVE,
    STRING,
    UINT,
    Type,
    list_of,
)
from statelab.controlplane.apiserver.validation.custom.cel.values import unescaped

_STRINGS = list_of(STRING)
# The functions there are, with what they come to where that is always the same.
_FUNCTIONS = {
    "size": INT, "int": INT, "uint": UINT, "double": DOUBLE, "string": STRING, "bytes": BYTES, "bool": BOOL,
    "dyn": DYN, "type": DYN, "matches": BOOL, "quantity": DYN, "isQuantity": BOOL, "isURL": BOOL, "url": DYN,
    "isIP": BOOL, "ip": DYN, "isCIDR": BOOL, "cidr": DYN, "duration": DYN, "timestamp": DYN, "has": BOOL,
    "semver": DYN, "isSemver": BOOL,
}  # fmt: skip
_OF_STRINGS = {
    "startsWith": BOOL, "endsWith": BOOL, "matches": BOOL, "lowerAscii": STRING, "upperAscii": STRING, "trim": STRING,
    "charAt": STRING, "substring": STRING, "replace": STRING, "split": _STRINGS, "find": STRING, "findAll": _STRINGS,
    "format": STRING,
}  # fmt: skip
_METHODS = {
    "size": INT, "contains": BOOL, "indexOf": INT, "lastIndexOf": INT, "isSorted": BOOL, "join": STRING,
    "allowed": BOOL, "reason": STRING, "errored": BOOL, "error": STRING, "hasValue": BOOL,
    "major": INT, "minor": INT, "patch": INT,
    "isGreaterThan": BOOL, "isLessThan": BOOL, "isInteger": BOOL, "compareTo": INT, "asInteger": INT, "sign": INT,
}  # fmt: skip
_OTHER_METHODS = frozenset(
    (
        "sum", "min", "max", "sort", "value", "orValue", "or", "optMap", "optFlatMap", "add", "sub", "family",
        "asApproximateFloat", "isLoopback", "isUnspecified", "containsIP", "containsCIDR", "prefixLength", "masked",
        "getScheme", "getHost", "getHostname", "getPort", "getEscapedPath", "path", "group", "resource", "subresource",
        "namespace", "name", "check", "serviceAccount", "fieldSelector", "labelSelector", "ip", "getQuery",
        "isCanonical", "reverse", "distinct", "flatten", "slice", "first", "last",
    )
)  # fmt: skip
_SHOWN = {"in": "@in", "neg": "-_", "!": "!_", "?:": "_?_:_"}


def problems(text: str, names: Mapping[str, Type]) -> tuple[str, Type]:
    """What is wrong with an expression of these names, as cel-go shows it ("" for nothing), and what it comes to."""
    try:
        node = parse(text)
    except CelSyntaxError as error:
        return str(error), DYN
    check = _Check(text)
    found = check.type_of(node, dict(names))
    return "\n".join(check.found), found


class _Check:
    def __init__(self, text: str) -> None:
        self._text = text
        self.found: list[str] = []

    def _wrong(self, node: Node, message: str) -> Type:
        self.found.append(located(message, self._text, node.at))
        return DYN

    def type_of(self, node: Node, names: dict[str, Type]) -> Type:
        match node.op:
            case "literal":
                return _literal(node)
            case "name":
                if node.value in names:
                    return names[node.value]
                return self._wrong(node, f"undeclared reference to '{node.value}' (in container '')")
            case "member":
                return self._member(node, names)
            case "function":
                return self._function(node, names)
            case "call":
                return self._call(node, names)
            case "index":
                owner, _ = (self.type_of(each, names) for each in node.args)
                return owner.args[-1] if owner.kind in ("list", "map") and owner.args else DYN
            case "list":
                return list_of(_same([self.type_of(each, names) for each in node.args]))
            case "map" | "message" | "member?" | "index?" | "entry?":
                for each in node.args:
                    self.type_of(each, names)
                return _of_message(str(node.value[0])) if node.op == "message" else DYN
        return self._operator(node, [self.type_of(each, names) for each in node.args])

    def _member(self, node: Node, names: dict[str, Type]) -> Type:
        owner, name = self.type_of(node.args[0], names), unescaped(node.value)
        if owner.fields is not None:
            found = owner.fields(name)
            return found if found is not None else self._wrong(node, f"undefined field '{name}'")
        if owner.kind == "map":
            return owner.args[-1]
        if owner.kind in PRIMITIVE or owner.kind in ("list", "null_type"):
            return self._wrong(node, f"type '{owner}' does not support field selection")
        return DYN

    def _function(self, node: Node, names: dict[str, Type]) -> Type:
        for each in node.args:
            self.type_of(each, names)
        if node.value not in _FUNCTIONS:
            return self._wrong(node, f"undeclared reference to '{node.value}' (in container '')")
        return _FUNCTIONS[node.value]

    def _call(self, node: Node, names: dict[str, Type]) -> Type:
        owner, *rest = node.args
        if is_bind(node, names):
            variable, value, body = rest
            return self.type_of(body, {**names, variable.value: self.type_of(value, names)})
        if owner.op == "name" and owner.value not in names and owner.value in libraries.NAMES:
            for each in rest:
                self.type_of(each, names)
            return DYN if owner.value != "sets" else BOOL
        kind = self.type_of(owner, names)
        if (node.value in MACROS and len(node.args) > 2) or node.value in ("optMap", "optFlatMap"):
            return self._macro(node, kind, names)
        for each in rest:
            self.type_of(each, names)
        if node.value in _OF_STRINGS:
            if (kind.kind in PRIMITIVE and kind.kind != "string") or kind.kind in ("list", "map", "null_type"):
                said = ", ".join(str(self.type_of(each, names)) for each in rest)
                return self._wrong(node, f"found no matching overload for '{node.value}' applied to '{kind}.({said})'")
            return _OF_STRINGS[node.value]
        if node.value in _METHODS:
            return _METHODS[node.value]
        if node.value in _OTHER_METHODS:
            return DYN
        return self._wrong(node, f"undeclared reference to '{node.value}' (in container '')")

    def _macro(self, node: Node, over: Type, names: dict[str, Type]) -> Type:
        _, *rest = node.args
        of_two = node.value.startswith("transform") or (len(rest) == 3 and node.value not in ("map", "filter"))
        variables, bodies = (rest[:2], rest[2:]) if of_two else (rest[:1], rest[1:])
        element, key = DYN, DYN
        if over.kind == "list" and over.args:
            element, key = over.args[0], INT
        elif over.kind == "map" and over.args:
            element, key = (over.args[1] if of_two else over.args[0]), over.args[0]
        elif over.kind in PRIMITIVE:
            said = f"expression of type '{over}' cannot be range of a comprehension (must be list, map, or dynamic)"
            return self._wrong(node.args[0], said)
        types = (key, element) if of_two else (element,)
        inside = {
            **names,
            **{each.value: type for each, type in zip(variables, types, strict=True) if each.op == "name"},
        }
        found = [self.type_of(each, inside) for each in bodies]
        if node.value in ("map", "transformList"):
            return list_of(found[-1])
        if node.value == "filter":
            return over
        return DYN if node.value in ("transformMap", "optMap", "optFlatMap") else BOOL

    def _operator(self, node: Node, types: list[Type]) -> Type:
        kinds = [each.kind for each in types]
        found = _result(node.op, types, kinds)
        if found is not None:
            return found
        shown = _SHOWN.get(node.op, f"_{node.op}_")
        said = ", ".join(map(str, types))
        self._wrong(node, f"found no matching overload for '{shown}' applied to '({said})'")
        return BOOL if node.op in _TRUTHS else DYN


_TRUTHS = ("==", "!=", "<", "<=", ">", ">=", "in", "&&", "||", "!")


def _result(op: str, types: list[Type], kinds: list[str]) -> Type | None:
    """What an operator comes to; None where it has no such overload."""
    if op in ("&&", "||", "!"):
        return BOOL if all(each in ("bool", "dyn") for each in kinds) else None
    if op == "neg":
        return types[0] if kinds[0] in (*NUMBERS, "dyn") else None
    if op == "?:":
        return _same(types[1:]) if kinds[0] in ("bool", "dyn") and not _differ(kinds[1:]) else None
    if op in ("==", "!="):
        return None if _differ(kinds) else BOOL
    if op == "in":
        return BOOL if kinds[1] in ("list", "map", "dyn") else None
    if op in ("<", "<=", ">", ">="):
        return BOOL if _may_be_compared(kinds) else None
    return _arithmetic(op, types, kinds)


def _differ(kinds: list[str]) -> bool:
    one, other = kinds
    known = (*PRIMITIVE, "null_type", "list", "map")
    return one in known and other in known and one != other and (one in PRIMITIVE or other in PRIMITIVE)


def _may_be_compared(kinds: list[str]) -> bool:
    if any(each in ("list", "map", "null_type") for each in kinds):
        return False
    one, other = kinds
    if one in NUMBERS and other in NUMBERS:
        return True
    return one not in PRIMITIVE or other not in PRIMITIVE or one == other


def _arithmetic(op: str, types: list[Type], kinds: list[str]) -> Type | None:
    one, other = kinds
    if "dyn" in kinds:
        return next((each for each in types if each.kind in PRIMITIVE), DYN)
    allowed = {"+": (*NUMBERS, "string", "bytes", "list"), "%": ("int", "uint")}.get(op, tuple(NUMBERS))
    if one not in (*PRIMITIVE, "list", "map", "null_type"):
        return DYN
    return types[0] if one == other and one in allowed else None


def _same(types: list[Type]) -> Type:
    return types[0] if types and all(each == types[0] for each in types) else DYN


def _literal(node: Node) -> Type:
    value = node.value
    for kind, found in ((bool, BOOL), (int, INT), (float, DOUBLE), (str, STRING), (bytes, BYTES)):
        if isinstance(value, kind):
            return found
    return NULL


@lru_cache(maxsize=256)
def _of_message(name: str) -> Type:
    return Type(name)
