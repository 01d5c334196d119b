"""CEL of strangers: whatever is written, it comes to a value or to words, within its budget."""

from __future__ import annotations

import random

import pytest

from statelab.controlplane.apiserver.validation.custom import cel
from statelab.controlplane.apiserver.validation.custom.cel import types

OBJECT = {"spec": {"replicas": 3, "list": [1, "a", None, 2.5, [1]], "text": "ab", "map": {"a": 1}, "flag": True}}
NAMES = {"object": OBJECT, "nothing": None}
LEAVES = (
    "1", "-1", "9223372036854775807", "2.5", "1u", "'a'", "b'a'", "true", "null", "[]", "{}", "[1, 'a']", "{'a': 1}",
    "object", "object.spec", "object.spec.list", "object.spec.text", "object.spec.map", "nothing", "nobody",
    "object.?spec", "optional.none()", "optional.of(1)", "quantity('1Gi')", "duration('1h')", "type(1)",
    "ip('10.0.0.1')", "cidr('10.0.0.0/8')", "url('https://a.b/c')", "timestamp('2026-01-01T00:00:00Z')",
    "Object{a: 1}", "object.spec.list.map(x, x)",
)  # fmt: skip
METHODS = (
    "size()", "startsWith('a')", "contains('a')", "matches('a+')", "format([1])", "split(',')", "join(',')", "sum()",
    "min()", "max()", "sort()", "isSorted()", "indexOf('a')", "orValue(1)", "hasValue()", "value()", "substring(1)",
    "replace('a', 'b')", "lowerAscii()", "add(1)", "sign()", "isGreaterThan(quantity('1'))", "getHost()", "family()",
    "containsIP('10.0.0.1')", "charAt(0)", "find('a')", "nothing(1)", "optMap(x, x)", "replace('', 'ab', 3)",
)  # fmt: skip
OPERATORS = ("+", "-", "*", "/", "%", "==", "!=", "<", "<=", ">", ">=", "in", "&&", "||")
MACROS = (
    "all(x, ", "exists(x, ", "exists_one(x, ", "map(x, ", "filter(x, ", "all(x, y, ", "map(x, true, ",
    "transformMap(k, v, ", "transformList(k, v, ",
)  # fmt: skip
FUNCTIONS = ("size", "int", "uint", "double", "string", "bytes", "bool", "dyn", "type", "!", "-", "isIP", "quantity")
SHAPES = (
    "({0} {op} {1})", "{0}.{method}", "{0}.{macro}{1})", "{0}[{1}]", "{0}[?{1}]", "({0} ? {1} : {2})", "{{{0}: {1}}}",
    "{{?{0}: {1}}}", "{function}({0})", "has({0}.a)", "{0}.?a.b", "[{0}, {1}]", "'%s %d'.format([{0}, {1}])",
    "sets.contains({0}, {1})", "math.least({0}, {1})", "jsonpatch.escapeKey({0})", "{0}.a", "Object{{a: {0}, ?b: {1}}}",
)  # fmt: skip


def expression(dice: random.Random, depth: int) -> str:
    if depth == 0:
        return dice.choice(LEAVES)
    parts = [expression(dice, dice.randrange(depth)) for _ in range(3)]
    words = {"op": OPERATORS, "method": METHODS, "macro": MACROS, "function": FUNCTIONS}
    return dice.choice(SHAPES).format(*parts, **{name: dice.choice(each) for name, each in words.items()})


def test_an_expression_comes_to_a_value_or_to_words() -> None:
    dice = random.Random(1)
    for _ in range(4_000):
        text = expression(dice, 3)
        cel.problems(text, {"object": types.DYN, "nothing": types.NULL})
        try:
            cel.evaluate(cel.parse(text), NAMES, cel.Budget(5_000))
        except (cel.CelError, cel.CelSyntaxError, cel.TooCostly) as said:
            assert str(said) or isinstance(said, cel.TooCostly)
        except Exception as error:
            raise AssertionError(f"{type(error).__name__}: {error}: {text}") from error


def test_any_text_is_an_expression_or_told_to_be_none() -> None:
    dice = random.Random(2)
    signs = "aO1.?[]{}(),:'\"\\&|!=<>+-*/% \n\u00e4\u0000"
    for _ in range(2_000):
        text = "".join(dice.choices(signs, k=dice.randrange(30)))
        assert isinstance(cel.problems(text, {})[0], str)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("'%s is %d of %.1f %%'.format(['a', 1, 2.5])", "a is 1 of 2.5 %"),
        ("object.?spec.replicas.orValue(1)", 3),
        ("object.?none.replicas.orValue(1)", 1),
        ("object.spec.list[?9].hasValue()", False),
        ("object.?spec.optMap(s, s.replicas + 1).value()", 4),
        ("{'a': 1, ?'b': optional.none()}", {"a": 1}),
        ("Object{spec: Object.spec{replicas: 1, ?none: object.?none}}", {"spec": {"replicas": 1}}),
        ("[1, 2].all(i, v, v == i + 1)", True),
        ("{'a': 1}.transformMap(k, v, v + 1)", {"a": 2}),
        ("[3, 4].transformList(i, v, i * v)", [0, 4]),
        ("sets.intersects([1], [2, 1]) && !sets.equivalent([1], [2])", True),
        ("jsonpatch.escapeKey('a/b~c')", "a~1b~0c"),
        ("math.greatest([1, 3, 2]) + math.least(4, 5)", 7),
    ],
)
def test_what_kubernetes_has_beside_the_language(text: str, value: object) -> None:
    assert cel.evaluate(cel.parse(text), NAMES, cel.Budget(1_000)) == value


def test_what_is_wrong_is_told_with_its_place() -> None:
    replicas = {"type": "object", "properties": {"replicas": {"type": "integer"}}}
    known = {"object": types.of_schema({"type": "object", "properties": {"spec": replicas}})}
    said, kind = cel.problems("object.spec.replicas > 1 &&\n object.spec.nothing == 'a'", known)
    assert said == ("ERROR: <input>:2:13: undefined field 'nothing'\n |  object.spec.nothing == 'a'\n | ............^")
    assert kind == types.BOOL
