"""kubectl lines as answers: understood, carried out on the trial's cluster, and nothing of a shell among them."""

from __future__ import annotations

import pytest

from grader.answer import Answer
from grader.given import headless, stateful_set
from grader.lines import parse
from grader.tasks import Task
from grader.trial import Trial

DEPLOYMENT = (
    stateful_set("front", replicas=2).replace("StatefulSet", "Deployment").replace("  serviceName: front\n", "")
)
OPERATE = Task(
    "ps9.operate", points=1, about="Operate.", answer="commands",
    given=headless("db", app="db") + stateful_set("db", replicas=2) + DEPLOYMENT,
)  # fmt: skip


def after(*lines: str) -> Trial:
    return Trial(OPERATE, Answer.of_cell("%%answer ps9.operate\n" + "\n".join(lines))).settle()


def refused(line: str) -> str:
    """Why a line is not carried out: it is none, or it touches what is not the trial's."""
    _lines, errors = parse(line)
    return errors[0].message if errors else after(line).failed[0].message


def test_a_line_is_cut_into_words_as_a_shell_cuts_it() -> None:
    lines, errors = parse(
        "# first\n$ kubectl scale -n default statefulset/db --replicas 3\n\n!kubectl get po -w \\\n  -l 'app = db'"
    )
    assert not errors
    assert (lines[0].number, lines[0].words) == (2, ("scale", "-n", "default", "statefulset/db", "--replicas", "3"))
    assert (lines[1].number, lines[1].words) == (4, ("get", "po", "-w", "-l", "app = db"))


@pytest.mark.parametrize(
    "line",
    [
        "sudo kubectl get pods",
        "/usr/local/bin/kubectl get pods",
        "sudo -E ./kubectl get pods",
        "k get pods",
        "`kubectl get pods`",
        "$ kubectl get pods",
        "user@laptop:~$ kubectl get pods;",
        "1. kubectl get pods # the first",
    ],
)
def test_what_stands_around_a_line_is_taken_as_it_is_meant(line: str) -> None:
    lines, errors = parse(line)
    assert not errors
    assert [each.words for each in lines] == [("get", "pods")]


def test_a_semicolon_inside_of_quotes_is_no_shell_s() -> None:
    lines, errors = parse("kubectl annotate pod a why='this; that';")
    assert not errors
    assert lines[0].words[-1] == "why=this; that"


def test_semicolons_and_ands_part_lines_as_they_do_in_a_shell() -> None:
    lines, errors = parse("kubectl get a; kubectl get b &&\nkubectl get c")
    assert not errors
    assert [(each.number, each.words[-1], each.if_done) for each in lines] == [
        (1, "a", False),
        (1, "b", False),
        (2, "c", True),
    ]


@pytest.mark.parametrize("first", ["kubectl get pod nobody", "kubectl scale sts db --replicas=3 --dry=yes", "reboot"])
def test_behind_an_and_nothing_is_carried_out_when_the_line_before_it_failed(first: str) -> None:
    trial = after(f"{first} && kubectl delete pod db-0 && kubectl delete pod db-1", "kubectl scale sts db --replicas=1")
    assert len(trial.failed) == 1
    assert trial.order("pod", "DELETED") == ["db-1"]


def test_a_here_document_is_one_mistake_and_not_one_for_each_of_its_lines() -> None:
    lines, errors = parse("kubectl apply -f - <<'EOF'\nkind: Pod\nspec: {}\nEOF\nkubectl get pods")
    assert [each.line for each in errors] == [1]
    assert [each.number for each in lines] == [5]


def test_a_loop_on_one_line_is_one_mistake() -> None:
    _lines, errors = parse("for i in 0 1; do kubectl delete pod db-$i; done")
    assert len(errors) == 1


def test_quoted_json_may_go_on_over_several_lines() -> None:
    lines, errors = parse('kubectl patch sts db -p \'{\n  "spec": {\n    "replicas": 1}}\'\nkubectl get pods')
    assert not errors
    assert [(each.number, each.words[0]) for each in lines] == [(1, "patch"), (4, "get")]
    assert lines[0].words[-1].count("\n") == 2


def test_behind_a_quote_that_is_never_closed_nothing_is_carried_out() -> None:
    lines, errors = parse('kubectl patch sts db -p \'{"spec":\nkubectl delete sts db')
    assert lines == []
    assert [(each.line, "never closed" in each.message) for each in errors] == [(1, True)]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("kubectl get pods | sh", "a shell's"),
        ("kubectl get pods || kubectl delete pod db-0", "|| is a shell's, and there is no shell here: write each"),
        ("kubectl get pods && reboot", "only kubectl lines"),
        ("kubectl get pods; rm -rf /", "only kubectl lines"),
        ("kubectl apply -f - <<EOF\nkind: Pod\nEOF", "change what runs with kubectl scale"),
        ("kubectl get $(touch /tmp/owned)", "a shell's"),
        ('kubectl get "$(touch /tmp/owned)"', "a shell's"),
        ("kubectl get `id`", "a shell's"),
        ("kubectl get pods > /etc/passwd", "a shell's"),
        ("kubectl get pods < /etc/passwd", "a shell's"),
        ("kubectl get pods & sleep 1", "a shell's"),
        ("kubectl get ${HOME}", "a shell's"),
        ("rm -rf /", "only kubectl lines"),
        ("sudo rm -rf /", "only kubectl lines"),
        ("%%bash", "only kubectl lines"),
        ("kubectl --kubeconfig /root/.kube/config delete pods --all", "not for you to choose"),
        ("kubectl --kubeconfig=/root/.kube/config get pods", "not for you to choose"),
        ("kubectl get pods --context prod", "not for you to choose"),
        ("kubectl -s https://example.com get pods", "not for you to choose"),
        ("kubectl get pods --server https://example.com", "not for you to choose"),
        ("kubectl get --raw /api/v1/secrets", "not for you to choose"),
        ("kubectl get pods --as system:masters", "not for you to choose"),
        ("kubectl get pods --token abc", "not for you to choose"),
        ("kubectl apply -f /etc/passwd", "files cannot be read"),
        ("kubectl apply -f https://example.com/x.yaml", "files cannot be read"),
        ("kubectl delete --filename=/etc/passwd", "files cannot be read"),
        ("kubectl patch pod a --patch-file /etc/passwd", "files cannot be read"),
        ("kubectl proxy", "not carried out here"),
        ("kubectl port-forward pod/a 80", "not carried out here"),
        ("kubectl cp a:/etc/passwd .", "files are not copied here"),
        ("kubectl edit pod a", "editor"),
        ("kubectl create configmap a --from-file=/etc/passwd", "files cannot be read"),
        ("kubectl get pods -o jsonpath-file=/etc/passwd", "files cannot be read"),
        ("kubectl get pods -o go-template-file=/etc/passwd", "files cannot be read"),
        ("kubectl get pods -o custom-columns-file=/etc/passwd", "files cannot be read"),
        ("kubectl config view", "nothing to configure"),
        ("kubectl get pods -n kube-system", "is not where this task takes place"),
        ("kubectl scle statefulset/db --replicas=1", "Did you mean this?\n\tscale"),
        ("kubectl scale statefulset/db --replica=1", "unknown flag: --replica"),
        ("kubectl scale statefulset/db --replicas", "needs an argument"),
        ("kubectl scale 'statefulset/db", "never closed"),
        ("kubectl " + "a" * 5_000, "too long"),
        ("kubectl", "does nothing"),
        ("kubectl get pods \\", "nothing comes after"),
    ],
)  # fmt: skip
def test_what_is_not_plain_kubectl_is_refused_with_its_reason(line: str, words: str) -> None:
    assert words in refused(line)


def test_there_is_an_end_to_how_many_lines_are_read() -> None:
    lines, errors = parse("kubectl get pods\n" * 1_000)
    assert len(lines) == 60
    assert "more than 60 lines" in errors[0].message


def test_scaling_and_deleting_do_what_they_say() -> None:
    trial = after(
        "kubectl scale sts db --replicas=3", "kubectl delete pod db-0", "kubectl wait --for=condition=Ready pod/db-0"
    )
    assert not trial.failed
    assert [each.name for each in trial.pods_of("statefulset/db")] == ["db-0", "db-1", "db-2"]


def test_an_orphaning_delete_leaves_the_pods() -> None:
    trial = after("kubectl delete statefulset db --cascade=orphan")
    assert not trial.failed
    assert trial.get("statefulset/db") is None
    assert trial.get("pod/db-1") is not None


@pytest.mark.parametrize("workload", ["statefulset/db", "deployment/front"])
def test_an_image_is_set_and_the_rollout_undone(workload: str) -> None:
    there = after(f"kubectl set image {workload} main=nginx:1.27", f"kubectl rollout status {workload} --timeout=120s")
    assert not there.failed
    assert {each.images for each in there.all("pod", app=workload.partition("/")[2])} == {("nginx:1.27",)}
    back = after(
        f"kubectl set image {workload} '*=nginx:1.27'",
        f"kubectl rollout undo {workload}",
        f"kubectl rollout status {workload}",
    )
    assert not back.failed
    assert {each.images for each in back.all("pod", app=workload.partition("/")[2])} == {
        ("registry.k8s.io/nginx-slim:0.24",)
    }


def test_patches_labels_and_annotations_are_written() -> None:
    trial = after(
        """kubectl patch sts db -p '{"spec": {"updateStrategy": {"rollingUpdate": {"partition": 1}}}}'""",
        """kubectl patch sts db --type json -p '[{"op": "replace", "path": "/spec/replicas", "value": 1}]'""",
        "kubectl label pod db-0 tier=data",
        "kubectl annotate service db why=because",
    )
    assert not trial.failed
    found = trial.get("statefulset/db")
    assert found is not None
    assert found.at("spec", "updateStrategy", "rollingUpdate", "partition") == 1
    assert found.at("spec", "replicas") == 1


def test_a_line_that_fails_says_so_with_its_number_and_the_others_are_carried_out() -> None:
    trial = after(
        "kubectl scale sts nobody --replicas=1", "kubectl scale sts db --replicas=1", "kubectl get pods | wc -l"
    )
    assert [(each.line, each.message.split(":")[0]) for each in trial.failed] == [
        (2, "Error from server (NotFound)"),
        (4, "| is a shell's, and there is no shell here"),
    ]
    assert len(trial.pods_of("statefulset/db")) == 1


def test_a_node_is_drained() -> None:
    trial = after("kubectl drain kind-worker --ignore-daemonsets --delete-emptydir-data")
    assert not trial.failed
    assert {each.node for each in trial.all("pod") if each.ready} == {"kind-worker2"}


def test_exec_runs_inside_the_sandbox() -> None:
    trial = after("kubectl exec db-0 -- sh -c 'echo hello > /tmp/x'", "kubectl exec db-0 -- false")
    assert [each.message for each in trial.failed] == ["command terminated with exit code 1"]
    assert trial.read("db-0", "/tmp/x") == "hello\n"


def test_ten_thousand_pods_are_refused() -> None:
    assert "24 are the most" in after("kubectl scale sts db --replicas=10000").failed[0].message


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("kubectl scale deployment shop —replicas=6", "begins with a long dash, as editors and chats make them"),
        ("kubctl get pods", "Did you mean kubectl?"),
        ("sleep 5", "kubectl rollout status, or kubectl wait"),
        ("cd course", "Leave it away, or put a # before it"),
        ("kubectl get pods || kubectl get nodes", "|| is a shell's"),
    ],
)
def test_what_is_not_carried_out_is_told_with_what_to_try(line: str, said: str) -> None:
    lines, refused = parse(line)
    assert lines == []
    assert [said in each.message for each in refused] == [True]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('kubectl patch sts db -p ‘{"spec": {"replicas": 6}}’', "‘ is a curly quote"),
        ("kubectl patch sts db -p '{“spec”: {“replicas”: 6}}'", "“ is a curly quote"),
        ("kubectl scale sts db −−replicas=6", "long dash"),
        ("kubectl get pods \ud800", "characters that are not text"),
        ("kubectl get pods\0", "characters that are not text"),
    ],
)
def test_what_editors_make_of_quotes_and_dashes_is_named(line: str, said: str) -> None:
    lines, refused = parse(line)
    assert lines == [] and [said in each.message for each in refused] == [True]
