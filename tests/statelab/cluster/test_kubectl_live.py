"""A kubectl line that is told as it comes: its order, its pipes, and that nothing of it runs on when it is stopped."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import pytest

from statelab.cluster import kubectl
from statelab.cluster.kubectl import KubectlResult
from statelab.cluster.kubectl_live import run_live
from statelab.cluster.problem import Problem
from statelab.cluster.process import is_alive
from statelab.cluster.typed import has_operators, words

KUBECONFIG = """
{"apiVersion": "v1", "kind": "Config", "clusters": [{"name": "c", "cluster": {"server": "http://127.0.0.1:9"}}],
 "users": [{"name": "u", "user": {}}], "contexts": [{"name": "ours", "context": {"cluster": "c", "user": "u"}}]}
"""
posix = pytest.mark.skipif(sys.platform == "win32", reason="the kubectl here is a shell script")


@pytest.mark.parametrize(
    ("line", "is_for_the_shell"),
    [
        ("get pods", False),
        ("get pods | grep web", True),
        ("get pods > pods.txt && cat pods.txt", True),
        ("apply -f - < web.yaml", True),
        ("delete pod $(cat name)", True),
        ("get pods -o jsonpath='{.items[?(@.a>1)]}'", False),
        ('exec web-0 -- sh -c "echo a | cat > b"', False),
        (r"exec web-0 -- echo a\|b", False),
        ("get pods -o go-template='{{range .items}}{{.metadata.name | printf}}{{end}}'", False),
        ("get pods 'it", False),
        ("get pods  # | grep web", False),
        ("get pods -o name # > all of them", False),
        ("annotate pod web-0 why='# | no comment'", False),
        ("get pods | grep '#'", True),
        ("", False),
    ],
)
def test_only_an_operator_outside_of_quotes_is_for_the_shell(line: str, is_for_the_shell: bool) -> None:
    assert has_operators(line) is is_for_the_shell


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        ("kubectl get pods", ["get", "pods"]),
        ("get pods  # all of them", ["get", "pods"]),
        ("# get pods", []),
        ("annotate pod web-0 a=b#c why='# 1'", ["annotate", "pod", "web-0", "a=b#c", "why=# 1"]),
        (r"annotate pod web-0 a=\# b", ["annotate", "pod", "web-0", "a=#", "b"]),
        ("get pods # it's all", ["get", "pods"]),
    ],
)
def test_a_comment_is_no_word_of_a_line(line: str, meant: list[str]) -> None:
    assert words(line) == meant


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """`run(script, line)`: what a kubectl that is this script writes, in the order in which it is told."""
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "kubectl"
    (tmp_path / "kubeconfig").write_text(KUBECONFIG)
    monkeypatch.setattr(kubectl, "find_kubectl", lambda: str(program))
    monkeypatch.chdir(tmp_path)

    def run_one(script: str, line: Any, **more: Any) -> tuple[int, list[tuple[str, str]]]:
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        heard: list[tuple[str, str]] = []
        where = {"kubeconfig": tmp_path / "kubeconfig", "context": "ours", "namespace": "lesson-04"}
        told = more.pop("on_text", lambda name, text: heard.append((name, text)))
        return run_live(line, **where, on_text=told, **more), heard

    return run_one


@posix
def test_both_ends_are_told_in_the_order_in_which_they_were_written(run: Any) -> None:
    turns = "".join(f"echo out {n}; sleep 0.05; echo err {n} >&2; sleep 0.05; " for n in range(3))
    _, heard = run(turns, ["get", "pods"])
    assert [text for _, text in heard] == [f"{end} {n}\n" for n in range(3) for end in ("out", "err")]


@posix
def test_a_pipe_goes_through_the_shell_and_every_kubectl_in_it_means_this_cluster(run: Any) -> None:
    code, heard = run('echo "$KUBECONFIG" | cut -d: -f1 | xargs cat; echo', "get pods | cat && kubectl get nodes > out")
    assert code == 0
    said = "".join(text for name, text in heard if name == "stdout")
    assert ('"current-context": "ours"' in said, '"namespace": "lesson-04"' in said) == (True, True)
    assert '"current-context": "ours"' in Path("out").read_text()


@posix
def test_the_code_of_a_failure_is_told_and_its_input_is_read(run: Any) -> None:
    assert run("cat; exit 3", ["apply", "-f", "-"], stdin="a: 1\n") == (3, [("stdout", "a: 1\n")])


@posix
def test_without_a_cell_there_is_no_input_to_wait_for(run: Any) -> None:
    assert run("cat; echo done", ["exec", "-i", "web-0", "--", "cat"]) == (0, [("stdout", "done\n")])


@posix
def test_what_is_stopped_ends_with_all_of_its_pipe(run: Any, tmp_path: Path) -> None:
    def stop(name: str, text: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run("echo $$ > first; echo row; exec sleep 100", "get -w | (cat; sleep 100)", on_text=stop)
    number = int((tmp_path / "first").read_text())
    ends_s = time.monotonic() + 120  # it was sent its signal; when it dies is the machine's affair
    while is_alive(number) and time.monotonic() < ends_s:
        time.sleep(0.01)
    assert not is_alive(number)


@posix
def test_a_line_that_takes_too_long_ends_with_a_sentence(run: Any) -> None:
    with pytest.raises(Problem, match="did not finish within"):
        run("exec sleep 100", ["wait"], timeout_s=0.1)


def test_what_kubectl_complained_of_is_told_apart_from_what_it_printed(capsys: Any) -> None:
    KubectlResult(1, "pod/web-0 created\n", "Error from server (NotFound)\n").tell()
    assert capsys.readouterr() == ("pod/web-0 created\n", "Error from server (NotFound)\n")
