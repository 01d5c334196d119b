"""kubectl lines carried out on a trial's cluster, by StateLab's kubectl: what they may touch is restricted here, what
they mean is not."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from grader.lines import LITERAL, CommandError, Line, Part
from grader.shell import MARK, MOST_TURNS
from statelab.kubectl import Files, Kubectl, NoFiles, Result, Session, TextFiles
from statelab.kubectl.api import Api, Execution, Params, Reply, Stream
from statelab.kubectl.call import Call
from statelab.kubectl.problems import Fail

if TYPE_CHECKING:
    from grader.trial import Trial

_WRITES = ("POST", "PUT", "PATCH")
_NO_FILES = "files cannot be read here: what a manifest says goes into a manifest's cell"
_NO_KUSTOMIZE = (
    "kustomize reads a folder of files, and there is none here: change what runs with scale, set, patch or delete"
)

# What names another cluster, another user, a file of this machine, or the API server's raw paths.
_FORBIDDEN = (
    *(
        "kubeconfig",
        "context",
        "cluster",
        "user",
        "server",
        "token",
        "as",
        "as-group",
        "as-uid",
        "as-user-extra",
        "raw",
    ),
    *("raw", "username", "password", "kuberc", "certificate-authority", "client-certificate", "client-key"),
    *("proxy-url", "insecure-skip-tls-verify", "cache-dir", "profile", "profile-output", "tls-server-name"),
)
_FILES = ["filename", "kustomize", "patch-file", "from-file", "from-env-file", "cert", "key", "output-directory"]
_MOST_CHARACTERS = 1_000_000
EMPTY = "${name} is empty: no line has set it.{hint}"
# What kubectl apply says of objects that the task made, and not with apply: nobody's fault.
_OURS = re.compile(r"^Warning: resource \S+ is missing the \S+last-applied-configuration .*\n?", re.MULTILINE)
_READ = ("filename", "patch-file")  # where the task gives files
_REFUSED = {
    "apply": _NO_FILES,
    "cp": "files are not copied here: kubectl exec writes and reads them inside the container",
    "diff": _NO_FILES,
    "replace": _NO_FILES,
    "kustomize": _NO_KUSTOMIZE,
    "config": "the trial has one cluster, one user and one namespace: there is nothing to configure",
}


def run(trial: Trial, lines: Iterable[Line]) -> tuple[list[CommandError], list[CommandError]]:
    """Carry the lines out in order, at the trial's pace, and go on after one that fails as a shell would.

    A line that fails takes no time.

    What failed, and what was carried out with a warning.
    """
    failed: list[CommandError] = []
    warned: list[CommandError] = []
    desk = _Desk.of(trial)
    is_done = True
    left: deque[tuple[Line, dict[str, str]]] = deque((each, {}) for each in lines)
    while left:
        line, bound = left.popleft()
        desk.known.update(bound)
        if line.if_done and not is_done:
            continue
        if line.turns:
            is_done = True
            try:
                left.extendleft(reversed(desk.turns(line)))
            except CommandError as error:
                failed.append(error)
                is_done = False
            continue
        if trial.task.between is not None:
            trial.task.between(trial)
        try:
            result = desk.carry_out(line)
        except CommandError as error:
            failed.append(error)
            is_done = False
            continue
        is_done = not result.code
        told = _OURS.sub("", result.stderr).strip()
        if result.code:
            failed.append(line.error(told or f"it ended with exit code {result.code}"))
            continue
        warnings = [each for each in told.split("\n") if each.startswith("Warning:")]
        if warnings:
            warned.append(line.error("\n".join(warnings)))
        trial.wait(trial.pace_s)
    if trial.task.between is not None:
        trial.task.between(trial)
    return failed, warned


@dataclass(frozen=True, slots=True)
class _Desk:
    """Where somebody types: kubectl, the files that are there, and the variables that lines have set."""

    kubectl: Kubectl
    texts: dict[str, str]
    known: dict[str, str]

    @classmethod
    def of(cls, trial: Trial) -> _Desk:
        texts = dict(trial.task.files or {})
        return cls(_kubectl(trial, TextFiles(texts) if trial.task.files is not None else _NoFiles()), texts, {})

    def turns(self, line: Line) -> list[tuple[Line, dict[str, str]]]:
        """What a loop does, each line with the variables that are set before it. Raises CommandError."""
        values = self._words(line, [self._value(line, each) for each in line.parts])
        if len(values) > MOST_TURNS:
            raise line.error(f"{len(values)} turns: {MOST_TURNS} are the most")
        name = line.into[1:]
        return [(each, {name: value}) for value in values for each in line.turns]

    def _words(self, line: Line, values: Sequence[str]) -> list[str]:
        words: list[str] = []
        for word in line.words:
            alone = MARK.fullmatch(word)
            said = _filled(line, word, values)
            words += said.split() if alone and alone[2] == "s" else [said]
        return words

    def carry_out(self, line: Line) -> Result:
        """One line, what it borrows of a shell included. Raises CommandError."""
        values = [self._value(line, each) for each in line.parts]
        words = self._words(line, values)
        stdin = _filled(line, line.stdin, values) if line.stdin is not None else None
        result = self.kubectl.run(words, stdin=stdin) if words else Result(0, stdin or "", "")
        if line.into.startswith("$"):
            self.known[line.into[1:]] = result.stdout.rstrip("\n")
        elif line.into and not result.code:
            self.texts[line.into.removeprefix("./")] = result.stdout
        return result

    def _value(self, line: Line, part: Part) -> str:
        if part.line is None:
            if part.name not in self.known:
                raise line.error(EMPTY.format(name=part.name, hint=f" {LITERAL}" if line.stdin else ""))
            return self.known[part.name]
        result = self.carry_out(part.line)
        if result.code:
            raise line.error(result.stderr.strip() or f"it ended with exit code {result.code}")
        return result.stdout.rstrip("\n")


def _filled(line: Line, text: str, values: Sequence[str]) -> str:
    """With what the marks stand for. Raises CommandError before it would be too much to hold: variables can double."""
    size = len(text) + sum(len(values[int(found[1])]) for found in MARK.finditer(text))
    if size > _MOST_CHARACTERS:
        raise line.error(f"it becomes {size:,} characters long, and {_MOST_CHARACTERS:,} are the most")
    return MARK.sub(lambda found: values[int(found[1])], text)


def _kubectl(trial: Trial, files: Files) -> Kubectl:
    session = Session(namespace=trial.namespace, context="trial", cluster="trial", user="you")
    return Kubectl(
        _Guarded(trial.place.api(trial), trial.task.most_pods),
        lambda until, timeout_s: trial.when(until, timeout_s=timeout_s),
        session,
        files,
        lambda call: _check(trial, call),
    )


def _check(trial: Trial, call: Call) -> None:
    """Raises Fail for a line that touches what is not the trial's."""
    refused = _REFUSED.get(call.command) or _REFUSED.get(call.command.partition(" ")[0])
    has_files = trial.task.files is not None
    refused = None if has_files and refused == _NO_FILES else refused
    if call.flags.has("kustomize"):
        raise Fail(_NO_KUSTOMIZE)
    for name in _FORBIDDEN:
        if call.flags.has(name):
            raise Fail(f"--{name} is not for you to choose here: the trial has one cluster and one user")
    for name in _FILES:
        if call.flags.has(name) and not (has_files and name in _READ):
            raise Fail(_NO_FILES)
    if refused:
        raise Fail(refused)
    said = call.flags.text("namespace")
    if said and said != trial.namespace:
        raise Fail(f'namespaces "{said}" is not where this task takes place')


class _NoFiles(NoFiles):
    """Whatever would name one: -f, -o jsonpath-file, --from-file."""

    why = _NO_FILES


class _Guarded:
    """An Api that lets nobody ask for more Pods than the trial bears."""

    def __init__(self, api: Api, most_pods: int) -> None:
        self._api = api
        self._most_pods = most_pods

    @property
    def now_s(self) -> float:
        return self._api.now_s

    def request(
        self,
        method: str,
        path: str,
        params: Params | None = None,
        body: Any = None,
        *,
        content_type: str = "application/json",
        accept: str = "application/json",
    ) -> Reply:
        if method in _WRITES:
            most = _most_replicas(body)
            if most > self._most_pods:
                raise Fail(f"{most} Pods: {self._most_pods} are the most in this trial")
        return self._api.request(method, path, params, body, content_type=content_type, accept=accept)

    def watch(self, path: str, params: Params, accept: str = "application/json") -> Stream:
        return self._api.watch(path, params, accept)

    def follow(self, path: str, params: Params) -> Stream:
        return self._api.follow(path, params)

    def exec(
        self, namespace: str, pod: str, container: str, command: Sequence[str], stdin: bytes | None, tty: bool
    ) -> Execution:
        return self._api.exec(namespace, pod, container, command, stdin, tty)


def _most_replicas(body: Any) -> int:
    """The largest number of Pods that a body asks for, in spec.replicas or a JSON patch of it."""
    from statelab.reader import jsonbytes

    if isinstance(body, bytes):
        try:
            body = jsonbytes.loads(body)
        except jsonbytes.JSONDecodeError:
            return 0
    found: list[int] = []
    for each in body if isinstance(body, list) else [body]:
        if not isinstance(each, dict):
            continue
        if str(each.get("path", "")).endswith("/replicas"):
            found.append(_number(each.get("value")))
        for holder in (each, each.get("value")):
            spec = holder.get("spec", holder) if isinstance(holder, dict) else None
            if isinstance(spec, dict):
                found += [
                    _number(spec.get(field)) for field in ("replicas", "parallelism", "completions", "minReplicas")
                ]
    return max(found, default=0)


def _number(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
