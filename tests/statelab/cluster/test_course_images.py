"""Which images are brought to a kind cluster beforehand."""

from __future__ import annotations

import json
from pathlib import Path

from statelab.cluster.course_images import course_images, images_in
from statelab.cluster.paths import Home

ROOT = Path(__file__).resolve().parents[3]


def test_a_manifest_names_its_images():
    text = "containers:\n- name: a\n  image: nginx:1.27  # the newest\n- image: 'registry.k8s.io/pause:3.10'\n"
    assert images_in(text) == {"nginx:1.27", "registry.k8s.io/pause:3.10"}


def test_a_notebook_names_images_in_manifests_and_in_kubectl_lines():
    cells = [
        "%%manifest web.yaml\n  image: nginx\n",
        "%kubectl set image sts/web nginx=nginx:1.28",
        "an image: the best\n",
    ]
    cells.append("%kubectl run plain --image=busybox:1.36")
    notebook = json.dumps({"cells": [{"source": cell.splitlines(True)} for cell in cells]}, indent=1)
    assert images_in(notebook) == {"nginx", "nginx:1.28", "busybox:1.36"}


def test_an_image_that_is_there_to_fail_is_not_pulled():
    assert images_in("  image: nginx:no-such-tag\n%kubectl set image sts/web web=nginx:newest\n") == set()


def test_the_course_runs_fourteen_images_at_most_and_all_that_its_manifests_name_are_among_them():
    found = course_images(Home(ROOT))
    assert {"registry.k8s.io/nginx-slim:0.24", "registry.k8s.io/nginx-slim:0.27", "redis:7.4"} <= set(found)
    assert len(found) <= 14
