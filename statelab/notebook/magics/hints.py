"""What a learner perhaps meant by a kubectl line that failed, where kubectl's own words do not say it.

A hint is for the slip of a hand. That something is gone, refused or forbidden is a lesson's business, and gets none.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path

from statelab.cluster import Cluster, Problem
from statelab.cluster.connection import RequestRefused
from statelab.controlplane.kinds import KINDS
from statelab.kubectl.commands import COMMANDS, child, suggestions
from statelab.kubectl.flags import flags_of, parse
from statelab.kubectl.problems import Fail
from statelab.kubectl.running import find
from statelab.reader.spelling import nearest

_DASHES = "–—−"
_CURLY = "‘’“”„«»"
_MOST_FILES = 300
_LONGEST_LINE = 4_000
_KINDS_WITH_NAMES = ("pods", "statefulsets", "deployments", "services", "persistentvolumeclaims", "configmaps", "nodes")
_ENGLISH = {
    "variable": "There is no variable {name} yet: first run the cell that makes it.",
    "long_dash": "{word} begins with a long dash, as editors and chats make them. Type {meant}.",
    "curly": "{quote} is a curly quote, as editors and chats make them. Type a straight one: ' or \".",
    "one_hyphen": "A flag of more than one letter has two hyphens: {meant}.",
    "verb_first": "The verb comes first: kubectl {meant}",
    "no_verb": "kubectl has no command {word}. Did you mean {meant}?",
    "verb_of": "kubectl {group} has no command {word}. Did you mean {meant}?",
    "meant": "Did you mean {meant}?",
    "kind_missing": "{name} is a {kind}. Its kind comes first: kubectl {meant}",
    "no_namespace": "There is no namespace {name}.",
    "elsewhere": "{kind} {name} is in the namespace {namespace}: -n {namespace}.",
    "file_elsewhere": "There is such a file in {folder}: {meant}.",
}
_NAME = re.compile(r"(?:[\w/-]*[/=])?\{([A-Za-z_]\w*)\}")
_NO_PLUGIN = "flags cannot be placed before plugin name"
_UNKNOWN_OF = re.compile(r'^error: unknown command "(\S+)[^"]*"\nSee \'kubectl ([\w -]+?) -h\'', re.MULTILINE)
_NO_TYPE = re.compile(r'the server doesn\'t have a resource type "([^"]+)"')
_NO_FORM = re.compile(r'output format "([^"=]+)", allowed formats are: (\S+)')
_NO_FLAG = re.compile(r"unknown flag: --(\S+)")
_NO_FILE = re.compile(r'the path "([^"]+)" does not exist')
_NOTHING_IN = re.compile(r"No resources found in (\S+) namespace")
_NOT_FOUND = re.compile(r'\(NotFound\): ([\w.-]+) "([^"]+)" not found')


def is_wanted(code: int, complaint: str) -> bool:
    """Whether a line may have been a slip: it failed, or found nothing where there is perhaps no such place."""
    return bool(code or _NOTHING_IN.search(complaint))


def hint(words: Sequence[str], complaint: str, cluster: Cluster) -> str:
    """One sentence, or "" where there is nothing to say.

    `words`: the line without `kubectl`; `complaint`: what kubectl wrote to its standard error.
    """
    if sum(map(len, words)) > _LONGEST_LINE:
        return ""
    for rule in _RULES:
        with suppress(Fail, RequestRefused, Problem, OSError):  # a hint that cannot be had is none
            found = rule(list(words), complaint, cluster)
            if found:
                return found
    return ""


def _variable(words: list[str], complaint: str, cluster: Cluster) -> str:
    """{node} was left as it is: a cell was run before the one that says what it stands for."""
    found = next((each for each in map(_NAME.fullmatch, words) if each), None)
    return _say("variable", name=found[1]) if found else ""


def _long_dash(words: list[str], complaint: str, cluster: Cluster) -> str:
    for word in words:
        bare = word.lstrip(_DASHES + "-")
        if (bare and word[:1] in _DASHES) or word[:2] in [f"-{dash}" for dash in _DASHES]:
            return _say("long_dash", word=word, meant=f"-{bare}" if len(bare.partition("=")[0]) == 1 else f"--{bare}")
    return ""


def _curly(words: list[str], complaint: str, cluster: Cluster) -> str:
    found = next((letter for word in words for letter in word if letter in _CURLY), "")
    return _say("curly", quote=found) if found else ""


def _verb_first(words: list[str], complaint: str, cluster: Cluster) -> str:
    if _NO_PLUGIN not in complaint:
        return ""
    known = next((at for at, word in enumerate(words) if child("", word)), None)
    if known is not None:
        return _say("verb_first", meant=" ".join([words[known], *words[:known], *words[known + 1 :]]))
    for word in words:
        near = [] if word.startswith("-") else suggestions("", word)
        if near:
            return _say("no_verb", word=word, meant=near[0])
    return ""


def _verb_of_a_group(words: list[str], complaint: str, cluster: Cluster) -> str:
    found = _UNKNOWN_OF.search(complaint)
    near = suggestions(found[2], found[1]) if found and found[2] in COMMANDS else []
    return _say("verb_of", group=found[2], word=found[1], meant=near[0]) if found and near else ""


def _one_hyphen(words: list[str], complaint: str, cluster: Cluster) -> str:
    known = flags_of(_command(words))
    for word in words[: words.index("--")] if "--" in words else words:
        name = word[1:].partition("=")[0]
        if re.fullmatch(r"[a-z][a-z-]{2,}", name) and word.startswith("-") and name in known:
            return _say("one_hyphen", meant=f"-{word}")
    return ""


def _form(words: list[str], complaint: str, cluster: Cluster) -> str:
    found = _NO_FORM.search(complaint)
    near = nearest(found[1], found[2].split(",")) if found else None
    return _say("meant", meant=f"-o {near}") if near else ""


def _flag(words: list[str], complaint: str, cluster: Cluster) -> str:
    found = _NO_FLAG.search(complaint)
    near = nearest(found[1].partition("=")[0], flags_of(_command(words))) if found else None
    return _say("meant", meant=f"--{near}") if near else ""


def _type(words: list[str], complaint: str, cluster: Cluster) -> str:
    found = _NO_TYPE.search(complaint)
    if not found:
        return ""
    known = [name for kind in KINDS.values() for name in (kind.plural, kind.singular)]
    near = nearest(found[1].lower(), known)
    if near:
        return _say("meant", meant=near)
    at = words.index(found[1]) if found[1] in words else -1
    for plural in _KINDS_WITH_NAMES if at >= 0 else ():
        if cluster.get(f"{plural}/{found[1]}") is not None:
            kind = KINDS[plural]
            meant = " ".join([*words[:at], kind.singular, *words[at:]])
            return _say("kind_missing", name=found[1], kind=kind.name, meant=meant)
    return ""


def _file(words: list[str], complaint: str, cluster: Cluster) -> str:
    found = _NO_FILE.search(complaint)
    if not found:
        return ""
    here = list(islice(_manifests(), _MOST_FILES))
    wanted = Path(found[1])
    same = [each for each in here if each.name == wanted.name]
    if same:
        return _say("file_elsewhere", folder=str(same[0].parent), meant=f"-f {same[0]}")
    by_stem = [each for each in here if each.stem == wanted.stem or each.name == f"{wanted.name}.yaml"]
    near = by_stem[0].as_posix() if by_stem else nearest(wanted.as_posix(), [each.as_posix() for each in here])
    return _say("meant", meant=f"-f {near}") if near else ""


def _manifests() -> Iterator[Path]:
    """Of this folder and the ones in it."""
    for pattern in ("*", "*/*"):
        for each in sorted(Path().glob(pattern)):
            if each.suffix in (".yaml", ".yml", ".json") and each.is_file():
                yield each


def _namespace(words: list[str], complaint: str, cluster: Cluster) -> str:
    found = _NOTHING_IN.search(complaint)
    there = [str(each["metadata"]["name"]) for each in cluster.list("namespaces")] if found else []
    if found is None or found[1] in there:
        return ""
    near = nearest(found[1], there)
    said = _say("no_namespace", name=found[1])
    return f"{said} {_say('meant', meant=near)}" if near else said


def _name(words: list[str], complaint: str, cluster: Cluster) -> str:
    """A name that is near to one that is there; or where there is nothing of its kind, the namespace that has it."""
    found = _NOT_FOUND.search(complaint)
    kind = KINDS.get(found[1].partition(".")[0]) if found else None
    if found is None or kind is None:
        return ""
    name, command = found[2], find(words)
    flags, _, _ = parse(command[0].name if command[0] else "", command[1])
    here = flags.text("namespace") or cluster.namespace
    root = f"/apis/{kind.api_version}" if kind.group else "/api/v1"
    everywhere = [each["metadata"] for each in cluster.request("GET", f"{root}/{kind.resource}")["items"]]
    there = [each["name"] for each in everywhere if each.get("namespace", here) == here]
    near = nearest(name, [each for each in there if _digits(each) == _digits(name)])  # web-3 is no slip of web-2
    if near:
        return _say("meant", meant=near)
    others = [each["namespace"] for each in everywhere if each["name"] == name and kind.namespaced]
    return _say("elsewhere", kind=kind.name, name=name, namespace=others[0]) if others and not there else ""


def _digits(name: str) -> list[int]:
    return [int(each) for each in re.findall(r"\d+", name)]


def _command(words: list[str]) -> str:
    found, _ = find(words)
    return found.name if found else ""


def _say(key: str, **parts: str) -> str:
    return _ENGLISH[key].format(**parts)


Rule = Callable[[list[str], str, Cluster], str]
_RULES: tuple[Rule, ...] = (
    _variable, _long_dash, _curly, _verb_first, _verb_of_a_group, _one_hyphen, _form, _flag, _type, _file, _namespace,
    _name,
)  # fmt: skip
