"""Lines of strangers: whatever they ask for, it ends, and is small."""

from __future__ import annotations

import pytest

from statelab.controlplane import ControlPlane
from statelab.kubectl import Kubectl
from statelab.kubectl.gotemplate import Template, TemplateError
from statelab.kubectl.in_process import InProcess
from statelab.kubectl.jsonpath import JsonPath
from statelab.kubectl.jsonpath_template import JsonPathError

NESTED: dict[str, object] = {"items": [{"items": [{"items": list(range(30))} for _ in range(30)]} for _ in range(30)]}


def run(*words: str) -> tuple[int, str, str]:
    api = InProcess(ControlPlane())
    result = Kubectl(api, api.wait).run(words)
    return result.code, result.stdout, result.stderr


@pytest.mark.parametrize(
    "template", ["{" + "..*" * 50 + "}", "{range .items[*]}" * 5 + "{..items[*]..*}", "{.items" + "[*]" * 4_000 + "}"]
)
def test_a_json_path_takes_so_many_steps_and_no_more(template: str) -> None:
    with pytest.raises(JsonPathError):
        JsonPath(template).text(NESTED)


@pytest.mark.parametrize("template", ["{" + "[?(@.a" * 1_500, "{" * 3_000, "{range}" * 1_400, "{'" + "a" * 20_000])
def test_a_json_path_nested_beyond_reason_is_refused(template: str) -> None:
    with pytest.raises(JsonPathError):
        JsonPath(template).text(NESTED)


@pytest.mark.parametrize(
    "template",
    [
        "{{range 100000000}}a{{end}}",
        "{{range .items}}" * 6 + "{{end}}" * 6 + "{{range $.items}}{{range $.items}}{{range $.items}}{{range $.items}}a"
        + "{{end}}" * 4,
        '{{printf "%1000000000s" "a"}}',
        "{{if .items}}" * 900,
        "{{" + "(" * 3_000,
        "{{.items | " + "len | " * 2_000 + "}}",
    ],
)  # fmt: skip
def test_a_go_template_takes_so_many_steps_and_no_more(template: str) -> None:
    with pytest.raises(TemplateError):
        Template(template).text(NESTED)


def test_a_template_is_filled_in_as_go_does_it() -> None:
    data = {"items": [{"name": "a", "n": 1}, {"name": "b"}], "labels": {"x": "1", "a": "2"}}
    template = (
        '{{- range $i, $each := .items -}} {{if $i}}, {{end}}{{$each.name}}={{or .n "none"}} {{- end}}'
        '; {{range $k, $v := .labels}}{{$k}}{{$v}}{{end}}; {{len .items}} {{index .items 0 "name"}} {{.missing}}'
        '{{with .missing}}never{{else}} else{{end}} {{eq 1 1.0 | not}} {{printf "%-4s|%03d" "ab" 7}}'
    )
    assert Template(template).text(data) == "a=1, b=none; a2x1; 2 a <no value> else false ab  |007"


def test_a_path_that_has_nothing_to_do_with_the_cluster_cannot_be_read() -> None:
    for words in (
        ("apply", "-f", "/etc/passwd"),
        ("create", "configmap", "a", "--from-file=/etc/passwd"),
        ("get", "pods", "-o", "jsonpath-file=/etc/passwd"),
        ("cp", "/etc/passwd", "web-0:/tmp/x"),
    ):
        code, out, err = run(*words)
        assert (code, out) == (1, ""), words
        assert "there are no files here" in err or "not found" in err, words


def test_what_never_ends_ends_here_and_says_so() -> None:
    code, _, err = run("get", "pods", "-w", "--request-timeout=5s")
    assert (code, "followed for 5 s" in err) == (0, True)


@pytest.mark.parametrize("verb", ["get", "describe", "delete", "rollout status", "label", "logs", "cordon"])
def test_an_object_without_a_name_is_no_collection(verb: str) -> None:
    more = ["a=b"] if verb == "label" else []
    type = [] if verb in ("cordon", "logs") else ["deployments"]
    code, out, err = run(*verb.split(), *type, "", *more)
    assert (code, out, err) == (1, "", "error: resource name may not be empty\n")


def test_thousands_of_words_are_refused() -> None:
    code, _, err = run("get", *["pods"] * 3_000)
    assert (code, "more than 2000 words" in err) == (1, True)
