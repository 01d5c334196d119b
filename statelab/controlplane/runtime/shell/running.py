"""Which command a name stands for, and how it is run: a function, a builtin, one of the runtime's, a tool, a file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from statelab.controlplane.runtime.paths import join
from statelab.controlplane.runtime.shell.bounded import PatternProblem
from statelab.controlplane.runtime.shell.proc import Exit, LimitReached, Proc, encode
from statelab.controlplane.runtime.shell.state import Readonly, State, Variable
from statelab.controlplane.runtime.shell.streams import WAITING, BrokenPipe, Steps
from statelab.controlplane.runtime.shell.syntax import SyntaxProblem
from statelab.controlplane.runtime.worker import Call

_DEEPEST = 500  # functions within functions
_SHELLS = ("sh", "bash", "ash", "dash")
_SPECIAL = frozenset(("exec", "eval", ".", "source", ":", "export", "readonly", "set", "unset", "return", "exit"))
_BIN = ("/bin", "/usr/bin", "/sbin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin")


class Break(Exception):
    def __init__(self, levels: int) -> None:
        self.levels = levels


class Continue(Exception):
    def __init__(self, levels: int) -> None:
        self.levels = levels


class Return(Exception):
    def __init__(self, code: int) -> None:
        self.code = code


def run(proc: Proc, arguments: list[str], given: Mapping[str, str], *, functions: bool = True) -> Steps[int]:
    """Run a command whose words are expanded. `given`: variables for it alone."""
    from statelab.controlplane.runtime.shell.builtins import BUILTINS

    name, state = arguments[0], proc.state
    if functions and name in state.functions:
        return (yield _with(proc, given, _function(proc, arguments)))
    base = name.rpartition("/")[2] if name.rpartition("/")[0] in _BIN else name
    if base in proc.shell.commands and base not in ("kill", "wait"):
        return (yield _call(proc, base, arguments[1:], given))
    builtin = BUILTINS.get(base)
    if builtin is not None:
        steps = _guarded(proc, base, builtin(proc, arguments[1:]))
        return (yield (_kept if base in _SPECIAL else _with)(proc, given, steps))
    return (yield tool(proc, [base, *arguments[1:]], {**state.environment(), **given}))


def tool(proc: Proc, arguments: list[str], environment: Mapping[str, str]) -> Steps[int]:
    """A command that has an environment of its own: a tool, one of the runtime's, a shell, a script. Not a builtin."""
    from statelab.controlplane.runtime.shell.tools import TOOLS

    name = arguments[0]
    base = name.rpartition("/")[2] if name.rpartition("/")[0] in _BIN else name
    if base in proc.shell.commands:
        return (yield _call(proc, base, arguments[1:], environment))
    if base in _SHELLS:
        return (yield _shell(proc, base, arguments[1:], environment))
    found = TOOLS.get(base)
    if found is not None:
        child = replace(proc.state, variables={key: Variable(each, exported=True) for key, each in environment.items()})
        before, proc.state = proc.state, child
        try:
            return (yield _guarded(proc, base, found(proc, arguments[1:])))
        finally:
            proc.state = before
    path = join(proc.state.cwd, name)
    if "/" in name and proc.files.exists(path):
        return (yield _file(proc, name, path, arguments[1:], environment))
    yield from proc.error(f"{proc.state.zero}: {name}: not found\n")
    return 127


def _with(proc: Proc, given: Mapping[str, str], steps: Steps[int]) -> Steps[int]:
    """With variables that are there for one command only."""
    state = proc.state
    before = {name: state.variables.get(name) for name in given}
    for name, value in given.items():
        state.put(name, Variable(value, exported=True))
    try:
        return (yield steps)
    finally:
        for name, variable in before.items():
            if variable is None:
                state.variables.pop(name, None)
            else:
                state.variables[name] = variable


def _kept(proc: Proc, given: Mapping[str, str], steps: Steps[int]) -> Steps[int]:
    """A special builtin: POSIX says that what is set for it stays."""
    for name, value in given.items():
        proc.state.set(name, None, value)
    return (yield steps)


def _guarded(proc: Proc, name: str, steps: Steps[int]) -> Steps[int]:
    """What goes wrong in a command is told by it, in the words of the system."""
    try:
        return (yield steps)
    except (Exit, BrokenPipe, LimitReached, Break, Continue, Return):
        raise
    except Readonly as variable:
        yield from proc.error(f"{proc.state.zero}: {name}: {variable}: readonly variable\n")
        return 1
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        yield from proc.error(f"{name}: {where}{error.strerror or error}\n")
        return 1
    except (ValueError, PatternProblem, LookupError, ArithmeticError, RecursionError) as error:
        yield from proc.error(f"{name}: {error}\n")
        return 2


def _function(proc: Proc, arguments: list[str]) -> Steps[int]:
    from statelab.controlplane.runtime.shell.interpreter import execute

    state = proc.state
    if state.calls >= _DEEPEST:
        raise LimitReached(f"limit exceeded: functions nested deeper than {_DEEPEST}")
    before, state.parameters = state.parameters, arguments[1:]
    loops, state.loops = state.loops, 0
    state.calls += 1
    state.scopes.append({})
    try:
        return (yield execute(proc, state.functions[arguments[0]]))
    except Return as returned:
        return returned.code
    finally:
        state.leave()
        state.calls -= 1
        state.parameters, state.loops = before, loops


def _call(proc: Proc, name: str, arguments: list[str], given: Mapping[str, str]) -> Steps[int]:
    """One of the runtime's commands: it is told, and this strand waits for what it answers."""
    data = bytearray()
    if proc.shell.commands[name](arguments):
        while chunk := (yield from proc.stream(0).read(proc)):
            data += chunk
    shown = [encode(each).decode(errors="replace") for each in arguments]
    call = Call(proc.shell, name, shown, {**proc.state.environment(), **given}, proc.state.cwd)
    answers = proc.shell.called(call, proc, bytes(data))
    while True:
        while not answers:
            yield WAITING
        kind, value = answers.pop(0)
        if isinstance(value, int):
            proc.shell.answered(call, proc)
            return value
        yield from proc.stream(1 if kind == "stdout" else 2).write(proc, value)


def _new_state(proc: Proc, environment: Mapping[str, str], zero: str, parameters: list[str]) -> State:
    return State(
        proc.shell.hold, cwd=proc.state.cwd, zero=zero, parameters=parameters, random=proc.state.random,
        clock=proc.state.clock, since_s=proc.state.clock(),
        variables={name: Variable(value, exported=True) for name, value in environment.items()},
    )  # fmt: skip


def script(proc: Proc, text: str, state: State) -> Steps[int]:
    """Run a script in a shell of its own."""
    from statelab.controlplane.runtime.shell.interpreter import execute
    from statelab.controlplane.runtime.shell.parser import parse

    try:
        parsed = parse(text)
    except SyntaxProblem as problem:
        yield from proc.error(f"{state.zero}: {problem}\n")
        return 2
    child = proc.shell.new_proc(state, proc.streams)
    proc.children.append(child)
    child.start(whole(child, execute(child, parsed)))
    while child.code is None:
        child.when_ended(proc)
        yield WAITING
    proc.children.remove(child)
    return child.code


def whole(proc: Proc, steps: Steps[int]) -> Steps[int]:
    """A script from beginning to end, with its trap for EXIT."""
    from statelab.controlplane.runtime.shell.interpreter import signal

    try:
        code = yield steps
    except Exit as left:
        code = left.code
    except Return as returned:
        code = returned.code
    except (Break, Continue):
        code = 0
    except SyntaxProblem as problem:
        yield from proc.error(f"{proc.state.zero}: {problem}\n")
        code = 2
    while proc.pending:
        yield signal(proc, proc.pending.pop(0))
    if proc.state.traps.get("EXIT"):
        proc.state.last = code
        try:
            yield signal(proc, "EXIT")
        except Exit as left:
            code = left.code
    return code


def _shell(proc: Proc, name: str, arguments: list[str], environment: Mapping[str, str]) -> Steps[int]:
    """`sh -c script`, `sh file`, or `sh` with its script on standard input."""
    from statelab.controlplane.runtime.shell.builtins import set_options

    rest, options = list(arguments), []
    reads_command = False
    while rest and re.match(r"[-+][a-zA-Z-]", rest[0]):
        option = rest.pop(0)
        if option == "--":
            break
        if option.startswith("--"):
            continue
        reads_command = reads_command or "c" in option
        letters = option[0] + "".join(each for each in option[1:] if each not in "cils")
        if letters.endswith("o") and rest:
            options += [letters, rest.pop(0)]
        elif len(letters) > 1:
            options.append(letters)
    if reads_command:
        if not rest:
            yield from proc.error(f"{name}: -c: option requires an argument\n")
            return 2
        text, zero, parameters = rest[0], rest[1] if len(rest) > 1 else name, rest[2:]
    elif rest:
        zero, parameters = rest[0], rest[1:]
        try:
            text = proc.files.read(join(proc.state.cwd, zero)).decode(errors="surrogateescape")
        except OSError:
            yield from proc.error(f"{name}: 0: cannot open {zero}: No such file\n")
            return 2
    else:
        data = bytearray()
        while chunk := (yield from proc.stream(0).read(proc)):
            data += chunk
        text, zero, parameters = data.decode(errors="surrogateescape"), name, []
    state = _new_state(proc, environment, zero, parameters)
    set_options(state, options)
    return (yield script(proc, text, state))


def _file(proc: Proc, name: str, path: str, arguments: list[str], environment: Mapping[str, str]) -> Steps[int]:
    if proc.files.is_directory(path):
        yield from proc.error(f"{proc.state.zero}: {name}: Is a directory\n")
        return 126
    if not proc.files.stat(path).mode & 0o111:
        yield from proc.error(f"{proc.state.zero}: {name}: Permission denied\n")
        return 126
    text = proc.files.read(path).decode(errors="surrogateescape")
    first = text.partition("\n")[0]
    if first.startswith("#!") and not re.search(r"\b(?:sh|bash|ash|dash)\b", first):
        yield from proc.error(f"{proc.state.zero}: {name}: the sandbox has no interpreter {first[2:].strip()}\n")
        return 126
    return (yield script(proc, text, _new_state(proc, environment, name, arguments)))
