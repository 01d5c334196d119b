"""Answers as people write them: what is meant is read, and what cannot be read is named and never called wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from grader import vocabulary
from grader.answer import Answer
from grader.judge import judge
from grader.prediction import Said
from grader.registry import assignments, task, tasks_of
from grader.result import Result
from grader.tasks import Task
from grader.vocabulary import Kind

CORPUS = Path(__file__).parent / "corpus"
PREDICTIONS = [each for name in assignments() for each in tasks_of(name).values() if each.answer == "prediction"]
DB = vocabulary.pods("db")


def read(written: str, kind: Kind) -> tuple[str, ...] | str | None:
    """The words that are meant; what cannot be read; None where nothing is written."""
    text = f"another: yes\nquestion: {written}\n"
    found = Said(Answer.of_cell(text), {"another": vocabulary.YES_NO, "question": kind}).read("question")
    return found.unread or found.words


def model(of: Task) -> str:
    return next((CORPUS / of.id / "right").glob("01-*")).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("kind", "meant", "written"),
    [
        (vocabulary.YES_NO, "no", "no|No.|NO|`no`|**no**|n|false|nein|no, it is new|no - it is another|no!"),
        (vocabulary.YES_NO, "no", "\"no\"|'no'|[no]|no (a new one)|no. It is new|it is not the same|❌"),
        (vocabulary.YES_NO, "yes", "still there|yes|Yes|true|ja?|y|yes, I think|it is the same|still the same|✓|是"),
        (vocabulary.TAKEN, "no", "no|No, it is immutable|no (refused)|off|refused|not allowed|forbidden"),
        (vocabulary.TAKEN, "yes", "yes|yes, it is accepted|on|accepted|allowed"),
        (vocabulary.KEPT_LOST, "kept", "kept|Kept.|it is kept|`kept`|still there|survives|kept (its claim stays)|ketp"),
        (vocabulary.KEPT_LOST, "lost", "lost|LOST|gone|not kept|it gets lost|lost with its claim, which is gone|lots"),
        (vocabulary.OLD_NEW, "old", "old|the old version|old one|`old`|the old image|Old, as it is below"),
        (vocabulary.BREAKS, "nothing", "nothing|none|-|Nothing.|nothing breaks|`nothing`|nobody|nothin|notihng"),
        (vocabulary.BREAKS, "names", "names|name|DNS|the names, since they are new|the names are not found any more"),
        (vocabulary.DNS, "3", "3|three|3 addresses|Three addresses|`3`|3 Pods|3 (one each)|3 IPs|exactly 3|3 adresses"),
        (vocabulary.DNS, "vip", "vip|VIP|ClusterIP|cluster IP|the VIP|one VIP|the virtual IP|the VIP all the same"),
        (vocabulary.DNS, "nxdomain", "nxdomain|NXDOMAIN|NXDomain.|nxdomian|no such name|not found"),
        (vocabulary.STILL_SO, "yes", "yes|Yes: a majority has it|still there|answered|it is still answered"),
        (vocabulary.STILL_SO, "yes", "it is still there|it's there"),
        (vocabulary.STILL_SO, "no", "no|not ready|it is not there|no (CrashLoopBackOff)|lost"),
        (vocabulary.COUNT, "0", "0|zero|none|0 Pods|nobody|no one|-|No Pods|nothing|None of them"),
        (vocabulary.COUNT, "2", "2|two|2 Pods|two of them|only 2|`2`|2, web-3 and web-4"),
        (vocabulary.COUNT, "2", "at most 2|2 may be lost|2 of 5|up to two of those three|2/5|2: three stay"),
        (vocabulary.COUNT, "2", "two are left|2 left|2 remain|two Pods are left"),
        (vocabulary.POLICY, "orderedready", "OrderedReady|OrderdReady|ordered ready|Ordered-Ready"),
        (vocabulary.POLICY, "parallel", "Parallel|podManagementPolicy: Parallel|`Parallel`|PARALLEL, all at once"),
        (vocabulary.OTHERWISE, "crashes", "crashes|crash|CrashLoopBackOff|it crashes|crashed"),
        (vocabulary.YES_NO, "yes", "it survives|it stays|preserved"),
        (vocabulary.YES_NO, "no", "no longer|a new one|it changes|No it is not"),
        (vocabulary.REPLACED, "no", "it stays|not replaced|no, it stays stuck"),
        (vocabulary.TAKEN, "no", "immutable|cannot be changed|denied"),
        (vocabulary.KEPT_LOST, "kept", "it stays|preserved"),
        (vocabulary.DNS, "nxdomain", "does not exist|name not found"),
        (vocabulary.OTHERWISE, "stuck", "some Pod never gets Ready"),
        (vocabulary.OTHERWISE, "split", "two leave at once|two members leave in the same moment"),
    ],
)  # fmt: skip
def test_a_word_is_read_in_every_way_that_people_write_it(kind: Kind, meant: str, written: str) -> None:
    assert {each: read(each, kind) for each in written.split("|")} == dict.fromkeys(written.split("|"), (meant,))


@pytest.mark.parametrize(
    "written",
    [
        "[db-2, db-1]",
        "db-2, db-1",
        "db-2,db-1",
        "db-2 db-1",
        "db-2, then db-1",
        "first db-2, then db-1",
        "db-2 and db-1",
        "db-2 & db-1",
        "db-2 -> db-1",
        "db-2 → db-1",
        "db-2 > db-1",
        "db-2 — db-1",
        "db-2; db-1",
        "DB-2, DB-1",
        "`db-2`, `db-1`",
        "[`db-2`, `db-1`]",
        "**db-2**, **db-1**",
        "db-2, db-1.",
        "2, 1",
        "2 then 1",
        "[2, 1]",
        "two, one",
        "1. db-2 2. db-1",
        "1) db-2, 2) db-1",
        "pod/db-2, pod/db-1",
        "Pods db-2 and db-1",
        "two Pods: db-2, db-1",
        "db-2.db, db-1.db",
        "db-2.db.default.svc.cluster.local, db-1.db.default.svc.cluster.local",
        "db-2 (the highest), db-1 (the next)",
        "db-2 goes first, db-1 follows, the other one stays",
        "db-2 first. Then db-1.",
        "from db-2 down to db-1",
        "db-2 / db-1",
        "db-2 and db-1, the last by number",
        "db-2, db-1, because the highest goes first",
        "db-2 to db-1",
        "\n  1. db-2\n  2. db-1",
        "\n  - db-2\n  - db-1",
        "\n- `db-2`\n- `db-1`",
        "\n1. db-2\n2. db-1",
    ],
)
def test_names_are_read_in_their_order_in_every_way_that_people_write_them(written: str) -> None:
    assert read(written, DB) == ("db-2", "db-1")


@pytest.mark.parametrize("written", ["db-0 to db-2", "db-0 … db-2", "db-0, ..., db-2", "0, 1, 2", "db-0 – db-1 – db-2"])
def test_a_row_of_names_may_be_cut_short(written: str) -> None:
    assert read(written, DB) == ("db-0", "db-1", "db-2")


@pytest.mark.parametrize(
    ("kind", "written"),
    [
        (vocabulary.YES_NO, "perhaps|yes/no|yes or no|yes no|it depends|42|not sure"),
        (vocabulary.KEPT_LOST, "kept or lost|lost (kept)|maybe|the claim|yes|no"),
        (vocabulary.DNS, "none|two and anna|2 + 1|an address"),
        (DB, "all|the highest|db-0, then the rest|db-2, then down to the first|db-1 after db-2|db|statefulset/db"),
    ],
)  # fmt: skip
def test_what_can_be_read_in_two_ways_or_none_is_named(kind: Kind, written: str) -> None:
    assert {each: read(each, kind) for each in written.split("|")} == {each: each for each in written.split("|")}


@pytest.mark.parametrize(
    "written", ["", "?", "...", "db-?", "[]", "[db-?, db-?, db-?]", "''", "~", "null", "# later", "_"]
)
def test_what_is_empty_is_open(written: str) -> None:
    kind = DB if "[" in written or "db" in written else vocabulary.YES_NO
    found = read(written, kind)
    assert found is None


def shown(result: Result) -> str:
    return "\n".join([*result.advice, *(each.message for each in result.checks)])


@pytest.mark.parametrize("of", PREDICTIONS, ids=lambda each: each.id)
def test_what_cannot_be_read_is_named_where_the_question_is_hidden_too(of: Task) -> None:
    for line in model(of).splitlines():
        question, colon, _ = line.partition(":")
        if not colon or line.startswith("#"):
            continue
        result = judge(of, Answer.of_cell(model(of).replace(line, f"{question}: well, you know")))
        kind = of.questions[question]
        said = f"“well, you know” cannot be read as an answer to {question}: write {kind.choices}."
        assert any(said in each for each in result.advice), question
        (failed,) = [each for each in result.checks if not each.passed]
        assert "otherwise" not in failed.message or said in failed.message, failed.message


@pytest.mark.parametrize("of", PREDICTIONS, ids=lambda each: each.id)
@pytest.mark.parametrize("answer", ["", "?", "-", "…", "[]", "''", "null", "maybe"])
def test_nothing_blank_gets_a_point(of: Task, answer: str) -> None:
    text = "".join(f"{each}: {answer}\n" for each in of.questions)
    for visible_only in (True, False):
        result = judge(of, Answer.of_cell(text), visible_only=visible_only)
        assert result.score == 0, [(each.id, each.points) for each in result.checks]


@pytest.mark.parametrize("of", PREDICTIONS, ids=lambda each: each.id)
def test_one_answer_left_open_costs_its_own_check_and_says_so(of: Task) -> None:
    for question in of.questions:
        lines = [f"{question}:" if line.startswith(f"{question}:") else line for line in model(of).splitlines()]
        failed = [each for each in judge(of, Answer.of_cell("\n".join(lines))).checks if not each.passed]
        assert len(failed) == 1
        assert 0 <= failed[0].points < failed[0].max


def test_a_question_that_nobody_has_asked_is_named() -> None:
    result = judge(task("ps1.which"), Answer.of_cell("sites: nothing\nthumbs: nothing\n"))
    assert "“sites” is none of the questions." in shown(result)


def test_questions_with_one_answer_may_share_a_line() -> None:
    assert judge(task("ps1.which"), Answer.of_cell("site, thumbs: nothing\nledger: data\nvoters: names\n")).is_full
