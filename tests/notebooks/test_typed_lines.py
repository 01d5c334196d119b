"""Lines as learners type them: pipes, redirections, templates, following, and the shell's own."""

from __future__ import annotations

import sys

import nbformat
import pytest

CONNECT = '%load_ext statelab\nimport statelab\ncluster = statelab.connect().fresh("lesson-04")'
INTERRUPT = "import os, signal, threading\nthreading.Timer({}, os.kill, (os.getpid(), signal.SIGINT)).start()\n"

MEANT_APPLY = "kubectl has no command aply. Did you mean apply?\n"

pytestmark = [
    pytest.mark.kubectl,
    pytest.mark.skipif(sys.platform == "win32", reason="the lines are those of a POSIX shell"),
]


def outputs(desk, *cells: str) -> list[list]:
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in [CONNECT, *cells]])
    return [cell.outputs for cell in desk.run(notebook).cells[1:]]


def said(shown) -> str:
    wide = "".join(each.data["text/plain"] for each in shown if each.output_type == "display_data")
    return wide + "".join(getattr(each, "text", "") or "\n".join(getattr(each, "traceback", ())) for each in shown)


def test_pipes_redirections_and_lists_work_after_the_percent_sign(calm_desk):
    made = "%kubectl create configmap one --from-literal=a=b"
    cells = [made, "%kubectl get configmaps | grep -c one", "%kubectl get cm -o name > names.txt && cat names.txt"]
    _, counted, listed = map(said, outputs(calm_desk, *cells))
    assert counted.strip() == "1"
    assert "configmap/one" in listed


def test_a_go_template_keeps_its_braces_and_a_variable_is_still_put_in(calm_desk):
    template = "'{{range .items}}{{.metadata.name}} {{end}}'"
    cells = [
        "node = 'kind-worker2'",
        f"%kubectl get nodes -o go-template={template}",
        "%kubectl get node {node} -o name",
    ]
    _, names, one = map(said, outputs(calm_desk, *cells))
    assert names.split() == ["kind-control-plane", "kind-worker", "kind-worker2"]
    assert one == "node/kind-worker2\n"


def test_a_watch_is_told_as_it_comes_and_stops_at_the_button_without_an_error(calm_desk):
    later = "import threading\nthreading.Timer(1.5, cluster.kubectl, ('create configmap seen',)).start()\n"
    cells = [
        later + INTERRUPT.format(4) + "%kubectl get configmaps -w\nprint('went on')",
        "%kubectl logs nobody -f",
        "print('lives')",
    ]
    watched, nobody, after = outputs(calm_desk, *cells)
    text = said(watched)
    assert "press ■" in text
    assert text.index("kube-root-ca.crt") < text.index("seen") < text.index("Stopped: kubectl get configmaps -w")
    assert "went on" in text
    assert "NotFound" in said(nobody)
    assert said(after) == "lives\n"


def test_exec_it_says_where_a_terminal_is_and_what_to_type_there(calm_desk):
    (shown,) = map(said, outputs(calm_desk, "%kubectl exec -it web-0 -- bash"))
    assert "File → New → Terminal" in shown
    assert "kubectl -n lesson-04 exec -it web-0" in shown
    assert "Traceback" not in shown


def test_an_error_stands_where_it_was_written_also_among_other_lines(calm_desk):
    cells = ["%kubectl get pod nobody\nprint('first')\n%kubectl get pod nobody-else\nprint('second')"]
    ((*shown,),) = outputs(calm_desk, *cells)
    text = said(shown)
    assert text.index('"nobody"') < text.index("first") < text.index('"nobody-else"') < text.index("second")


def test_a_line_for_the_shell_means_the_same_cluster_and_namespace(calm_desk):
    cells = ["%kubectl create configmap mine", "!kubectl get configmap mine -o name", "!kubectl config current-context"]
    _, found, context = map(said, outputs(calm_desk, *cells))
    assert "configmap/mine" in found
    assert context.strip() == "statelab"


def test_nothing_after_the_percent_sign_is_kubectl_s_own_help_and_a_slip_gets_its_own_words(calm_desk, monkeypatch):
    """The cluster and its namespace are given so that kubectl may say which verb was meant, and run a plugin."""
    plugin = calm_desk.root / "bin" / "kubectl-greet"
    plugin.parent.mkdir()
    plugin.write_text('#!/bin/sh\necho "greetings, $1"; kubectl config view --minify -o jsonpath="{..namespace}"\n')
    plugin.chmod(0o755)
    monkeypatch.setitem(calm_desk.environment, "PATH", f"{plugin.parent}:{calm_desk.environment['PATH']}")
    cells = [
        "%kubectl",
        "%kubectl get pods --help",
        "%kubectl aply -f x",
        "%kubectl greet you",
        "kubectl kubectl get namespace lesson-04 -o name  # said twice\n$ kubectl version --client",
        "%kubectl -n default aply -f x",
        "%kubectl get pods –n default",
        "%kubctl get pods",
        "kubectl apply -f - <<EOF\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: copied}\nEOF",
        "%kubectl config set-context --current --namespace=kube-public",
        "%kubectl get configmap copied",
        "print(cluster.namespace)",
        "cluster.context = 'nowhere'\n%kubectl get pods",
    ]
    shown = list(map(said, outputs(calm_desk, *cells)))
    assert "kubectl controls the Kubernetes cluster manager" in shown[0]
    assert "Display one or many resources" in shown[1]
    assert shown[2] == 'error: unknown command "aply" for "kubectl"\n\nDid you mean this?\n\tapply\n'
    assert shown[3] == "greetings, you\nlesson-04\n"
    assert "namespace/lesson-04\nClient Version" in shown[4]
    assert shown[5].endswith("flags cannot be placed before plugin name: -n\n" + MEANT_APPLY)
    assert shown[6].endswith("–n begins with a long dash, as editors and chats make them. Type -n.\n")
    assert shown[7].endswith("Did you mean %kubectl?\n")
    assert shown[8:10] == ["configmap/copied created\n", 'Context "statelab" modified.\n']
    assert 'configmaps "copied" not found' in shown[10]
    assert shown[11] == "kube-public\n"
    assert "context was not found for specified context: nowhere" in shown[12]
