"""kubectl exec: arguments, standard input, exit codes, and a terminal."""

from __future__ import annotations

import pytest


@pytest.fixture
def container(node):
    return node.run(command=["sleep", "infinity"])


@pytest.mark.parametrize(
    ("argv", "code", "stdout"),
    [
        (["hostname"], 0, "web-0\n"),
        (["echo", "a  b", "$HOME", "*", "'"], 0, "a  b $HOME * '\n"),
        (["sh", "-c", "echo $HOSTNAME; exit 5"], 5, "web-0\n"),
        (["sh", "-xc", "true"], 0, ""),
        (["/bin/sh", "-c", "cat /etc/hostname"], 0, "web-0\n"),
        (["env", "A=1", "sh", "-c", "echo $A"], 0, "1\n"),
        (["printf", "%s|", "a", "b"], 0, "a|b|"),
        (["id", "-u"], 0, "0\n"),
        (["date", "+%Y"], 0, "2026\n"),
        (["test", "-f", "/nope"], 1, ""),
        (["timeout", "5", "sleep", "100"], 124, ""),
    ],
)
def test_a_command_runs_in_the_container(node, container, argv, code, stdout):
    said = node.exec(container, *argv)
    assert (said.code, said.stdout) == (code, stdout)


def test_a_command_that_does_not_exist_exits_with_127_in_runcs_words(node, container):
    said = node.exec(container, "nosuch")
    assert said.code == 127
    assert 'exec: "nosuch": executable file not found in $PATH' in said.stderr


def test_standard_input_and_output_are_bytes(node, container):
    every_byte = bytes(range(256)) * 10
    assert node.exec(container, "cat", stdin=every_byte).raw == every_byte
    node.exec(container, "sh", "-c", "cat > /tmp/file", stdin=every_byte)
    assert node.exec(container, "cat", "/tmp/file").raw == every_byte
    assert node.exec(container, "sh", "-c", "wc -c < /tmp/file").stdout.strip() == "2560"


def test_tar_goes_in_and_out_as_kubectl_cp_does_it(node, container):
    node.exec(container, "sh", "-c", "mkdir -p /tmp/d; printf '\\377\\000x' > /tmp/d/file")
    archive = node.exec(container, "tar", "cf", "-", "-C", "/tmp", "d").raw
    assert archive
    other = node.run(command=["sleep", "infinity"], name="other", ip="10.244.1.6")
    assert node.exec(other, "tar", "xmf", "-", "-C", "/tmp", stdin=archive).code == 0
    assert node.exec(other, "cat", "/tmp/d/file").raw == b"\xff\x00x"


def test_a_shell_reads_its_commands_from_standard_input(node, container):
    said = node.exec(container, "sh", stdin=b"x=1\necho $x\nfor i in a b; do\n  echo $i\ndone\nexit 4\necho never\n")
    assert (said.code, said.stdout) == (4, "1\na\nb\n")


def test_a_terminal_shows_a_prompt_echoes_and_keeps_state(node, container, typing):
    session = typing(container, "sh")
    assert session.screen == b"/ # "
    assert session.type(b"cd /tmp; x=5\r") == "cd /tmp; x=5\r\n/tmp # "
    assert session.type(b"echo $x$(pwd)\r") == "echo $x$(pwd)\r\n5/tmp\r\n/tmp # "
    assert session.type(b"for i in 1 2\r") == "for i in 1 2\r\n> "
    assert session.type(b"do echo $i; done\r") == "do echo $i; done\r\n1\r\n2\r\n/tmp # "
    assert session.type(b"echo helo\x7flo\r").endswith("hello\r\n/tmp # ")
    assert session.type(b"if then\r").endswith("/tmp # ")
    session.type(b"false\r")
    session.type(b"\x04")
    assert session.codes == [1]


def test_control_c_ends_what_runs_and_not_the_shell(node, container, typing):
    session = typing(container, "sh")
    session.type(b"sleep 1000\r")
    assert session.type(b"\x03").endswith("^C\r\n/ # ")
    assert session.type(b"echo $?\r").endswith("130\r\n/ # ")
    session.type(b"exit 3\r")
    assert session.codes == [3]


def test_a_session_whose_client_has_gone_is_ended(node, container, typing):
    session = typing(container, "sh")
    session.type(b"while true; do sleep 1; done\r")
    session.process.signal("HUP")
    node.loop.run_for(0.1)
    assert session.codes == [129]
    assert list(container.processes) == [1]


def test_kill_and_ps_see_the_containers_processes(node):
    container = node.run("nginx:1.27")
    assert "nginx -g daemon off;" in node.exec(container, "ps").stdout
    assert node.exec(container, "kill", "-9", "1").code == 0
    node.loop.run_for(1)
    assert "web-0" not in node.exits  # the kernel keeps a container's own KILL from its PID 1
    assert node.exec(container, "kill", "77").code == 1
    node.exec(container, "kill", "1")
    node.loop.run_for(1)
    assert node.exits["web-0"].code == 0


def test_a_hundred_execs_at_once_all_come_back(node, container):
    codes = []
    for number in range(100):
        container.exec(
            ["sh", "-c", f"sleep {number % 7}; exit {number}"],
            on_output=lambda stream, data: None, on_exit=codes.append,
        )  # fmt: skip
    node.loop.run_for(10)
    assert sorted(codes) == list(range(100))


def test_more_sessions_than_the_limit_are_refused_with_its_name(node, container):
    said, codes = bytearray(), []
    for _ in range(container.spec.limits.processes + 20):
        container.exec(["sleep", "1000"], on_output=lambda stream, data: said.extend(data), on_exit=codes.append)
    node.loop.run_for(1)
    assert set(codes) == {126}
    assert b"limit exceeded: 200 processes at once in one container" in said


def test_what_is_written_to_pid_1s_output_is_in_the_containers_log(node):
    container = node.run("nginx:1.27")
    node.exec(container, "sh", "-c", "echo from exec > /proc/1/fd/1; echo and more >> /proc/1/fd/2")
    assert [line.text for line in container.logs[-2:]] == ["from exec", "and more"]
