"""Where a task gives files, lines may have here-documents, $(kubectl …), variables and > name; and no shell runs."""

from __future__ import annotations

import pytest

from grader.answer import Answer
from grader.lines import parse
from grader.tasks import Task
from grader.trial import Trial

FILE = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: given}\ndata: {a: b}\n"
TASK = Task("ps8.habits", 1, "", answer="commands", files={"given.yaml": FILE}, needs="a cluster of its own")
CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: mine}\ndata: {said: "


def after(*lines: str) -> Trial:
    return Trial(TASK, Answer(("\n".join(lines) + "\n",)), pace_s=0.2)


def said(trial: Trial, name: str = "mine") -> str | None:
    found = trial.get(f"configmap/{name}")
    return found.at("data", "said") if found else None


@pytest.mark.parametrize(
    "lines",
    [
        ("kubectl apply -f - <<EOF", CONFIG + "yes}", "EOF"),
        ("kubectl apply -f - <<'EOF'", CONFIG + "yes}", "EOF"),
        ("kubectl apply -f - << END", CONFIG + "yes}", "END", "kubectl get cm"),
        ("kubectl create -f - <<-EOF", "\tapiVersion: v1", "\tkind: ConfigMap", "\tmetadata: {name: mine}",
         '\tdata: {said: "yes"}', "\tEOF"),
        ("cat <<EOF | kubectl apply -f -", CONFIG + "yes}", "EOF"),
        ("kubectl apply -f - <<EOF", CONFIG + "yes}"),
        ("cat > mine.yaml <<EOF", CONFIG + "yes}", "EOF", "kubectl apply -f mine.yaml"),
        ("cat <<'EOF' > ./mine.yaml", CONFIG + "yes}", "EOF", "kubectl create -f ./mine.yaml"),
        ("A=yes; kubectl create cm mine --from-literal=said=$A && kubectl get cm mine",),
        ("kubectl apply -f - <<EOF;", CONFIG + "yes}", "EOF"),
        ("cat <<EOF | kubectl apply -f - && kubectl get cm mine", CONFIG + "yes}", "EOF"),
        ("kubectl get cm; kubectl apply -f - <<'EOF'", CONFIG + "yes}", "EOF"),
        ("for n in one two; do kubectl create cm $n; done", "kubectl create cm mine --from-literal=said=yes"),
        ("for n in {1..2}", "do", "  # each", "  kubectl create cm cm-${n} \\", "    --from-literal=x=yes", "done",
         "kubectl create cm mine --from-literal=said=$(kubectl get cm cm-2 -o jsonpath={.data.x})"),
        ("Y=yes", 'for n in $(seq 0 1); do kubectl create cm "cm-$n" --from-literal=x=$Y && kubectl get cm; done',
         "kubectl create cm mine --from-literal=said=$(kubectl get cm cm-1 -o jsonpath='{.data.x}')"),
        ("kubectl create cm two --from-literal=x=yes", "for a in two; do for n in $(kubectl get cm $a -o name)", "do",
         "  kubectl create cm mine --from-literal=said=$(kubectl get $n -o jsonpath={.data.x})", "done", "done"),
        ("for n in $(kubectl get sa -o name); do kubectl apply -f - <<EOF", CONFIG + "yes}", "EOF", "done"),
        ("$ A=yes", "$ kubectl create cm mine --from-literal=said=$A"),
        ("A=yes", "kubectl create cm mine --from-literal=said=$A"),
        ("kubectl apply -f given.yaml", "kubectl create cm mine --from-literal said=yes"),
        ("kubectl create cm two --from-literal=x=yes",
         "kubectl create cm mine --from-literal=said=$(kubectl get cm two -o jsonpath='{.data.x}')"),
        ("kubectl create cm two --from-literal=x=yes", "export X=\"$(kubectl get cm two -o jsonpath={.data.x})\"",
         "kubectl apply -f - <<EOF", CONFIG + "${X}}", "EOF"),
        ("kubectl create cm mine --from-literal=said=yes --dry-run=client -o yaml > made.yaml",
         "kubectl apply -f made.yaml"),
    ],
)  # fmt: skip
def test_a_habit_is_read_as_it_is_meant(lines: tuple[str, ...]) -> None:
    trial = after(*[each.replace("said: yes", 'said: "yes"').replace("${X}", '"${X}"') for each in lines])
    assert not trial.failed, [each.message for each in trial.failed]
    assert said(trial) == "yes"


def test_a_document_that_was_begun_in_quotes_keeps_its_dollars() -> None:
    trial = after("kubectl apply -f - <<'EOF'", CONFIG + '"$(NAME) $A"}', "EOF")
    assert said(trial) == "$(NAME) $A"
    trial = after("kubectl apply -f - <<EOF", CONFIG + '"\\$(NAME)"}', "EOF")
    assert said(trial) == "$(NAME)"


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("kubectl apply -f - <<EOF\n" + CONFIG + "$(POD_NAME)}\nEOF", "only kubectl lines are"),
        ("kubectl apply -f - <<EOF\n" + CONFIG + "$HOSTNAME}\nEOF", "$HOSTNAME is empty: no line has set it"),
        ("kubectl get cm | grep x", "is a shell's"),
        ("kubectl get cm || kubectl get pods", "is a shell's"),
        ("while true; do kubectl get cm; done", "only kubectl lines are"),
        ("for n in $(ls); do kubectl delete $n; done", "only kubectl lines are"),
        ("for n in $(kubectl get nothing); do kubectl create cm mine; done", "doesn't have a resource type"),
        ("N='1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1'; for n in $N; do kubectl get cm; done", "21 turns"),
        ("X=" + 99 * "x" + "\n" + "X=$X$X$X$X$X$X$X$X$X$X\n" * 30 + "kubectl create cm mine", "characters long, and"),
        ("for n in $NOBODY; do kubectl create cm mine; done", "$NOBODY is empty"),
        ("kubectl delete cm $(cat names)", "only kubectl lines are"),
        ("kubectl apply -f other.yaml", 'the path "other.yaml" does not exist'),
        ("kubectl apply -f /etc/passwd", 'the path "/etc/passwd" does not exist'),
        ("A=$(kubectl get cm nobody)", "not found"),
        ("cat <<EOF\nx\nEOF", "nobody reads it"),
        ("kubectl create cm mine --from-file=given.yaml", "files cannot be read here"),
    ],
)
def test_what_is_not_carried_out_says_why(line: str, why: str) -> None:
    trial = after(line)
    assert why in " ".join(each.message for each in trial.failed)
    assert said(trial) is None


def test_the_lines_behind_a_document_keep_their_numbers() -> None:
    trial = after("# first", "kubectl apply -f - <<EOF", CONFIG + "x}", "EOF", "", "kubectl get nothing")
    assert [each.line for each in trial.failed] == [9]


def test_the_lines_behind_a_loop_keep_their_numbers_and_quotes_keep_their_dollars() -> None:
    trial = after(
        "for n in a b", "do", "  kubectl create cm $n --from-literal='said=$n'", "done", "kubectl get nothing"
    )
    assert [each.line for each in trial.failed] == [5]
    assert said(trial, "a") == "$n"


def in_a_loop(end: str) -> Trial:
    config = CONFIG.replace("name: mine", "name: cm-$n").splitlines()
    head = ("for n in 0 1", "do", f"kubectl apply -f - <<{end}")
    return after(*head, *config[:-1], config[-1] + "'${n}'}", "EOF", "kubectl get cm cm-$n", "done", "kubectl get x")


def test_a_document_in_a_loop_is_one_for_each_turn() -> None:
    trial = in_a_loop("EOF")
    assert (said(trial, "cm-0"), said(trial, "cm-1")) == ("0", "1")
    assert [each.line for each in trial.failed] == [11]
    literal = in_a_loop("'EOF'")  # cm-$n is no name, and then there is none
    assert [each.line for each in literal.failed] == [3, 3, 9, 9, 11]


def test_a_loop_in_a_document_is_the_documents() -> None:
    script = CONFIG.replace("data: {said: ", "data:\n  said: |\n    for n in 1 2; do\n      echo $n\n    done\n")
    assert said(after("kubectl apply -f - <<'EOF'", script, "EOF")) == "for n in 1 2; do\n  echo $n\ndone\n"


def test_a_loop_takes_its_documents_along() -> None:
    made = CONFIG.replace("name: mine", "name: cm-$n").replace("{said: ", "{script: for x in 1; do y; done, said: ")
    trial = after(
        "for n in a b; do",
        "  kubectl apply -f - <<EOF",
        made + 'of-$n, kept: "\\$n"}',
        "EOF",
        "  kubectl get cm nothing-$n",
        "  S=$(kubectl get cm cm-$n -o jsonpath='{.data.said}')",
        "  kubectl create cm again-$n --from-literal=said=$S",
        "done; kubectl get cm nothing",
        "for m in 1 2; do for n in x y; do kubectl create cm $m-$n; done; done",
    )
    assert [said(trial, f"{kind}-{n}") for kind in ("cm", "again") for n in "ab"] == ["of-a", "of-b"] * 2
    assert trial.get("configmap/cm-a").at("data", "kept") == "$n"
    assert [each.line for each in trial.failed] == [8, 8, 11]
    assert all(trial.get(f"configmap/{each}") for each in ("1-x", "1-y", "2-x", "2-y"))


def test_loops_in_loops_in_loops_have_an_end() -> None:
    depth = 400
    lines, refused = parse("for n in {1..20}; do\n" * depth + "kubectl get cm\n" + "done\n" * depth, shell_too=True)
    assert lines == [] and {each.line for each in refused} <= set(range(1, 2 * depth + 2))
    lines, refused = parse("for n in {1..20}; do\n" * 3 + "kubectl get cm-$n\n" + "done\n" * 3, shell_too=True)
    assert len(lines) == 60 and "more than 60 lines" in refused[0].message


def test_elsewhere_they_are_a_shells() -> None:
    lines, refused = parse("kubectl apply -f - <<EOF\nkind: x\nEOF\nkubectl get $(kubectl get pods -o name)\n")
    assert not lines
    assert [each.line for each in refused] == [1, 4]  # the document is no mistake of its own


def test_a_task_with_files_needs_a_cluster_of_its_own() -> None:
    with pytest.raises(ValueError, match="cluster of its own"):
        Task("ps8.open", 1, "", answer="commands", files={})
