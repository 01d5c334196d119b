"""What a lesson does, done in one process: apply, wait, look, ask, kill."""

from __future__ import annotations

import functools
import signal
import sys
import time

import pytest

from statelab.cluster import Problem
from statelab.cluster.beside import is_put_aside, put_aside
from statelab.cluster.looking import only_looking
from statelab.cluster.loops import _alarm, _within
from statelab.notebook.pictures.live import Mirror
from statelab.notebook.pictures.name_explorer import NameExplorer
from statelab.notebook.trying.goals import look, reader_of
from statelab.tab import cluster as tab_cluster
from statelab.tab import connect_in_tab, driver

WEB = """
apiVersion: v1
kind: Service
metadata: {name: nginx}
spec: {clusterIP: None, selector: {app: web}, ports: [{port: 80}]}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: web}
spec:
  serviceName: nginx
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: main, image: "nginx:1.27", volumeMounts: [{name: www, mountPath: /data}]}]}
  volumeClaimTemplates:
  - metadata: {name: www}
    spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
"""


@pytest.fixture
def web(cluster):
    done = cluster.kubectl("apply -f -", stdin=WEB)
    assert done.code == 0, done.stderr
    cluster.wait("statefulset/web", "Rollout")
    return cluster


def test_a_set_is_rolled_out_while_a_cell_waits(web):
    assert [each["metadata"]["name"] for each in web.list("pods")] == ["web-0", "web-1"]
    assert web.wait("pvc/www-web-0", "Bound")["status"]["phase"] == "Bound"


def test_a_pod_that_is_not_there_yet_is_waited_for_until_its_container_waits_for_an_image(web):
    """Between its deletion and its creation there is none of that name, and kubectl wait ends there."""
    web.kubectl("set image statefulset/web main=nginx:no-such-tag")
    pod = web.wait("pod/web-1", "ImagePullBackOff")
    assert pod["spec"]["containers"][0]["image"] == "nginx:no-such-tag"


def test_a_goal_that_would_change_the_cluster_or_wait_for_it_does_neither(web, monkeypatch):
    """It is asked after each cell: a set that was deleted would come back, and the cell would not end."""
    goals = {
        lambda: not web.kubectl("delete statefulset web").code: "kubectl delete would change the cluster",
        lambda: web.delete("sts/web") is None: "DELETE /apis/apps/v1/namespaces/lesson/statefulsets/web would change",
        lambda: bool(web.patch("sts/web", {"spec": {"replicas": 0}})): "PATCH ",
        lambda: bool(web.wait("pod/web-9")): "pod/web-9 was not Ready within 0 s",
        lambda: web.until(lambda: False): "",
        lambda: bool(web.wait_for_name("nobody")): "0 of 1 records for nobody",
        lambda: web.stop_node("kind-worker") is None: "POST ",
    }
    for goal, instead in goals.items():
        seen = look(reader_of(goal, web), web)
        assert (seen.is_so, instead in seen.instead) == (False, True), seen
    with monkeypatch.context() as patched:
        patched.setattr(type(web.clock), "rest", lambda *_: pytest.fail("it waits"))
        for waits in (lambda: web.until(lambda: False), lambda: not web.wait_and_see(still_s=60)):
            look(reader_of(waits, web), web)
    assert look(reader_of(lambda: web.exec("web-0", "hostname").stdout == "web-0\n", web), web).is_so
    assert look(reader_of(lambda: web.kubectl("get pods -o name").stdout.split() == NAMES, web), web).is_so
    assert web.kubectl("scale sts web --replicas=1").code == 0  # whoever does not only look changes it still


NAMES = ["pod/web-0", "pod/web-1"]


def test_a_pod_that_is_killed_comes_back_and_why_is_told(web):
    before = web.get("pod/web-1")["metadata"]["uid"]
    web.kubectl("delete pod web-1")
    after = web.wait("pod/web-1", "Ready")
    assert after["metadata"]["uid"] != before
    assert "statefulset-controller" in web.why("pod/web-1")


def test_names_are_asked_for_without_a_socket(web):
    answer = web.dns("web-0.nginx")
    assert answer.records == (web.get("pod/web-0")["status"]["podIP"],)
    assert not web.dns("web-9.nginx")
    explored = NameExplorer(web, ("web-1.nginx", "web-9.nginx"))
    found, missing = explored.answers
    assert found["answer"] == [web.get("pod/web-1")["status"]["podIP"]]
    assert missing["rcode"] == "NXDOMAIN" and "web-1.nginx" in missing["meant"]
    explored.close()


def test_a_name_is_waited_for_while_the_cluster_goes_on(web):
    web.kubectl("scale statefulset web --replicas=3")
    assert len(web.wait_for_name("nginx", at_least=3).records) == 3
    with pytest.raises(Problem, match="0 of 1 records for nobody"):
        web.wait_for_name("nobody", timeout_s=0)


def test_a_command_runs_in_a_container(web):
    done = web.exec("web-0", "sh", "-c", "echo hello > /data/x; cat /data/x; exit 3")
    assert (done.code, done.stdout) == (3, "hello\n")


def test_a_line_with_pipes_is_read_by_the_shell_in_python(web):
    said = []
    code = web.kubectl_live(
        "get pods -o name | grep -c web; kubectl get pod web-0 -o name", lambda n, t: said.append(t)
    )
    assert (code, "".join(said)) == (0, "2\npod/web-0\n")


def test_a_line_that_follows_ends_by_itself_and_says_so(cluster):
    said = []
    assert cluster.kubectl_live(["get", "pods", "-w"], lambda name, text: said.append(text)) == 0
    assert "follow" in "".join(said) or "run the line again" in "".join(said)


def test_a_line_that_takes_too_long_is_given_up(web):
    with pytest.raises(Problem, match="did not finish within"):
        web.kubectl("wait pod/nobody --for=create --timeout=1h", timeout_s=0.05)


def test_a_picture_hears_of_each_change_without_a_thread(web):
    heard = []
    mirror = Mirror(web)
    stop = mirror.listen(lambda: heard.append(len(mirror.objects()["pods"])))
    web.kubectl("scale statefulset web --replicas=3")
    web.wait("statefulset/web", "Rollout")
    assert heard[-1] == 3
    assert len(mirror.objects()["pods"]) == 3
    stop()
    web.kubectl("scale statefulset web --replicas=2")
    assert mirror.is_closed


def test_a_picture_that_asks_the_cluster_is_not_told_of_news_meanwhile(web):
    depths = []

    def look() -> None:
        depths.append(len(depths))
        if len(depths) < 50:
            web.get("pod/web-0")

    stop = web.driver.listen(look)
    web.driver.step()
    stop()
    assert depths == [0]


def test_a_node_is_stopped_and_given_back(web):
    web.stop_node("kind-worker")
    web.start_node("kind-worker")
    assert web.history()[-1]["number"] > 0


def test_a_cluster_that_begins_anew_says_so(nothing_beside, monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("STATELAB_HOME", str(tmp_path))
    said = []
    for _ in range(2):
        monkeypatch.setattr(tab_cluster, "_here", [])
        connect_in_tab().driver.close()
        said.append(capsys.readouterr().out)
    assert said[0] == ""
    assert "begins anew" in said[1]


def test_what_a_tab_cannot_reach_is_said(nothing_beside, monkeypatch, tmp_path):
    monkeypatch.setenv("STATELAB_HOME", str(tmp_path))
    monkeypatch.setattr(tab_cluster, "_here", [])
    for place in ("kind", "context:mine"):
        with pytest.raises(Problem, match="cannot reach"):
            connect_in_tab(place)
    first = connect_in_tab()
    assert connect_in_tab("embedded") is first
    with pytest.raises(Problem, match="socket"):
        first.dns_address()
    first.driver.close()


def test_another_kernel_task_goes_on_while_time_passes(nothing_beside):
    """Between cells the kernel's own loop drives the cluster."""
    import asyncio

    from statelab.controlplane import ControlPlane
    from statelab.tab.driver import Driver

    async def cell() -> int:
        plane = ControlPlane(pace=200.0)
        driver = Driver(plane)
        turns = 0
        while turns < 500 and plane.get("serviceaccounts", "default/default") is None:
            await asyncio.sleep(0.01)
            turns += 1
        driver.close()
        return turns

    assert asyncio.run(cell()) < 500


def test_while_a_cell_waits_nothing_looks_from_another_stack_and_who_looks_is_not_put_aside(cluster, monkeypatch):
    """A loop's pass is traced; a browser's interpreter that traces while one of its stacks is put aside falls over."""
    heard: list[str] = []
    suspended = 0

    def run_sync(awaitable):
        """The kernel's loop turns while this stack is put aside."""
        nonlocal suspended
        awaitable.close()
        suspended += 1
        heard.append("aside")
        cluster.driver.step()
        heard.append("back")
        suspended -= 1

    def look() -> None:
        assert suspended == 0
        heard.append("look")
        cluster.driver.pause(0.0)  # as a pass does that runs a command in a Pod

    monkeypatch.setattr(driver, "_run_sync", lambda: run_sync)
    stop = cluster.driver.listen(look)
    cluster.driver.pause(0.0)
    assert heard == ["look", "aside", "back"]
    stop()
    traced: list[bool] = []
    with put_aside():
        _within(1.0, lambda: traced.append(sys.gettrace() is not None))
    _within(1.0, lambda: (traced.append(sys.gettrace() is not None), cluster.driver.pause(0.0)))
    assert traced == [False, True]
    with only_looking():  # a goal after a cell: the next cell would only look, too
        cluster.driver.pause(0.0)
    assert heard == ["look", "aside", "back"]


def test_sleeping_is_pyodides_only_where_a_stack_may_be_put_aside(cluster, monkeypatch):
    """Its time.sleep puts the stack aside and tells nobody: the next cell of lesson 06 ran while a goal looked."""
    heard: list[object] = []

    def blocks(seconds: float) -> None:
        heard.append("blocked" if seconds >= 0 else "negative")

    @functools.wraps(blocks)
    def pyodides(seconds: float) -> None:
        heard.append("put aside, and nobody knows")

    monkeypatch.setattr(
        driver, "_run_sync", lambda: lambda awaitable: (awaitable.close(), heard.append(is_put_aside()))
    )
    monkeypatch.setattr(time, "sleep", pyodides)
    monkeypatch.setattr(time, "sleep", driver.sleeper(cluster.driver))
    cluster.driver.pause(0.0)
    with only_looking():
        cluster.driver.pause(0.0)
    _within(1.0, lambda: cluster.driver.pause(0.0))
    assert heard == [True, "blocked", "blocked"]

    heard.clear()
    stop = cluster.driver.listen(lambda: heard.append("look"))
    time.sleep(0.001)  # a learner's own, in a cell: what follows the cluster goes on, and knows that the stack is aside
    stop()
    assert heard[:2] == ["look", True]
    heard.clear()
    time.sleep(0)
    time.sleep(-1)
    assert heard == ["blocked", "negative"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no alarms")
def test_in_a_browser_no_alarm_is_set_for_a_pass(monkeypatch):
    """Its timer would call into an interpreter one of whose stacks is put aside: lesson 13 ended its kernel."""
    monkeypatch.setattr(sys, "platform", "emscripten")
    with _alarm(60.0):
        assert signal.getsignal(signal.SIGALRM) is signal.SIG_DFL
