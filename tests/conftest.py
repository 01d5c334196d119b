"""Which tests a system cannot run, and why; and the one real kind cluster that `make test-kind` makes for them all."""

from __future__ import annotations

import atexit
import gc
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fast
import pytest
from hypothesis import HealthCheck, settings
from skipped import told

TESTS = Path(__file__).parent
# How fast a machine is says nothing about the code: no deadline, and slow input is no fault. Each run tries the same
# inputs, so that none fails by chance; who looks for new ones sets STATELAB_FUZZ, as for the fuzzer's long run.
settings.register_profile(
    "any machine",
    deadline=None,
    derandomize="STATELAB_FUZZ" not in os.environ,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("any machine")
# Several minutes each, and a worker has a file to itself (.ci/run): these begin first, or the others wait for them.
_LONG = {"grader/test_corpus.py", "notebooks/test_lessons.py"}
# They kill with signals, limit what a process may use, lock files, or type on a terminal, in ways that only POSIX has.
_POSIX = [
    "browser/test_site_in_browser.py",
    "clients/test_kubectl.py",
    "grader/batch/test_grader_run.py",
    "grader/batch/test_pool.py",
    "grader/live/test_run_on_a_cluster.py",
    "grader/test_sandbox.py",
    "notebooks/test_bad_days.py",
    "packaging/test_security_page.py",
    "reliability/test_killed_server.py",
    "reliability/test_restarted_server.py",
    "statelab/test_server.py",
]
# What a script starts in the background ignores Ctrl-C, and so would all that it starts: tests send it to them.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
# Which courses were opened is written down in the user's data folder: a test's own, never the developer's.
os.environ["XDG_DATA_HOME"] = tempfile.mkdtemp(prefix="statelab-test-data-")
atexit.register(shutil.rmtree, os.environ["XDG_DATA_HOME"], ignore_errors=True)
collect_ignore = _POSIX if sys.platform == "win32" else []


def pytest_report_header() -> str:
    return f"not on Windows (POSIX signals, limits, terminals): {', '.join(collect_ignore)}" if collect_ignore else ""


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """What is not of the fast round is not even read."""
    is_wanted = config.option.markexpr != fast.EXPRESSION or fast.may_be_read(collection_path, TESTS)
    return None if is_wanted else True


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """With --dist loadfile: files that share a server and a browser go to one worker, which starts them once."""
    if config.getoption("dist") != "loadfile":
        return None
    from by_server import ByServer

    return ByServer(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.path.relative_to(TESTS).as_posix() not in _LONG)
    for item in items:
        if fast.is_fast(item.path, TESTS, (mark.name for mark in item.iter_markers())):
            item.add_marker(pytest.mark.fast)


def pytest_collection_finish() -> None:
    """Ten thousand tests are no garbage: with them left out and looked for less often, a test takes a tenth less."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What was skipped, in one block, with how to have it."""
    skipped = terminalreporter.stats.get("skipped", [])
    lines = told(report.longrepr[2].removeprefix("Skipped: ") for report in skipped)
    if lines:
        terminalreporter.section("not run here")
        for line in lines:
            terminalreporter.line(line)


@pytest.fixture(scope="session")
def kind_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with a real kind cluster, made as a learner makes it, and deleted. STATELAB_HOME has to name it.

    Skips where none is wanted or none can be made; with STATELAB_TEST_KIND=required, as in CI, the latter is a failure.
    A test that uses it needs `@pytest.mark.timeout(2400)`: what it waits for is mostly a download.
    """
    wish = os.environ.get("STATELAB_TEST_KIND")
    if not wish:
        pytest.skip("it takes minutes to make a kind cluster: make test-kind")
    from statelab.cluster import Home, Problem, kind_up
    from statelab.cluster.engine import find_engine
    from statelab.cluster.kind_program import find_kind
    from statelab.cluster.steps import on_terminal

    try:
        find_engine()
        find_kind()
    except Problem as problem:
        (pytest.fail if wish == "required" else pytest.skip)(f"no kind cluster can be made here: {problem.what}")
    home = Home(tmp_path_factory.mktemp("kind"))
    image = os.environ.get("STATELAB_TEST_NODE_IMAGE")
    try:
        with on_terminal() as steps:
            kind_up.up(home, name="statelab-test", node_image=image, steps=steps, with_images=False)
        yield home.root
    finally:
        if logs := os.environ.get("STATELAB_TEST_LOGS"):  # the kubelets' and containers', for who looks why
            subprocess.run(["kind", "export", "logs", logs, "--name", "statelab-test"], timeout=300, check=False)
        kind_up.down(home)
