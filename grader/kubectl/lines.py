"""kubectl lines, parsed: words, flags, and a clear refusal of everything that is a shell's."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field

from statelab.reader.spelling import nearest

MAX_LINES = 60
MAX_LENGTH = 4_000
_PROMPT = re.compile(r"\s*(?:(?:[\w.@~:/-]*[$!%>#]|\d+\.|[-*])\s*)?(?=kubectl\b|k\b)")
_SHELL = re.compile(r"&&|\|\||[|;&<>`]|\$\(|\$\{")


def _flags(text: str) -> dict[str, bool]:
    """`"replicas= all"`: two flags; the one with = takes a value."""
    return {each.removesuffix("="): each.endswith("=") for each in text.split()}


# What names another cluster, another user, a file of this machine, or the API server's raw paths.
_FORBIDDEN = _flags(
    "kubeconfig context cluster user server token as as-group as-uid raw username password certificate-authority "
    "client-certificate client-key insecure-skip-tls-verify cache-dir profile kuberc"
)
# verb → its flags. Those that have no effect here are listed too: they are no mistakes.
_COMMON = _flags("namespace= output= dry-run field-manager= v= request-timeout=")
_SELECT = "selector= all all-namespaces field-selector="
VERBS: dict[str, dict[str, bool]] = {
    "scale": _flags(f"replicas= current-replicas= timeout= {_SELECT}"),
    "delete": _flags(f"cascade= grace-period= force now wait ignore-not-found timeout= {_SELECT}"),
    "set image": _flags(_SELECT),
    "rollout undo": _flags("to-revision="),
    "rollout restart": _flags(_SELECT),
    "rollout status": _flags("timeout= watch revision="),
    "rollout pause": {},
    "rollout resume": {},
    "rollout history": _flags("revision="),
    "patch": _flags("patch= type= subresource="),
    "label": _flags(f"overwrite {_SELECT}"),
    "annotate": _flags(f"overwrite {_SELECT}"),
    "wait": _flags(f"for= timeout= {_SELECT}"),
    "cordon": {},
    "uncordon": {},
    "drain": _flags("ignore-daemonsets delete-emptydir-data force grace-period= timeout="),
    "exec": _flags("container= stdin tty"),
    "get": _flags(f"watch show-labels no-headers sort-by= watch-only {_SELECT}"),
    "describe": _flags(_SELECT),
    "logs": _flags(f"follow previous container= tail= since= {_SELECT}"),
    "explain": _flags("recursive"),
    "version": _flags("client"),
    **dict.fromkeys(("apply", "create", "replace"), _flags("filename= server-side force")),  # only to be refused
}
_SHORT = {
    "n": "namespace", "o": "output", "l": "selector", "p": "patch", "c": "container", "i": "stdin",
    "t": "tty", "w": "watch", "f": "follow", "A": "all-namespaces", "v": "v",
}  # fmt: skip
_BOOLEANS_WITH_VALUE = {"wait", "dry-run", "watch", "force", "all", "overwrite", "ignore-not-found", "now"}


class CommandError(Exception):
    """A line that is not carried out, and why. `line` counts from 1."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line
        self.message = message


@dataclass(frozen=True, slots=True)
class Line:
    """One kubectl line: `verb` ("scale", "rollout undo"), its words, its flags by long name, what follows `--`."""

    number: int
    text: str
    verb: str
    words: tuple[str, ...]
    flags: Mapping[str, str] = field(default_factory=dict)
    after: tuple[str, ...] = ()

    def flag(self, name: str) -> str | None:
        return self.flags.get(name)

    def error(self, message: str) -> CommandError:
        return CommandError(self.number, message)


def parse(text: str) -> tuple[list[Line], list[CommandError]]:
    """The kubectl lines of a text, and what is none; comments and blank lines are skipped, a \\ joins lines."""
    lines: list[Line] = []
    refused: list[CommandError] = []
    held, began = "", 0
    for number, raw in enumerate(text.split("\n"), 1):
        stripped = raw.strip()
        if not held and (not stripped or stripped.startswith("#")):
            continue
        began = began if held else number
        if stripped.endswith("\\"):
            held += stripped[:-1] + " "
            continue
        try:
            lines.append(_parse_line(held + stripped, began))
        except CommandError as error:
            refused.append(error)
        held = ""
        if len(lines) + len(refused) >= MAX_LINES:
            refused.append(CommandError(number, f"more than {MAX_LINES} lines: the rest is not carried out"))
            break
    if held:
        refused.append(CommandError(began, "the line ends with a \\ and nothing comes after it"))
    return lines, refused


def _parse_line(text: str, number: int) -> Line:
    if len(text) > MAX_LENGTH:
        raise CommandError(number, "the line is too long")
    bare = _PROMPT.sub("", text.strip("`"), count=1).rstrip("; ")
    try:
        words = shlex.split(bare, comments=True, posix=True)
    except ValueError as error:
        raise CommandError(
            number, f"a quote is opened and never closed ({error})".replace("No closing quotation", "")
        ) from None
    if not words or words[0] not in ("kubectl", "k"):
        raise CommandError(number, _no_kubectl(text))
    _refuse_shell(bare, number)
    words, after = (words[: words.index("--")], words[words.index("--") + 1 :]) if "--" in words else (words, [])
    return _with_flags(Line(number, text, "", tuple(words[1:]), {}, tuple(after)))


def _no_kubectl(text: str) -> str:
    first = text.split()[0][:30]
    said = f"only kubectl lines are carried out, and this one begins with {first!r}"
    if nearest(first, ["kubectl"]):
        return f"{said}. Did you mean kubectl?"
    if first == "sleep":
        return f"{said}. Wait for what you need: kubectl rollout status, or kubectl wait"
    return f"{said}. Leave it away, or put a # before it"


def _refuse_shell(text: str, number: int) -> None:
    """Outside of quotes these are a shell's business, and $( in double quotes too; there is no shell here."""
    outside = re.sub(r"'[^']*'", "q", text)
    outside = re.sub(r'"(?:\\.|[^"\\])*"', lambda found: "$(" if "$(" in found[0] or "`" in found[0] else "q", outside)
    found = _SHELL.search(outside)
    if found:
        raise CommandError(
            number,
            f"{found[0]} is a shell's, and there is no shell here: write each kubectl command on a line of its own",
        )


def _with_flags(line: Line) -> Line:
    words: list[str] = []
    flags: dict[str, str] = {}
    rest = list(line.words)
    verb = ""
    while rest:
        word = rest.pop(0)
        if word.startswith(("—", "–")):
            raise line.error(f"{word[:30]!r} begins with a long dash, as editors and chats make them: type two hyphens")
        if not word.startswith("-") or word == "-":
            words.append(word)
            verb = verb or _verb(words)
            continue
        if words and not verb:
            raise _unknown(line, words)
        name, equals, value = word.lstrip("-").partition("=")
        if not word.startswith("--"):
            if len(name) > 1 and not equals and all(each in "it" for each in name):
                flags.update({_SHORT[each]: "true" for each in name})
                continue
            if len(name) > 1 and not equals and _SHORT.get(name[0]) and VERBS.get(verb, {}).get(_SHORT[name[0]], True):
                name, equals, value = name[0], "=", name[1:]
            name = "filename" if name == "f" and verb not in ("logs",) else _SHORT.get(name, name)
        if name in _FORBIDDEN:
            raise line.error(f"--{name} is not for you to choose here: the trial has one cluster and one user")
        if name in ("filename", "kustomize", "patch-file"):
            raise line.error("files cannot be read here: what a manifest says goes into a manifest's cell")
        known = {**_COMMON, **VERBS.get(verb, {})}
        if verb and name not in known:
            near = nearest(name, known)
            raise line.error(f"unknown flag: --{name[:40]}" + (f". Did you mean --{near}?" if near else ""))
        takes_value = known.get(name, False)
        if takes_value and not equals:
            if not rest:
                raise line.error(f"flag needs an argument: --{name}")
            value = rest.pop(0)
        elif not takes_value and equals and name not in _BOOLEANS_WITH_VALUE and value not in ("true", "false"):
            raise line.error(f"--{name} takes no value")
        flags[name] = value if takes_value or equals else "true"
    if not words:
        raise line.error("kubectl by itself does nothing")
    verb = _verb(words)
    if not verb:
        raise _unknown(line, words)
    return Line(line.number, line.text, verb, tuple(words[len(verb.split()) :]), flags, line.after)


def _unknown(line: Line, words: list[str]) -> CommandError:
    said = " ".join(words[:2]) if words[0] in ("rollout", "set") else words[0]
    near = nearest(words[0], [each.split()[0] for each in VERBS])
    return line.error(f'unknown command "{said[:40]}" here' + (f". Did you mean {near}?" if near else ""))


def _verb(words: list[str]) -> str:
    two = " ".join(words[:2])
    return two if two in VERBS else words[0] if words[0] in VERBS else ""
