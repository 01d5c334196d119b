"""What a lesson asks of a cluster, asked of every place that connect() can give: the answers have to be the same."""

from __future__ import annotations

import copy
import json
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from statelab.cluster import Cluster, Problem, RequestRefused
from statelab.notebook.pictures.actions import actions
from statelab.notebook.pictures.cluster_view import ClusterView
from statelab.notebook.pictures.live import mirror_of
from statelab.notebook.pictures.source import Source
from statelab.notebook.pictures.timeline_view import Timeline

MANIFEST = Path(__file__).resolve().parents[2] / "course" / "manifests" / "06-web.yaml"
PAGE = "/usr/share/nginx/html/index.html"


def uid(cluster: Cluster, pod: str) -> str:
    found = cluster.get(f"pod/{pod}")
    assert found is not None
    return str(found["metadata"]["uid"])


# ---- objects


def test_what_is_applied_a_second_time_changes_nothing(cluster):
    before = cluster.get("sts/web")["metadata"]["generation"]
    said = cluster.kubectl(["apply", "-f", str(MANIFEST)])
    assert said.code == 0 and said.stdout.startswith("service/nginx unchanged\nstatefulset.apps/web ")
    assert cluster.get("sts/web")["metadata"]["generation"] == before


def test_an_object_is_there_or_is_none(cluster):
    found = cluster.get("sts/web")
    assert (found["kind"], found["apiVersion"], found["spec"]["replicas"]) == ("StatefulSet", "apps/v1", 3)
    assert cluster.get("sts/wbe") is None
    assert cluster.get("node/" + found["metadata"]["name"]) is None


def test_a_list_is_chosen_by_labels(cluster):
    assert {pod["metadata"]["name"] for pod in cluster.list("pods", labels="app=nginx")} == {"web-0", "web-1", "web-2"}
    assert cluster.list("pods", labels="app=nobody") == []


def test_what_the_api_server_refuses_is_said_in_its_words(cluster):
    said = cluster.kubectl("scale statefulset web --replicas=-1")
    assert said.code == 1 and "replicas" in said.stderr
    with pytest.raises(RequestRefused) as refused:
        cluster.request("POST", f"/api/v1/namespaces/{cluster.namespace}/pods", {"metadata": {"name": "a"}})
    assert refused.value.code == 422 and "spec.containers: Required value" in str(refused.value)


def test_waiting_for_what_does_not_come_ends_with_how_it_stands(cluster):
    with pytest.raises(Problem, match="web-7 was not Ready within 1 s: there is no such object"):
        cluster.wait("pod/web-7", "Ready", timeout_s=1)


def test_the_default_storage_class_is_found_and_is_the_one_that_claims_got(cluster):
    claim = cluster.get("pvc/www-web-0")
    assert claim["status"]["phase"] == "Bound"
    assert cluster.default_storage_class() == claim["spec"]["storageClassName"]


# ---- inside Pods


def test_a_command_in_a_pod_gives_its_output_and_its_exit_code(cluster):
    assert cluster.exec("web-0", "hostname").stdout == "web-0\n"
    failed = cluster.exec("pod/web-0", "sh", "-c", "echo oh >&2; exit 3", container="nginx")
    assert failed.code == 3 and failed.stderr.startswith("oh\n")
    assert cluster.exec("teller", "cat", stdin="by hand\n").stdout == "by hand\n"


def test_a_command_in_a_pod_that_is_not_there_says_so(cluster):
    said = cluster.exec("web-7", "hostname")
    assert said.code == 1 and 'pods "web-7" not found' in said.stderr


def test_what_a_container_wrote_is_in_its_log(cluster):
    assert cluster.kubectl("logs teller").stdout == "once upon a time\n"


def test_what_a_pod_has_written_is_there_when_it_comes_back_as_another(cluster):
    before, claim = uid(cluster, "web-1"), cluster.get("pvc/www-web-1")["metadata"]["uid"]
    assert cluster.exec("web-1", "sh", "-c", f"echo mine > {PAGE}").code == 0
    assert cluster.kubectl("delete pod web-1").code == 0
    cluster.wait("pod/web-1", "Ready")
    assert uid(cluster, "web-1") != before
    assert cluster.exec("web-1", "cat", PAGE).stdout == "mine\n"
    assert cluster.get("pvc/www-web-1")["metadata"]["uid"] == claim


# ---- workloads


def test_scaling_down_takes_the_highest_and_keeps_its_claim(cluster):
    assert cluster.kubectl("scale statefulset web --replicas=2").code == 0
    cluster.wait("pod/web-2", "Deleted")
    cluster.wait("sts/web", "Rollout")
    assert {pod["metadata"]["name"] for pod in cluster.list("pods", labels="app=nginx")} == {"web-0", "web-1"}
    assert cluster.get("pvc/www-web-2") is not None
    cluster.kubectl("scale statefulset web --replicas=3")
    cluster.wait("sts/web", "Rollout")


def test_a_rollout_goes_from_the_highest_down_and_can_be_undone(cluster):
    order: list[str] = []
    watcher = cluster.watch(["pods"], lambda type, plural, pod: _note_deleted(order, type, pod))
    try:
        assert cluster.kubectl("set image statefulset/web nginx=registry.k8s.io/nginx-slim:0.25").code == 0
        said = cluster.kubectl("rollout status statefulset/web --timeout=300s", timeout_s=320)
        assert said.code == 0, said.stderr
        assert order == ["web-2", "web-1", "web-0"]
    finally:
        watcher.close()
    assert cluster.kubectl("rollout undo statefulset/web").code == 0
    cluster.wait("sts/web", "Rollout", timeout_s=300)
    assert {pod["spec"]["containers"][0]["image"] for pod in cluster.list("pods", labels="app=nginx")} == {
        "registry.k8s.io/nginx-slim:0.24"
    }


def _note_deleted(order: list[str], type: str, pod: dict) -> None:
    if type == "DELETED":
        order.append(pod["metadata"]["name"])


# ---- DNS


def test_each_pod_has_a_name_that_leads_to_its_address(cluster):
    for name in ("web-0", "web-2"):
        address = cluster.get(f"pod/{name}")["status"]["podIP"]
        answer = _until(lambda name=name: cluster.dns(f"{name}.nginx"), lambda found, ip=address: ip in found.records)
        assert answer.records == (address,)


def test_a_headless_service_answers_with_all_its_pods_and_their_ports(cluster):
    addresses = {pod["status"]["podIP"] for pod in cluster.list("pods", labels="app=nginx")}
    answer = _until(lambda: cluster.dns("nginx"), lambda found: set(found.records) == addresses)
    assert answer.rcode == "NOERROR" and len(answer.records) == 3
    records = cluster.dns("_web._tcp.nginx", "SRV").records
    assert {record.split()[2] for record in records} == {"80"} and len(records) == 3


def test_a_name_that_nobody_has_is_told_with_all_that_was_tried(cluster):
    answer = cluster.dns("web-0.ngnix")
    assert not answer and answer.rcode == "NXDOMAIN"
    assert answer.tried[0][0] == f"web-0.ngnix.{cluster.namespace}.svc.cluster.local."


def test_the_api_server_has_a_name_everywhere(cluster):
    service = cluster.get("service/kubernetes", namespace="default")
    assert cluster.dns("kubernetes.default").records == (service["spec"]["clusterIP"],)


def _until(ask: Callable[[], object], is_right: Callable[[object], bool]) -> object:
    """DNS, or a watch, hears of a change a little later (CoreDNS up to half a minute): what it then says counts."""
    for _ in range(70):
        found = ask()
        if is_right(found):
            return found
        threading.Event().wait(0.5)
    return found


# ---- why, pictures, history


def test_why_names_what_made_a_pod_and_ends_in_no_exception_for_what_is_not_there(cluster):
    assert "statefulset/web" in cluster.why("pod/web-0")
    assert "web-7" in cluster.why("pod/web-7")
    for what in ("sts/web", "pvc/www-web-0", "node/" + cluster.get("pod/web-0")["spec"]["nodeName"]):
        assert cluster.why(what)


def test_show_draws_the_pods_and_their_claims(cluster):
    view = ClusterView(cluster, buttons=True)
    try:
        drawn = view.picture().svg()
        assert all(name in drawn for name in ("web-0", "web-2", "teller", "www-web-1"))
        view._on_message({"select": "pod/web-0"})
        assert view.chosen["title"] == "pod/web-0" and view.status == ""
    finally:
        view.close()


def test_the_timeline_tells_what_happened_since_it_was_watched(cluster):
    mirror = mirror_of(cluster)
    stop = mirror.listen(lambda: None)
    try:
        before = uid(cluster, "web-2")
        source = Source(mirror)
        cluster.kubectl("delete pod web-2")
        cluster.wait("pod/web-2", "Ready")
        lives = _until(lambda: (source.update(), _uids(source, "web-2"))[1], lambda found: len(found) >= 2)
        assert lives[-2:] == [before, uid(cluster, "web-2")]
        times, versions = [each.at_s for each in source.history.moments], [each.version for each in mirror.moments()]
        assert times == sorted(times)
        if cluster.place != "embedded":  # seen by watches: in the order of the versions, since it was watched
            lived = [each.version for each in mirror.moments() if each.object["metadata"]["name"] == "web-2"]
            assert len(set(versions)) > 3 and lived == sorted(lived)
        timeline = Timeline(cluster, what="sts/web")
        assert len(timeline.history) > 0
        assert ("keeps no history" in timeline.status) == (cluster.place != "embedded")
        timeline.close()
    finally:
        stop()


def test_an_instructor_gets_a_button_for_a_node_where_nodes_can_be_stopped(cluster):
    node = "node/" + cluster.get("pod/web-0")["spec"]["nodeName"]
    assert [each.id for each in actions(node, cluster, {})] == (["stop", "start"] if cluster.can_stop_nodes else [])


def _uids(source: Source, pod: str) -> list[str]:
    """The Pods of that name in a history, one after the other."""
    seen = [moment.object["metadata"]["uid"] for moment in source.history.moments if moment.name == pod]
    return list(dict.fromkeys(seen))


def test_the_history_is_given_or_a_sentence_says_who_keeps_one(cluster, capsys):
    revisions = cluster.history()
    said = capsys.readouterr().out
    assert bool(revisions) == (cluster.place == "embedded")
    assert bool(said) == (cluster.place != "embedded")


def test_a_watch_tells_all_there_is(cluster):
    seen: dict[str, str] = {}
    all_there = threading.Event()

    def on_event(type: str, plural: str, obj: dict) -> None:
        if type != "RESET":
            seen[obj["metadata"]["name"]] = type
        if {"web-0", "web-1", "web-2", "teller"} <= seen.keys():
            all_there.set()

    watcher = cluster.watch(["pods"], on_event)
    assert all_there.wait(30)
    watcher.close()


# ---- what goes wrong


def test_a_node_that_is_stopped_falls_silent_and_comes_back(cluster):
    workers = [node["metadata"]["name"] for node in cluster.list("nodes") if "worker" in node["metadata"]["name"]]
    if not cluster.can_stop_nodes:
        with pytest.raises(Problem, match="cannot be stopped from here"):
            cluster.stop_node("any")
        return
    node = workers[-1]
    cluster.stop_node(node)
    try:
        said = cluster.kubectl(f"wait --for=condition=Ready=Unknown node/{node} --timeout=180s", timeout_s=200)
        assert said.code == 0, said.stderr
    finally:
        cluster.start_node(node)
    cluster.wait(f"node/{node}", "Ready", timeout_s=180)
    cluster.wait("sts/web", "Rollout", timeout_s=300)


def test_a_fresh_namespace_is_empty_and_one_that_is_not_the_courses_is_left_alone(cluster):
    other = copy.copy(cluster)
    other.use("contract-other")
    applied = other.kubectl("create configmap kept --from-literal=a=b")
    assert applied.code == 0, applied.stderr
    assert other.fresh("contract-other").get("configmap/kept") is None
    other.request(
        "PATCH",
        "/api/v1/namespaces/contract-other",
        {"metadata": {"labels": {"app.kubernetes.io/managed-by": None}}},
        content_type="application/merge-patch+json",
    )
    if cluster.is_own:
        other.fresh("contract-other")
    else:
        with pytest.raises(Problem, match="The course did not make the namespace contract-other"):
            other.fresh("contract-other")
    other.delete("namespace/contract-other")


def test_a_cluster_that_is_gone_is_told_with_what_to_do(cluster):
    gone = copy.copy(cluster)
    gone.connection = copy.copy(cluster.connection)
    gone.connection.url = "http://127.0.0.1:1"
    with pytest.raises(Problem, match=r"No cluster answers at http://127\.0\.0\.1:1\.") as silent:
        gone.get("pod/web-0")
    assert silent.value.next_step
    with pytest.raises(Problem):
        gone.wait("pod/web-0", "Ready", timeout_s=2)


def test_a_line_of_kubectl_that_cannot_be_read_is_said(cluster):
    with pytest.raises(Problem, match="No closing quotation"):
        cluster.kubectl("get pods 'web")
    assert json.loads(cluster.kubectl("get sts web -o json").stdout)["metadata"]["name"] == "web"
