"""A kubectl line from its words to its exit code."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from statelab.kubectl.api import Api, Steps, Wait, drive
from statelab.kubectl.call import Call, Write
from statelab.kubectl.commands import COMMANDS, Command, child, children, suggestions
from statelab.kubectl.flags import flags_of, parse
from statelab.kubectl.gotext import quote
from statelab.kubectl.problems import Ended, Fail, Refused, Several, said
from statelab.kubectl.resources import Mapper
from statelab.kubectl.session import Files, NoFiles, Session

MAX_WORDS = 2_000
_SPEAK_WITH_NOBODY = ("config", "options", "help")
_OF_OTHERS = ("server", "kubeconfig", "token", "as", "as-group", "as-uid", "as-user-extra")


@dataclass(frozen=True, slots=True)
class Result:
    """What a line wrote, and its exit code."""

    code: int
    stdout: str
    stderr: str


@dataclass
class Kubectl:
    """kubectl on one cluster. What it learns of the server's resources it keeps.

    `wait(until, timeout_s)` lets time pass; `check(call)` may refuse a line before it is carried out (raise Fail).
    """

    api: Api
    wait: Wait
    session: Session = field(default_factory=Session)
    files: Files = field(default_factory=NoFiles)
    check: Callable[[Call], None] = lambda call: None
    mapper: Mapper | None = None

    def run(self, words: Sequence[str], *, stdin: str | None = None) -> Result:
        """Carry out a line, given in words without `kubectl`."""
        parts: dict[str, list[str]] = {"stdout": [], "stderr": []}
        code = drive(self.steps(words, stdin=stdin, write=lambda stream, text: parts[stream].append(text)), self.wait)
        return Result(code, "".join(parts["stdout"]), "".join(parts["stderr"]))

    def steps(self, words: Sequence[str], *, write: Write, stdin: str | None = None) -> Steps[int]:
        """The steps of a line, for whoever waits in their own way; the result is the exit code.

        `write("stdout" | "stderr", text)` is called as text comes.
        """
        try:
            yield from self._steps(list(words), write, stdin)
        except (Fail, Refused, Several) as error:
            text, code = said(error)
            write("stderr", text)
            return code
        except (OSError, UnicodeError) as error:
            write("stderr", f"error: {_of_system(error)}\n")
            return 1
        except RecursionError:
            write("stderr", "error: the line, or what it names, is nested too deeply\n")
            return 1
        return 0

    def _steps(self, words: list[str], write: Write, stdin: str | None) -> Steps[None]:
        if len(words) > MAX_WORDS:
            raise Fail(f"the line has more than {MAX_WORDS} words")
        command, rest = find(words)
        name = command.name if command else ""
        flags, args, dash = parse(name, rest)
        self.mapper = self.mapper or Mapper(self.api)
        self.mapper.begin_line()
        call = Call(name, args, flags, dash, self.api, self.session, self.files, stdin, write, self.mapper)
        if flags.on("help"):
            from statelab.kubectl.verbs.helping import help_text

            call.out(help_text(name))
            return
        if command is None or not command.home:
            _group(call, name, args)
            return
        missing = [each for each in command.required if not flags.has(each)]
        if missing:
            raise Fail("required flag(s) " + ", ".join(quote(each) for each in missing) + " not set")
        _ = call.dry_run  # said wrongly, it is refused before anything is done
        self.check(call)
        _check_cluster(call)
        function = command.function()
        outcome = function(call)
        if inspect.isgenerator(outcome):
            yield from outcome


def find(words: Sequence[str]) -> tuple[Command | None, list[str]]:
    """The command that a line names, and its other words. Raises Fail for one that is not there.

    Source: cobra's Find.
    """
    command: Command | None = None
    rest = list(words)
    while True:
        name = command.name if command else ""
        at = _next_word(rest, name)
        if at is None:
            return command, rest
        found = child(name, rest[at])
        if found is None:
            if command is None:
                raise _unknown(words, rest[at])
            return command, rest
        command = found
        rest = rest[:at] + rest[at + 1 :]
        if not children(found.name):
            return command, rest


def _next_word(words: Sequence[str], name: str) -> int | None:
    """Where the first word is that is no flag and no flag's value; --help is known only to a command once found, so it
    takes a word here."""
    known = {key: flag for key, flag in flags_of(name).items() if key != "help"}
    short = {flag.short: flag for flag in known.values() if flag.short}
    number = 0
    while number < len(words):
        word = words[number]
        if word == "--":
            return None
        if word.startswith("--") and "=" not in word:
            flag = known.get(word[2:])
            number += 1 if flag is not None and flag.no_value else 2
        elif word.startswith("-") and "=" not in word and len(word) == 2:
            flag = short.get(word[1])
            number += 1 if flag is not None and flag.no_value else 2
        elif word.startswith("-") and word != "-":
            number += 1
        elif word:
            return number
        else:
            number += 1
    return None


def _unknown(words: Sequence[str], word: str) -> Fail:
    """Of a line whose verb is none: it may be a plugin's name, so kubectl looks at the first word before all else.

    Source: pkg/cmd/cmd.go HandlePluginCommand.
    """
    if words[0].startswith("-"):
        return Ended(f"Error: flags cannot be placed before plugin name: {words[0]}", 1)
    message = f'unknown command {quote(word)} for "kubectl"'
    near = suggestions("", word)
    if near:
        message += "\n\nDid you mean this?\n" + "".join(f"\t{each}\n" for each in near)
    return Fail(message)


def _group(call: Call, name: str, args: Sequence[str]) -> None:
    from statelab.kubectl.problems import UsageFail
    from statelab.kubectl.verbs.helping import help_text

    if args and name not in ("", "certificate"):
        raise UsageFail(f"unknown command {quote(' '.join(args))}", name)
    write = call.out if name in ("", "certificate", "rollout") else call.err
    write(help_text(name))
    if name not in ("", "certificate"):
        raise Ended("", 1)


def _check_cluster(call: Call) -> None:
    """Raises Fail for a line that means another cluster or another user: there is one of each here."""
    flags, session = call.flags, call.session
    if call.command.partition(" ")[0] in _SPEAK_WITH_NOBODY:
        return
    name = flags.text("context")
    if name and name != session.context:
        if call.command == "get":
            raise Ended(f"Error in configuration: context was not found for specified context: {name}", 1)
        raise Fail(f"context {quote(name)} does not exist")
    name = flags.text("cluster")
    if name and name != session.cluster:
        raise Fail(f"no server found for cluster {quote(name)}")
    name = flags.text("user") if flags.known["user"].type == "s" else ""  # of a RoleBinding it is something else
    if name and name != session.user:
        raise Fail(f"auth info {quote(name)} does not exist")
    if not flags.has("as") and any(flags.has(each) for each in ("as-group", "as-uid", "as-user-extra")):
        raise Fail(f"requesting uid, groups or user-extra for {session.user} without impersonating a user")
    can_ask = call.command == "auth can-i" and flags.has("as") and not flags.on("list")
    for flag in _OF_OTHERS:
        if flags.has(flag) and not (can_ask and flag in ("as", "as-group")):
            raise Fail(f"--{flag} is not carried out here: there is one cluster, and you are its one user")


def _of_system(error: Exception) -> str:
    if isinstance(error, OSError) and error.filename is not None:
        return f"open {error.filename}: {(error.strerror or '').lower()}"
    return str(error)


__all__ = ["COMMANDS", "Kubectl", "Result", "find"]
