"""`$name` and `${name…}`: what a parameter stands for, and bash's ways to cut and replace in it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from typing import TYPE_CHECKING

from statelab.controlplane.runtime.shell import patterns
from statelab.controlplane.runtime.shell.bounded import PatternProblem, bounded
from statelab.controlplane.runtime.shell.proc import Proc
from statelab.controlplane.runtime.shell.state import State
from statelab.controlplane.runtime.shell.streams import Steps
from statelab.controlplane.runtime.shell.syntax import Literal, Parameter, Word

if TYPE_CHECKING:
    from statelab.controlplane.runtime.shell.expansion import Piece


class ExpansionProblem(Exception):
    """A word that cannot be expanded: the command does not run, and a script ends."""


def parameter(proc: Proc, part: Parameter) -> Steps[list[Piece]]:
    state = proc.state
    name, kind = part.name, "quoted" if part.quoted else "found"
    if part.operator == "names":
        names = sorted(each for each in state.variables if each.startswith(name))
        return _pieces(state, names, part.quoted, every=True)
    index = yield _index(proc, part)
    if part.indirect and index in ("@", "*"):
        variable = state.variables.get(name)
        keys = list(variable.value) if variable is not None and isinstance(variable.value, dict) else []
        return _pieces(state, keys, part.quoted, every=index == "@")
    if part.indirect:
        target = _value(proc, name, index) or ""
        found = re.fullmatch(r"([A-Za-z_]\w*|\d+|[@*#?$!-])(?:\[(.*)\])?", target)
        if found is None:
            raise ExpansionProblem(f"{name}: invalid indirect expansion")
        name, index = found[1], found[2]
    is_list = name in ("@", "*") or index in ("@", "*")
    values = _values(state, name) if is_list else None
    value = None if is_list else _value(proc, name, index)
    if part.length:
        count = len(values) if values is not None else len(value or "")
        if values is None and value is None and "nounset" in state.options:
            raise ExpansionProblem(f"{name}: unbound variable")
        return [(kind, str(count))]  # type: ignore[list-item]  # one of the two
    is_set = bool(values) if values is not None else value is not None
    operator = part.operator
    if operator in (":-", ":=", ":?", ":+", "-", "=", "?", "+"):
        present = is_set and (operator[0] != ":" or bool(value if values is None else "".join(values)))
        if operator[-1] == "+":
            if not present:
                return [] if not part.quoted else [("quoted", "")]
            return (yield _argument(proc, part))
        if not present:
            return (yield _missing(proc, part, name, index))
    elif not is_set and values is None and "nounset" in state.options:
        raise ExpansionProblem(f"{name}: unbound variable")
    if operator in ("", ":-", ":=", ":?", "-", "=", "?"):
        changed = values if values is not None else [value or ""]
    elif operator == ":":
        changed = yield _slice(proc, part, values, value or "")
    else:
        changed = yield _changed(proc, part, values if values is not None else [value or ""])
    if values is None:
        return [(kind, changed[0] if changed else "")]  # type: ignore[list-item]
    return _pieces(state, changed, part.quoted, every="@" in (name, index))


def _pieces(state: State, values: list[str], quoted: bool, *, every: bool) -> list[Piece]:
    """`"$@"` is a field each; `"$*"` is one, with the first character of IFS between."""
    found: list[Piece] = []
    for at, value in enumerate(values):
        if at:
            found.append(("break", "") if every or not quoted else ("quoted", state.ifs()[:1]))
        found.append(("quoted" if quoted else "found", value))
    if quoted and not every and not values:
        found.append(("quoted", ""))
    return found


def _index(proc: Proc, part: Parameter) -> Steps[str | None]:
    from statelab.controlplane.runtime.shell.expansion import calculate, text

    if part.index is None:
        return None
    index: str = yield text(proc, part.index, tilde=False)
    variable = proc.state.variables.get(part.name)
    if index in ("@", "*") or (variable is not None and variable.is_map):
        return index
    number = yield calculate(proc, (Literal(index, True),))
    return str(number)


def _value(proc: Proc, name: str, index: str | None) -> str | None:
    state = proc.state
    if name.isdigit():
        number = int(name)
        if number == 0:
            return state.zero
        return state.parameters[number - 1] if number <= len(state.parameters) else None
    special: dict[str, Callable[[], str | None]] = {
        "#": lambda: str(len(state.parameters)),
        "?": lambda: str(state.last),
        "$": lambda: str(proc.shell.pid),
        "!": lambda: state.background or None,
        "-": lambda: "".join(_LETTERS.get(each, "") for each in sorted(state.options)),
        "BASHPID": lambda: str(proc.pid),
        "PPID": lambda: "0",
        "LINENO": lambda: "1",
    }
    return special[name]() if name in special else state.find(name, index)


_LETTERS = {"errexit": "e", "nounset": "u", "xtrace": "x", "noglob": "f", "allexport": "a", "noclobber": "C"}


def _values(state: State, name: str) -> list[str]:
    if name in ("@", "*"):
        return list(state.parameters)
    variable = state.variables.get(name)
    if variable is None or variable.value is None:
        return []
    return list(variable.value.values()) if isinstance(variable.value, dict) else [variable.value]


def _argument(proc: Proc, part: Parameter) -> Steps[list[Piece]]:
    """The word of `${x:-word}`: split like what is found, unless quoted."""
    from statelab.controlplane.runtime.shell.expansion import pieces

    made: list[Piece] = yield pieces(proc, part.argument, tilde=True)
    if part.quoted:
        return [("quoted" if kind != "break" else kind, each) for kind, each in made] or [("quoted", "")]
    return [("found" if kind == "written" else kind, each) for kind, each in made]


def _missing(proc: Proc, part: Parameter, name: str, index: str | None) -> Steps[list[Piece]]:
    from statelab.controlplane.runtime.shell.expansion import text

    operator = part.operator[-1]
    if operator == "-":
        return (yield _argument(proc, part))
    value = yield text(proc, part.argument)
    if operator == "=":
        proc.state.set(name, index, value)
        return [("quoted" if part.quoted else "found", value)]
    raise ExpansionProblem(f"{name}: {value or 'parameter null or not set'}")


def _slice(proc: Proc, part: Parameter, values: list[str] | None, value: str) -> Steps[list[str]]:
    from statelab.controlplane.runtime.shell.expansion import calculate

    start = yield calculate(proc, part.argument)
    count = None
    if part.replacement is not None:
        count = yield calculate(proc, part.replacement)
    if values is not None:
        whole = [proc.state.zero, *values] if part.name in ("@", "*") else values
        start = max(len(whole) + start, 0) if start < 0 else start
        if part.name in ("@", "*") and start == 0 and part.index is None:
            return whole[: count if count is not None else len(whole)]
        return whole[start : None if count is None else start + count]
    if start < 0:
        start += len(value)
        if start < 0:
            return [""]
    if count is None:
        return [value[start:]]
    stop = len(value) + count if count < 0 else start + count
    if stop < start:
        raise ExpansionProblem(f"{count}: substring expression < 0")
    return [value[start:stop]]


def _changed(proc: Proc, part: Parameter, values: list[str]) -> Steps[list[str]]:
    from statelab.controlplane.runtime.shell.expansion import pattern, text

    operator = part.operator
    proc.shell.work(sum(len(each) for each in values) // 100)
    if operator == "@":
        letter: str = yield text(proc, part.argument)
        ways: dict[str, Callable[[str], str]] = {
            "Q": shlex.quote, "U": str.upper, "L": str.lower, "u": lambda each: each[:1].upper() + each[1:]
        }  # fmt: skip
        if letter not in ways:
            raise ExpansionProblem(f"{part.name}: bad substitution")
        return [ways[letter](each) for each in values]
    wanted: str = yield pattern(proc, part.argument)
    if operator in ("^", "^^", ",", ",,"):
        change = str.upper if operator[0] == "^" else str.lower
        if len(operator) == 1:
            return [change(each[:1]) + each[1:] for each in values]
        return [change(each) for each in values]
    try:
        if operator in ("#", "##", "%", "%%"):
            return [_cut(each, wanted, operator) for each in values]
        replacement: Word = part.replacement or ()
        new: str = yield text(proc, replacement)
        before = r"\A" if operator == "/#" else ""
        after = r"\Z" if operator == "/%" else ""
        if not wanted:
            return values
        one = bounded(before + patterns.glob_text(wanted) + after, re.DOTALL)
        return [one.sub(lambda _: new, each, count=0 if operator == "//" else 1) for each in values]
    except PatternProblem as problem:
        raise ExpansionProblem(str(problem)) from None


def _cut(value: str, wanted: str, operator: str) -> str:
    if operator[0] == "#":
        found = bounded(patterns.glob_text(wanted, lazy=operator == "#"), re.DOTALL).match(value)
        return value[found.end() :] if found else value
    positions = range(len(value), -1, -1) if operator == "%" else range(len(value) + 1)
    if len(value) > 5_000:
        raise ExpansionProblem("limit exceeded: a value too long to be cut by a pattern")
    whole = bounded(patterns.glob_text(wanted) + r"\Z", re.DOTALL).over(value)
    at = next((each for each in positions if whole.match(value, each)), None)
    return value if at is None else value[:at]
