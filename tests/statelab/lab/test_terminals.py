"""Each shell, started as a terminal starts it, keeps the course's variables after the user's own files."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from statelab.lab import terminals
from statelab.lab.settings import options

VARIABLES = {"KUBECONFIG": "/a course, it's mine/.statelab/kubeconfig", "STATELAB_CLUSTER": "embedded"}
ASKED = 'echo "at $KUBECONFIG"; echo "mine $MINE"; ours-alone; exit\n'


@pytest.mark.skipif(sys.platform == "win32", reason="these are POSIX shells")
@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "dash"])
def test_a_shell_s_own_files_are_read_and_ours_come_last(shell: str, tmp_path: Path, users_home: Path) -> None:
    found = shutil.which(shell)
    if found is None:
        pytest.skip(f"there is no {shell} on this machine")
    ours = tmp_path / "our programs"
    ours.mkdir()
    (ours / "ours-alone").write_text("#!/bin/sh\necho ours is found\n")
    (ours / "ours-alone").chmod(0o755)
    command = terminals.shell_command(found, tmp_path / "rc files", ours, VARIABLES)
    assert command is not None
    environment = {"HOME": str(users_home), "TERM": "dumb", "PATH": os.environ["PATH"], "KUBECONFIG": "/inherited"}
    done = _in_a_terminal(command, environment)
    assert f"at {VARIABLES['KUBECONFIG']}" in done
    assert "mine kept" in done
    assert "ours is found" in done


def _in_a_terminal(command: list[str], environment: dict[str, str]) -> str:
    from ptyprocess import PtyProcessUnicode

    process = PtyProcessUnicode.spawn(command, env=environment, dimensions=(40, 200))
    process.write(ASKED)
    heard = ""
    try:
        while True:
            heard += process.read()
    except EOFError:
        process.wait()
    return heard


def test_powershell_sets_them_after_the_profile_and_a_quote_in_a_path_ends_nothing(tmp_path: Path) -> None:
    command = terminals.shell_command("powershell.exe", tmp_path, Path("C:/it's"), VARIABLES)
    assert command is not None
    assert command[:4] == ["powershell.exe", "-NoLogo", "-NoExit", "-Command"]
    assert "$env:KUBECONFIG = '/a course, it''s mine/.statelab/kubeconfig'" in command[4]
    assert command[4].startswith("$env:PATH = 'C:/it''s")


def test_a_shell_that_is_not_known_is_started_as_jupyterlab_would(tmp_path: Path) -> None:
    assert terminals.shell_command("/usr/bin/xonsh", tmp_path, tmp_path, VARIABLES) is None
    assert terminals.shell_command("C:\\Windows\\cmd.exe", tmp_path, tmp_path, VARIABLES) is None


def test_a_layout_that_a_user_has_made_is_left_alone(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.delenv("JUPYTERLAB_WORKSPACES_DIR", raising=False)
    options(tmp_path, is_instructor=False)
    [layout] = (tmp_path / "workspaces").iterdir()
    layout.write_text("mine")
    options(tmp_path, is_instructor=False)
    assert layout.read_text() == "mine"


def test_a_broken_file_of_theirs_does_not_keep_the_shell_from_starting(tmp_path: Path, users_home: Path) -> None:
    if shutil.which("bash") is None:
        pytest.skip("there is no bash on this machine")
    (users_home / ".profile").write_text("false\nno-such-program-at-all\n")
    command = terminals.shell_command("bash", tmp_path / "rc", tmp_path, VARIABLES)
    assert command is not None
    done = subprocess.run(
        command, input='echo "at $KUBECONFIG"\n', env={"HOME": str(users_home), "PATH": os.environ["PATH"]},
        capture_output=True, text=True, timeout=30,
    )  # fmt: skip
    assert f"at {VARIABLES['KUBECONFIG']}" in done.stdout
