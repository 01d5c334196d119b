"""agnhost mounttest: what a volume is, told in the program's words."""

from __future__ import annotations

from typing import Any

import pytest

from statelab.controlplane.runtime import Mount, Volume
from statelab.controlplane.runtime.images.mounttest import file_mode

AGNHOST = "registry.k8s.io/e2e-test-images/agnhost:2.53"


def told(node: Any, *flags: str, **volume: Any) -> tuple[list[str], int]:
    mounts = [Mount("/v", Volume("v", **volume))]
    container = node.run(AGNHOST, args=["mounttest", *flags], mounts=mounts)
    node.loop.run_for(30)
    return [line.text for line in container.logs if line.text], container.exit.code


def test_steps_come_in_the_programs_order(node: Any) -> None:
    flags = ("--file_content=/v/new", "--file_perm=/v/new", "--new_file_0660=/v/new", "--fs_type=/v")
    assert told(node, *flags, medium="Memory") == (
        [
            'mount type of "/v": tmpfs',
            'content of file "/v/new": mount-tester new file',
            'perms of file "/v/new": -rw-rw----',
            'content of file "/v/new": mount-tester new file',
        ],
        0,
    )


def test_a_volume_tells_its_own_mode(node: Any) -> None:
    assert told(node, "--file_mode=/v", "--file_mode=/v", mode=0o1777)[0] == ['mode of file "/v": dtrwxrwxrwx']


def test_what_fails_is_told_and_the_rest_goes_on(node: Any) -> None:
    lines, code = told(node, "--new_file_0644=/v/x", "--file_mode=/v/none", "--file_perm=/v", read_only=True)
    assert lines == [
        'error writing new file "/v/x": open /v/x: read-only file system',
        'error from Stat("/v/none"): stat /v/none: no such file or directory',
        'perms of file "/v": -rwxr-xr-x',
    ]
    assert code == 1


def test_a_file_is_read_again_until_it_holds_what_is_expected(node: Any) -> None:
    lines, code = told(node, "--file_content_in_loop=/v/none", "--retry_time=5")
    assert lines == ["Error reading file /v/none: open /v/none: no such file or directory, retrying"] * 3
    assert code == 1
    flags = ("--new_file_0644=/v/x", "--file_content_in_loop=/v/x")
    assert told(node, *flags) == (['content of file "/v/x": mount-tester new file'] * 2, 0)


def test_owners_are_told_as_ls_shows_them(node: Any) -> None:
    assert told(node, "--file_owner=/v") == (['owner UID of "/v": 0', 'owner GID of "/v": 0'], 0)
    lines, code = told(node, "--file_owner=/v/none")
    assert (lines, code) == (['error from stat("/v/none"): no such file or directory'], 1)


@pytest.mark.parametrize(
    ("mode", "is_directory", "shown"),
    [
        (0o644, False, "-rw-r--r--"),
        (0o755, True, "drwxr-xr-x"),
        (0o2770, True, "dgrwxrwx---"),
        (0, False, "----------"),
    ],
)
def test_modes_are_printed_as_go_prints_them(mode: int, is_directory: bool, shown: str) -> None:
    assert file_mode(mode, is_directory=is_directory) == shown
