"""What a command line of a container means: one of our programs, a script for a shell, or nothing that can be run.

Source of the words: github.com/opencontainers/runc libcontainer, as containerd passes them on.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import takewhile
from typing import TYPE_CHECKING, Literal

from statelab.controlplane.runtime.applets import APPLETS
from statelab.controlplane.runtime.applets.ls import EDITORS
from statelab.controlplane.runtime.commands import SHELL_COMMANDS
from statelab.controlplane.runtime.handing_over import HandedOver, handed_over
from statelab.controlplane.runtime.plain import plain_program
from statelab.controlplane.runtime.session import DEADLINE, EXIT
from statelab.controlplane.runtime.timed import TIMED

if TYPE_CHECKING:
    from statelab.controlplane.runtime.containers import Container
    from statelab.controlplane.runtime.programs import Program

_LONGEST_ARGUMENT = 131_072  # bytes, its end included: Linux, MAX_ARG_STRLEN
_SHELLS = ("sh", "bash", "ash", "dash")
_SHELL_WORDS = re.compile(
    r"^#!\s*(?:/usr)?(?:/bin/)?(?:env\s+)?(?:sh|bash|ash|dash)\b|^#!\s*/bin/(?:sh|bash|ash|dash)\b"
)
# A shell that leaves while jobs run in the background takes them with it: it is PID 1.
_JOBS = re.compile(r"(?<![&><|])&(?![&>])")
_SEVERAL = re.compile(rf"{_JOBS.pattern}|(?<!\|)\|(?![|])")
_OWN_NAME = re.compile(r"\$0|\$\{0")
# `exec redis-server …` on a line, or in a branch on one line; and a block whose output goes elsewhere.
_EXEC = re.compile(r"(?:.*?(?:\b(?:then|else|do)\s|\)|;|&&|\|\|))?\s*exec\s+(\S+)(?:\s[^|&>`]*)?")
_REDIRECTED_BLOCK = re.compile(r"^\s*(?:fi|done|esac|\}|\))\s*[|>&]", re.MULTILINE)
_COMMENT = re.compile(r"(?:^|(?<=\s))#.*$", re.MULTILINE)
_TRAP = re.compile(r"\btrap\b")

# With a trap in the script, a signal is left for the shell and told by the exit code of the command it waits in. These
# turn that code into the signal, so that the shell runs its trap where a real one would.
_TRAPPING = """\
__statelab_trap() {
  case $1 in 129) kill -HUP $$;; 130) kill -INT $$;; 131) kill -QUIT $$;; 138) kill -USR1 $$;; 140) kill -USR2 $$;;
  143) kill -TERM $$;; *) return $1;; esac
}
sleep() { command sleep "$@" || __statelab_trap $?; }
wait() { { statelab-wait "$@" || __statelab_trap $?; } && builtin wait "$@"; }
"""

# `timeout` counts the cluster's seconds: what the shell waits in is cut short when they are over.
_TIMEOUT = f"""\
timeout() {{
  while case "$1" in -*) true;; *) false;; esac; do
    case "$1" in -s) shift;; -k) shift;; --signal) shift;; --kill-after) shift;; esac
    shift
  done
  {DEADLINE} "$1" || return 125
  shift
  "$@" && set -- 0 || set -- $?
  {DEADLINE} --over "$1"
}}
"""
_TIMES_OUT = re.compile(r"\btimeout\s")
# bashkit's ls knows no -i, and its files have no inodes to show.
_LS = """\
ls() {
  case "$1" in
    -i) shift;;
    -*i*) set -- "${1//i/}" "${@:2}";;
  esac
  command ls "$@"
}
"""
_EXPANDS = re.compile(r"[$`*?\[]")
_LEAVES = f"\n{EXIT} $?\n"
_SHOWS_INODES = re.compile(r"\bls\s+-\w*i")


class StartError(Exception):
    """It cannot be run. `cause` without what containerd puts before it; `code` is what exec exits with."""

    def __init__(self, cause: str, code: int) -> None:
        super().__init__(
            "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create "
            f"failed: unable to start container process: error during container init: {cause}"
        )
        self.cause = cause
        self.code = code


@dataclass(frozen=True, slots=True)
class Entry:
    """`kind` "program": `name` with `arguments`. "script": run `script`. "shell": read commands from standard input.

    `called`: what it was started as, argv[0], with its path if it had one. `texts`: of other scripts that it
    becomes, reads or runs.
    """

    kind: Literal["program", "script", "shell"]
    name: str
    arguments: tuple[str, ...]
    script: str
    program: Program | None = None
    traps: bool = False
    called: str = ""
    texts: tuple[str, ...] = ()

    @property
    def does_several(self) -> bool:
        """Whether it has jobs or pipes, which pause in one place and go on in another."""
        return any(does_several(each) for each in (self.script, *self.texts))


def does_several(script: str) -> bool:
    """Whether a script has jobs or pipes."""
    return _SEVERAL.search(script) is not None


def entry_of(container: Container, argv: Sequence[str], *, tty: bool = False) -> Entry:
    """Raises StartError, in the runtime's words."""
    if not argv:
        raise StartError("no command specified", 128)
    if any(len(each.encode(errors="replace")) >= _LONGEST_ARGUMENT for each in argv):
        raise StartError(f"exec {argv[0]}: argument list too long", 126)
    return replace(_entry_of(container, argv, tty), called=argv[0])


def _entry_of(container: Container, argv: Sequence[str], tty: bool) -> Entry:
    name, arguments = argv[0], tuple(argv[1:])
    base = name.rpartition("/")[2]
    program = _program(container, name)
    if program is not None:
        return Entry("program", base, arguments, "", program)
    if container.image.commands is not None and base not in container.image.commands:
        raise _not_there(name)  # an image without a shell
    if base in _SHELLS and (name == base or name in (f"/bin/{base}", f"/usr/bin/{base}")):
        if container.main is not None and len(arguments) == 2 and arguments[0] == "-c" and not tty:
            known = {**container.env, "hostname": container.spec.hostname, "hostname -i": container.spec.pod_ip}
            plain = plain_program(arguments[1], lambda each: _program(container, each), known)
            if plain is not None:
                return Entry("program", base, arguments, "", plain)
        return _shell(container, base, arguments)
    script = _script_file(container, name, arguments)
    if script is not None:
        return script
    if base == "timeout":
        return Entry("script", base, arguments, _TIMEOUT + shlex.join([base, *arguments]))
    if base in SHELL_COMMANDS and (name == base or name in (f"/bin/{base}", f"/usr/bin/{base}", f"/sbin/{base}")):
        return Entry("script", base, arguments, shlex.join([base, *arguments]))
    if container.image.simulated and container.main is None:
        return Entry("program", base, arguments, "", container.image.programs["statelab-simulated"])
    raise _not_there(name)


def _not_there(name: str) -> StartError:
    if "/" in name:
        return StartError(f'exec: "{name}": stat {name}: no such file or directory', 127)
    return StartError(f'exec: "{name}": executable file not found in $PATH', 127)


@lru_cache(maxsize=512)
def last_command(script: str) -> tuple[str, ...]:
    """The words of a script's last command, or () where that is not plain to see. A shell replaces itself with it, so
    that it is PID 1 and what it prints is the container's log.
    """
    plain = _COMMENT.sub("", script).strip().replace("\n", ";")
    words = shlex.shlex(plain, posix=True, punctuation_chars=";&|")
    words.whitespace_split, words.commenters = True, ""
    try:
        found = list(words)
    except ValueError:  # quotes that do not close, here documents: whatever it is, it is not simple
        return ()
    while found and found[-1] == ";":
        found.pop()
    last: list[str] = []
    for word in found:
        if word and not word.strip(";&|"):
            if word in ("&", "|"):
                return ()
            last = []
        else:
            last.append(word)
    return tuple(last[1:] if last[:1] == ["exec"] else last)


@lru_cache(maxsize=512)
def becomes(script: str, name: str) -> bool:
    """Whether the script's shell ends as this program: its last command, or what it executes in one of its branches."""
    last = last_command(script)
    return (bool(last) and last[0].rpartition("/")[2] == name) or _executes(script, name)


def prints_to_log(script: str, name: str, arguments: Sequence[str]) -> bool:
    """Whether what a program prints that the script calls is what the shell prints: it is called last, or executed.

    The script may call the same program before, and want for itself what that prints: `x=$(curl …); curl -d "$x" …`.
    """
    script = script.removesuffix(_LEAVES)  # of one with jobs, or with an & in a word
    last = last_command(script)
    if any(">" in word for word in last):
        return False
    if not last or last[0].rpartition("/")[2] != name:
        return _executes(script, name)
    return _calls(script, name) == 1 or _may_be(last[1:], arguments)


@lru_cache(maxsize=512)
def _calls(script: str, name: str) -> int:
    """How often a script calls a program, by its look."""
    before = r"(?:^|[;&|({`!]|\b(?:if|then|elif|else|while|until|do|exec)\b)[ \t]*(?:\w+=\S*[ \t]+)*(?:[\w/.-]*/)?"
    word = rf"{before}{re.escape(name)}(?![\w.-])"
    return len(re.findall(word, _COMMENT.sub("", script), re.MULTILINE))


def _may_be(words: Sequence[str], arguments: Sequence[str]) -> bool:
    """Whether the words of a command may have become these arguments: as far as they are plain, they are the same."""
    plain = [*takewhile(lambda word: not _EXPANDS.search(word), words)]
    same = list(arguments[: len(plain)]) == plain
    return same and (len(arguments) == len(words) if len(plain) == len(words) else bool(plain))


@lru_cache(maxsize=512)
def _executes(script: str, name: str) -> bool:
    """Whether every line that names the program is an `exec` of it, and its output is the shell's own."""
    if _REDIRECTED_BLOCK.search(script):
        return False
    word = re.compile(rf"(?<![\w.-]){re.escape(name)}(?![\w.-])")
    naming = [line for line in _COMMENT.sub("", script).splitlines() if word.search(line)]
    found = [_EXEC.fullmatch(line) for line in naming]
    if _calls(script, name) > len(found):
        return False
    return bool(found) and all(each is not None and each[1].rpartition("/")[2] == name for each in found)


def _program(container: Container, name: str) -> Program | None:
    base = name.rpartition("/")[2]
    own = container.image.programs.get(name) or container.image.programs.get(base)
    if own is not None:
        return own
    if base in EDITORS or (container.image.commands is not None and base not in container.image.commands):
        return None
    if name == base or name.rpartition("/")[0] in ("/bin", "/usr/bin", "/sbin", "/usr/sbin", "/usr/local/bin"):
        return APPLETS.get(base) or TIMED.get(base)
    return None


def _shell(container: Container, name: str, arguments: tuple[str, ...]) -> Entry:
    """`sh -ec 'script' name args`, `sh file args`, or `sh` alone."""
    options, rest = "", list(arguments)
    while rest and rest[0][:1] in "-+" and len(rest[0]) > 1:
        option = rest.pop(0)
        if option == "--":
            break
        if option.startswith("--"):
            continue
        options += option[1:]
        if option.endswith("o") and rest:
            options += f" {rest.pop(0)} "
    settings = "".join(f"set -{each}\n" for each in "eux" if each in re.sub(r" \w+ ", "", options))
    settings += "".join(f"set -o {each}\n" for each in re.findall(r" (\w+) ", options))
    if "c" in re.sub(r" \w+ ", "", options):
        if not rest:
            return Entry("script", name, arguments, f"echo '{name}: -c: option requires an argument' >&2; exit 2")
        found = _with_what_it_becomes(container, rest[0], is_line=True)
        return _script(name, arguments, settings, found, rest[1] if len(rest) > 1 else name, rest[2:])
    if rest and "s" not in options:
        path = rest[0] if rest[0].startswith("/") else f"{container.working_dir.rstrip('/')}/{rest[0]}"
        try:
            script = container.files.read(path).decode(errors="replace")
        except OSError:
            return Entry(
                "script",
                name,
                arguments,
                f"echo {shlex.quote(f'{name}: 0: cannot open {rest[0]}: No such file')} >&2; exit 2",
            )
        found = _with_what_it_becomes(container, script, is_line=False)
        return _script(name, arguments, settings, found, rest[0], rest[1:])
    return Entry("shell", name, arguments, settings)


def _with_what_it_becomes(container: Container, script: str, *, is_line: bool) -> HandedOver:
    """A main script that ends as another one, which has traps, as one script."""
    if container.main is not None:
        return HandedOver(script)
    found = handed_over(script, lambda path, by_name: _shell_text(container, path, by_name), is_line=is_line)
    return found if any(_TRAP.search(text) for text in found.texts) else replace(found, script=script)


def _shell_text(container: Container, path: str, by_name: bool) -> str | None:
    """The text of a shell script, or None. `by_name`: it is run without a shell before it, so it has to be allowed."""
    place = path if path.startswith("/") else f"{container.working_dir.rstrip('/')}/{path}"
    files = container.files
    if "/" not in path and by_name:
        return None
    if not files.exists(place) or files.is_directory(place):
        return None
    text = files.read(place).decode(errors="replace")
    is_allowed = files.stat(place).mode & 0o111 and _SHELL_WORDS.match(text)
    return text if is_allowed or not by_name else None


def _script(
    name: str, arguments: tuple[str, ...], settings: str, found: HandedOver, zero: str, parameters: Sequence[str]
) -> Entry:
    script = found.script
    traps = any(_TRAP.search(each) for each in (script, *found.texts))
    before = (_TRAPPING if traps else "") + (_TIMEOUT if _TIMES_OUT.search(script) else "")
    before += _LS if _SHOWS_INODES.search(script) else ""
    if _OWN_NAME.search(script):  # only a shell of its own can be told its name
        alone = before + shlex.join(["sh", "-c", settings + script, zero, *parameters])
        return Entry("script", name, arguments, alone, texts=found.texts + found.children)
    if any(_JOBS.search(each) for each in (script, *found.texts)):
        script += _LEAVES
    if parameters:
        before += f"set -- {shlex.join(parameters)}\n"
    return Entry("script", name, arguments, before + settings + script, traps=traps, texts=found.texts + found.children)


def _script_file(container: Container, name: str, arguments: tuple[str, ...]) -> Entry | None:
    """A file of the container that is a shell script, run by its name."""
    if "/" not in name:
        return None
    path = name if name.startswith("/") else f"{container.working_dir.rstrip('/')}/{name}"
    files = container.files
    if not files.exists(path):
        return None
    if files.is_directory(path):
        raise StartError(f'exec: "{name}": is a directory', 126)
    if not files.stat(path).mode & 0o111:
        raise StartError(f'exec: "{name}": permission denied', 126)
    script = files.read(path).decode(errors="replace")
    first = script.partition("\n")[0]
    if first.startswith("#!") and not _SHELL_WORDS.match(first):
        raise StartError(
            f'exec: "{name}": the sandbox has no interpreter {first[2:].strip()}; a kind cluster is the place to try '
            "it",
            126,
        )
    if not first.startswith("#!"):
        raise StartError(f"exec {name}: exec format error", 126)
    found = _with_what_it_becomes(container, script, is_line=False)
    return _script(name.rpartition("/")[2], arguments, "", found, name, arguments)
