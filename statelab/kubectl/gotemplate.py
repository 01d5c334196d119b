"""Go templates as kubectl's -o go-template has them. Source: text/template (parse.go, exec.go, funcs.go).

Bounded: a template of a stranger costs at most MAX_STEPS steps, MAX_TEXT characters, and makes at most MAX_OUTPUT.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

from statelab.kubectl.gotemplate_functions import FUNCTIONS, NOTHING, TemplateError, call, is_true, shown
from statelab.kubectl.gotext import quote

MAX_STEPS = 200_000
MAX_TEXT = 10_000
MAX_OUTPUT = 2_000_000
_TOKEN = re.compile(
    r"""\s+|(?P<text>"(?:\\.|[^"\\])*"|`[^`]*`)|(?P<number>[-+]?\d+(?:\.\d+)?)(?![\w.])|(?P<variable>\$\w*(?:\.\w+)*)"""
    r"""|(?P<field>(?:\.[A-Za-z_]\w*)+)|(?P<dot>\.)|(?P<word>[A-Za-z_]\w*)|(?P<sign>:=|=|\||\(|\)|,)"""
)


@dataclass
class _Node:
    kind: str  # text, action, if, range, with
    text: str = ""
    tokens: list[tuple[str, str]] = field(default_factory=list)
    body: list[_Node] = field(default_factory=list)
    other: list[_Node] = field(default_factory=list)


class Template:
    """A template, parsed. Raises TemplateError."""

    def __init__(self, template: str, *, allow_missing: bool = True) -> None:
        if len(template) > MAX_TEXT:
            raise TemplateError(f"the template is longer than {MAX_TEXT} characters")
        self._pieces = _pieces(template)
        self._at = 0
        try:
            self._root, end = self._block(0)
        except RecursionError:
            raise TemplateError("the template is nested too deeply") from None
        if end:
            raise TemplateError(f"template: output:1: unexpected {{{{{end}}}}}")
        self._allow_missing = allow_missing
        self._steps = 0
        self._size = 0

    def text(self, data: Any) -> str:
        """The template filled in. Raises TemplateError."""
        self._steps = self._size = 0
        out: list[str] = []
        try:
            self._run(self._root, data, {"$": data}, out)
        except RecursionError:
            raise TemplateError("the template is nested too deeply") from None
        return "".join(out)

    # ---- parsing

    def _block(self, depth: int) -> tuple[list[_Node], str]:
        """Nodes up to {{end}} or {{else}}; and which of them ended it."""
        nodes: list[_Node] = []
        while self._at < len(self._pieces):
            kind, text = self._pieces[self._at]
            self._at += 1
            if kind == "text":
                nodes.append(_Node("text", text))
                continue
            tokens = _tokens(text)
            if not tokens:
                if text.strip().startswith("/*"):
                    continue
                raise TemplateError("template: output:1: missing value for command")
            word = tokens[0][1] if tokens[0][0] == "word" else ""
            if word == "end":
                return nodes, "end"
            if word == "else":
                return nodes, " ".join(each for _, each in tokens)
            if word in ("if", "range", "with"):
                nodes.append(self._control(word, tokens[1:], depth))
            elif word in ("define", "template", "block", "break", "continue"):
                raise TemplateError(f"{{{{{word}}}}} is not simulated here")
            else:
                nodes.append(_Node("action", tokens=tokens))
        if depth:
            raise TemplateError("template: output:1: unexpected EOF")
        return nodes, ""

    def _control(self, word: str, tokens: list[tuple[str, str]], depth: int) -> _Node:
        if not tokens:
            raise TemplateError(f"template: output:1: missing value for {word}")
        body, end = self._block(depth + 1)
        other: list[_Node] = []
        if end.startswith(("else if", "else with")):
            inner = self._control(end.split()[1], _tokens(self._pieces[self._at - 1][1])[2:], depth)
            other = [inner]
        elif end == "else":
            other, end = self._block(depth + 1)
        return _Node(word, tokens=tokens, body=body, other=other)

    # ---- carrying out

    def _run(self, nodes: list[_Node], dot: Any, variables: dict[str, Any], out: list[str]) -> None:
        for node in nodes:
            self._step()
            if node.kind == "text":
                self._write(out, node.text)
            elif node.kind == "action":
                value, told = self._pipeline(node.tokens, dot, variables)
                if told:
                    self._write(out, shown(value))
            elif node.kind == "range":
                self._range(node, dot, variables, out)
            else:
                inner = dict(variables)
                value, _ = self._pipeline(node.tokens, dot, inner)
                if is_true(value):
                    self._run(node.body, value if node.kind == "with" else dot, inner, out)
                else:
                    self._run(node.other, dot, inner, out)

    def _range(self, node: _Node, dot: Any, variables: dict[str, Any], out: list[str]) -> None:
        tokens = node.tokens
        names: list[str] = []
        for number, (kind, text) in enumerate(tokens):
            if (kind, text) == ("sign", ":="):
                names = [each for each_kind, each in tokens[:number] if each_kind == "variable"]
                tokens = tokens[number + 1 :]
                break
        value, _ = self._pipeline(tokens, dot, dict(variables))
        if isinstance(value, dict):
            pairs: list[tuple[Any, Any]] = [(key, value[key]) for key in sorted(value)]
        elif isinstance(value, list):
            pairs = list(enumerate(value))
        elif value is None or value is NOTHING:
            pairs = []
        elif isinstance(value, int) and not isinstance(value, bool):
            pairs = [(number, number) for number in range(min(value, MAX_STEPS))]
        else:
            raise TemplateError(f"template: output:1: range can't iterate over {shown(value)}")
        if not pairs:
            self._run(node.other, dot, variables, out)
        for key, each in pairs:
            self._step()
            inner = dict(variables)
            if len(names) == 1:
                inner[names[0]] = each
            elif len(names) > 1:
                inner[names[0]], inner[names[1]] = key, each
            self._run(node.body, each, inner, out)

    def _pipeline(self, tokens: list[tuple[str, str]], dot: Any, variables: dict[str, Any]) -> tuple[Any, bool]:
        """Its value, and whether it is printed: an assignment is not."""
        name = ""
        if len(tokens) > 1 and tokens[0][0] == "variable" and tokens[1] in (("sign", ":="), ("sign", "=")):
            name, tokens = tokens[0][1], tokens[2:]
        value: Any = NOTHING
        first = True
        for command in _split(tokens):
            value = self._command(command, dot, variables, [] if first else [value])
            first = False
        if name:
            variables[name] = value
        return value, not name

    def _command(self, tokens: list[tuple[str, str]], dot: Any, variables: dict[str, Any], piped: list[Any]) -> Any:
        self._step()
        if not tokens:
            raise TemplateError("template: output:1: missing value for command")
        kind, text = tokens[0]
        if kind == "word" and text not in ("true", "false", "nil"):
            if text not in FUNCTIONS:
                raise TemplateError(f"template: output:1: function {quote(text)} not defined")
            arguments = self._operands(tokens[1:], dot, variables)
            return call(text, [*arguments, *piped])
        operands = self._operands(tokens, dot, variables)
        if len(operands) > 1 or piped:
            raise TemplateError(f"template: output:1: can't give argument to non-function {text}")
        return operands[0]

    def _operands(self, tokens: list[tuple[str, str]], dot: Any, variables: dict[str, Any]) -> list[Any]:
        out: list[Any] = []
        at = 0
        while at < len(tokens):
            kind, text = tokens[at]
            at += 1
            if (kind, text) == ("sign", "("):
                depth, end = 1, at
                while end < len(tokens) and depth:
                    depth += {"(": 1, ")": -1}.get(tokens[end][1] if tokens[end][0] == "sign" else "", 0)
                    end += 1
                if depth:
                    raise TemplateError("template: output:1: unclosed left paren")
                value, _ = self._pipeline(tokens[at : end - 1], dot, variables)
                at = end
                if at < len(tokens) and tokens[at][0] == "field" and tokens[at][1].startswith("."):
                    value = self._field(value, tokens[at][1][1:].split("."))
                    at += 1
                out.append(value)
            else:
                out.append(self._operand(kind, text, dot, variables))
        return out

    def _operand(self, kind: str, text: str, dot: Any, variables: dict[str, Any]) -> Any:
        if kind == "dot":
            return dot
        if kind == "field":
            return self._field(dot, text[1:].split("."))
        if kind == "variable":
            name, *path = text.split(".")
            if name not in variables:
                raise TemplateError(f"template: output:1: undefined variable {quote(name)}")
            return self._field(variables[name], path)
        if kind == "text":
            return text[1:-1] if text[0] == "`" else json.loads(text.replace("\\'", "'"))
        if kind == "number":
            return float(text) if "." in text else int(text)
        if text in ("true", "false", "nil"):
            return {"true": True, "false": False, "nil": None}[text]
        if text in FUNCTIONS:
            return call(text, [])
        raise TemplateError(f"template: output:1: unexpected {quote(text)} in operand")

    def _field(self, value: Any, path: list[str]) -> Any:
        for number, step in enumerate(path):
            self._step()
            if value is None or value is NOTHING:
                if number == 0 and value is None:
                    raise TemplateError(
                        f'template: output:1:2: executing "output" at <.{step}>: nil data; no entry for key '
                        f"{quote(step)}"
                    )
                return NOTHING
            if not isinstance(value, dict):
                raise TemplateError(
                    f'template: output:1:2: executing "output" at <.{".".join(path)}>: can\'t evaluate field {step} '
                    "in type "
                    "interface {}"
                )
            if step not in value:
                if not self._allow_missing:
                    raise TemplateError(
                        f'template: output:1:2: executing "output" at <.{".".join(path)}>: map has no entry for key '
                        f"{quote(step)}"
                    )
                value = NOTHING
            else:
                value = value[step]
        return value

    def _step(self) -> None:
        self._steps += 1
        if self._steps > MAX_STEPS:
            raise TemplateError(f"the template takes more than {MAX_STEPS:,} steps")

    def _write(self, out: list[str], text: str) -> None:
        self._size += len(text)
        if self._size > MAX_OUTPUT:
            raise TemplateError(f"the template makes more than {MAX_OUTPUT:,} characters")
        out.append(text)


def _pieces(template: str) -> list[tuple[str, str]]:
    """Text and actions, with the spaces that {{- and -}} take away gone. Raises TemplateError."""
    out: list[tuple[str, str]] = []
    at = 0
    trim = False
    while at < len(template):
        open = template.find("{{", at)
        text = template[at : open if open >= 0 else None]
        if trim:
            text = text.lstrip()
        if open < 0:
            out.append(("text", text))
            break
        close = _closing(template, open + 2)
        action = template[open + 2 : close]
        if action.startswith("-") and action[1:2].isspace():
            text, action = text.rstrip(), action[1:]
        trim = action.endswith("-") and action[-2:-1].isspace()
        if trim:
            action = action[:-1]
        if text:
            out.append(("text", text))
        out.append(("action", action))
        at = close + 2
    return out


def _closing(template: str, at: int) -> int:
    inside = ""
    while at < len(template):
        char = template[at]
        if inside:
            if char == "\\" and inside == '"':
                at += 1
            elif char == inside:
                inside = ""
        elif char in '"`':
            inside = char
        elif template.startswith("}}", at):
            return at
        at += 1
    raise TemplateError("template: output:1: " + ("unterminated quoted string" if inside else "unclosed action"))


def _tokens(text: str) -> list[tuple[str, str]]:
    out: list[tuple[str, str]] = []
    at = 0
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None or found.end() == at:
            char = text[at]
            raise TemplateError(
                f"template: output:1: unexpected {quote(char)} in command"
                if char.isprintable()
                else f"template: output:1: unrecognized character in action: U+{ord(char):04X}"
            )
        if found.lastgroup:
            out.append((found.lastgroup, found[0]))
        at = found.end()
    return out


def _split(tokens: list[tuple[str, str]]) -> list[list[tuple[str, str]]]:
    """The commands of a pipeline."""
    commands: list[list[tuple[str, str]]] = [[]]
    depth = 0
    for token in tokens:
        if token == ("sign", "|") and not depth:
            commands.append([])
            continue
        depth += {("sign", "("): 1, ("sign", ")"): -1}.get(token, 0)
        commands[-1].append(token)
    return commands


__all__ = ["Template", "TemplateError"]
