"""Learners' code runs in bubblewrap or not at all, unless an instructor accepts the risk; within limits even then."""

from __future__ import annotations

import errno
import os
import socket
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from grader import sandbox
from grader.nbgrader.cells import SourceCell, new_cell, new_notebook
from grader.nbgrader.grade import grade
from grader.sandbox import Confinement, NoSandbox, run

PYTHON = [sys.executable, "-I", "-c"]


def test_without_bubblewrap_nothing_runs_and_the_flag_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sandbox.shutil, "which", lambda name: None)
    with pytest.raises(NoSandbox, match="--unprotected"):
        run([*PYTHON, f"open({str(tmp_path / 'x')!r}, 'w')"], b"")
    assert not (tmp_path / "x").exists()
    with pytest.raises(NoSandbox, match="switched off"):
        run([*PYTHON, "print(1)"], b"", mode="never")


def test_where_bubblewrap_is_not_permitted_nothing_runs_and_its_words_are_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    refusing = tmp_path / "bwrap"
    refusing.write_text("#!/bin/sh\necho 'bwrap: setting up uid map: Permission denied' >&2\nexit 1\n")
    refusing.chmod(0o755)
    monkeypatch.setattr(sandbox.shutil, "which", lambda name: str(refusing))
    with pytest.raises(NoSandbox, match=r"setting up uid map: Permission denied.*--unprotected"):
        run([*PYTHON, "print(1)"], b"")


def test_the_command_line_binds_nothing_writable_and_nothing_of_the_course() -> None:
    command = sandbox.bubblewrap(["python"])
    assert {"--unshare-all", "--die-with-parent", "--new-session", "--clearenv"} <= set(command)
    assert not {"--share-net", "--bind", "--bind-try", "--dev-bind"} & set(command)
    bound = [command[i + 1] for i, word in enumerate(command) if word.startswith("--ro-bind")]
    assert not any("solutions" in path or path in ("/", "/home", "/root", "/etc", "/var", "/tmp") for path in bound)


def _why_no_bubblewrap() -> str:
    try:
        sandbox.check("sandbox")
    except NoSandbox as error:
        return str(error)
    return ""


WHY_NOT = _why_no_bubblewrap()
confined = pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT[:120] or "bubblewrap works")


def inside(script: str, **limits: Any) -> tuple[int, str]:
    code, output = run([*PYTHON, script], b"", confinement=Confinement(wall_s=60, **limits))
    return code, output.decode()


@confined
def test_there_is_no_network_and_the_loopback_is_its_own() -> None:
    with socket.create_server(("127.0.0.1", 0)) as ours:
        script = f"""
            import socket
            for where in (("127.0.0.1", {ours.getsockname()[1]}), ("192.0.2.1", 80), ("10.96.0.1", 443)):
                try:
                    socket.create_connection(where, timeout=5)
                    print("reached")
                except OSError as error:
                    print(type(error).__name__, error.errno)
        """
        code, said = inside(textwrap.dedent(script))
    assert (code, said) == (0, f"ConnectionRefusedError {errno.ECONNREFUSED}\n" + f"OSError {errno.ENETUNREACH}\n" * 2)


@confined
def test_nothing_of_the_course_can_be_read(tmp_path: Path) -> None:
    course = tmp_path / "course"
    solutions = Path(sandbox.__file__).parents[1] / "solutions"
    for name in ("gradebook.db", "submitted/ben/ps3/ps3.ipynb", "source/ps3/ps3.ipynb"):
        path = course / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("secret")
    secret = [course, course / "gradebook.db", solutions, Path.home() / ".ssh", "/etc/passwd", "/etc/hostname", "/var"]
    script = f"import os; print([each for each in {[str(each) for each in secret]!r} if os.path.exists(each)])"
    assert inside(script) == (0, "[]\n")
    script = (
        "from grader.registry import hidden_checks, solutions_folder; print(solutions_folder(), hidden_checks('ps3'))"
    )
    code, said = run([sys.executable, "-c", script], b"")
    assert (code, said) == (0, b"None None\n")


@confined
def test_nothing_can_be_written_but_its_own_tmp_which_goes_with_it() -> None:
    places = ["/x", "/usr/x", "/dev/x", str(Path(sandbox.__file__).with_name("x")), f"{sys.prefix}/x"]
    script = f"""
        import os
        for place in {places!r}:
            try:
                open(place, "w")
                print("written", place)
            except OSError as error:
                assert error.errno in (13, 30), error
        open("/tmp/mine", "w").write("x"), open("mine", "w").write("x")
        print(os.getcwd(), sorted(os.listdir(".")))
    """
    for _ in range(2):  # the second finds nothing of the first
        assert inside(textwrap.dedent(script)) == (0, "/tmp/work ['mine']\n")


@confined
def test_nobody_is_root_in_there_and_nobody_else_is_seen() -> None:
    script = """
        import os, signal
        status = open("/proc/self/status").read()
        print(os.getuid(), [line.split()[1] for line in status.splitlines() if line.startswith("CapEff")])
        print(sorted(int(each) for each in os.listdir("/proc") if each.isdigit())[:1], os.uname().nodename)
        try:
            os.kill(%d, signal.SIGTERM)
        except OSError as error:
            print(type(error).__name__)
    """
    code, said = inside(textwrap.dedent(script % os.getpid()))
    assert (code, said) == (0, "1000 ['0000000000000000']\n[1] sandbox\nProcessLookupError\n")


@confined
def test_a_full_disk_a_full_memory_and_an_endless_loop_come_to_an_end() -> None:
    fills = "for n in range(100): open(f'/tmp/{n}', 'wb').write(b'x' * 4_000_000)"
    code, _ = inside(fills, tmp_bytes=20_000_000)
    assert code == 1
    code, _ = inside("x = 'x' * 10**9", memory_bytes=300_000_000)
    assert code == 1
    code, _ = inside("while True: pass", cpu_s=1)
    assert code in (-9, 128 + 9, 128 + 24)  # SIGKILL, or bwrap telling of SIGKILL or SIGXCPU


@confined
def test_what_is_left_running_ends_with_the_time_limit(tmp_path: Path) -> None:
    mark = f"9{os.getpid()}.5"
    script = f"import subprocess, time; subprocess.Popen(['sleep', '{mark}'], start_new_session=True); time.sleep(60)"
    run([*PYTHON, script], b"", confinement=Confinement(wall_s=2.0))
    left = [each for each in psutil.process_iter(["cmdline"]) if mark in (each.info["cmdline"] or ())]
    assert not psutil.wait_procs(left, timeout=20)[1]  # the kernel ends them, in its own time


def test_what_never_ends_is_ended_with_everything_it_started() -> None:
    began = time.monotonic()
    script = "import subprocess, sys, time; subprocess.Popen(['sleep', '60']); print('on', flush=True); time.sleep(60)"
    code, output = run([*PYTHON, script], b"", mode="unprotected", confinement=Confinement(wall_s=1.0))
    assert (code, output) == (-9, b"on\n")
    assert time.monotonic() - began < 20


def test_memory_and_output_have_an_end() -> None:
    limits = Confinement(memory_bytes=300_000_000, output_bytes=1_000)
    code, _ = run([*PYTHON, "x = 'x' * 10**9"], b"", mode="unprotected", confinement=limits)
    assert code == 1
    _, output = run([*PYTHON, "print('x' * 10**6)"], b"", mode="unprotected", confinement=limits)
    assert len(output) == 1_000


def test_what_is_run_is_told_nothing_of_this_machines_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STATELAB_SECRET", "secret")
    script = "import os; print('STATELAB_SECRET' in os.environ)"
    assert run([*PYTHON, script], b"", mode="unprotected") == (0, b"False\n")


# ---- cells that have to be executed


def python_task(*cells: tuple[str, str, float | None]) -> tuple[dict[str, Any], list[SourceCell]]:
    """(name, source, points) each; points None: the learner's own cell."""
    notebook, released = [], []
    for name, source, points in cells:
        cell = SourceCell(
            name, "code", source, "", is_locked=points is not None, is_solution=points is None, points=points
        )
        released.append(cell)
        notebook.append(new_cell("code", source, name, cell.metadata()))
    return new_notebook(notebook), released


def test_a_cell_that_has_to_be_executed_and_is_not_gets_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox.shutil, "which", lambda name: None)
    notebook, released = python_task(("mine", "x = 1", None), ("test", "assert x == 1", 3.0))
    graded = grade(notebook, released)
    assert [(each.cell, each.points) for each in graded] == [("test", 0.0)]
    assert "--unprotected" in graded[0].said
    assert notebook["cells"][1]["outputs"][0]["data"]["text/plain"] == "0.0"


@pytest.mark.slow
def test_executed_cells_get_explicit_numbers() -> None:
    notebook, released = python_task(
        ("mine", "x = 1", None),
        ("right", "assert x == 1", 3.0),
        ("wrong", "assert x == 2", 3.0),
        ("partly", "1.5", 3.0),
        ("too-much", "1e9", 3.0),
        ("loud", "import sys; print('<b>', file=sys.stderr)", 3.0),
        ("the-end", "import os; os._exit(1)", None),
        ("never", "", 3.0),
    )
    points = {each.cell: each.points for each in grade(notebook, released, mode="unprotected")}
    assert points == {"right": 3.0, "wrong": 0.0, "partly": 1.5, "too-much": 0.0, "loud": 0.0, "never": 0.0}
    shown = next(each for each in notebook["cells"] if each["id"] == "loud")["outputs"][0]["data"]["text/html"]
    assert "<b>" not in shown


@confined
@pytest.mark.slow
def test_in_bubblewrap_a_notebook_runs_and_may_start_a_cluster_of_its_own() -> None:
    cluster = """
        from statelab.controlplane import ControlPlane
        cluster = ControlPlane()
        cluster.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}})
        cluster.settle()
    """
    notebook, released = python_task(
        ("mine", textwrap.dedent(cluster), None),
        ("made", "assert cluster.get('configmaps', 'default/x')", 3.0),
        ("peeks", "import os; assert os.path.exists('/etc/passwd')", 3.0),
    )
    assert {each.cell: each.points for each in grade(notebook, released)} == {"made": 3.0, "peeks": 0.0}
