"""What a container does to hurt stays in it, ends with the limit's name, and leaves the others alone."""

from __future__ import annotations

from itertools import count

import pytest

from statelab.controlplane.runtime import Limits, Mount, Volume, sandbox

QUICK = Limits(busy_s=0.3)
BUSY = "limit exceeded: computed for 0.3 s without a pause"


@pytest.mark.parametrize(
    "script",
    [
        ":(){ :|:& };:",
        "f(){ f|f& }; f",
        "while :; do :; done",
        "while true; do echo flood; done",
        "trap '' TERM; while :; do :; done",
        "sh -c \"sh -c 'while true; do :; done'\"",
        "while true; do (while true; do :; done) & done",
        "i=0; while true; do echo > /tmp/f$i; i=$((i+1)); done",
        "seq 1 100000 | while read x; do for i in 1 2 3 4 5 6 7 8 9; do :; done; done; while :; do :; done",
    ],
)
def test_what_would_run_for_ever_is_ended_and_says_why(node, script):
    container = node.sh(script, limits=QUICK)
    ended = node.exits["web-0"]
    assert (ended.code, ended.reason, ended.message) == (137, "Error", BUSY)
    assert container.logs[-1].text == f"statelab: {BUSY}"


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("x=a; while true; do x=$x$x; done", "OOMKilled"),
        ("dd if=/dev/zero of=/tmp/x bs=1G count=5", "OOMKilled"),
        ("f(){ f; }; f", "Error"),
    ],
)
def test_limits_of_the_interpreter_are_named_too(node, script, reason):
    node.sh(script, limits=QUICK)
    assert node.exits["web-0"].reason == reason
    assert "limit exceeded" in node.exits["web-0"].message


@pytest.mark.parametrize(
    "script",
    [
        "head -c 5000000000 /dev/zero > /tmp/big",
        "x=$(head -c 2000000000 /dev/zero)",
        "yes",
        "cat /dev/zero",
        "cat /dev/urandom > /tmp/x",
        "printf '%1000000000s' x",
        "awk 'BEGIN{while(1){}}'",
        "awk 'BEGIN{s=\"x\";while(1)s=s s}'",
        "jq -n 'last(range(1e10))'",
        "sed ':a;s/^/x/;ta' <<< x",
        "echo aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa! | grep -E '^(a+)+$'",
        "mkdir -p $(printf 'a/%.0s' $(seq 1 2000))",
        "x='( '; for i in $(seq 17); do x=$x$x; done; find . \"$x\"; bc <<< \"$x\"; echo $(($x))",
        "ln -s /tmp/loop /tmp/loop; cat /tmp/loop; ls -R /proc /dev /tmp",
        "printf '\\377\\376\\000'; printf '\\200' > /tmp/x; cat /tmp/x; $(printf '\\377')",
        "python3 -c 1; perl -e 1; nsenter; chroot / sh; sudo su; reboot; mknod x b 1 1; insmod x; iptables -F",
    ],
)  # fmt: skip
def test_what_is_too_much_is_cut_short_and_the_container_goes_on(node, script):
    container = node.sh(f"({script})\nsleep 1d", limits=Limits(busy_s=3), for_s=2)
    assert "web-0" not in node.exits
    assert node.exec(container, "echo", "alive").stdout == "alive\n"


@pytest.mark.parametrize(
    "script",
    [
        "sed ':a;ba' /etc/hostname",
        "sed -n '/x/!{:again;b again}' /etc/hostname",
        "sed 'G;D' /etc/hostname",
        "cat /dev/zero",
        "cat /dev/zero > /tmp/f",
        "wc -c < /dev/zero",
        "grep -c x /dev/zero",
        "read x < /dev/zero",
        "while read -r x; do :; done < /dev/urandom",
        "echo aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa! | grep -vP '^(a|a)*$'",
        "grep -vP '^(?=(a+))(a|a)*$' /etc/hostname",
        "awk 'BEGIN { while (1) x = x + 1 }'",
        "awk 'BEGIN { s = \"x\"; while (1) s = s s }'",
        "awk 'function f(x) { return f(x + 1) } BEGIN { f(1) }'",
        "yes > /dev/null",
        "shuf -i 1-100000000 > /dev/null",
        "printf '%1000000000s' x",
        "for i in {1..1000000}; do :; done",
        "until false; do x=$((x + 1)); done",
        "f() { f; }; f",
        "f() { f & }; f; wait",
        "echo . /tmp/a > /tmp/a; . /tmp/a",
    ],
)
def test_a_limit_that_is_reached_is_no_success_and_says_so(node, script):
    container = node.run(command=["sleep", "1d"], limits=QUICK)
    said = node.exec(container, "sh", "-c", script)
    assert said.code != 0
    assert "limit" in said.stderr or "exceeded" in said.stderr


def test_what_another_shell_gives_up_early_is_done_to_its_end(node):
    container = node.run(command=["sleep", "1d"])
    lines = [
        "seq 110000 | tail -n 1",
        "yes | head -n 11000 | wc -l",
        "head -c 2000000 /dev/zero > /tmp/f; wc -c < /tmp/f",
        "f() { if [ $1 -gt 0 ]; then f $(($1 - 1)); else echo deep; fi; }; f 40",
        "seq 3000 | sed ':a;N;$!ba;s/\\n/,/g' | wc -c",
    ]
    said = [node.exec(container, "sh", "-c", each).stdout.strip() for each in lines]
    assert said == ["110000", "11000", "2000000", "deep", "13893"]


def test_deep_recursion_needs_room_and_gets_it(node):
    container = node.sh("eval $(printf 'eval %.0s' $(seq 1 400)) echo deep", limits=Limits(busy_s=10))
    assert [line.text for line in container.logs] == ["deep"]


def test_rm_rf_of_everything_empties_one_container_and_its_volumes_only(node):
    volume, other = Volume("v"), Volume("other")
    other.write("kept", "kept")
    bad = node.sh("echo x > /data/x; rm -rf /*; rm -rf /; sleep 1d", mounts=[Mount("/data", volume)])
    good = node.run("nginx:1.27", name="good", ip="10.244.1.6", mounts=[Mount("/data", other)])
    assert node.exec(good, "cat", "/data/kept").stdout == "kept"
    assert node.exec(good, "curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "localhost").stdout == "200"
    assert node.exec(bad, "echo", "still here").stdout == "still here\n"
    assert volume.list() == []


def test_a_million_files_meet_a_limit_with_a_name(node):
    volume = Volume("v")
    for number in range(9990):
        volume.write(f"f{number}", b"")
    container = node.run(command=["sleep", "1d"], mounts=[Mount("/data", volume)])
    said = node.exec(container, "sh", "-c", "for i in $(seq 1 100); do echo > /data/x$i || break; done")
    assert "too many files" in said.stderr
    assert len(volume.list()) <= 10_000


def test_the_host_is_not_to_be_seen(node, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("host")
    container = node.run(command=["sleep", "1d"])
    for path in (secret, "/etc/shadow", "/proc/self/root/etc/passwd", "/proc/1/root/etc/hostname", f"/../..{secret}"):
        assert node.exec(container, "cat", str(path)).code == 1
    assert node.exec(container, "sh", "-c", "cat < /dev/tcp/127.0.0.1/22; exec 3<>/dev/tcp/127.0.0.1/22").code == 1
    assert "root:x:0:0" in node.exec(container, "cat", "/etc/passwd").stdout
    assert "StateLab" in node.exec(container, "cat", "/etc/os-release").stdout


def test_a_container_that_hurts_again_and_again_costs_less_each_time(node):
    for attempt in range(3):
        node.sh("while :; do :; done", limits=QUICK, name=f"p{attempt}", ip=f"10.244.1.{5 + attempt}")
    assert node.exits["p1"].message == "limit exceeded: computed for 0.03 s without a pause"
    assert node.exits["p2"].message == "limit exceeded: computed for 0.003 s without a pause"


@pytest.mark.parametrize("shell", ["bashkit"], indirect=True)
def test_a_machine_without_time_for_a_script_is_not_held_against_it(node, monkeypatch):
    looks = count()
    monkeypatch.setattr(sandbox, "process_time_s", lambda: next(looks) * 0.0006)  # so little between two looks
    container = node.sh("x=; for ((i = 0; i < 60000; i++)); do x=$i; done; echo $x", limits=Limits(busy_s=0.05))
    assert [line.text for line in container.logs] == ["59999"]
    assert next(looks) > 2


def test_a_flood_of_output_keeps_only_its_end(node):
    container = node.sh(
        "i=0; while [ $i -lt 20500 ]; do echo line $i of the flood; i=$((i+1)); done", limits=Limits(busy_s=20)
    )
    assert node.exits["web-0"].code == 0
    assert container.logs[-1].text == "line 20499 of the flood"
    assert len(container.logs) <= 20_000


def test_an_endless_exec_is_ended_alone(node):
    container = node.run("nginx:1.27", limits=QUICK)
    said = node.exec(container, "sh", "-c", "while :; do :; done")
    assert said.code == 137
    assert "limit exceeded: computed for 0.3 s" in said.stderr
    assert "web-0" not in node.exits
