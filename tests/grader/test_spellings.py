"""An answer is what it does, not how it was typed: the same answer written otherwise gets the same points.

Each task is tried with some of the spellings, by turns; with all of them where STATELAB_ALL_MUTANTS is set.
"""

from __future__ import annotations

import copy
import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from grader.answer import Answer
from grader.judge import judge
from grader.registry import assignments, task, tasks_of

CORPUS = Path(__file__).parent / "corpus"
EACH = 2  # spellings of each task
NAMESPACE_FIRST = "with the namespace first"
Spelling = Callable[[str], str]


def model(name: str) -> str:
    path = sorted((CORPUS / name / "right").glob("01-*.yaml"))[0]
    return "".join(path.read_text(encoding="utf-8").splitlines(keepends=True)[1:])


def objects(change: Callable[[Any], Any]) -> Spelling:
    def spelled(text: str) -> str:
        made = [copy.deepcopy(each) for each in yaml.safe_load_all(text) if each]
        for each in made:
            change(each)
        return yaml.safe_dump_all(made, sort_keys=False)

    return spelled


def list_of(text: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "List", "items": [each for each in yaml.safe_load_all(text) if each]}


def in_namespace(obj: Any) -> None:
    if obj["kind"] not in ("PersistentVolume", "StorageClass", "CustomResourceDefinition"):
        obj["metadata"]["namespace"] = "default"


def as_kubectl_shows_it(obj: Any) -> None:
    obj["metadata"] |= {"creationTimestamp": None, "annotations": {"note": "mine"}}
    if obj["kind"] not in ("StorageClass", "ConfigMap"):
        obj["status"] = {}


def with_defaults(obj: Any) -> None:
    if obj["kind"] == "Service":
        obj["spec"]["type"] = "ClusterIP"
        for port in obj["spec"].get("ports", ()):
            port["protocol"] = "TCP"
    if obj["kind"] in ("Deployment", "StatefulSet"):
        obj["spec"] |= {"revisionHistoryLimit": 10}
        obj["spec"]["template"]["spec"] |= {"restartPolicy": "Always", "dnsPolicy": "ClusterFirst"}


MANIFESTS: dict[str, Spelling] = {
    "from Windows": lambda text: "\ufeff" + text.replace("\n", "\r\n"),
    "in a chat's fences": lambda text: f"This is my answer. It holds:\n\n```yaml\n{text}```\n\nHope this helps!\n",
    "in other fences": lambda text: f"~~~\n{text}~~~\n",
    "with separators all around": lambda text: f"---\n{text}---\n...\n",
    "with spaces at the ends of lines": lambda text: text.replace("\n", "  \n"),
    "as a List": lambda text: yaml.safe_dump(list_of(text)),
    "as a List in JSON": lambda text: json.dumps(list_of(text), indent=2),
    "as documents in JSON": lambda text: "\n---\n".join(json.dumps(each) for each in list_of(text)["items"]),
    "on few lines": lambda text: yaml.safe_dump_all(list_of(text)["items"], default_flow_style=True),
    "the last document first": lambda text: yaml.safe_dump_all(list_of(text)["items"][::-1], sort_keys=False),
    "with its namespace": objects(in_namespace),
    "as kubectl shows it": objects(as_kubectl_shows_it),
    "with defaults written down": objects(with_defaults),
    "twice": lambda text: f"{text}\n---\n{text}",
}


def each_line(change: Spelling) -> Spelling:
    """Of the lines that are kubectl's. What a here-document says, and what sets a variable, stays as it is."""
    return lambda text: (
        "\n".join(
            change(line) if line.startswith("kubectl") else line
            for line in text.splitlines()
            if not line.startswith("# ")
        )
        + "\n"
    )


LINES: dict[str, Spelling] = {
    "from Windows": lambda text: text.replace("\n", "\r\n"),
    "in a chat's fences": lambda text: f"These are the lines:\n\n```bash\n{text}```\n",
    "with a prompt": each_line(lambda line: f"$ {line}"),
    "with somebody's prompt": each_line(lambda line: f"anna@laptop:~/course$ {line}"),
    "by its alias": each_line(lambda line: line.replace("kubectl", "k", 1)),
    "as a list": each_line(lambda line: f"- {line}"),
    "in backticks": each_line(lambda line: f"`{line}`"),
    "with a semicolon": each_line(lambda line: f"{line};"),
    "with comments": each_line(lambda line: f"{line}  # as in the lesson"),
    "with short names": lambda text: text.replace("statefulset", "sts").replace("deployment", "deploy"),
    "with plural names": lambda text: re.sub(r"(statefulset|deployment|pod) ", r"\1s ", text),
    "with groups": lambda text: re.sub(r"(statefulset|deployment)/", r"\1.apps/", text),
    NAMESPACE_FIRST: each_line(lambda line: line.replace("kubectl", "kubectl -n default", 1)),
    "with a space for =": lambda text: re.sub(r"--(replicas|timeout|for|to-revision)=", r"--\1 ", text),
    "on several lines": each_line(lambda line: line.replace(" --", " \\\n  --")),
    "with a look in between": each_line(lambda line: f"kubectl get pods -o wide\n{line}"),
}


PREDICTIONS: dict[str, Spelling] = {
    "from Windows": lambda text: text.replace("\n", "\r\n"),
    "in capitals": lambda text: re.sub(r": (.*)", lambda found: f": {found[1].upper()}", text),
    "in quotes": lambda text: re.sub(r": ([^\[\n]+)", r': "\1"', text),
    "with a full stop": lambda text: re.sub(r": ([^\[\n]+)", r": \1.", text),
    "with a reason": lambda text: re.sub(r": ([a-z0-9]+)$", r": \1, because I have tried it", text, flags=re.MULTILINE),
    "with a comment": lambda text: text.replace("\n", "  # I think\n"),
    "as a list": lambda text: re.sub(r"^(?=\w)", "- ", text, flags=re.MULTILINE),
    "in JSON": lambda text: json.dumps(yaml.load(text, yaml.BaseLoader)),
    "without brackets": lambda text: text.replace("[", "").replace("]", ""),
    "with tabs": lambda text: text.replace(": ", ":\t"),
    "in backticks": lambda text: re.sub(r": ([^\[\n]+)", r": `\1`", text),
    "with the questions in backticks": lambda text: re.sub(r"^([\w.-]+):", r"`\1`:", text, flags=re.MULTILINE),
    "in bold": lambda text: re.sub(r": ([^\[\n]+)", r": **\1**", text),
    "without a blank": lambda text: text.replace(": ", ":"),
    "with an equals sign": lambda text: text.replace(": ", " = "),
    "with an arrow": lambda text: text.replace(": ", " -> "),
    "numbered": lambda text: re.sub(r"^(?=\w)", "1. ", text, flags=re.MULTILINE),
    "as a table": lambda text: re.sub(r"^([\w.-]+): (.*)$", r"| \1 | \2 |", text, flags=re.MULTILINE),
    "with doubt": lambda text: re.sub(r": ([a-z0-9]+)$", r": \1?", text, flags=re.MULTILINE),
    "in a sentence": lambda text: re.sub(r": ([a-z]+)$", r": I think it is \1.", text, flags=re.MULTILINE),
}


@pytest.mark.parametrize("spelling", PREDICTIONS)
def test_the_same_prediction_written_otherwise_gets_all_points(spelling: str) -> None:
    names = [id for each in assignments() for id, one in tasks_of(each).items() if one.answer == "prediction"]
    for name in names:
        result = judge(task(name), Answer.of_cell(PREDICTIONS[spelling](model(name))))
        assert result.is_full, (name, result.problem, [(each.id, each.message) for each in result.checks])


def test_what_is_no_list_of_answers_is_told_how_it_has_to_look() -> None:
    said = judge(task("ps1.survive"), Answer.of_cell("no no no no yes yes yes yes no yes")).checks[0].message
    assert "here belongs a question, a colon, a blank, and your answer" in said
    result = judge(task("ps1.survive"), Answer.of_cell(model("ps1.survive") + "I am not sure about the last one.\n"))
    assert "is no part of an answer: I am not sure about the last one." in (result.problem or "")


def turns() -> list[tuple[str, str]]:
    every = bool(os.environ.get("STATELAB_ALL_MUTANTS"))
    found: list[tuple[str, str]] = []
    for kind, spellings in (("manifest", list(MANIFESTS)), ("commands", list(LINES))):
        names = [id for each in assignments() for id, one in tasks_of(each).items() if one.answer == kind]
        for turn, name in enumerate(names):
            chosen = spellings if every else [spellings[(turn * EACH + n) % len(spellings)] for n in range(EACH)]
            found += [(name, each) for each in chosen]
    return found


@pytest.mark.parametrize(("name", "spelling"), turns())
def test_the_same_answer_written_otherwise_gets_all_points(name: str, spelling: str) -> None:
    write = (MANIFESTS if task(name).answer == "manifest" else LINES)[spelling]
    result = judge(task(name), Answer.of_cell(write(model(name))))
    if spelling == NAMESPACE_FIRST and not task(name).may_say_namespace:
        assert not result.is_full
        return
    why = result.problem, [(each.id, each.points, each.detail or each.message) for each in result.checks], result.advice
    assert result.is_full, why


def test_every_spelling_has_its_turn() -> None:
    had = {spelling for name, spelling in turns() if task(name).answer == "manifest"}
    assert had == set(MANIFESTS)
    assert {spelling for name, spelling in turns() if task(name).answer == "commands"} == set(LINES)


def test_a_non_breaking_space_is_taken_for_a_blank_and_told_with_its_line() -> None:
    lines = model("ps1.scale").splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith("kubectl scale"))
    lines[at] = lines[at].replace(" ", "\u00a0", 1)
    result = judge(task("ps1.scale"), Answer.of_cell("\n".join(lines)))
    assert result.is_full
    assert [f"line {at + 1}: here is a non-breaking space" in each for each in result.advice] == [True]
