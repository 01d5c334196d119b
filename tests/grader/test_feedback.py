"""What a learner reads: the right cause at the right line, and no fault of English in any of it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from english import FAULTS

from grader.answer import Answer
from grader.html import as_html
from grader.judge import judge
from grader.registry import task
from grader.result import Result, as_text
from grader.rubrics.ps9.story import Story
from statelab.notebook.pictures.report_view import sentence, shown

CORPUS = Path(__file__).parent / "corpus"


@pytest.mark.parametrize(
    "said",
    [
        "web asks for 1 replicas",
        "Readiness probe failed:.",
        "claim “a” not found. not found",
        "its selector is None",
        "no {name} here",
        "It is is so",
    ],
)
def test_a_fault_of_english_is_found(said: str) -> None:
    assert any(re.search(pattern, said) for pattern in FAULTS.values())


def of(task_id: str, *changes: tuple[str, str]) -> Result:
    text = next((CORPUS / task_id / "right").glob("01-*")).read_text(encoding="utf-8")
    for right, wrong in changes:
        assert right in text
        text = text.replace(right, wrong)
    return judge(task(task_id), Answer.of_cell(text))


def test_a_container_that_crashes_is_told_by_its_exit_code_and_its_last_line() -> None:
    result = of(
        "ps1.shop", ("        image:", "        command: [sh, -c, 'echo No disk. >&2; exit 3']\n        image:")
    )
    assert result.checks[0].message.endswith("does not get ready: its container web ended with exit code 3, and was "
                                             "started again once; the last it wrote: No disk.")  # fmt: skip


def test_an_init_container_that_fails_is_told_too() -> None:
    init = "      initContainers: [{name: wait, image: busybox, command: [sh, -c, 'echo nobody there; exit 1']}]\n"
    result = of("ps1.shop", ("      containers:\n", f"{init}      containers:\n"))
    said = result.checks[0].message
    assert "its container wait ended with exit code 1" in said
    assert "the last it wrote: nobody there" in said


def test_a_policy_is_told_by_what_it_did() -> None:
    result = of("ps4.disasters", ("whenScaled: Retain", "whenScaled: Delete"))
    failed = result.first_failed
    assert failed is not None
    assert "whenScaled says Delete: the claim was deleted, too." in failed.message
    text = next((CORPUS / "ps4.disasters/right").glob("01-*")).read_text(encoding="utf-8")
    assert failed.line == next(n for n, line in enumerate(text.splitlines(), 1) if "whenScaled" in line)


def test_a_class_that_deletes_is_told_where_it_says_so() -> None:
    failed = of("ps4.disasters", ("reclaimPolicy: Retain", "reclaimPolicy: Delete")).first_failed
    assert failed is not None
    assert "StorageClass ledger says reclaimPolicy: Delete: the volume was deleted with its claim." in failed.message
    assert failed.line is not None


def test_a_claim_that_waits_is_told_by_what_its_provisioner_said() -> None:
    result = of("ps4.disasters", ("WaitForFirstConsumer", "Immediate"))
    assert "which is Pending: ProvisioningFailed: " in result.checks[0].message


def test_a_pod_whose_claim_was_refused_or_renamed_is_told_so() -> None:
    refused = of("ps4.repair", ("storage: 1Gi", "storage: 1GB")).checks[1]
    assert refused.message.startswith("The API server refused it:")
    renamed = of("ps4.repair", ("  name: pv-claim\n", "  name: claim-of-mine\n")).checks[1]
    assert renamed.message == "There is a PersistentVolumeClaim called claim-of-mine, and none called pv-claim."


def test_the_reader_of_a_folder_that_is_not_there_is_told_which_folder() -> None:
    said = of("ps4.by-hand", ("/srv/archive", "/srv/archives")).checks[1]
    assert 'path "/srv/archives" does not exist' in said.message
    assert said.line is not None


def test_a_probe_that_fails_is_pointed_at() -> None:
    text = next((CORPUS / "ps6.stops-at-the-first/right").glob("01-*")).read_text(encoding="utf-8")
    result = judge(
        task("ps6.stops-at-the-first"), Answer.of_cell(text.replace("port: 80\n          p", "port: 81\n          p"))
    )
    line = next(number for number, each in enumerate(text.splitlines(), 1) if "tcpSocket" in each)
    assert result.first_failed is not None
    assert result.first_failed.line in (line, line - 1)


def test_an_image_that_is_not_there_is_told_in_a_sentence_and_not_as_the_registry_says_it() -> None:
    lines = (CORPUS / "ps5.stuck/wrong").glob("*only-the-template*")
    result = judge(task("ps5.stuck"), Answer.of_cell(next(lines).read_text(encoding="utf-8")))
    said = " ".join(each.message for each in result.checks)
    assert "web-2 is not Ready: its image cannot be pulled: nginx has no tag no-such-tag" in said
    assert "dial tcp" not in said


def test_a_copy_whose_variable_nobody_sets_is_told_by_its_name() -> None:
    text = next((CORPUS / "ps8.backup" / "wrong").glob("32-*")).read_text(encoding="utf-8")
    said = " ".join(each.message for each in judge(task("ps8.backup"), Answer.of_cell(text)).checks)
    assert "the only copy, /backups/$(POD_NAME).db, is of the shop after that." in said
    assert "No variable POD_NAME is set in that container's env" in said


def test_a_claim_that_names_a_volume_of_another_s_is_told_so() -> None:
    text = next((CORPUS / "ps8.move" / "right").glob("03-*")).read_text(encoding="utf-8")
    kept = [line for line in text.splitlines() if "claimRef" not in line]
    assert len(kept) < len(text.splitlines())
    said = judge(task("ps8.move"), Answer.of_cell("\n".join(kept))).checks[0].message
    assert re.search(r'which is Pending: FailedBinding: volume "pvc-[^"]+" already bound to a different claim\.$', said)


def test_a_late_writer_does_not_find_the_pod_that_has_come_after_and_why_is_told() -> None:
    hook = ("        lifecycle:\n          preStop:                            # late writers first, then the signal\n"
            "            sleep:\n              seconds: 10\n")  # fmt: skip
    late = next(each for each in of("ps7.shutdown", (hook, "")).checks if each.title.startswith("Writers who come"))
    assert (late.points, "3 s after ledger-0 had been asked to stop, a writer was turned away" in late.message) == (
        0, True
    )  # fmt: skip
    assert "nothing comes before the signal" in late.message
    endless = ('command: ["sh", "/ledger/ledger.sh"]', "command: [sh, -c, 'trap true TERM; while :; do sleep 5; done']")
    hangs = of("ps7.shutdown", (hook, ""), endless, ("Seconds: 70", "Seconds: 600")).checks[0].message
    assert "ledger-1 was asked to stop, and is still there after 200 s: its first process has not ended." in hangs


def test_a_version_that_the_text_itself_refuses_is_told_before_anything_is_handed_in() -> None:
    text = next((CORPUS / "ps9.definition" / "right").glob("01-*")).read_text(encoding="utf-8")
    loose = re.sub(r"pattern: .*", "pattern: '[0-9]+\\\\.[0-9]+'", text)
    assert loose != text
    seen = judge(task("ps9.definition"), Answer.of_cell(loose), visible_only=True).first_failed
    assert seen is not None
    assert "nothing before or after. A Catalog with version: “7.4.1” is accepted." in seen.message
    spec = "\n          spec:\n"
    keeps = text.replace(spec, f"{spec}            x-kubernetes-preserve-unknown-fields: true\n")
    assert keeps != text
    seen = judge(task("ps9.definition"), Answer.of_cell(keeps), visible_only=True).first_failed
    assert seen is not None
    assert seen.message == "A Catalog was written with spec.shelf: red, and it was kept."


def test_half_of_the_points_is_told_what_it_is_for() -> None:
    result = of("ps7.etcd", ("podManagementPolicy: Parallel", "podManagementPolicy: OrderedReady"))
    halves = [each for each in result.checks if 0 < each.points < each.max]
    half = "Half of the points: as soon as the members find each other, this is right."
    assert [each.earned for each in halves] == [half] * 6
    pages = (as_text(result), as_html(result), sentence(shown(result.to_json())))
    assert [page.count(half) for page in pages] == [6] * 3
    assert not any(each.earned for each in result.checks if each not in halves)


def test_what_a_loop_does_over_and_over_is_told_once_until_something_happens() -> None:
    follow = "in catalog-0: redis-cli REPLICAOF catalog-1.catalog 6379"
    happened = (
        [follow] * 30 + ["catalog-1 does not answer the loop any more", follow, "two take writes"] + [follow] * 30
    )
    story = object.__new__(Story)
    story.log = [f"{at:4.0f} s  {said}" for at, said in enumerate(happened)]
    assert story.told == [
        f"   0 s  {follow}, and again",
        "  30 s  catalog-1 does not answer the loop any more",
        f"  31 s  {follow}",
        "  32 s  two take writes",
        f"  33 s  {follow}, and again",
    ]


def test_a_namespace_that_is_written_down_is_named_before_it_is_handed_in() -> None:
    result = of("ps7.etcd", ("metadata:\n  name: kv\n", "metadata:\n  name: kv\n  namespace: default\n"))
    assert [each for each in result.checks if not each.passed and not each.is_hidden] == []
    assert "line 6: here a namespace is named, default. It is tried in another one, too" in "".join(result.advice)
