"""Tools that run others or say where they are: env, printenv, which, uname, nohup, time, expr, shuf."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from statelab.controlplane.runtime.shell.arithmetic import evaluate
from statelab.controlplane.runtime.shell.builtins import where
from statelab.controlplane.runtime.shell.patterns import regex
from statelab.controlplane.runtime.shell.proc import Proc, decode
from statelab.controlplane.runtime.shell.running import run, tool
from statelab.controlplane.runtime.shell.state import Variable
from statelab.controlplane.runtime.shell.streams import Steps
from statelab.controlplane.runtime.shell.tools.common import Options, contents

_MOST_LINES = 100_000


def _env(proc: Proc, arguments: list[str]) -> Steps[int]:
    environment = proc.state.environment()
    rest = list(arguments)
    while rest and (rest[0].startswith("-") or "=" in rest[0]):
        word = rest.pop(0)
        if word in ("-i", "-", "--ignore-environment"):
            environment = {}
        elif word == "-u" and rest:
            environment.pop(rest.pop(0), None)
        elif "=" in word:
            name, _, value = word.partition("=")
            environment[name] = value
    if not rest:
        yield from proc.out("".join(f"{name}={value}\n" for name, value in environment.items()))
        return 0
    for name in [each for each in proc.state.variables if each not in environment]:
        del proc.state.variables[name]
    for name, value in environment.items():
        proc.state.variables[name] = Variable(value, exported=True)
    return (yield run(proc, rest, {}, functions=False))


def _printenv(proc: Proc, arguments: list[str]) -> Steps[int]:
    environment = proc.state.environment()
    if not arguments:
        yield from proc.out("".join(f"{name}={value}\n" for name, value in environment.items()))
        return 0
    code = 0
    for name in arguments:
        if name in environment:
            yield from proc.out(f"{environment[name]}\n")
        else:
            code = 1
    return code


def _which(proc: Proc, arguments: list[str]) -> Steps[int]:
    code = 0
    for name in [each for each in arguments if not each.startswith("-")]:
        place = where(proc, name)
        if place:
            yield from proc.out(f"{place if place.startswith('/') else '/bin/' + place}\n")
        else:
            code = 1
    return code


def _uname(proc: Proc, arguments: list[str]) -> Steps[int]:
    values = {"s": "Linux", "n": proc.shell.hostname, "r": "6.8.0", "v": "statelab", "m": "x86_64", "o": "GNU/Linux"}
    flags = "".join(each.lstrip("-") for each in arguments) or "s"
    wanted = "snrvmo" if "a" in flags else "".join(each for each in "snrvmo" if each in flags)
    yield from proc.out(" ".join(values[each] for each in wanted) + "\n")
    return 0


def _after(proc: Proc, arguments: list[str]) -> Steps[int]:
    """nohup, nice, setsid: the command after their own options."""
    rest = list(arguments)
    while rest and rest[0].startswith("-"):
        if rest.pop(0) == "-n" and rest:
            rest.pop(0)
    return (yield run(proc, rest, {}, functions=False)) if rest else 0


def _time(proc: Proc, arguments: list[str]) -> Steps[int]:
    code = yield _after(proc, arguments)
    yield from proc.error("real\t0m 0.00s\nuser\t0m 0.00s\nsys\t0m 0.00s\n")
    return code


def _timeout(proc: Proc, arguments: list[str]) -> Steps[int]:
    """Where a script does not name it (see entry.py), the runtime still counts the seconds."""
    text = "statelab-deadline"
    rest = list(arguments)
    while rest and rest[0].startswith("-"):
        if rest.pop(0) in ("-s", "-k", "--signal", "--kill-after") and rest:
            rest.pop(0)
    if len(rest) < 2 or text not in proc.shell.commands:
        raise ValueError("missing operand")
    environment = proc.state.environment()
    code = yield tool(proc, [text, rest[0]], environment)
    if code:
        return 125
    ended = yield run(proc, rest[1:], {}, functions=False)
    return (yield tool(proc, [text, "--over", str(ended)], environment))


def _expr(proc: Proc, arguments: list[str]) -> Steps[int]:
    value = _Expr(list(arguments)).either()
    yield from proc.out(f"{value}\n")
    return int(value in ("", "0"))


class _Expr:
    """POSIX XCU expr."""

    def __init__(self, rest: list[str]) -> None:
        self.rest = rest

    def either(self) -> str:
        left = self.both()
        while self.rest[:1] == ["|"]:
            self.rest.pop(0)
            right = self.both()
            left = left if left not in ("", "0") else right
        return left

    def both(self) -> str:
        left = self.compared()
        while self.rest[:1] == ["&"]:
            self.rest.pop(0)
            right = self.compared()
            left = left if left not in ("", "0") and right not in ("", "0") else "0"
        return left

    def compared(self) -> str:
        left = self.sums(0)
        while self.rest and self.rest[0] in ("=", "==", "!=", "<", "<=", ">", ">="):
            operator, right = self.rest.pop(0), self.sums(0)
            numbers = all(re.fullmatch(r"-?\d+", each) for each in (left, right))
            order = (int(left) > int(right)) - (int(left) < int(right)) if numbers else (left > right) - (left < right)
            found = {"=": order == 0, "==": order == 0, "!=": order != 0, "<": order < 0, "<=": order <= 0,
                     ">": order > 0, ">=": order >= 0}[operator]  # fmt: skip
            left = str(int(found))
        return left

    def sums(self, level: int) -> str:
        operators = (("+", "-"), ("*", "/", "%"), (":",))[level] if level < 3 else ()
        left = self.sums(level + 1) if level < 2 else self.one()
        while self.rest and self.rest[0] in operators:
            operator = self.rest.pop(0)
            right = self.sums(level + 1) if level < 2 else self.one()
            if operator == ":":
                left = self.match(left, right)
                continue
            if not all(re.fullmatch(r"-?\d+", each) for each in (left, right)):
                raise ValueError("non-integer argument")
            left = str(evaluate(f"{left} {operator} ({right})", _NoVariables()))
        return left

    def match(self, text: str, pattern: str) -> str:
        found = regex(pattern, extended=False).match(text)
        if found is None:
            return "" if r"\(" in pattern else "0"
        return (found[1] or "") if found.re.groups else str(found.end())

    def one(self) -> str:
        if not self.rest:
            raise ValueError("syntax error")
        word = self.rest.pop(0)
        if word == "(":
            found = self.either()
            if self.rest[:1] != [")"]:
                raise ValueError("syntax error")
            self.rest.pop(0)
            return found
        if word == "length" and self.rest:
            return str(len(self.rest.pop(0)))
        if word == "substr" and len(self.rest) > 2:
            text, at, count = (self.rest.pop(0) for _ in range(3))
            return text[int(at) - 1 :][: int(count)]
        if word == "index" and len(self.rest) > 1:
            text, chars = self.rest.pop(0), self.rest.pop(0)
            return str(min((text.find(each) + 1 for each in chars if each in text), default=0))
        return self.match(self.rest.pop(0), self.rest.pop(0)) if word == "match" and len(self.rest) > 1 else word


class _NoVariables:
    def get(self, name: str, index: str | None) -> str:
        return ""

    def set(self, name: str, index: str | None, value: str) -> None:
        return


def _shuf(proc: Proc, arguments: list[str]) -> Steps[int]:
    options = Options(arguments, "er", "ni")
    if "i" in options.values:
        first, _, last = options.value("i").partition("-")
        if int(last) - int(first) > _MOST_LINES:
            raise ValueError(f"limit exceeded: more than {_MOST_LINES:,} lines")
        items = [str(each) for each in range(int(first), int(last) + 1)]
    elif "e" in options:
        items = options.operands
    else:
        found, _ = yield from contents(proc, "shuf", options.operands)
        items = [each for _, data in found for each in decode(data).splitlines()]
    for at in range(len(items) - 1, 0, -1):
        other = int(proc.state.get("RANDOM")) * 32768 + int(proc.state.get("RANDOM"))
        items[at], items[other % (at + 1)] = items[other % (at + 1)], items[at]
    yield from proc.out("".join(f"{each}\n" for each in items[: options.number("n", len(items))]))
    return 0


def _says(text: str, code: int = 0) -> Callable[[Proc, list[str]], Steps[int]]:
    def run_it(proc: Proc, arguments: list[str]) -> Steps[int]:
        yield from proc.out(text)
        return code

    return run_it


TOOLS: Mapping[str, Callable[[Proc, list[str]], Steps[int]]] = {
    "env": _env, "printenv": _printenv, "which": _which, "uname": _uname, "nohup": _after, "nice": _after,
    "setsid": _after, "time": _time, "timeout": _timeout, "expr": _expr, "shuf": _shuf, "arch": _says("x86_64\n"),
    "nproc": _says("2\n"), "groups": _says("root\n"), "logname": _says("root\n"), "tty": _says("not a tty\n", 1),
    "clear": _says("\x1b[H\x1b[J"), "sync": _says(""),
}  # fmt: skip
