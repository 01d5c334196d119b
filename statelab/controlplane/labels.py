"""Selectors: which objects a controller, a Service or a `kubectl get -l` means.

A selector is a predicate. Label selectors come as objects (metav1.LabelSelector) or as query text (`app=web,tier!=db`);
field selectors (`spec.nodeName=kind-worker`) only as text, and only for the few fields the API server indexes.

Source: apimachinery/pkg/labels/selector.go, pkg/fields/selector.go; which fields each kind offers:
pkg/apis/core/v1/conversion.go and the ToSelectableFields of each kind's strategy.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache

from statelab.controlplane import syntax
from statelab.controlplane.errors import bad_request
from statelab.controlplane.kinds import Object

Selector = Callable[[Mapping[str, str]], bool]
FieldSelector = Callable[[Object], bool]


def everything(_labels: Mapping[str, str]) -> bool:
    return True


def nothing(_labels: Mapping[str, str]) -> bool:
    return False


# ---- label selectors as objects


def selector_of(label_selector: Object | None) -> Selector:
    """The predicate of a metav1.LabelSelector: None selects nothing, an empty one everything.

    The selector is taken to be valid (validation has seen it): an operator that does not exist selects nothing.
    """
    if label_selector is None:
        return nothing
    wanted = label_selector.get("matchLabels") or {}
    expressions = label_selector.get("matchExpressions") or ()
    if not expressions:
        return matching(wanted)
    requirements = [Requirement(key, "=", (value,)) for key, value in wanted.items()]
    for expression in expressions:
        operator = _OPERATORS.get(expression.get("operator", ""))
        if operator is None:
            return nothing
        requirements.append(Requirement(expression["key"], operator, tuple(expression.get("values") or ())))
    return _all_of(requirements)


def matching(wanted: Mapping[str, str] | None) -> Selector:
    """The predicate of a plain map, as a Service's `spec.selector`: each label must be there with that value."""
    items = tuple((wanted or {}).items())
    if not items:
        return everything
    return lambda labels: all(labels.get(key) == value for key, value in items)


def label_selector_of(workload: Object) -> Object | None:
    """A workload's `spec.selector` as a LabelSelector; a ReplicationController's is a plain map."""
    found: Object | None = workload["spec"].get("selector")
    if workload.get("kind") == "ReplicationController":
        return {"matchLabels": found or {}}
    return found


def selector_text(label_selector: Object | None) -> str:
    """A metav1.LabelSelector in query form, keys sorted: what `status.selector` of a Scale says. "" for None and {}."""
    requirements = [
        Requirement(key, "=", (value,)) for key, value in ((label_selector or {}).get("matchLabels") or {}).items()
    ]
    for expression in (label_selector or {}).get("matchExpressions") or ():
        operator = _OPERATORS.get(expression.get("operator", ""), "=")
        requirements.append(Requirement(expression["key"], operator, tuple(expression.get("values") or ())))
    return ",".join(str(requirement) for requirement in sorted(requirements, key=lambda each: each.key))


_OPERATORS = {"In": "in", "NotIn": "notin", "Exists": "exists", "DoesNotExist": "!"}


@dataclass(frozen=True, slots=True)
class Requirement:
    """One term: a key, an operator (=, ==, !=, in, notin, exists, !, >, <) and its values."""

    key: str
    operator: str
    values: tuple[str, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        value = labels.get(self.key)
        match self.operator:
            case "=" | "==" | "in":
                return value is not None and value in self.values
            case "!=" | "notin":
                return value is None or value not in self.values
            case "exists":
                return value is not None
            case "!":
                return value is None
        number, bound = _integer(value), _integer(self.values[0])
        if number is None or bound is None:
            return False
        return number > bound if self.operator == ">" else number < bound

    def __str__(self) -> str:
        values = ",".join(sorted(self.values))
        match self.operator:
            case "exists":
                return self.key
            case "!":
                return f"!{self.key}"
            case "in" | "notin":
                return f"{self.key} {self.operator} ({values})"
        return f"{self.key}{self.operator}{values}"


def _all_of(requirements: list[Requirement]) -> Selector:
    if not requirements:
        return everything
    return lambda labels: all(requirement.matches(labels) for requirement in requirements)


def _integer(text: str | None) -> int | None:
    """As Go's ParseInt(text, 10, 64)."""
    if text is None or not re.fullmatch(r"[+-]?0*[0-9]{1,19}", text):
        return None
    number = int(text)
    return number if -(2**63) <= number < 2**63 else None


# ---- label selectors as text


def parse_label_selector(text: str) -> Selector:
    """The predicate of a `labelSelector` query parameter. Raises ApiError 400 in upstream's words."""
    return _all_of(list(parse_requirements(text)))


@lru_cache(maxsize=256)
def parse_requirements(text: str) -> tuple[Requirement, ...]:
    """The terms of a label selector, sorted by key. Raises ApiError 400."""
    try:
        return tuple(sorted(_Parser(text).parse(), key=lambda each: each.key))
    except _Unparsable as error:
        raise bad_request(str(error)) from None


class _Unparsable(Exception):
    pass


_END = ""  # the token after the last: no literal is empty
_SYMBOLS = frozenset("=!(),><")
_TOKENS = frozenset({")", ",", "!", "==", "=", ">", "in", "<", "!=", "notin", "("})
_BINARY = ("in", "notin", "=", "==", "!=", ">", "<")
_BINARY_WORDS = "in, notin, =, ==, !=, gt, lt"  # as upstream lists them: > and < go by their names


def _scan(text: str) -> list[str]:
    """Split into literals; the list ends with _END. A NUL ends the text, as in the original."""
    found: list[str] = []
    text = text.partition("\0")[0]
    for match in re.finditer(r"==|!=|[=!(),><]|[^=!(),><\s]+|[^\S \t\r\n]+", text):
        found.append(match.group())
    return [*found, _END]


class _Parser:
    """Recursive descent over the literals; `in` and `notin` are words or operators depending on the place."""

    def __init__(self, text: str) -> None:
        self.tokens = _scan(text)
        self.position = 0

    def look(self) -> str:
        return self.tokens[self.position]

    def take(self) -> str:
        self.position += 1
        return self.tokens[self.position - 1]

    @staticmethod
    def is_word(token: str) -> bool:
        return token != _END and token[0] not in _SYMBOLS

    def parse(self) -> list[Requirement]:
        requirements: list[Requirement] = []
        while (token := self.look()) != _END:
            if not self.is_word(token) and token != "!":
                raise _Unparsable(f"found '{token}', expected: !, identifier, or 'end of string'")
            try:
                requirements.append(self.requirement())
            except _Unparsable as error:
                raise _Unparsable(f"unable to parse requirement: {error}") from None
            after = self.take()
            if after == _END:
                break
            if after != ",":
                raise _Unparsable(f"found '{after}', expected: ',' or 'end of string'")
            following = self.look()
            if not self.is_word(following) and following != "!":
                raise _Unparsable(f"found '{following}', expected: identifier after ','")
        return requirements

    def requirement(self) -> Requirement:
        key = self.take()
        absent = key == "!"
        if absent:
            key = self.take()
        if not self.is_word(key):
            raise _Unparsable(f"found '{key}', expected: identifier")
        if problems := syntax.qualified(key):
            raise _Unparsable(f"<nil>: Invalid value: {_quote(key)}: {'; '.join(problems)}")
        if absent:
            return Requirement(key, "!")
        if self.look() in (_END, ","):
            return Requirement(key, "exists")
        operator = self.take()
        if operator not in _BINARY:
            raise _Unparsable(f"found '{operator}', expected: {_BINARY_WORDS}")
        values = self.value_set() if operator in ("in", "notin") else {self.exact_value()}
        return self.checked(Requirement(key, operator, tuple(sorted(values))))

    def exact_value(self) -> str:
        if self.look() in (_END, ","):
            return ""
        token = self.take()
        if not self.is_word(token):
            raise _Unparsable(f"found '{token}', expected: identifier")
        return token

    def value_set(self) -> set[str]:
        token = self.take()
        if token != "(":
            raise _Unparsable(f"found '{token}' expected: '('")
        token = self.look()
        if token == ")":
            self.take()
            return {""}
        if not self.is_word(token) and token != ",":
            raise _Unparsable(f"found '{token}', expected: ',', ')' or identifier")
        values = self.identifiers()
        self.take()  # the closing parenthesis: identifiers() stops only there
        return values

    def identifiers(self) -> set[str]:
        values: set[str] = set()
        while True:
            token = self.take()
            if self.is_word(token):
                values.add(token)
                following = self.look()
                if following == ")":
                    return values
                if following != ",":
                    raise _Unparsable(f"found '{following}', expected: ',' or ')'")
            elif token == ",":
                if not values:
                    values.add("")
                if self.look() == ")":
                    values.add("")
                    return values
                if self.look() == ",":
                    self.take()
                    values.add("")
            else:
                raise _Unparsable(f"found '{token}', expected: ',', or identifier")

    @staticmethod
    def checked(requirement: Requirement) -> Requirement:
        errors: list[str] = []
        if requirement.operator in (">", "<") and _integer(requirement.values[0]) is None:
            value = _quote(requirement.values[0])
            errors.append(f"values[0]: Invalid value: {value}: for 'Gt', 'Lt' operators, the value must be an integer")
        for index, value in enumerate(requirement.values):
            if problems := syntax.label_value(value):
                place = f"values[{index}][{requirement.key}]"
                errors.append(f"{place}: Invalid value: {_quote(value)}: {'; '.join(problems)}")
        if errors:
            raise _Unparsable(errors[0] if len(errors) == 1 else f"[{', '.join(errors)}]")
        return requirement


def _quote(text: str) -> str:
    """As Go's %q, for what a query string can hold."""
    escapes = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
    return '"' + "".join(escapes.get(c, c if c.isprintable() else f"\\u{ord(c):04x}") for c in text) + '"'


# ---- field selectors

_META = ("metadata.name", "metadata.namespace")
_INVOLVED = tuple(
    f"involvedObject.{name}"
    for name in ("kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath")
)
_FIELDS: dict[str, tuple[str, ...]] = {
    "pods": (
        *_META,
        "spec.nodeName",
        "spec.restartPolicy",
        "spec.schedulerName",
        "spec.serviceAccountName",
        "spec.hostNetwork",
        "status.phase",
        "status.podIP",
        "status.podIPs",
        "status.nominatedNodeName",
    ),
    "nodes": ("metadata.name", "spec.unschedulable"),
    "namespaces": ("metadata.name", "status.phase"),
    "secrets": (*_META, "type"),
    "services": (*_META, "spec.clusterIP", "spec.type"),
    "resourceslices": ("metadata.name", "spec.nodeName", "spec.driver"),
    "events": (*_META, *_INVOLVED, "reason", "reportingComponent", "source", "type"),
}
_BOOLEANS = frozenset({"spec.hostNetwork", "spec.unschedulable"})


def parse_field_selector(text: str, plural: str, fields: Collection[str] | None = None) -> FieldSelector:
    """The predicate of a `fieldSelector` query parameter on a kind's objects. Raises ApiError 400, upstream's words.

    `fields`: what may be asked for, where a definition of people's own says so.
    """
    terms = [_field_term(term, text) for term in sorted(_split_terms(text)) if term]
    checked = [(_known_field(field, plural, fields), equal, value) for field, equal, value in terms]

    def matches(obj: Object) -> bool:
        return all((_field_value(obj, field, plural) == value) is equal for field, equal, value in checked)

    return matches


def _split_terms(text: str) -> list[str]:
    """Split at commas that no backslash escapes."""
    return re.findall(r"(?:\\.|[^,\\]|\\$)+", text, re.DOTALL)


def _field_term(term: str, text: str) -> tuple[str, bool, str]:
    match = re.match(r"(?s)(?P<field>(?:\\.|(?!!=)[^=\\])*?)(?P<operator>!=|==|=)(?P<value>.*)", term)
    if match is None:
        raise bad_request(f"invalid selector: '{text}'; can't understand '{term}'")
    return match["field"], match["operator"] != "!=", _unescape(match["value"])


def _unescape(value: str) -> str:
    found: list[str] = []
    characters = iter(value)
    for character in characters:
        if character == "\\":
            escaped = next(characters, "")
            if not escaped or escaped not in "\\,=":
                raise bad_request(f"invalid field selector: invalid escape sequence: \\{escaped}")
            found.append(escaped)
        elif character in ",=":
            raise bad_request(f"invalid field selector: unescaped character in value: {ord(character)}")
        else:
            found.append(character)
    return "".join(found)


def _known_field(field: str, plural: str, fields: Collection[str] | None) -> str:
    if fields is not None:
        if field not in fields:
            raise bad_request(f"field label not supported: {field}")
    elif plural in _FIELDS:
        if plural == "pods" and field == "spec.host":  # what very old clients say
            return "spec.nodeName"
        if field not in _FIELDS[plural]:
            raise bad_request(f"field label not supported: {field}")
    elif field not in _META:
        names = ", ".join(_quote(name) for name in _META)
        raise bad_request(f"{_quote(field)} is not a known field selector: only {names}")
    return field


def _field_value(obj: Object, field: str, plural: str) -> str:
    if plural == "events" and field == "source":
        return str((obj.get("source") or {}).get("component") or obj.get("reportingComponent") or "")
    if field == "status.podIPs":
        return ""  # may be asked for, yet is in no index
    value: object = obj
    for part in field.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    if field in _BOOLEANS or isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if value is not None else ""
