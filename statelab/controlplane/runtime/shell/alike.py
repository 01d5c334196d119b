"""Which scripts do the same in both shells, so that the one in Python may run them where bashkit's is the usual one.

bashkit's shell takes some milliseconds to make, whatever it runs; most scripts of probes, of checks and of containers
are over in less, or sleep. A script is taken here only if all of it is what `test_scripts_alike.py` holds equal to the
byte, errors included: commands of a short list, whose names and number of words are plain to see, and paths whose
beginning is. A script with jobs or pipes is taken too if it can be run here at all: bashkit's run in threads, so that
what they do next depends on the machine. All else, and whatever cannot be read, is for the other shell.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from functools import lru_cache

from statelab.controlplane.runtime.commands import EXTRAS, SHELL_COMMANDS
from statelab.controlplane.runtime.shell.parser import parse
from statelab.controlplane.runtime.shell.syntax import (
    AndOr,
    Arithmetic,
    Assignment,
    Case,
    For,
    Function,
    Group,
    If,
    Literal,
    Parameter,
    Pipeline,
    Redirection,
    Sequence,
    Simple,
    Substitution,
    SyntaxProblem,
    While,
    Word,
)

_LONGEST = 4_000
_WORD = re.compile(r"[\w-]+")
# Python's matcher may take for ever over a repeated group, bashkit's goes through it once; but not as grep -P. `f(){`
# begins a function.
_HARD = re.compile(r"(?<!\()\)['\"]?\\?[*+{]")
_PERL = re.compile(r"grep\b[^|;&]*\s-(\w*P|-perl)")
# What the tools of the shell in Python cannot do yet.
_LACKS = re.compile(
    r"\bsort\b[^|;&]*\s(-\w*[RMz]|--random)|\bcut\b[^|;&]*\s--|\bhead\b[^|;&]*\s(-n ?|-c ?|--lines=|--bytes=)-\d"
    r"|\bcat\s+-\w*[AsTv]|\bgrep\s+-\w*b|\bread\b[^|;&]*\s-\w*[nN]|%\(|%q|PIPESTATUS|\bawk\b[^|]*(%0|ARG[CV])"
    r"|\bulimit\b|\bselect\b"
)
# Where bashkit stops at a limit, and says at most in a warning that it has not done what was asked: sed's loops,
# /dev/zero, long sequences, what Perl's patterns try in vain.
_GIVES_UP = re.compile(
    rf"\bsed\b[^|]*(:\s*\w|[\s{{}};'\"\d/]D\b)|/dev/(zero|u?random)\b|\bseq\b[^|;&\n]*\d{{6}}|{_PERL.pattern}"
)
# And where it finds what no image has, since it has it itself.
_FINDS_ITS_OWN = re.compile(rf"\b(?:which|type|command\s+-[vV])\s[^;&|\n]*\b(?:{'|'.join(EXTRAS)})\b")
_RUN_OTHERS = frozenset(
    ("bash", "builtin", "command", "env", "eval", "exec", "find", "nice", "nohup", "setsid", "sh", "time", "timeout",
     "trap", "xargs")
)  # fmt: skip
_COMMON = (AndOr, Arithmetic, Case, For, Group, If, Literal, While)
# Of these each shell has its own idea: by chance, by the clock, by its own name or number; or they change how it reads.
_OWN = re.compile(
    r"(BASH\w*|\w*RANDOM|SECONDS|EPOCH\w+|LINENO|PPID|E?UID|SHLVL|\w*TYPE|PIPESTATUS|PATH|IFS|HOME|(OLD)?PWD|LANG|LC_\w+"
    r"|POSIXLY_CORRECT|_|-|0|!|\$|@|\*)\Z"
)
_SILENT = frozenset(("", "date", "echo", "hostname", "printf", "seq"))  # they have nothing to complain of
_READERS = re.compile(r"cat\Z|grep (?!-q)")  # that read all they are given
_DEEP = re.compile(r"/[\w.-]+/[\w.-]")
_UNPLAIN = frozenset("*?[]{}~!")
_TWICE = re.compile(r"!\s*!")  # which is a command of that name to bashkit
_UNARY = frozenset(("-d", "-e", "-f", "-n", "-s", "-z"))
_BINARY = frozenset(("=", "==", "!=", "-eq", "-ne", "-lt", "-le", "-gt", "-ge"))


def runs_alike(script: str, commands: Collection[str], *, in_order: bool) -> bool:
    """Whether both shells do the same with a script; `commands`: the runtime's own, which both only call.

    `in_order`: what comes on standard error is to stand in its place among what comes on standard output.
    """
    if len(script) > _LONGEST or _TWICE.search(script):
        return False
    needs = _needs(script, in_order)
    return needs is not None and all(each in commands for each in needs)


def can_run(texts: Iterable[str], commands: Collection[str]) -> bool:
    """Whether the shell in Python reads these scripts and has the commands that they name, if bashkit's has them."""
    named = [_named(each) for each in texts]
    return all(each is not None and not (each & _only_bashkit()).difference(commands) for each in named)


@lru_cache(maxsize=512)
def gives_up(script: str) -> bool:
    """Whether bashkit may stop at a limit in it without failing, or before the other shell (a function in itself), or
    says that there is a command which no image has.
    """
    if _GIVES_UP.search(script) or _FINDS_ITS_OWN.search(script):
        return True
    if "(" not in script:
        return False
    try:
        functions = [each for each in _nodes(read(script)) if isinstance(each, Function)]
    except (SyntaxProblem, RecursionError):
        return False
    return any(_name(call) == each.name for each in functions for call in _nodes(each.body))


@lru_cache(maxsize=1)
def _only_bashkit() -> frozenset[str]:
    from statelab.controlplane.runtime.shell.builtins import BUILTINS
    from statelab.controlplane.runtime.shell.tools import TOOLS

    return SHELL_COMMANDS.difference(BUILTINS, TOOLS)


@lru_cache(maxsize=512)
def _named(script: str) -> frozenset[str] | None:
    """The commands that a script may call; None where it cannot be read, or done."""
    if _LACKS.search(script) or (_HARD.search(script) and not _PERL.search(script)):
        return None
    try:
        calls = [each for each in _nodes(read(script)) if isinstance(each, Simple) and each.words]
    except (SyntaxProblem, RecursionError):
        return None
    names = [_plain(each.words[0]) for each in calls]
    if None in names:  # only its run will tell: it may be any of its words
        return frozenset(_WORD.findall(script))
    found = {name for name in names if name is not None}
    for each, name in zip(calls, names, strict=True):
        if name in _RUN_OTHERS:
            texts = [part.text for part in _nodes(each.words) if isinstance(part, Literal)]
            found.update(word for text in texts for word in _WORD.findall(text))
    return frozenset(found)


@lru_cache(maxsize=512)
def read(script: str) -> Sequence:
    """`parse`, remembered: the same probe is asked again and again. Raises SyntaxProblem, RecursionError."""
    return parse(script)


@lru_cache(maxsize=512)
def _needs(script: str, in_order: bool) -> frozenset[str] | None:
    """The commands that must be the runtime's; None where there is something that the shells do not do alike."""
    try:
        nodes = list(_nodes(read(script)))
    except (SyntaxProblem, RecursionError):
        return None
    if not all(isinstance(each, _COMMON) or _is_common(each) for each in nodes):
        return None
    called = {each for node in nodes if isinstance(node, Simple) and (each := _name(node)) not in _KNOWN}
    inside = {
        _name(each)
        for found in nodes
        if isinstance(found, Substitution)
        for each in _nodes(found.body)
        if isinstance(each, Simple)
    }
    if in_order and not inside <= _SILENT:  # bashkit tells of what fails in a substitution when it is over
        return None
    return frozenset(called - {""})


def _nodes(node: object) -> Iterator[object]:
    """All parts of a script, with what is in its words."""
    waiting = [node]
    while waiting:
        found = waiting.pop()
        if isinstance(found, tuple):
            waiting.extend(found)
        elif is_dataclass(found):
            yield found
            waiting.extend(getattr(found, each.name) for each in fields(found))


def _is_common(node: object) -> bool:
    if isinstance(node, Simple):
        return _is_common_command(node)
    if isinstance(node, Sequence):  # what a job prints is not what bashkit tells
        return all(_name(command) == "sleep" for command, in_background in node.items if in_background)
    if isinstance(node, Pipeline):
        return all(_READERS.match(" ".join(map(str, _words(each)))) for each in node.commands[1:])
    if isinstance(node, Parameter):
        return not (_OWN.match(node.name) or node.indirect or node.index is not None or "?" in node.operator)
    if isinstance(node, Assignment):
        return node.values is None and node.index is None and not _OWN.match(node.name)
    if isinstance(node, Substitution):
        return not node.as_file
    if isinstance(node, Redirection):
        if node.operator == ">&":
            return _plain(node.word) in ("1", "2")
        return node.operator in ("<", ">", ">>") and (_plain(node.word) == "/dev/null" or _is_path(node.word))
    return False


def _is_common_command(node: Simple) -> bool:
    if any(isinstance(each, Assignment) for each in node.words):
        return False
    name, arguments = _name(node), [each for each in node.words if not isinstance(each, Assignment)][1:]
    if node.words and not name:
        return False
    if _plain(node.words[0]) == "exec" if node.words else False:
        return bool(_name(node)) and name not in _KNOWN and not node.redirections and not node.assignments
    known = _KNOWN.get(name)
    if known is None:
        return True
    if name in ("cat", "grep") and any(each.operator == ">>" or _is_path(each.word) for each in node.redirections):
        return False  # what it reads may be what it writes
    return (name in _MAY_LEAD or not node.redirections) and not node.assignments and known(arguments)


def _words(node: object) -> list[str | None]:
    return [_plain(each) for each in node.words] if isinstance(node, Simple) else [None]


def _name(node: object) -> str:
    """The command that a part of a script calls; "" where it calls none, or none that is plain to see."""
    words = [each for each in _words(node) if each != "exec"] if isinstance(node, Simple) and node.words else []
    return words[0] or "" if words else ""


def _plain(word: Word | Assignment) -> str | None:
    """A word that is what it says."""
    if isinstance(word, Assignment) or len(word) != 1 or not isinstance(word[0], Literal):
        return None
    return word[0].text if word[0].quoted or not set(word[0].text) & _UNPLAIN or word[0].text in "[]!" else None


def _is_one(word: Word) -> bool:
    """Whether it is one word, whatever its parts come to, and neither an option nor an operator."""
    plain = _plain(word)
    if plain is not None:
        return plain[:1] not in ("-", "(", "!", "") and plain not in _BINARY
    if all(isinstance(each, Substitution) for each in word) and len(word) == 1:
        body = word[0].body if isinstance(word[0], Substitution) else None
        last = body.items[-1][0] if body is not None and body.items else None
        last = last.commands[-1] if isinstance(last, Pipeline) else last
        return _words(last)[:2] == ["grep", "-c"]  # a number, whatever happens
    return all(
        each.quoted or (isinstance(each, Literal) and not set(each.text) & _UNPLAIN)
        or (isinstance(each, Parameter) and each.name in ("#", "?"))
        for each in word
    )  # fmt: skip


def _is_path(word: Word) -> bool:
    """Whether it is the path of something within a directory, whatever follows its beginning."""
    first = word[0] if word else None
    if not isinstance(first, Literal) or not _DEEP.match(first.text) or ".." in first.text:
        return False
    return not first.text.startswith(("/dev/", "/proc/", "/sys/")) and _is_one(word)


def _any(arguments: list[Word]) -> bool:
    return True


def _none(arguments: list[Word]) -> bool:
    return not arguments


def _paths(*options: str) -> Callable[[list[Word]], bool]:
    def paths(arguments: list[Word]) -> bool:
        rest = arguments[1:] if arguments and _plain(arguments[0]) in options else arguments
        return bool(rest) and all(_is_path(each) for each in rest)

    return paths


def _matching(pattern: str) -> Callable[[list[Word]], bool]:
    """All of them plain, and together like this."""
    compiled = re.compile(pattern, re.ASCII)

    def matching(arguments: list[Word]) -> bool:
        words = [_plain(each) for each in arguments]
        return None not in words and compiled.fullmatch(" ".join(map(str, words))) is not None

    return matching


def _test(arguments: list[Word]) -> bool:
    rest = arguments[1:] if arguments and _plain(arguments[0]) == "!" else arguments
    if len(rest) == 2:
        operator = _plain(rest[0])
        return operator in _UNARY and (_is_one if operator in ("-n", "-z") else _is_path)(rest[1])
    return len(rest) == 3 and _plain(rest[1]) in _BINARY and _is_one(rest[0]) and _is_one(rest[2])


def _bracket(arguments: list[Word]) -> bool:
    return bool(arguments) and _plain(arguments[-1]) == "]" and _test(arguments[:-1])


# The shell's own commands and tools that are alike, each with what they may be given.
_KNOWN: Mapping[str, Callable[[list[Word]], bool]] = {
    ":": _any, "true": _any, "false": _any, "echo": _any, "test": _test, "[": _bracket,
    "cat": lambda arguments: not arguments or _paths()(arguments),
    "cd": _matching(r"/[\w./-]*"),
    "exit": _matching(r"\d{0,3}"),
    "grep": _matching(r"(-[cqiEF]+ )?[\w.:/*^$\[\] -]+"),
    "mkdir": _paths("-p"),
    "printf": lambda arguments: bool(arguments) and _matching(r"(%s|[\w .,:-]|\\n)+")(arguments[:1]),
    "pwd": _none,
    "rm": _paths("-f", "-r", "-rf"),
    "seq": _matching(r"\d{1,3}( \d{1,3})?"),
    "set": _matching(r"[-+][eu]+( -o pipefail)?|-o pipefail"),
    "touch": _paths(),
    "wait": _none,
}  # fmt: skip
_MAY_LEAD = frozenset((":", "true", "false", "echo", "test", "[", "cat", "grep", "printf", "pwd", "seq"))
