"""awk, the command: its options, its records, and what it pipes into others. Source: POSIX XCU awk."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from statelab.controlplane.runtime.shell.proc import Proc, decode, encode
from statelab.controlplane.runtime.shell.streams import Steps
from statelab.controlplane.runtime.shell.tools.awk_program import Program
from statelab.controlplane.runtime.shell.tools.awk_run import Awk, Exit, Next
from statelab.controlplane.runtime.shell.tools.awk_tokens import unescaped
from statelab.controlplane.runtime.shell.tools.awk_values import Input, number, text
from statelab.controlplane.runtime.shell.tools.common import Lines, Options, full


def _awk(proc: Proc, arguments: list[str]) -> Steps[int]:
    ends = next((at for at, each in enumerate(arguments) if not _is_option(arguments, at)), len(arguments))
    options = Options(arguments[:ends], "", "Fvf", {"field-separator": "F", "assign": "v", "file": "f"})
    operands = arguments[ends:]
    if options.values.get("f"):
        program_text = "\n".join(decode(proc.files.read(full(proc, each))) for each in options.values["f"])
    elif operands:
        program_text = operands.pop(0)
    else:
        raise ValueError("usage: awk [-F fs][-v var=value][prog | -f progfile][file ...]")
    awk = Awk(proc, Program(program_text))
    if "F" in options.values:
        awk.variables["FS"] = "\t" if options.value("F") == "t" else unescaped(options.value("F"))
    for each in options.values.get("v", []):
        name, _, value = each.partition("=")
        awk.variables[name] = Input(unescaped(value))
    paths = []
    for each in operands:
        if re.match(r"[A-Za-z_]\w*=", each):
            name, _, value = each.partition("=")
            awk.variables[name] = Input(unescaped(value))
        else:
            paths.append(each)
    lines = Lines(proc, "awk", paths)
    try:
        for block in awk.program.begin:
            awk.do(block)
            yield from awk.flush()
        if awk.program.rules or awk.program.end:
            yield from _records(awk, lines)
    except Exit:
        pass
    try:
        for block in awk.program.end:
            awk.do(block)
    except Exit:
        pass
    yield from awk.flush()
    for command, parts in awk.piped.items():
        yield _piped(proc, command, "".join(parts))
    return awk.code or lines.code


def _is_option(arguments: list[str], at: int) -> bool:
    word = arguments[at]
    if at and arguments[at - 1] in ("-F", "-v", "-f") and _is_option(arguments, at - 1):
        return True
    return word.startswith("-") and len(word) > 1


def _records(awk: Awk, lines: Lines) -> Steps[None]:
    separator = text(awk.variables["RS"])
    path = ""
    if separator != "\n":
        yield from _other_records(awk, lines, separator)
        return
    while (line := (yield from lines.next())) is not None:
        if lines.path != path:
            path = lines.path
            awk.variables["FILENAME"], awk.variables["FNR"] = path, 0.0
        yield from _record(awk, decode(line).removesuffix("\n"))


def _other_records(awk: Awk, lines: Lines, separator: str) -> Steps[None]:
    found = []
    while (line := (yield from lines.next())) is not None:
        found.append(decode(line))
    whole = "".join(found)
    if separator == "":
        records = [each for each in re.split(r"\n\n+", whole.strip("\n")) if each]
        if text(awk.variables["FS"]) == " ":
            awk.variables["FS"] = "[ \t\n]+"
    else:
        records = whole.removesuffix("\n").removesuffix(separator).split(separator)
    for each in records:
        yield from _record(awk, each)


def _record(awk: Awk, line: str) -> Steps[None]:
    awk.variables["NR"] = number(awk.variables["NR"]) + 1
    awk.variables["FNR"] = number(awk.variables["FNR"]) + 1
    awk.set_record(line)
    try:
        awk.rules()
    except Next:
        pass
    except Exit:
        yield from awk.flush()
        raise
    yield from awk.flush()


def _piped(proc: Proc, command: str, data: str) -> Steps[int]:
    """`print | "sort"`: the command runs when all has been printed."""
    from statelab.controlplane.runtime.shell.interpreter import execute
    from statelab.controlplane.runtime.shell.parser import parse
    from statelab.controlplane.runtime.shell.streams import WAITING, Bytes

    child = proc.fork({**proc.streams, 0: Bytes(encode(data))})
    child.start(execute(child, parse(command)))
    while child.code is None:
        child.when_ended(proc)
        yield WAITING
    return child.code


TOOLS: Mapping[str, Callable[[Proc, list[str]], Steps[int]]] = {"awk": _awk, "gawk": _awk, "mawk": _awk}
