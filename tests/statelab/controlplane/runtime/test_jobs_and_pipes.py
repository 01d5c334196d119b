"""A script that does several things at once does them in the same order every time, however slow the machine is."""

from __future__ import annotations

import pytest

from statelab.controlplane.runtime import Mount, Volume
from statelab.controlplane.runtime.sandbox import Shell as Bashkit

LONG = "i=0; while [ $i -lt 400 ]; do i=$((i+1)); done"


def texts(container):
    return [line.text for line in container.logs]


@pytest.mark.parametrize("shell", ["bashkit"], indirect=True)
@pytest.mark.parametrize(
    "line",
    [
        "sleep 2 & sleep 1; wait",
        "for i in 1 2; do (sleep $i; echo $i) & done; wait",
        "hostname | cat & wait",
        "cat /tmp/f | head -1",
        "nslookup web | awk '{print $1}' | sort -u",
        "f() { sleep 1 & }; f; wait $!",
        "trap 'echo bye' TERM; sleep 5 & wait $!",
        ". /data/jobs.sh",
        "exec sh /data/jobs.sh",
        "sh /data/jobs.sh; echo ended",
    ],
)
def test_jobs_and_pipes_have_turns_in_one_thread(node_factory, line, monkeypatch):
    monkeypatch.setattr(Bashkit, "run", lambda self, script: pytest.fail(f"in threads: {script}"))
    volume = Volume("data")
    volume.write("/jobs.sh", b"trap 'exit 0' TERM\nsleep 2 &\nwait\n")
    node_factory(0).sh(line, mounts=[Mount("/data", volume)], for_s=10)


def test_wait_does_not_end_before_a_job_has_come_to_its_first_pause(node):
    container = node.sh(f"trap 'echo bye; exit 3' TERM; ({LONG}; sleep 1000) & wait; echo over", for_s=5)
    assert texts(container) == []
    container.signal("TERM")
    node.loop.run_for(0.1)
    assert (node.exits["web-0"].code, texts(container)) == (3, ["bye"])


def test_wait_goes_on_when_a_job_computes_after_its_last_pause(node):
    container = node.sh(f"trap 'echo bye; exit 3' TERM; (sleep 2; {LONG}; echo job) & wait; echo over", for_s=5)
    assert texts(container) == ["job", "over"]


def test_wait_for_one_job_does_not_wait_for_the_others(node):
    container = node.sh("trap 'exit 3' TERM; sleep 1000 & sleep 2 & wait $!; date +%M:%S; kill %1", for_s=5)
    assert texts(container) == ["00:02"]


@pytest.mark.parametrize("shell", ["python"], indirect=True)
def test_wait_n_is_for_the_first_that_ends(node):
    container = node.sh("(sleep 3; exit 4) & (sleep 2; exit 5) & wait -n; echo $?; wait -n; echo $?; wait -n; echo $?")
    node.loop.run_for(5)
    assert texts(container) == ["5", "4", "127"]
