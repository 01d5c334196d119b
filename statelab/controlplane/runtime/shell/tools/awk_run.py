"""awk: a program of awk_program, carried out record by record. Source: POSIX XCU awk."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from statelab.controlplane.runtime.moments import format_date
from statelab.controlplane.runtime.shell.patterns import regex
from statelab.controlplane.runtime.shell.proc import Proc, encode
from statelab.controlplane.runtime.shell.redirections import open_path
from statelab.controlplane.runtime.shell.streams import Steps, Stream
from statelab.controlplane.runtime.shell.texts import formatted
from statelab.controlplane.runtime.shell.tools.awk_program import Node, Program
from statelab.controlplane.runtime.shell.tools.awk_values import (
    Array,
    Input,
    Value,
    built_in,
    is_number,
    number,
    split,
    text,
    truth,
)

_MOST_STEPS = 2_000_000
_LONGEST = 1_000_000
_DEEPEST = 60


class Next(Exception):
    pass


class Break(Exception):
    pass


class Continue(Exception):
    pass


class Exit(Exception):
    pass


class Return(Exception):
    def __init__(self, value: Value) -> None:
        self.value = value


class Awk:
    """One run. Printing is put together and handed out after each record."""

    def __init__(self, proc: Proc, program: Program) -> None:
        self.proc, self.program = proc, program
        self.variables: dict[str, Value] = {
            "FS": " ", "OFS": " ", "ORS": "\n", "RS": "\n", "NR": 0.0, "FNR": 0.0, "SUBSEP": "\x1c", "OFMT": "%.6g",
            "CONVFMT": "%.6g", "RSTART": 0.0, "RLENGTH": -1.0, "FILENAME": "",
        }  # fmt: skip
        self.arrays: dict[str, Array] = {
            "ENVIRON": {name: Input(value) for name, value in proc.state.environment().items()}
        }
        self.frames: list[dict[str, Value | Array]] = []
        self.record = ""
        self.fields: list[str] | None = []
        self.made: list[str] = []
        self.made_size = 0
        self.targets: dict[str, Stream] = {}
        self.waiting: list[tuple[Stream, str]] = []
        self.piped: dict[str, list[str]] = {}
        self.ranges: set[int] = set()
        self.steps = 0
        self.code = 0
        self.seed = 0

    def tick(self) -> None:
        self.steps += 1
        if self.steps % 50 == 0:
            self.proc.shell.work(5)
        if self.steps > _MOST_STEPS:
            raise ValueError("limit exceeded: a program that does not end")

    # ---- records

    def set_record(self, line: str) -> None:
        self.record, self.fields = line, None

    def split(self) -> list[str]:
        if self.fields is None:
            self.fields = split(self.record, text(self.variables["FS"]))
        return self.fields

    def rebuild(self) -> None:
        self.record = text(self.variables["OFS"]).join(self.split())

    def field(self, at: int) -> Value:
        if at == 0:
            return Input(self.record)
        fields = self.split()
        return Input(fields[at - 1]) if 0 < at <= len(fields) else Input("")

    def set_field(self, at: int, value: str) -> None:
        if at == 0:
            self.set_record(value)
            return
        if not 0 < at <= 10_000:
            raise ValueError(f"trying to access out of range field {at}")
        fields = self.split()
        fields.extend([""] * (at - len(fields)))
        fields[at - 1] = value
        self.rebuild()

    # ---- variables

    def get(self, name: str) -> Value:
        if self.frames and name in self.frames[-1]:
            found = self.frames[-1][name]
            return found if not isinstance(found, dict) else ""
        if name == "NF":
            return float(len(self.split()))
        return self.variables.get(name, Input(""))

    def set(self, name: str, value: Value) -> None:
        if isinstance(value, str) and len(value) > _LONGEST:
            raise ValueError(f"limit exceeded: a text of more than {_LONGEST} characters")
        if self.frames and name in self.frames[-1]:
            self.frames[-1][name] = value
        elif name == "NF":
            fields = self.split()
            count = int(number(value))
            self.fields = (fields + [""] * min(count - len(fields), 10_000))[:count]
            self.rebuild()
        else:
            self.variables[name] = value

    def array(self, name: str) -> Array:
        if self.frames and name in self.frames[-1]:
            found = self.frames[-1][name]
            if not isinstance(found, dict):
                found = self.frames[-1][name] = {}
            return found
        return self.arrays.setdefault(name, {})

    def key(self, parts: list[Node]) -> str:
        return text(self.variables["SUBSEP"]).join(self.shown(each) for each in parts)

    def assign(self, target: Node, value: Value) -> Value:
        if target[0] == "name":
            self.set(target[1], value)
        elif target[0] == "field":
            self.set_field(int(number(self.value(target[1]))), text(value))
        else:
            array = self.array(target[1])
            array[self.key(target[2])] = value
            if len(array) > 200_000:
                raise ValueError("limit exceeded: an array of more than 200,000")
        return value

    # ---- expressions

    def shown(self, node: Node) -> str:
        return text(self.value(node))

    def value(self, node: Node) -> Value:
        self.tick()
        evaluate: Callable[[Node], Value] = getattr(self, f"_{_NAMES.get(node[0], node[0])}")
        return evaluate(node)

    def _constant(self, node: Node) -> Value:
        return node[1]

    def _group(self, node: Node) -> Value:
        return self.value(node[1])

    def _list(self, node: Node) -> Value:
        return self.key(node[1])

    def _regex(self, node: Node) -> Value:
        return float(self.matches(node[1], self.record))

    def matches(self, pattern: str, subject: str) -> bool:
        self.proc.shell.work(1 + len(subject) // 500)
        return regex(pattern, extended=True).search(subject) is not None

    def pattern(self, node: Node) -> str:
        return node[1] if node[0] == "regex" else self.shown(node)

    def _name(self, node: Node) -> Value:
        return self.get(node[1])

    def _field(self, node: Node) -> Value:
        return self.field(int(number(self.value(node[1]))))

    def _item(self, node: Node) -> Value:
        return self.array(node[1]).setdefault(self.key(node[2]), Input(""))

    def _in(self, node: Node) -> Value:
        return float(self.key(node[1]) in self.array(node[2]))

    def _match(self, node: Node) -> Value:
        found = self.matches(self.pattern(node[2]), self.shown(node[1]))
        return float(found == (node[0] == "~"))

    def _or(self, node: Node) -> Value:
        return float(truth(self.value(node[1])) or truth(self.value(node[2])))

    def _and(self, node: Node) -> Value:
        return float(truth(self.value(node[1])) and truth(self.value(node[2])))

    def _ternary(self, node: Node) -> Value:
        return self.value(node[2] if truth(self.value(node[1])) else node[3])

    def _join(self, node: Node) -> Value:
        found = self.shown(node[1]) + self.shown(node[2])
        if len(found) > _LONGEST:
            raise ValueError(f"limit exceeded: a text of more than {_LONGEST} characters")
        return found

    def _unary(self, node: Node) -> Value:
        found = self.value(node[2])
        if node[1] == "!":
            return float(not truth(found))
        return -number(found) if node[1] == "-" else number(found)

    def _number(self, node: Node) -> Value:
        return self.calculate(node[1], number(self.value(node[2])), number(self.value(node[3])))

    def calculate(self, operator: str, left: float, right: float) -> float:
        if operator in ("/", "%") and right == 0:
            raise ValueError("division by zero")
        try:
            return {
                "+": lambda: left + right, "-": lambda: left - right, "*": lambda: left * right,
                "/": lambda: left / right, "%": lambda: math.fmod(left, right), "^": lambda: float(left**right),
            }[operator]()  # fmt: skip
        except OverflowError:
            return math.inf

    def _compare(self, node: Node) -> Value:
        left, right = self.value(node[2]), self.value(node[3])
        if is_number(left) and is_number(right):
            order = (number(left) > number(right)) - (number(left) < number(right))
        else:
            one, other = text(left), text(right)
            order = (one > other) - (one < other)
        return float(
            {"<": order < 0, "<=": order <= 0, "==": order == 0, "!=": order != 0, ">": order > 0, ">=": order >= 0}[
                node[1]
            ]
        )

    def _assign(self, node: Node) -> Value:
        value = self.value(node[3])
        if node[1]:
            value = self.calculate(node[1], number(self.value(node[2])), number(value))
        return self.assign(node[2], value)

    def _pre(self, node: Node) -> Value:
        return self.assign(node[2], number(self.value(node[2])) + (1 if node[1] == "+" else -1))

    def _post(self, node: Node) -> Value:
        before = number(self.value(node[2]))
        self.assign(node[2], before + (1 if node[1] == "+" else -1))
        return before

    def _getline(self, node: Node) -> Value:
        raise ValueError("getline is not simulated")

    def _user(self, node: Node) -> Value:
        found = self.program.functions.get(node[1])
        if found is None:
            raise ValueError(f"calling undefined function {node[1]}")
        if len(self.frames) > _DEEPEST:
            raise ValueError("limit exceeded: functions nested too deep")
        names, body = found
        frame: dict[str, Value | Array] = {}
        for at, name in enumerate(names):
            if at >= len(node[2]):
                frame[name] = Input("")
                continue
            given = node[2][at]
            frame[name] = self.array(given[1]) if self.is_array(given) else self.value(given)
        self.frames.append(frame)
        try:
            self.do(body)
        except Return as returned:
            return returned.value
        finally:
            self.frames.pop()
        return Input("")

    def is_array(self, node: Node) -> bool:
        inside = bool(self.frames) and isinstance(self.frames[-1].get(node[1]), dict)
        return node[0] == "name" and (inside or node[1] in self.arrays)

    def _call(self, node: Node) -> Value:
        name, parts = node[1], node[2]
        if name == "length":
            if not parts:
                return float(len(self.record))
            if parts[0][0] == "name" and parts[0][1] in self.arrays:
                return float(len(self.arrays[parts[0][1]]))
            return float(len(self.shown(parts[0])))
        if name in ("sub", "gsub"):
            return self._substitute(name == "gsub", parts)
        if name == "split":
            array = self.array(parts[1][1])
            array.clear()
            separator = self.pattern(parts[2]) if len(parts) > 2 else text(self.variables["FS"])
            found = split(self.shown(parts[0]), separator)
            array.update({str(at): Input(each) for at, each in enumerate(found, 1)})
            return float(len(found))
        if name == "match":
            one = regex(self.pattern(parts[1]), extended=True).search(self.shown(parts[0]))
            self.variables["RSTART"] = float(one.start() + 1 if one else 0)
            self.variables["RLENGTH"] = float(one.end() - one.start() if one else -1)
            return self.variables["RSTART"]
        if name == "srand":
            before, self.seed = self.seed, int(number(self.value(parts[0]))) if parts else 0
            return float(before)
        if name == "rand":
            return int(self.proc.state.get("RANDOM")) / 32768.0
        if name in ("close", "fflush"):
            return 0.0
        if name == "systime":
            return float(int(self.proc.files.now_s))
        if name == "strftime":
            at_s = number(self.value(parts[1])) if len(parts) > 1 else self.proc.files.now_s
            return format_date(self.shown(parts[0]) if parts else "%c", datetime.fromtimestamp(int(at_s), UTC))
        if name in ("system", "gensub"):
            raise ValueError(f"{name} is not simulated")
        return built_in(name, [self.value(each) for each in parts])

    def _substitute(self, every: bool, parts: list[Node]) -> Value:
        target = parts[2] if len(parts) > 2 else ("field", ("constant", 0.0))
        new, count = self.shown(parts[1]), 0

        def one(found: re.Match[str]) -> str:
            nonlocal count
            count += 1
            return re.sub(r"\\\\|\\&|&", lambda each: {"\\\\": "\\", "\\&": "&"}.get(each[0], found[0]), new)

        before = self.shown(target)
        self.proc.shell.work(1 + len(before) // 200)
        after = regex(self.pattern(parts[0]), extended=True).sub(one, before, count=0 if every else 1)
        if count:
            self.assign(target, after)
        return float(count)

    # ---- statements

    def do(self, node: Node | None) -> None:
        if node is None:
            return
        self.tick()
        kind = node[0]
        if kind == "block":
            for each in node[1]:
                self.do(each)
        elif kind == "do it":
            self.value(node[1])
        elif kind == "if":
            self.do(node[2] if truth(self.value(node[1])) else node[3])
        elif kind in ("while", "for", "do"):
            self._loop(node)
        elif kind == "each":
            for key in list(self.array(node[2])):
                self.set(node[1], Input(key))
                if not self._once(node[3]):
                    break
        elif kind in ("print", "printf"):
            self._print(node)
        elif kind == "delete":
            if node[2] is None:
                self.array(node[1]).clear()
            else:
                self.array(node[1]).pop(self.key(node[2]), None)
        elif kind == "exit":
            if node[1] is not None:
                self.code = int(number(self.value(node[1]))) & 255
            raise Exit
        elif kind == "return":
            raise Return(self.value(node[1]) if node[1] is not None else Input(""))
        else:
            raise {"next": Next, "break": Break, "continue": Continue}[kind]

    def _once(self, body: Node) -> bool:
        try:
            self.do(body)
        except Break:
            return False
        except Continue:
            pass
        return True

    def _loop(self, node: Node) -> None:
        kind = node[0]
        if kind == "for":
            self.do(node[1])
            while (node[2] is None or truth(self.value(node[2]))) and self._once(node[4]):
                self.do(node[3])
        elif kind == "while":
            while truth(self.value(node[1])) and self._once(node[2]):
                self.tick()
        else:
            while self._once(node[1]) and truth(self.value(node[2])):
                self.tick()

    def _print(self, node: Node) -> None:
        form = text(self.variables["OFMT"])
        if node[0] == "printf":
            values = [self.value(each) for each in node[1]]
            line = formatted(text(values[0]), [text(each) for each in values[1:]])[0] if values else ""
        elif node[1]:
            line = text(self.variables["OFS"]).join(text(self.value(each), form) for each in node[1]) + text(
                self.variables["ORS"]
            )
        else:
            line = self.record + text(self.variables["ORS"])
        self.made_size += len(line)
        if self.made_size > 10 * _LONGEST:
            raise ValueError("limit exceeded: more output than 10 MB")
        if node[2] is None:
            self.made.append(line)
            return
        operator, where = node[2][0], self.shown(node[2][1])
        if operator == "|":
            self.piped.setdefault(where, []).append(line)
            return
        if where not in self.targets:
            self.targets[where] = open_path(self.proc, where, "a" if operator == ">>" else "w")
        self.waiting.append((self.targets[where], line))

    def flush(self) -> Steps[None]:
        made, self.made = "".join(self.made), []
        if made:
            yield from self.proc.out(made)
        waiting, self.waiting = self.waiting, []
        for target, line in waiting:
            yield from target.write(self.proc, encode(line))

    def rules(self) -> None:
        for at, (first, last, block) in enumerate(self.program.rules):
            if last is not None:
                if at not in self.ranges and not truth(self.value(first or ())):
                    continue
                self.ranges.add(at)
                if truth(self.value(last)):
                    self.ranges.discard(at)
            elif first is not None and not truth(self.value(first)):
                continue
            self.do(block if block is not None else ("print", [], None))


_NAMES: Mapping[str, str] = {"||": "or", "&&": "and", "?": "ternary", "~": "match", "!~": "match"}
