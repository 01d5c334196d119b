"""How commands run. Each function is one kind of command; what it calls it yields, and is sent what that returns."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from collections.abc import Sequence as Seq
from dataclasses import replace
from typing import Any

from statelab.controlplane.runtime.shell import syntax
from statelab.controlplane.runtime.shell.arithmetic import ArithmeticProblem
from statelab.controlplane.runtime.shell.bounded import PatternProblem
from statelab.controlplane.runtime.shell.conditions import condition
from statelab.controlplane.runtime.shell.expansion import calculate, fields, pattern, text
from statelab.controlplane.runtime.shell.parameters import ExpansionProblem
from statelab.controlplane.runtime.shell.patterns import glob
from statelab.controlplane.runtime.shell.proc import NULL, Exit, Proc
from statelab.controlplane.runtime.shell.redirections import redirect, restore
from statelab.controlplane.runtime.shell.running import Break, Continue, run
from statelab.controlplane.runtime.shell.state import Readonly, Variable
from statelab.controlplane.runtime.shell.streams import WAITING, Pipe, Steps
from statelab.controlplane.runtime.shell.syntax import Command

__all__ = ["execute", "read_redirected"]
DECLARING = frozenset({"export", "local", "declare", "typeset", "readonly"})
_MOST_JOBS = 500
_Execute = Callable[[Proc, Any], Steps[int]]


def execute(proc: Proc, node: Command) -> Steps[int]:
    """Run a command; its exit code."""
    return _KINDS[type(node)](proc, node)


def _checked(proc: Proc, code: int) -> int:
    """`set -e`: what fails, and is no condition, ends the strand."""
    proc.state.last = code
    if code and "errexit" in proc.state.options and not proc.state.unchecked:
        raise Exit(code)
    return code


def _sequence(proc: Proc, node: syntax.Sequence) -> Steps[int]:
    code = 0
    for command, background in node.items:
        if background:
            code = yield _background(proc, command)
        else:
            code = yield execute(proc, command)
        proc.state.last = code
        while proc.pending:
            yield signal(proc, proc.pending.pop(0))
    return code


def signal(proc: Proc, name: str) -> Steps[int]:
    """What a trap says."""
    from statelab.controlplane.runtime.shell.parser import parse

    before = proc.state.last
    if proc.state.traps.get(name):
        yield execute(proc, parse(proc.state.traps[name]))
    proc.state.last = before
    return before


def _background(proc: Proc, command: Command) -> Steps[int]:
    child = proc.fork({**proc.streams, 0: NULL})
    proc.jobs = [*proc.jobs[-_MOST_JOBS:], child]
    child.start(execute(child, command))
    proc.state.background = str(child.pid)
    proc.wake()  # it goes on when the job has begun, so that `wait` knows what there is to wait for
    yield WAITING
    return 0


def _and_or(proc: Proc, node: syntax.AndOr) -> Steps[int]:
    parts = [("", node.first), *node.rest]
    code = 0
    for at, (operator, command) in enumerate(parts):
        if (operator == "&&" and code) or (operator == "||" and not code):
            continue
        if at < len(parts) - 1:
            code = yield _unchecked(proc, command)
        else:
            code = yield execute(proc, command)
        proc.state.last = code
    return code


def _unchecked(proc: Proc, command: Command) -> Steps[int]:
    proc.state.unchecked += 1
    try:
        return (yield execute(proc, command))
    finally:
        proc.state.unchecked -= 1


def _pipeline(proc: Proc, node: syntax.Pipeline) -> Steps[int]:
    if len(node.commands) == 1:
        code = yield _unchecked(proc, node.commands[0])
        return int(not code)
    children: list[Proc] = []
    before = proc.stream(0)
    for at, command in enumerate(node.commands):
        streams = {**proc.streams, 0: before}
        pipe = None
        if at < len(node.commands) - 1:
            pipe = Pipe()
            streams[1] = pipe.writer
        child = proc.fork(streams)
        if pipe is not None:
            before = pipe.reader
            before.opened()  # until the next one has it
        if at:
            streams[0].closed()
        children.append(child)
        child.start(execute(child, command))
    proc.children += children
    for child in children:
        while child.code is None:
            child.when_ended(proc)
            yield WAITING
        proc.children.remove(child)
    codes = [child.code or 0 for child in children]
    code = codes[-1]
    if "pipefail" in proc.state.options:
        code = next((each for each in reversed(codes) if each), 0)
    if node.negated:
        return int(not code)
    return _checked(proc, code)


def _group(proc: Proc, node: syntax.Group) -> Steps[int]:
    if not node.subshell:
        return (yield execute(proc, node.body))
    child = proc.fork()
    proc.children.append(child)
    child.start(execute(child, node.body))
    while child.code is None:
        child.when_ended(proc)
        yield WAITING
    proc.children.remove(child)
    return _checked(proc, child.code)


def _if(proc: Proc, node: syntax.If) -> Steps[int]:
    for test, body in node.branches:
        code = yield _unchecked(proc, test)
        if code == 0:
            return (yield execute(proc, body))
    return (yield execute(proc, node.otherwise)) if node.otherwise is not None else 0


def _body(proc: Proc, body: Command) -> Steps[tuple[int, bool]]:
    """Once through a loop: its code, and whether the loop ends with it."""
    proc.shell.work(1)
    try:
        return (yield execute(proc, body)), False
    except Break as left:
        if left.levels > 1 and proc.state.loops > 1:
            raise Break(left.levels - 1) from None
        return 0, True
    except Continue as left:
        if left.levels > 1 and proc.state.loops > 1:
            raise Continue(left.levels - 1) from None
        return 0, False


def _while(proc: Proc, node: syntax.While) -> Steps[int]:
    code = 0
    proc.state.loops += 1
    try:
        while True:
            try:
                test = yield _unchecked(proc, node.condition)
            except Break:
                break
            if (test == 0) == node.until:
                break
            code, ends = yield _body(proc, node.body)
            if ends:
                break
    finally:
        proc.state.loops -= 1
    return code


def _for(proc: Proc, node: syntax.For) -> Steps[int]:
    if node.words is None:
        values = list(proc.state.parameters)
    else:
        try:
            values = yield fields(proc, node.words)
        except ExpansionProblem as problem:
            return (yield failed(proc, problem))
    code = 0
    proc.state.loops += 1
    try:
        for value in values:
            proc.state.set(node.name, None, value)
            code, ends = yield _body(proc, node.body)
            if ends:
                break
    finally:
        proc.state.loops -= 1
    return code


def _for_arithmetic(proc: Proc, node: syntax.ForArithmetic) -> Steps[int]:
    code = 0
    proc.state.loops += 1
    try:
        yield calculate(proc, node.first)
        while True:
            if node.condition and not (yield calculate(proc, node.condition)):
                break
            code, ends = yield _body(proc, node.body)
            if ends:
                break
            yield calculate(proc, node.step)
    except ExpansionProblem as problem:
        code = yield failed(proc, problem)
    finally:
        proc.state.loops -= 1
    return code


def _case(proc: Proc, node: syntax.Case) -> Steps[int]:
    try:
        value = yield text(proc, node.word)
        code, falls = 0, False
        for wanted, body, ending in node.branches:
            matches = falls
            for each in wanted:
                if not matches:
                    matches = glob((yield pattern(proc, each))).match(value) is not None
            if not matches:
                continue
            code = yield execute(proc, body)
            falls = ending == ";&"
            if ending == ";;":
                break
        return code
    except (ExpansionProblem, PatternProblem) as problem:
        return (yield failed(proc, problem))


def _function(proc: Proc, node: syntax.Function) -> Steps[int]:
    proc.state.functions[node.name] = node.body
    return 0
    yield


def _condition(proc: Proc, node: syntax.Condition) -> Steps[int]:
    try:
        return _checked(proc, int(not (yield condition(proc, node))))
    except (ExpansionProblem, PatternProblem, ArithmeticProblem) as problem:
        return (yield failed(proc, problem, code=2))


def _arithmetic(proc: Proc, node: syntax.ArithmeticCommand) -> Steps[int]:
    try:
        return _checked(proc, int((yield calculate(proc, node.expression)) == 0))
    except ExpansionProblem as problem:
        return _checked(proc, (yield failed(proc, problem)))


def _redirected(proc: Proc, node: syntax.Redirected) -> Steps[int]:
    try:
        before = yield redirect(proc, node.redirections)
    except (OSError, ExpansionProblem) as problem:
        return _checked(proc, (yield failed(proc, problem)))
    try:
        return (yield execute(proc, node.command))
    finally:
        restore(proc, before)


def read_redirected(proc: Proc, redirection: syntax.Redirection) -> Steps[bytes]:
    """What `$(< file)` stands for."""
    try:
        before = yield redirect(proc, (redirection,))
    except OSError as problem:
        yield failed(proc, problem)
        return b""
    found: bytes = yield from proc.stream(redirection.descriptor).read(proc)
    restore(proc, before)
    return found


# ---- simple commands


def _simple(proc: Proc, node: syntax.Simple) -> Steps[int]:
    proc.shell.work(1)
    state = proc.state
    state.substituted = 0
    state.line = node.line
    arrays = [each for each in node.words if isinstance(each, syntax.Assignment)]
    try:
        arguments = yield _arguments(proc, [each for each in node.words if not isinstance(each, syntax.Assignment)])
        given = {}
        for each in node.assignments:
            if arguments and each.values is None:
                given[each.name] = yield text(proc, each.value)
            else:
                yield assign(proc, each)
                if "xtrace" in state.options:
                    yield from proc.error(f"+ {each.name}={state.get(each.name)}\n")
    except (ExpansionProblem, PatternProblem) as problem:
        return (yield failed(proc, problem))
    except Readonly as name:
        yield from proc.error(f"{state.zero}: {name}: readonly variable\n")
        return _checked(proc, 1)
    if "xtrace" in state.options and arguments:
        before = "".join(f"{name}={shlex.quote(value)} " for name, value in given.items())
        yield from proc.error(f"+ {before}{shlex.join(arguments)}\n")
    try:
        restored = yield redirect(proc, node.redirections)
    except (OSError, ExpansionProblem) as problem:
        return _checked(proc, (yield failed(proc, problem)))
    if not arguments:
        restore(proc, restored)
        return _checked(proc, state.substituted)
    if arguments == ["exec"]:
        for _, stream in restored:
            if stream is not None:
                stream.closed()
        return 0
    try:
        is_last = arguments[0] == "readonly"  # what is read only takes no values afterwards
        for each in arrays if is_last else ():
            yield assign(proc, each)
        code = yield run(proc, [*arguments, *(each.name for each in arrays)], given)
        for each in () if is_last else arrays:
            yield assign(proc, each)
    finally:
        restore(proc, restored)
    return _checked(proc, code)


def _arguments(proc: Proc, words: Seq[syntax.Word]) -> Steps[list[str]]:
    first = words[0] if words else ()
    declares = len(first) == 1 and isinstance(first[0], syntax.Literal) and first[0].text in DECLARING
    if not declares:
        return (yield fields(proc, words))
    found: list[str] = []
    for word in words:  # `export A=$x` is an assignment: it is not split
        is_assignment = word and isinstance(word[0], syntax.Literal) and "=" in word[0].text
        if is_assignment:
            found.append((yield text(proc, word)))
        else:
            found += yield fields(proc, [word])
    return found


def assign(proc: Proc, each: syntax.Assignment) -> Steps[None]:
    state = proc.state
    if each.values is not None:
        yield _assign_array(proc, each)
        return
    value = yield text(proc, each.value)
    index = None
    variable = state.variables.get(each.name)
    if each.index is not None:
        index = yield text(proc, each.index, tilde=False)
        if variable is None or not variable.is_map:
            index = str((yield calculate(proc, (syntax.Literal(index, True),))))
        if variable is None or variable.value is None:
            state.put(each.name, replace(variable or Variable(), value={}))
    if variable is not None and variable.integer:
        added = f"{state.get(each.name, index) or 0}+({value})" if each.append else value
        value = str((yield calculate(proc, (syntax.Literal(added, True),))))
    elif each.append:
        value = state.get(each.name, index) + value
    state.set(each.name, index, value)


def _assign_array(proc: Proc, each: syntax.Assignment) -> Steps[None]:
    variable = proc.state.variables.get(each.name, Variable())
    values: dict[str, str] = dict(variable.value) if each.append and isinstance(variable.value, dict) else {}
    at = len(values)
    for word in each.values or ():
        first = word[0]
        named = isinstance(first, syntax.Literal) and not first.quoted and first.text.startswith("[")
        if named:
            key, _, value = (yield text(proc, word)).partition("]=")
            values[key[1:]] = value
            at = int(key[1:]) + 1 if key[1:].isdigit() else at
            continue
        for value in (yield fields(proc, [word])):
            values[str(at)] = value
            at += 1
    proc.state.put(each.name, replace(variable, value=values))


def failed(proc: Proc, problem: Exception, *, code: int = 1) -> Steps[int]:
    """Say why a command could not run."""
    words = str(problem)
    if isinstance(problem, OSError) and problem.strerror:
        words = f"{problem.filename}: {problem.strerror}" if problem.filename else problem.strerror
    yield from proc.error(f"{proc.speaker}: {words}\n")
    if isinstance(problem, ExpansionProblem):
        raise Exit(code)
    return code


_KINDS: Mapping[type, _Execute] = {
    syntax.Sequence: _sequence,
    syntax.AndOr: _and_or,
    syntax.Pipeline: _pipeline,
    syntax.Group: _group,
    syntax.If: _if,
    syntax.While: _while,
    syntax.For: _for,
    syntax.ForArithmetic: _for_arithmetic,
    syntax.Case: _case,
    syntax.Function: _function,
    syntax.Condition: _condition,
    syntax.ArithmeticCommand: _arithmetic,
    syntax.Redirected: _redirected,
    syntax.Simple: _simple,
}
