"""A command by its path is the command of that name; who a process is, and the file it may leave for the kubelet."""

from __future__ import annotations

from typing import Any

import pytest

from statelab.controlplane.runtime.commands import SHELL_COMMANDS


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("/bin/echo hi", "hi\n"),
        ("echo a b | /usr/bin/wc -w", "2\n"),
        ("/bin/date +%Y | /bin/grep -c 20", "1\n"),
        ("/bin/false || /usr/bin/printf '%s %s' 1 '2 3'", "1 2 3"),
        ("/bin/sh -c 'echo in; exit 3'; /bin/echo $?", "in\n3\n"),
        ("printf 'b\\na\\n' | /usr/bin/sort | /bin/head -n 1", "a\n"),
        ("cd /bin && ./basename /x/y", "y\n"),
    ],
)
def test_a_path_to_a_command_is_that_command(node: Any, script: str, said: str) -> None:
    container = node.run(command=["sleep", "1d"])
    found = node.exec(container, "sh", "-c", script)
    assert found.stdout.lstrip() == said, found.stderr


def test_every_command_of_the_shell_is_where_images_have_them(node: Any) -> None:
    container = node.run(command=["sleep", "1d"])
    node.exec(container, "sh", "-c", "true | true")
    for where in ("/bin", "/usr/bin"):
        assert not {name for name in SHELL_COMMANDS - {":"} if not container.files.exists(f"{where}/{name}")}


def test_a_process_knows_its_groups(node: Any) -> None:
    container = node.run(command=["sleep", "1d"], user=1000, group=3000, groups=(3000, 2000, 4000))
    assert node.exec(container, "id").stdout == "uid=1000 gid=3000 groups=3000,2000,4000\n"
    assert node.exec(container, "id", "-g").stdout == "3000\n"
    assert node.exec(container, "id", "-G").stdout == "3000 2000 4000\n"
    root = node.run(command=["sleep", "1d"], ip="10.244.1.6")
    assert node.exec(root, "id").stdout == "uid=0(root) gid=0(root) groups=0(root)\n"


def test_the_file_for_the_kubelet_is_there_from_the_start(node: Any) -> None:
    container = node.run(command=["sleep", "1d"], termination_path="/dev/left")
    assert node.exec(container, "sh", "-c", "stat -c %a /dev/left; wc -c < /dev/left").stdout.split() == ["666", "0"]
