"""The images that the contract of all places (tests/cluster) runs, brought to a kind cluster's nodes beforehand."""

from __future__ import annotations

import re
from pathlib import Path

from statelab.cluster import Home, kind_record
from statelab.cluster.course_images import images_in
from statelab.cluster.engine import find_engine
from statelab.cluster.kind_program import find_kind
from statelab.cluster.preload import preload
from statelab.cluster.steps import Steps

ROOT = Path(__file__).resolve().parents[2]
MANIFEST = ROOT / "course" / "manifests" / "06-web.yaml"
# One that speaks, and one whose image is in every place small enough to come quickly.
TELLER = """
apiVersion: v1
kind: Pod
metadata: {name: teller, labels: {app: teller}}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - name: teller
    image: busybox:1.36
    command: [sh, -c, "echo once upon a time; sleep 86400"]
"""
_SET = re.compile(r"set image \S+ [\w-]+=([\w./:-]+)")


def contract_images() -> list[str]:
    """Those of the two manifests, and those that the contract's tests change to."""
    tests = (ROOT / "tests" / "cluster" / "test_contract.py").read_text(encoding="utf-8")
    return sorted({*images_in(MANIFEST.read_text(encoding="utf-8")), *images_in(TELLER), *_SET.findall(tests)})


def load_contract_images(home: Home, steps: Steps) -> list[str]:
    """Bring them to every node of the home's cluster; what could not be brought, and why: a Pod will pull it."""
    record, engine = kind_record.read(home), find_engine()
    assert record is not None
    _, failed = preload(engine, find_kind(), record.name, engine.nodes(record.name), contract_images(), steps)
    return failed
