"""`test`, `[` and `[[`: questions about texts, numbers and files."""

from __future__ import annotations

import re
from collections.abc import Callable

from statelab.controlplane.runtime.paths import join
from statelab.controlplane.runtime.shell import patterns
from statelab.controlplane.runtime.shell.arithmetic import evaluate
from statelab.controlplane.runtime.shell.expansion import pattern, pieces, text
from statelab.controlplane.runtime.shell.proc import Proc
from statelab.controlplane.runtime.shell.state import Variable
from statelab.controlplane.runtime.shell.streams import Steps
from statelab.controlplane.runtime.shell.syntax import Condition, Word

_NUMBERS: dict[str, Callable[[int, int], bool]] = {
    "-eq": lambda a, b: a == b,
    "-ne": lambda a, b: a != b,
    "-lt": lambda a, b: a < b,
    "-le": lambda a, b: a <= b,
    "-gt": lambda a, b: a > b,
    "-ge": lambda a, b: a >= b,
}
UNARY = frozenset("-" + each for each in "abcdefghknoprstuwxzLSGOv")
BINARY = frozenset({"=", "==", "!=", "<", ">", "-nt", "-ot", "-ef", *_NUMBERS})


class TestProblem(Exception):
    """What `test` cannot make sense of."""

    __test__ = False  # no test of pytest's


def condition(proc: Proc, node: Condition) -> Steps[bool]:
    operator = node.operator
    if operator in ("and", "or"):
        first = yield condition(proc, node.parts[0])
        if first == (operator == "or"):
            return bool(first)
        return bool((yield condition(proc, node.parts[1])))
    if operator == "not":
        return not (yield condition(proc, node.parts[0]))
    if operator == "":
        return bool((yield text(proc, node.words[0])))
    left: str = yield text(proc, node.words[0])
    if len(node.words) == 1:
        return unary(proc, operator, left)
    if operator in ("=", "==", "!="):
        wanted = yield pattern(proc, node.words[1])
        return (patterns.glob(wanted).match(left) is not None) == (operator != "!=")
    if operator == "=~":
        return (yield _matches(proc, left, node.words[1]))
    right: str = yield text(proc, node.words[1])
    if operator in _NUMBERS:
        return _NUMBERS[operator](evaluate(left, proc.state), evaluate(right, proc.state))
    return binary(proc, left, operator, right)


def _matches(proc: Proc, left: str, word: Word) -> Steps[bool]:
    made = yield pieces(proc, word, tilde=False)
    wanted = "".join(re.sub(r"([][\\.^$*+?(){}|])", r"\\\1", each) if kind == "quoted" else each for kind, each in made)
    found = patterns.regex(wanted, extended=True).search(left)
    if found is not None:
        groups = (found[0], *(each or "" for each in found.groups()))
        proc.state.put("BASH_REMATCH", Variable({str(at): each for at, each in enumerate(groups)}))
    return found is not None


def unary(proc: Proc, operator: str, value: str) -> bool:
    if operator == "-z":
        return not value
    if operator == "-n":
        return bool(value)
    if operator == "-v":
        return proc.state.find(value) is not None
    if operator == "-o":
        return value in proc.state.options
    if operator == "-t":
        return value.isdigit() and proc.stream(int(value)).is_terminal
    if not value:
        return False
    path, files = join(proc.state.cwd, value), proc.files
    if operator in ("-L", "-h"):
        return files.is_symlink(path)
    if path in ("/dev/null", "/dev/zero", "/dev/random", "/dev/urandom", "/dev/tty"):
        return operator in "-e -c -r -w"
    if not files.exists(path):
        return False
    if operator == "-f":
        return not files.is_directory(path)
    if operator == "-d":
        return files.is_directory(path)
    if operator == "-s":
        return files.is_directory(path) or files.stat(path).size > 0
    if operator == "-w":
        return files.is_writable(path)
    if operator == "-x":
        return files.is_directory(path) or bool(files.stat(path).mode & 0o111)
    return operator in ("-a", "-e", "-r", "-O", "-G")


def binary(proc: Proc, left: str, operator: str, right: str) -> bool:
    if operator in ("=", "=="):
        return left == right
    if operator == "!=":
        return left != right
    if operator in ("<", ">"):
        return left < right if operator == "<" else left > right
    if operator in _NUMBERS:
        numbers = []
        for each in (left, right):
            if not re.fullmatch(r"\s*[+-]?\d+\s*", each):
                raise TestProblem(f"{each}: integer expression expected")
            numbers.append(int(each))
        return _NUMBERS[operator](*numbers)
    times = []
    for each in (left, right):
        path = join(proc.state.cwd, each)
        times.append(proc.files.moment(path) if proc.files.exists(path) else None)
    if operator == "-ef":
        return None not in times and join(proc.state.cwd, left) == join(proc.state.cwd, right)
    one, other = times if operator == "-nt" else reversed(times)
    return one is not None and (other is None or one > other)


def test(proc: Proc, arguments: list[str]) -> bool:
    """The arguments of `test`. Raises TestProblem."""
    reader = _Arguments(proc, arguments)
    if not arguments:
        return False
    found = reader.either()
    if reader.rest:
        raise TestProblem(f"{reader.rest[0]}: unexpected operator")
    return found


class _Arguments:
    def __init__(self, proc: Proc, arguments: list[str]) -> None:
        self.proc, self.rest = proc, list(arguments)

    def either(self) -> bool:
        found = self.both()
        while self.rest[:1] == ["-o"]:
            self.rest.pop(0)
            other = self.both()
            found = found or other
        return found

    def both(self) -> bool:
        found = self.one()
        while self.rest[:1] == ["-a"]:
            self.rest.pop(0)
            other = self.one()
            found = found and other
        return found

    def one(self) -> bool:
        rest = self.rest
        if not rest:
            raise TestProblem("argument expected")
        if len(rest) >= 3 and rest[1] in BINARY:
            left, operator, right = rest[:3]
            del rest[:3]
            return binary(self.proc, left, operator, right)
        if rest[0] == "!" and len(rest) > 1:
            rest.pop(0)
            return not self.one()
        if rest[0] == "(" and len(rest) > 2:
            rest.pop(0)
            found = self.either()
            if rest[:1] != [")"]:
                raise TestProblem("missing `)'")
            rest.pop(0)
            return found
        if rest[0] in UNARY and len(rest) > 1:
            operator, value = rest[:2]
            del rest[:2]
            return unary(self.proc, operator, value)
        return bool(rest.pop(0))
