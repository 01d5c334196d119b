"""How a container's main process starts, waits, is told to stop, and ends."""

from __future__ import annotations

import gc

import pytest

from statelab.controlplane.clock import VIRTUAL_EPOCH_S
from statelab.controlplane.runtime import Limits, Mount, Volume
from statelab.controlplane.runtime.shell.state import State


def texts(container):
    return [line.text for line in container.logs]


def test_a_script_sleeps_on_the_clusters_clock(node):
    volume = Volume("data")
    container = node.sh(
        "while true; do date +%s >> /data/log; echo tick; sleep 5; done", mounts=[Mount("/data", volume)], for_s=22
    )
    times = [int(line) for line in volume.read("/log").split()]
    assert [each - int(VIRTUAL_EPOCH_S) for each in times] == [0, 5, 10, 15, 20]
    assert [round(line.at_s - VIRTUAL_EPOCH_S) for line in container.logs] == [0, 5, 10, 15, 20]
    assert "web-0" not in node.exits


@pytest.mark.parametrize(
    ("script", "code", "reason"),
    [("exit 0", 0, "Completed"), ("exit 3", 3, "Error"), ("nosuchcommand", 127, "Error"), ("false", 1, "Error")],
)
def test_the_exit_code_of_the_main_process_is_the_containers(node, script, code, reason):
    node.sh(script)
    assert (node.exits["web-0"].code, node.exits["web-0"].reason) == (code, reason)


def test_a_shell_that_ignores_sigterm_takes_its_whole_grace_period_and_is_killed(node):
    container = node.sh("while true; do sleep 1; done")
    container.signal("TERM")
    node.loop.run_for(30)
    assert "web-0" not in node.exits
    container.signal("KILL")
    node.loop.run_for(0.1)
    assert (node.exits["web-0"].code, node.exits["web-0"].signal) == (137, 9)


def test_sleep_as_pid_1_ignores_sigterm_as_the_kernel_makes_it(node):
    container = node.run(command=["sleep", "3600"])
    container.signal("TERM")
    node.loop.run_for(29)
    assert "web-0" not in node.exits


def test_nginx_goes_at_once(node):
    container = node.run("nginx:1.27")
    container.signal("TERM")
    node.loop.run_for(0.3)
    assert (node.exits["web-0"].code, node.exits["web-0"].reason) == (0, "Completed")


def test_a_shell_that_ends_in_nginx_becomes_nginx(node):
    script = "echo hi > /usr/share/nginx/html/index.html && nginx -g 'daemon off;'"
    container = node.run("nginx:1.27", ["sh", "-c", script])
    assert node.exec(container, "curl", "-s", "localhost").stdout == "hi\n"
    container.signal("TERM")
    node.loop.run_for(0.3)
    assert node.exits["web-0"].code == 0


def test_nginx_in_a_shell_that_goes_on_is_not_told_of_sigterm(node):
    container = node.run("nginx:1.27", ["sh", "-c", "nginx -g 'daemon off;'; echo after"])
    container.signal("TERM")
    node.loop.run_for(10)
    assert "web-0" not in node.exits


def test_a_trap_for_sigterm_is_run_when_the_foreground_sleep_is_over(node):
    container = node.sh("trap 'echo bye; exit 7' TERM; while true; do sleep 4; done", for_s=1)
    container.signal("TERM")
    node.loop.run_for(2)
    assert "web-0" not in node.exits
    node.loop.run_for(2)
    assert (node.exits["web-0"].code, texts(container)) == (7, ["bye"])


def test_wait_is_interrupted_by_a_signal_at_once(node):
    container = node.sh("trap 'echo bye; exit 0' TERM; sleep 1000 & wait $!", for_s=1)
    container.signal("TERM")
    node.loop.run_for(0.1)
    assert (node.exits["web-0"].code, texts(container)) == (0, ["bye"])


def test_background_jobs_run_beside_each_other(node):
    container = node.sh("for i in 3 1 2; do (sleep $i; echo $i) & done; wait; date +%s", for_s=10)
    assert sorted(texts(container)[:3]) == ["1", "2", "3"]
    assert int(texts(container)[3]) - int(VIRTUAL_EPOCH_S) == 3


def test_a_command_that_does_not_exist_is_a_start_error_in_runcs_words(node):
    node.run(command=["nosuch", "--flag"])
    ended = node.exits["web-0"]
    assert (ended.code, ended.reason) == (128, "StartError")
    assert ended.message.endswith('exec: "nosuch": executable file not found in $PATH')


def test_an_argument_of_128_kibibytes_is_more_than_linux_takes(node):
    node.run(command=["sh", "-c", "#" + 131_071 * "x"])
    ended = node.exits["web-0"]
    assert (ended.code, ended.reason) == (128, "StartError")
    assert ended.message.endswith("exec sh: argument list too long")


def test_a_script_from_a_configmap_needs_its_execute_bit(node):
    scripts = Volume("scripts", read_only=True)
    scripts.write("run.sh", "#!/bin/sh\necho I am $HOSTNAME with $1\n", 0o644)
    scripts.write("ok.sh", "#!/bin/sh\necho I am $HOSTNAME with $1\n", 0o755)
    node.run(command=["/scripts/run.sh"], mounts=[Mount("/scripts", scripts)])
    assert 'exec: "/scripts/run.sh": permission denied' in node.exits["web-0"].message
    container = node.run(command=["/scripts/ok.sh", "args"], mounts=[Mount("/scripts", scripts)], ip="10.244.1.6")
    assert texts(container) == ["I am web-0 with args"]
    again = node.run(command=["sh", "/scripts/run.sh", "sh"], mounts=[Mount("/scripts", scripts)], ip="10.244.1.7")
    assert texts(again) == ["I am web-0 with sh"]


def test_busybox_without_a_command_has_nothing_to_do(node):
    node.run("busybox:1.36")
    assert (node.exits["web-0"].code, node.exits["web-0"].reason) == (0, "Completed")


def test_busybox_with_stdin_waits_for_commands(node):
    container = node.run("busybox:1.36", stdin=True)
    assert "web-0" not in node.exits
    container.main.write(b"echo from stdin\n")
    node.loop.run_for(1)
    assert texts(container) == ["from stdin"]
    container.main.close_stdin()
    node.loop.run_for(1)
    assert node.exits["web-0"].code == 0


def test_environment_directory_host_name_and_arguments_are_as_the_pod_says(node):
    container = node.run(
        command=["sh", "-ec", 'echo $GREETING $HOSTNAME $(hostname) $(hostname -f) $(pwd) "$0" "$@"', "me", "a b", "c"],
        env={"GREETING": "hello"},
        working_dir="/tmp",
    )
    assert texts(container) == ["hello web-0 web-0 web-0.nginx.default.svc.cluster.local /tmp me a b c"]


def test_a_memory_limit_ends_a_container_as_out_of_memory(node):
    container = node.sh("x=a; while true; do x=$x$x; done", limits=Limits(memory_bytes=4_000_000))
    ended = node.exits["web-0"]
    assert (ended.code, ended.reason) == (137, "OOMKilled")
    assert "limit exceeded" in texts(container)[-1]


@pytest.mark.parametrize("shell", ["python"], indirect=True)
def test_a_shell_that_ended_at_its_limit_holds_nothing_any_more(node):
    """Before Python's collector comes by, too: a probe that doubles a variable each second held gigabytes."""
    gc.collect()
    gc.disable()
    try:
        node.sh("x=a; while true; do x=$x$x; done", limits=Limits(memory_bytes=4_000_000))
        held = [each for each in gc.get_objects() if isinstance(each, State) and each.variables.get("x")]
    finally:
        gc.enable()
    assert node.exits["web-0"].code == 137
    assert held == []


def test_nothing_runs_after_a_container_has_ended(node):
    container = node.sh("sleep 2; exit 1", for_s=1)
    long = []
    container.exec(["sleep", "100"], on_output=lambda stream, data: None, on_exit=long.append)
    node.loop.run_for(2)
    assert node.exits["web-0"].code == 1
    assert long == [137]
    assert node.exec(container, "true").code == 128


def test_an_unknown_image_runs_in_a_sandbox_and_says_that_it_is_simulated(node):
    container = node.run("ghcr.io/acme/api:v2", ports=[8080])
    assert "not built in" in texts(container)[0]
    assert node.exec(container, "curl", "-s", "http://localhost:8080/healthz").code == 0
    container.signal("TERM")
    node.loop.run_for(1)
    assert node.exits["web-0"].code == 0


def test_two_clusters_with_the_same_seed_do_the_same_to_the_byte(node_factory):
    script = """
    for i in 1 2 3; do date; echo $RANDOM; nslookup nginx; sleep $i; curl -s other:80; done
    sleep 5 & wait; exit 3
    """
    logs = []
    for _ in range(2):
        node = node_factory(7)
        node.service("nginx", "None", [(f"10.244.1.{number}", f"nginx-{number}") for number in range(10, 14)])
        logs.append(node.sh(script, for_s=30).logs)
        assert node.exits["web-0"].code == 3
    assert logs[0] == logs[1] and len(logs[0]) > 10


@pytest.mark.parametrize(
    ("image", "problem"),
    [
        ("nginx", None),
        ("nginx:1.27", None),
        ("nginx:1.28", None),
        ("nginx:1.27.3-alpine", None),
        ("registry.k8s.io/nginx-slim:0.24", None),
        ("docker.io/library/redis:7.4-alpine", None),
        ("redis:7.2.4-bookworm", None),
        ("busybox:1.28", None),
        ("busybox:1.36.1-glibc", None),
        ("nginx@sha256:4bdd623e848417d96127e16037743f0cd8b528c026e9175e22a84f639eca58ff", None),
        ("registry.k8s.io/e2e-test-images/agnhost:2.56", None),
        ("quay.io/team/app:2024-01-01", None),
        ("nginx:no-such-tag", "no such host"),
        ("nginx:9.99.doesnotexist", "no such host"),
        ("ghcr.io/acme/api:does-not-exist", "no such host"),
        ("registry.k8s.io/nginx-slim:0.2.4", "not found"),
        ("ngnix:1.27", "pull access denied"),
        ("x", "pull access denied"),
        ("registry.k8s.oi/nginx-slim:0.24", "no such host"),
        (" nginx", "invalid reference format"),
        ("Nginx:1.27", "invalid reference format"),
        ("nginx:", "invalid reference format"),
    ],
)
def test_which_images_can_be_pulled(node, image, problem):
    pull = node.runtime.pull(image)
    assert (pull.error is None) if problem is None else problem in pull.error


def test_a_tag_like_no_other_fails_in_the_recorded_words_and_a_slip_as_a_name_that_is_not_there(node):
    assert node.runtime.pull("nginx:no-such-tag").error == (
        'failed to pull and unpack image "docker.io/library/nginx:no-such-tag": failed to resolve image: failed to do '
        'request: Head "https://registry-1.docker.io/v2/library/nginx/manifests/no-such-tag": dial tcp: lookup '
        "registry-1.docker.io on 10.255.255.53:53: no such host"
    )
    assert node.runtime.pull("registry.k8s.io/nginx-slim:0.2.4").error == (
        'rpc error: code = NotFound desc = failed to pull and unpack image "registry.k8s.io/nginx-slim:0.2.4": '
        "failed to resolve image: registry.k8s.io/nginx-slim:0.2.4: not found"
    )


SAVER = "#!/bin/sh\nwho=$1\ntrap 'echo saved $who; exit 3' TERM\necho ready\nwhile true; do sleep 1; done\n"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("exec sh /data/saver.sh", "saved "),
        ("sh /data/saver.sh", "saved "),  # the last command of sh -c takes the shell's place
        ("echo first; exec /bin/sh /data/saver.sh one two", "saved one"),
        ("if true; then exec sh /data/saver.sh one; fi", "saved one"),
        ("false || exec sh /data/saver.sh one", "saved one"),
        (". /data/saver.sh", "saved "),
        ("set -e; sleep 2; exec sh /data/saver.sh one", "saved one"),
    ],
)
def test_a_shell_that_is_replaced_by_a_script_leaves_the_signal_to_its_traps(node, line, said):
    volume = Volume("data")
    volume.write("/saver.sh", SAVER.encode())
    container = node.sh(line, mounts=[Mount("/data", volume)], for_s=5)
    container.signal("TERM")
    node.loop.run_for(2)
    assert texts(container)[-2:] == ["ready", said.strip()]
    assert node.exits["web-0"].code == 3


@pytest.mark.parametrize(
    "line",
    [
        "sh /data/saver.sh; echo ended",
        "exec /data/saver.sh",
        "/data/saver.sh; exit 1",
        "trap 'echo bye' TERM; sh /data/saver.sh",  # a shell with a trap of its own waits for its child
        "sh /data/saver.sh | cat",
        "sh /data/saver.sh & wait",
        "(exec sh /data/saver.sh); echo ended",  # it is the shell in parentheses that is replaced
    ],
)
def test_a_shell_that_waits_for_a_script_or_cannot_run_it_hands_nothing_on(node, line):
    volume = Volume("data")
    volume.write("/saver.sh", SAVER.encode())
    container = node.sh(line, mounts=[Mount("/data", volume)], for_s=5)
    container.signal("TERM")
    node.loop.run_for(2)
    assert "saved" not in "".join(texts(container))


@pytest.mark.parametrize(
    "line",
    [
        "cd /data && exec sh ./saver.sh one",
        "cd /data; exec sh saver.sh one",
        'exec sh -e "/data/saver.sh" one',
        "exec sh /data/saver.sh one 2>&1",
        "exec busybox sh /data/saver.sh one",
    ],
)
def test_however_the_script_is_named(node, line):
    volume = Volume("data")
    volume.write("/saver.sh", SAVER.encode())
    container = node.sh(line, mounts=[Mount("/data", volume)], for_s=5)
    container.signal("TERM")
    node.loop.run_for(2)
    assert texts(container)[-2:] == ["ready", "saved one"]
    assert node.exits["web-0"].code == 3
