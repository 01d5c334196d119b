"""Commands that are the shell's own: they change it, or control what it does next."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from dataclasses import replace

from statelab.controlplane.runtime.paths import join
from statelab.controlplane.runtime.shell import jobs, texts
from statelab.controlplane.runtime.shell.proc import Exit, Proc, decode
from statelab.controlplane.runtime.shell.running import Break, Continue, Return, run, tool
from statelab.controlplane.runtime.shell.state import State, Variable
from statelab.controlplane.runtime.shell.streams import Steps

Builtin = Callable[[Proc, list[str]], Steps[int]]
_OPTIONS = {"e": "errexit", "u": "nounset", "x": "xtrace", "f": "noglob", "a": "allexport", "C": "noclobber",
            "n": "noexec", "v": "verbose", "m": "monitor", "b": "notify", "h": "hashall"}  # fmt: skip
_MORE_OPTIONS = ("pipefail", "posix", "ignoreeof", "vi", "emacs", "errtrace", "functrace")


def set_options(state: State, arguments: list[str]) -> list[str]:
    """`-eu`, `+x`, `-o pipefail`; what is left. Raises ValueError for an option that is none."""
    rest = list(arguments)
    while rest and rest[0][:1] in ("-", "+") and len(rest[0]) > 1:
        word = rest.pop(0)
        if word == "--":
            break
        names = [_OPTIONS.get(letter, letter) for letter in word[1:] if letter != "o"]
        if word.endswith("o"):
            if not rest:
                return []
            names.append(rest.pop(0))
        for name in names:
            if name not in _OPTIONS.values() and name not in _MORE_OPTIONS:
                raise ValueError(f"{word[0]}{name}: invalid option")
            (state.options.add if word[0] == "-" else state.options.discard)(name)
    return rest


def _set(proc: Proc, arguments: list[str]) -> Steps[int]:
    state = proc.state
    if not arguments:
        for name, variable in sorted(state.variables.items()):
            if isinstance(variable.value, str):
                yield from proc.out(f"{name}={shlex.quote(variable.value)}\n")
        return 0
    rest = set_options(state, arguments)
    if rest or "--" in arguments:
        state.parameters = rest
    return 0


def _true(proc: Proc, arguments: list[str]) -> Steps[int]:
    return 0
    yield


def _false(proc: Proc, arguments: list[str]) -> Steps[int]:
    return 1
    yield


def _cd(proc: Proc, arguments: list[str]) -> Steps[int]:
    state = proc.state
    words = [each for each in arguments if each not in ("-L", "-P", "--")]
    target = words[0] if words else state.get("HOME") or "/"
    back = target == "-"
    if back:
        target = state.get("OLDPWD") or state.cwd
    path = join(state.cwd, target)
    if not proc.files.is_directory(path):
        why = "Not a directory" if proc.files.exists(path) else "No such file or directory"
        where = target if proc.shell.speaks_as_bash else f"can't cd to {target}"
        yield from proc.error(f"{proc.speaker}: cd: {where}: {why}\n")
        return 1
    state.set("OLDPWD", None, state.cwd)
    state.cwd = path
    state.set("PWD", None, path)
    if back:
        yield from proc.out(f"{path}\n")
    return 0


def _pwd(proc: Proc, arguments: list[str]) -> Steps[int]:
    yield from proc.out(f"{proc.state.cwd}\n")
    return 0


def _number(arguments: list[str], otherwise: int) -> int:
    if not arguments:
        return otherwise
    if not arguments[0].lstrip("-").isdigit():
        raise ValueError(f"Illegal number: {arguments[0]}")
    return int(arguments[0])


def _exit(proc: Proc, arguments: list[str]) -> Steps[int]:
    raise Exit(_number(arguments, proc.state.last))
    yield


def _return(proc: Proc, arguments: list[str]) -> Steps[int]:
    raise Return(_number(arguments, proc.state.last) & 255)
    yield


def _break(proc: Proc, arguments: list[str]) -> Steps[int]:
    if proc.state.loops:
        raise Break(max(_number(arguments, 1), 1))
    return 0
    yield


def _continue(proc: Proc, arguments: list[str]) -> Steps[int]:
    if proc.state.loops:
        raise Continue(max(_number(arguments, 1), 1))
    return 0
    yield


def _shift(proc: Proc, arguments: list[str]) -> Steps[int]:
    count = _number(arguments, 1)
    if count > len(proc.state.parameters):
        return 1
    proc.state.parameters = proc.state.parameters[count:]
    return 0
    yield


def _eval(proc: Proc, arguments: list[str]) -> Steps[int]:
    from statelab.controlplane.runtime.shell.interpreter import execute
    from statelab.controlplane.runtime.shell.parser import parse
    from statelab.controlplane.runtime.shell.syntax import SyntaxProblem

    proc.shell.work(10)
    try:
        parsed = parse(" ".join(arguments))
    except SyntaxProblem as problem:
        yield from proc.error(f"{proc.state.zero}: eval: {problem}\n")
        return 2
    return (yield execute(proc, parsed))


def _source(proc: Proc, arguments: list[str]) -> Steps[int]:
    if not arguments:
        raise ValueError("filename argument required")
    content = proc.files.read(join(proc.state.cwd, arguments[0]))
    before = proc.state.parameters
    if arguments[1:]:
        proc.state.parameters = arguments[1:]
    try:
        return (yield _eval(proc, [decode(content)]))
    except Return as returned:
        return returned.code
    finally:
        proc.state.parameters = before


def _exec(proc: Proc, arguments: list[str]) -> Steps[int]:
    words = arguments[1:] if arguments[:1] == ["--"] else arguments
    code = yield tool(proc, words, proc.state.environment()) if words[0] not in BUILTINS else run(proc, words, {})
    raise Exit(code)


def _export(proc: Proc, arguments: list[str]) -> Steps[int]:
    return (yield _declare_as(proc, arguments, "export"))


def _readonly(proc: Proc, arguments: list[str]) -> Steps[int]:
    return (yield _declare_as(proc, arguments, "readonly"))


def _local(proc: Proc, arguments: list[str]) -> Steps[int]:
    if not proc.state.scopes:
        raise ValueError("can only be used in a function")
    return (yield _declare_as(proc, arguments, "local"))


def _declare(proc: Proc, arguments: list[str]) -> Steps[int]:
    return (yield _declare_as(proc, arguments, "declare"))


def _declare_as(proc: Proc, arguments: list[str], how: str) -> Steps[int]:
    state = proc.state
    flags = "".join(each[1:] for each in arguments if each.startswith("-") and len(each) > 1 and each != "--")
    names = [each for each in arguments if not each.startswith(("-", "+"))]
    if not names or "p" in flags:
        for name, variable in sorted(state.variables.items()):
            wanted = not names or name in names
            if wanted and isinstance(variable.value, str) and (how != "export" or variable.exported):
                letters = ("x" if variable.exported else "") + ("r" if variable.readonly else "")
                begins = f"export {name}" if how == "export" else f"declare -{letters or '-'} {name}"
                yield from proc.out(f'{begins}="{variable.value}"\n')
        return 0
    for each in names:
        name, has_value, value = each.partition("=")
        name, append = (name[:-1], True) if name.endswith("+") else (name, False)
        if not name.replace("_", "a").isalnum() or name[:1].isdigit():
            raise ValueError(f"`{each}': not a valid identifier")
        if state.scopes and (how == "local" or (how == "declare" and "g" not in flags)):
            state.local(name)
        variable = state.variables.get(name, Variable(None))
        variable = replace(
            variable,
            exported=(variable.exported or how == "export" or "x" in flags) and not (how == "export" and "n" in flags),
            integer=variable.integer or "i" in flags,
            is_map=variable.is_map or "A" in flags,
            value={} if (set("aA") & set(flags)) and not variable.value else variable.value,
        )
        if name not in state.variables or not state.variables[name].readonly:
            state.put(name, variable)
        if has_value:
            state.set(name, None, state.get(name) + value if append else value)
        if how == "readonly" or "r" in flags:
            state.variables[name] = replace(state.variables[name], readonly=True)
    return 0


def _unset(proc: Proc, arguments: list[str]) -> Steps[int]:
    functions = "-f" in arguments
    for each in arguments:
        if each in ("-f", "-v"):
            continue
        name, _, index = each.partition("[")
        if functions or (name not in proc.state.variables and name in proc.state.functions):
            proc.state.functions.pop(name, None)
        else:
            proc.state.unset(name, index.rstrip("]") or None)
    return 0
    yield


def _command(proc: Proc, arguments: list[str]) -> Steps[int]:
    words = list(arguments)
    asks = ""
    while words and words[0] in ("-v", "-V", "-p", "--"):
        asks = words[0] if words[0] in ("-v", "-V") else asks
        words.pop(0)
    if asks:
        code = 0
        for name in words:
            place = where(proc, name)
            if place:
                yield from proc.out(f"{place}\n" if asks == "-v" else f"{name} is {place}\n")
            else:
                code = 1
        return code
    return (yield run(proc, words, {}, functions=False)) if words else 0


def where(proc: Proc, name: str) -> str:
    """What `command -v` says; "" for what there is not."""
    from statelab.controlplane.runtime.shell.tools import TOOLS

    if name in proc.state.functions or name in BUILTINS:
        return name
    if name in proc.shell.commands or name in TOOLS or name in ("sh", "bash"):
        return f"/bin/{name}" if name in ("sh", "bash", "cat", "ls") else f"/usr/bin/{name}"
    return name if "/" in name and proc.files.exists(join(proc.state.cwd, name)) else ""


def _type(proc: Proc, arguments: list[str]) -> Steps[int]:
    code = 0
    for name in [each for each in arguments if not each.startswith("-")]:
        place = where(proc, name)
        if not place:
            yield from proc.error(f"{proc.state.zero}: type: {name}: not found\n")
            code = 1
        elif name in proc.state.functions:
            yield from proc.out(f"{name} is a function\n")
        else:
            yield from proc.out(f"{name} is {'a shell builtin' if place == name else place}\n")
    return code


def _getopts(proc: Proc, arguments: list[str]) -> Steps[int]:
    state = proc.state
    letters, name = arguments[0], arguments[1]
    words = arguments[2:] or state.parameters
    index = int(state.get("OPTIND") or 1)
    within = int(state.get("__optpos") or 1)
    if index > len(words) or not words[index - 1].startswith("-") or words[index - 1] in ("-", "--"):
        state.set(name, None, "?")
        return 1
    word = words[index - 1]
    letter = word[within]
    at = letters.lstrip(":").find(letter)
    takes = at >= 0 and letters.lstrip(":")[at + 1 : at + 2] == ":"
    value = ""
    if takes:
        value = word[within + 1 :] or (words[index] if index < len(words) else "")
        index += 1 if word[within + 1 :] else 2
        within = 1
    elif within + 1 < len(word):
        within += 1
    else:
        index, within = index + 1, 1
    state.set("OPTIND", None, str(index))
    state.set("__optpos", None, str(within))
    if at < 0:
        state.set(name, None, "?")
        if not letters.startswith(":"):
            yield from proc.error(f"{state.zero}: illegal option -- {letter}\n")
        else:
            state.set("OPTARG", None, letter)
        return 0
    state.set(name, None, letter)
    state.set("OPTARG", None, value)
    return 0


def _let(proc: Proc, arguments: list[str]) -> Steps[int]:
    from statelab.controlplane.runtime.shell.arithmetic import evaluate

    value = 0
    for each in arguments:
        value = evaluate(each, proc.state)
    return int(value == 0)
    yield


def _builtin(proc: Proc, arguments: list[str]) -> Steps[int]:
    if not arguments or arguments[0] not in BUILTINS:
        raise ValueError(f"{''.join(arguments[:1])}: not a shell builtin")
    return (yield BUILTINS[arguments[0]](proc, arguments[1:]))


def _umask(proc: Proc, arguments: list[str]) -> Steps[int]:
    if not arguments:
        yield from proc.out("0022\n")
    return 0


BUILTINS: Mapping[str, Builtin] = {
    ":": _true, "true": _true, "false": _false, "cd": _cd, "chdir": _cd, "pwd": _pwd, "exit": _exit,
    "return": _return, "break": _break, "continue": _continue, "shift": _shift, "eval": _eval, ".": _source,
    "source": _source, "exec": _exec, "export": _export, "readonly": _readonly, "local": _local,
    "declare": _declare, "typeset": _declare, "unset": _unset, "set": _set, "trap": jobs.trap, "wait": jobs.wait,
    "kill": jobs.kill, "jobs": jobs.jobs, "command": _command, "builtin": _builtin, "type": _type, "getopts": _getopts,
    "let": _let, "umask": _umask, "shopt": _true, "hash": _true, "ulimit": _true, "alias": _true, "unalias": _true,
    "disown": _true, "fg": jobs.wait, "bg": _true, **texts.BUILTINS,
}  # fmt: skip
