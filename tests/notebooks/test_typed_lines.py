"""Lines as learners type them: pipes, redirections, templates, following, slips, and the shell's own."""

from __future__ import annotations

import sys

import nbformat
import pytest

CONNECT = '%load_ext statelab\nimport statelab\ncluster = statelab.connect().fresh("lesson-04")'
INTERRUPT = "import os, signal, threading\nthreading.Timer({}, os.kill, (os.getpid(), signal.SIGINT)).start()\n"
MEANT_APPLY = "kubectl has no command aply. Did you mean apply?\n"
TEMPLATE = "'{{range .items}}{{.metadata.name}} {{end}}'"
PLUGIN = '#!/bin/sh\necho "greetings, $1"; kubectl config view --minify -o jsonpath="{..namespace}"\n'
# By what they are about, in the order in which they run: one kernel runs them all.
CELLS = {
    "made": "%kubectl create configmap one --from-literal=a=b",
    "counted": "%kubectl get configmaps | grep -c one",
    "listed": "%kubectl get cm -o name > names.txt && cat names.txt",
    "named": "node = 'kind-worker2'",
    "template": f"%kubectl get nodes -o go-template={TEMPLATE}",
    "variable": "%kubectl get node {node} -o name",
    "watched": "threading.Timer(1.5, cluster.kubectl, ('create configmap seen',)).start()\n"
    + INTERRUPT.format(4) + "%kubectl get configmaps -w\nprint('went on')",
    "followed": "%kubectl logs nobody -f",
    "lives": "print('lives')",
    "terminal": "%kubectl exec -it web-0 -- bash",
    "two errors": "%kubectl get pod nobody\nprint('first')\n%kubectl get pod nobody-else\nprint('second')",
    "mine": "%kubectl create configmap mine",
    "for the shell": "!kubectl get configmap mine -o name",
    "context": "!kubectl config current-context",
    "nothing": "%kubectl",
    "help": "%kubectl get pods --help",
    "misspelt": "%kubectl aply -f x",
    "plugin": "%kubectl greet you",
    "as in a terminal": "kubectl kubectl get namespace lesson-04 -o name  # said twice\n$ kubectl version --client",
    "flag first": "%kubectl -n default aply -f x",
    "long dash": "%kubectl get pods –n default",
    "misspelt magic": "%kubctl get pods",
    "copied": "kubectl apply -f - <<EOF\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: copied}\nEOF",
    "namespace": "%kubectl config set-context --current --namespace=kube-public",
    "elsewhere": "%kubectl get configmap copied",
    "where": "print(cluster.namespace)",
    "no context": "cluster.context = 'nowhere'\n%kubectl get pods",
}  # fmt: skip

pytestmark = [
    pytest.mark.kubectl,
    pytest.mark.skipif(sys.platform == "win32", reason="the lines are those of a POSIX shell"),
]


@pytest.fixture(scope="module")
def said(calm_desk) -> dict[str, str]:
    """What each cell showed."""
    plugin = calm_desk.root / "bin" / "kubectl-greet"
    plugin.parent.mkdir()
    plugin.write_text(PLUGIN)
    plugin.chmod(0o755)
    calm_desk.environment["PATH"] = f"{plugin.parent}:{calm_desk.environment['PATH']}"
    cells = [CONNECT, "import threading", *CELLS.values()]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    return dict(zip(CELLS, (text_of(cell.outputs) for cell in calm_desk.run(notebook).cells[2:]), strict=True))


def text_of(shown) -> str:
    wide = "".join(each.data["text/plain"] for each in shown if each.output_type == "display_data")
    return wide + "".join(getattr(each, "text", "") or "\n".join(getattr(each, "traceback", ())) for each in shown)


def test_pipes_redirections_and_lists_work_after_the_percent_sign(said):
    assert said["counted"].strip() == "1"
    assert "configmap/one" in said["listed"]


def test_a_go_template_keeps_its_braces_and_a_variable_is_still_put_in(said):
    assert said["template"].split() == ["kind-control-plane", "kind-worker", "kind-worker2"]
    assert said["variable"] == "node/kind-worker2\n"


def test_a_watch_is_told_as_it_comes_and_stops_at_the_button_without_an_error(said):
    text = said["watched"]
    assert "press ■" in text
    assert text.index("kube-root-ca.crt") < text.index("seen") < text.index("Stopped: kubectl get configmaps -w")
    assert "went on" in text
    assert "NotFound" in said["followed"]
    assert said["lives"] == "lives\n"


def test_exec_it_says_where_a_terminal_is_and_what_to_type_there(said):
    assert "File → New → Terminal" in said["terminal"]
    assert "kubectl -n lesson-04 exec -it web-0" in said["terminal"]
    assert "Traceback" not in said["terminal"]


def test_an_error_stands_where_it_was_written_also_among_other_lines(said):
    text = said["two errors"]
    assert text.index('"nobody"') < text.index("first") < text.index('"nobody-else"') < text.index("second")


def test_a_line_for_the_shell_means_the_same_cluster_and_namespace(said):
    assert "configmap/mine" in said["for the shell"]
    assert said["context"].strip() == "statelab"


def test_help_is_kubectl_s_own_and_a_misspelt_verb_and_a_plugin_have_nothing_before_them(said):
    assert "kubectl controls the Kubernetes cluster manager" in said["nothing"]
    assert "Display one or many resources" in said["help"]
    assert said["misspelt"] == 'error: unknown command "aply" for "kubectl"\n\nDid you mean this?\n\tapply\n'
    assert said["plugin"] == "greetings, you\nlesson-04\n"


def test_lines_from_a_terminal_or_a_page_run_as_they_are_meant(said):
    assert "namespace/lesson-04\nClient Version" in said["as in a terminal"]
    assert said["copied"] == "configmap/copied created\n"


def test_a_slip_gets_a_sentence_after_kubectl_s_own_words(said):
    assert said["flag first"].endswith("flags cannot be placed before plugin name: -n\n" + MEANT_APPLY)
    assert said["long dash"].endswith("–n begins with a long dash, as editors and chats make them. Type -n.\n")
    assert said["misspelt magic"].endswith("Did you mean %kubectl?\n")


def test_a_namespace_that_kubectl_config_chooses_holds_and_no_other_context_is_taken(said):
    assert said["namespace"] == 'Context "statelab" modified.\n'
    assert 'configmaps "copied" not found' in said["elsewhere"]
    assert said["where"] == "kube-public\n"
    assert "context was not found for specified context: nowhere" in said["no context"]
