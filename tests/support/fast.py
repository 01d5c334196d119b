"""The round at each save, `make test ARGS="-m fast"`: which tests it is of, and which are too slow for it.

What is below `tests/statelab`, but for what is marked (`slow`, `browser`, `kind`, `kubectl`) and for
the files below: each of them takes over two seconds of a processor, or waits for other processes.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

EXPRESSION = "fast"  # said just so, folders and files that are not of the round are not even read
FOLDER = "statelab"
SLOW_MARKERS = frozenset({"slow", "browser", "kind", "kubectl"})
SLOW_FILES = frozenset(
    f"statelab/{name}"
    for name in (
        "cluster/test_contexts.py",
        "cluster/test_homes.py",
        "cluster/test_kind_nodes.py",
        "cluster/test_kind_up.py",
        "cluster/test_local_server.py",
        "controlplane/apiserver/test_fuzz.py",
        "controlplane/apiserver/test_hostile_objects.py",
        "controlplane/kubelet/test_kubelet_any_pod.py",
        "controlplane/runtime/test_etcd_image.py",
        "controlplane/runtime/test_few_open_files.py",
        "controlplane/runtime/test_host_is_untouched.py",
        "controlplane/runtime/test_hostile_containers.py",
        "controlplane/runtime/test_outside_the_loop.py",
        "kubectl/test_goldens.py",
        "kubectl/test_stand_in.py",
        "lab/test_lab.py",
        "lab/test_terminals.py",
        "reader/test_jsonbytes.py",
        "reader/test_reader.py",
        "site/test_site_parts.py",
        "test_copy_command.py",
        "test_foreground.py",
        "test_lifetime.py",
        "test_server.py",
    )
)


def may_be_read(path: Path, tests: Path) -> bool:
    """Whether a folder or a file below `tests` may hold tests of the round."""
    inside = path.relative_to(tests).as_posix()
    return inside.split("/")[0] in (FOLDER, "conftest.py", ".") and inside not in SLOW_FILES


def is_fast(path: Path, tests: Path, markers: Iterable[str]) -> bool:
    """Whether the test in this file with these markers is of the round."""
    return may_be_read(path, tests) and not SLOW_MARKERS & set(markers)
