"""Whether a script reads its standard input: one that does is given all of it when it starts, others need not wait.

`kubectl exec -it web-0 -- ls` has a terminal at its standard input, which is never closed, and ls must answer all the
same. A guess, from the words of the script; where it is wrong, Control-D puts it right.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence

# Commands that read standard input when they are given no file, or "-".
_FILTERS = frozenset(
    (
        "base64", "cat", "cksum", "comm", "cut", "expand", "fold", "gunzip", "gzip", "head", "hexdump", "jq", "less",
        "md5sum", "more", "nl", "od", "paste", "rev", "sha1sum", "sha256sum", "sha512sum", "sort", "split", "strings",
        "tac", "tail", "tr", "uniq", "wc", "xxd", "yq", "zcat",
    )
)  # fmt: skip
_ALWAYS = frozenset(("mapfile", "nc", "patch", "read", "readarray", "tee", "xargs"))
# The first operand of these is a pattern or a program.
_AFTER_ONE = frozenset(("awk", "egrep", "fgrep", "gawk", "grep", "mawk", "sed"))
_WITH_VALUE = frozenset(["-n", "-c", "-d", "-f", "-k", "-t", "-e", "-A", "-B", "-C", "-m", "-w"])
_WORDS = frozenset(["!", "do", "elif", "else", "exec", "if", "then", "time", "until", "while"])
_ENDS = frozenset(("&&", "||", ";", "&", "(", ")", "{", "}", ";;", "done", "fi", "esac"))


def reads_stdin(script: str) -> bool:
    """Whether some command of the script is likely to read what the client types."""
    lexer = shlex.shlex(script.replace("\n", " ; "), posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    try:
        tokens = list(lexer)
    except ValueError:
        return False
    command: list[str] = []
    is_first = True  # of a pipeline: the others read from the one before
    for token in [*tokens, ";"]:
        if token in _ENDS or set(token) <= set("|"):
            if is_first and _reads(command):
                return True
            command, is_first = [], "|" not in token or token == "||"
        elif not (not command and token in _WORDS):
            command.append(token)
    return False


def _reads(command: Sequence[str]) -> bool:
    words, rest = [], list(command)
    while rest:
        word = rest.pop(0)
        if word.startswith("<"):
            return False
        if set(word) & set("<>") and set(word) <= set("<>&"):
            rest = rest[1:]  # where its output goes
        else:
            words.append(word)
    while words and "=" in words[0] and not words[0].startswith("-"):
        words.pop(0)  # variables set for this command alone
    if not words:
        return False
    name, arguments = words[0].rpartition("/")[2], words[1:]
    if name in ("sh", "bash", "ash", "dash"):
        return "-c" not in arguments and not _operands(arguments)
    if name == "tar":
        return bool(set("xt") & set("".join(arguments[:1]))) and ("-" in arguments or "f" not in "".join(arguments))
    if name == "dd":
        return not any(each.startswith("if=") for each in arguments)
    if name in _ALWAYS:
        return True
    operands = _operands(arguments)
    if name in _AFTER_ONE:
        return len(operands) < 2 or "-" in operands
    if name == "tr":
        return True
    return name in _FILTERS and (not operands or "-" in operands)


def _operands(arguments: Sequence[str]) -> list[str]:
    found, rest = [], list(arguments)
    while rest:
        word = rest.pop(0)
        if word == "-" or not word.startswith("-"):
            found.append(word)
        elif word in _WITH_VALUE and rest:
            rest.pop(0)
    return found
