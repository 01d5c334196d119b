"""A tree that nobody writes to by a shell stays a few dictionaries: what is not in it is told from them."""

from __future__ import annotations

import pytest

from statelab.controlplane.runtime import filetree
from statelab.controlplane.runtime.filetree import FileTree


def test_reading_what_is_not_there_makes_no_file_system(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filetree, "new_files", lambda tree: pytest.fail("a file system was made"))
    tree = FileTree()
    tree.write("/etc/hostname", b"web-0")
    with pytest.raises(FileNotFoundError):
        tree.read("/dev/termination-log")
    with pytest.raises(IsADirectoryError):
        tree.read("/etc")
    assert tree.read("/etc/hostname") == b"web-0"


@pytest.mark.parametrize("path", ["/dev/termination-log", "/etc", "/etc/hostname/x", "/"])
def test_it_is_refused_as_a_file_system_would_refuse_it(path: str) -> None:
    plain, made = FileTree(), FileTree()
    for tree in (plain, made):
        tree.write("/etc/hostname", b"web-0")
    assert made.handle is not None
    errors = []
    for tree in (plain, made):
        with pytest.raises(OSError) as caught:
            tree.read(path)
        errors.append((type(caught.value), caught.value.errno))
    assert errors[0] == errors[1]
