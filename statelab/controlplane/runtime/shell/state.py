"""What a shell remembers: variables, functions, directory, options, traps. A subshell gets a copy."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from statelab.controlplane.runtime.shell.syntax import Command

OF_TIME = frozenset(("SECONDS", "EPOCHSECONDS", "EPOCHREALTIME"))  # variables that the clock sets

Value = str | dict[str, str]  # an array, in order of its indices


@dataclass(frozen=True, slots=True)
class Variable:
    value: Value | None = ""  # None: declared, without a value
    exported: bool = False
    readonly: bool = False
    integer: bool = False
    is_map: bool = False  # an array whose indices are words


class Readonly(Exception):
    """A variable that may not be changed."""


def _size(value: Value | None) -> int:
    if value is None:
        return 0
    return len(value) if isinstance(value, str) else sum(len(each) + 50 for each in value.values())


@dataclass(slots=True)
class State:
    """`hold(bytes)` is told how much more or less is kept, and ends the shell when it is too much. `clock`: seconds
    since the Unix epoch; `since_s`: from when on SECONDS counts.
    """

    hold: Callable[[int], None]
    cwd: str = "/"
    zero: str = "sh"
    line: int = 1  # where the command begins that runs
    parameters: list[str] = field(default_factory=list)
    variables: dict[str, Variable] = field(default_factory=dict)
    functions: dict[str, Command] = field(default_factory=dict)
    options: set[str] = field(default_factory=set)
    traps: dict[str, str] = field(default_factory=dict)
    scopes: list[dict[str, Variable | None]] = field(default_factory=list)  # what `local` hides, a call each
    last: int = 0
    background: str = ""
    random: int = 1
    calls: int = 0  # functions within functions
    loops: int = 0
    unchecked: int = 0  # within a condition: `set -e` does not look
    substituted: int = 0  # how the last $(…) of this command ended
    clock: Callable[[], float] = time.time
    since_s: float = 0.0

    def forget(self) -> None:
        """Let go of what it keeps, which is much in a shell that ended at a limit."""
        self.variables.clear()
        self.scopes.clear()
        self.parameters.clear()

    def fork(self) -> State:
        return replace(
            self, parameters=list(self.parameters), variables=dict(self.variables), functions=dict(self.functions),
            options=set(self.options), traps={name: "" for name, text in self.traps.items() if not text},
            scopes=[dict(each) for each in self.scopes],
        )  # fmt: skip

    def get(self, name: str, index: str | None = None) -> str:
        return self.find(name, index) or ""

    def find(self, name: str, index: str | None = None) -> str | None:
        if name == "RANDOM":
            self.random = (self.random * 1103515245 + 12345) & 0x7FFFFFFF
            return str(self.random >> 16)
        if name in OF_TIME:
            return self._of_time(name)
        variable = self.variables.get(name)
        if variable is None or variable.value is None:
            return None
        if isinstance(variable.value, str):
            return variable.value if index in (None, "0") else None
        return variable.value.get(self.key(variable, index or "0"))

    def _of_time(self, name: str) -> str:
        now_s = self.clock()
        if name == "EPOCHREALTIME":
            return f"{now_s:.6f}"
        return str(int(now_s if name == "EPOCHSECONDS" else now_s - self.since_s))

    def key(self, variable: Variable, index: str) -> str:
        """An index as it is kept. Below zero counts from the end."""
        if variable.is_map or not index.lstrip("-").isdigit():
            return index
        number = int(index)
        if number < 0 and isinstance(variable.value, dict):
            number += max((int(each) for each in variable.value if each.isdigit()), default=-1) + 1
        return str(number)

    def set(self, name: str, index: str | None, value: str) -> None:
        if name == "RANDOM":
            self.random = int(value) if value.isdigit() else 1
            return
        if name in OF_TIME:
            if name == "SECONDS":
                self.since_s = self.clock() - (int(value) if value.isdigit() else 0)
            return
        variable = self.variables.get(name, Variable(exported="allexport" in self.options))
        if index is None and not isinstance(variable.value, dict):
            self.put(name, replace(variable, value=value))
            return
        values = (
            dict(variable.value)
            if isinstance(variable.value, dict)
            else {"0": variable.value}
            if variable.value
            else {}
        )
        key = self.key(variable, index or "0")
        is_new = key not in values
        values[key] = value
        if is_new and not variable.is_map and key.isdigit():
            values = dict(sorted(values.items(), key=lambda item: int(item[0]) if item[0].isdigit() else 0))
        self.put(name, replace(variable, value=values))

    def put(self, name: str, variable: Variable) -> None:
        """Raises Readonly."""
        before = self.variables.get(name)
        if before is not None and before.readonly:
            raise Readonly(name)
        self.hold(_size(variable.value) - (_size(before.value) if before is not None else 0))
        self.variables[name] = variable

    def unset(self, name: str, index: str | None = None) -> None:
        before = self.variables.get(name)
        if before is None:
            return
        if before.readonly:
            raise Readonly(name)
        if index is not None and isinstance(before.value, dict):
            key = self.key(before, index)
            self.put(name, replace(before, value={k: v for k, v in before.value.items() if k != key}))
            return
        self.hold(-_size(before.value))
        del self.variables[name]

    def local(self, name: str) -> None:
        """From now on, until the function returns, the name is the function's own."""
        scope = self.scopes[-1]
        if name not in scope:
            scope[name] = self.variables.get(name)
            exported = name in self.variables and self.variables[name].exported
            self.variables[name] = Variable(None, exported=exported)

    def leave(self) -> None:
        """A function returns."""
        for name, before in self.scopes.pop().items():
            if before is None:
                self.variables.pop(name, None)
            else:
                self.variables[name] = before

    def environment(self) -> dict[str, str]:
        return {
            name: each.value for name, each in self.variables.items() if each.exported and isinstance(each.value, str)
        }

    def ifs(self) -> str:
        found = self.find("IFS")
        return " \t\n" if found is None else found
