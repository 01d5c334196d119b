"""What a script is made of: words and their parts, commands and how they are joined. POSIX, and some of bash."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias


class SyntaxProblem(Exception):
    """A script that cannot be read. "unexpected end of file" is in the words where more lines could mend it."""


# ---- words


@dataclass(frozen=True, slots=True)
class Literal:
    text: str
    quoted: bool = False


@dataclass(frozen=True, slots=True)
class Parameter:
    """`${name[index]operator argument}`; `length` is `#` before, `indirect` is `!` before."""

    name: str
    index: Word | None = None
    operator: str = ""
    argument: Word = ()
    replacement: Word | None = None
    quoted: bool = False
    length: bool = False
    indirect: bool = False


@dataclass(frozen=True, slots=True)
class Substitution:
    """`$(…)`, or `<(…)` with `as_file`."""

    body: Sequence
    quoted: bool = False
    as_file: bool = False


@dataclass(frozen=True, slots=True)
class Arithmetic:
    expression: Word
    quoted: bool = False


Part: TypeAlias = Literal | Parameter | Substitution | Arithmetic
Word: TypeAlias = tuple[Part, ...]


# ---- commands


@dataclass(frozen=True, slots=True)
class HereDocument:
    """Its lines come after the command that names it: `lines` is filled later. `quoted`: nothing in it is expanded."""

    quoted: bool
    lines: list[str]


@dataclass(frozen=True, slots=True)
class Redirection:
    """`operator` is one of < > >> >| <> <& >& &> &>> <<< <<."""

    descriptor: int
    operator: str
    word: Word
    document: HereDocument | None = None


@dataclass(frozen=True, slots=True)
class Assignment:
    """`name[index]+=value`; `values` for `name=(…)`."""

    name: str
    value: Word = ()
    index: Word | None = None
    append: bool = False
    values: tuple[Word, ...] | None = None


@dataclass(frozen=True, slots=True)
class Simple:
    """`line`: where it begins, from 1."""

    assignments: tuple[Assignment, ...]
    words: tuple[Word | Assignment, ...]  # an assignment among them is `export a=(…)`
    redirections: tuple[Redirection, ...]
    line: int = field(default=1, compare=False)


@dataclass(frozen=True, slots=True)
class Pipeline:
    commands: tuple[Command, ...]
    negated: bool = False


@dataclass(frozen=True, slots=True)
class AndOr:
    first: Command
    rest: tuple[tuple[str, Command], ...]


@dataclass(frozen=True, slots=True)
class Sequence:
    """(command, whether it runs in the background)"""

    items: tuple[tuple[Command, bool], ...]


@dataclass(frozen=True, slots=True)
class Group:
    """`{ …; }`, or `( … )` with `subshell`."""

    body: Sequence
    subshell: bool = False


@dataclass(frozen=True, slots=True)
class If:
    branches: tuple[tuple[Sequence, Sequence], ...]
    otherwise: Sequence | None


@dataclass(frozen=True, slots=True)
class While:
    condition: Sequence
    body: Sequence
    until: bool = False


@dataclass(frozen=True, slots=True)
class For:
    """Without `words`: over the positional parameters."""

    name: str
    words: tuple[Word, ...] | None
    body: Sequence


@dataclass(frozen=True, slots=True)
class ForArithmetic:
    first: Word
    condition: Word
    step: Word
    body: Sequence


@dataclass(frozen=True, slots=True)
class Case:
    """(patterns, body, how it ends: ;; ;& ;;&)"""

    word: Word
    branches: tuple[tuple[tuple[Word, ...], Sequence, str], ...]


@dataclass(frozen=True, slots=True)
class Function:
    name: str
    body: Command


@dataclass(frozen=True, slots=True)
class Condition:
    """`[[ … ]]`: `and`, `or`, `not` of others, a unary or binary operator with its words, or "" with one word."""

    operator: str
    words: tuple[Word, ...] = ()
    parts: tuple[Condition, ...] = ()


@dataclass(frozen=True, slots=True)
class ArithmeticCommand:
    expression: Word


@dataclass(frozen=True, slots=True)
class Redirected:
    """A compound command with redirections."""

    command: Command
    redirections: tuple[Redirection, ...]


Command: TypeAlias = (
    Simple | Pipeline | AndOr | Sequence | Group | If | While | For | ForArithmetic | Case | Function
    | Condition | ArithmeticCommand | Redirected
)  # fmt: skip
