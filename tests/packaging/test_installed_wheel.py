"""StateLab from its wheel, in an environment and a folder that have never seen the checkout."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest

from statelab.version import VERSION

ANSWER = """\
apiVersion: v1
kind: Service
metadata: {name: nginx}
spec: {clusterIP: None, selector: {app: nginx}, ports: [{port: 80}]}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: web}
spec:
  serviceName: nginx
  replicas: 3
  selector: {matchLabels: {app: nginx}}
  template:
    metadata: {labels: {app: nginx}}
    spec:
      containers:
      - name: nginx
        image: registry.k8s.io/nginx-slim:0.24
        volumeMounts: [{name: www, mountPath: /usr/share/nginx/html}]
  volumeClaimTemplates:
  - metadata: {name: www}
    spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
"""


def test_a_learner_has_the_visible_checks_and_an_instructor_the_hidden_ones_too(installed, instructors_part, tmp_path):
    (tmp_path / "web.yaml").write_text(ANSWER)
    assert f"StateLab {VERSION}," in installed.run("statelab", "version", at=tmp_path)
    assert installed.run("python", "-c", "import grader; print(grader.__file__)", at=tmp_path).startswith(
        str(installed.folder)
    )
    check = ("check", "ps3.identity", "web.yaml", "--json")
    learners = json.loads(installed.run("grader", *check, at=tmp_path))
    assert (learners["score"], learners["max"]) == (27, 27)

    instructor = {"PYTHONPATH": str(instructors_part)}
    graded = json.loads(installed.run("grader", *check, at=tmp_path, **instructor))
    assert (graded["score"], graded["max"]) == (30, 30)
    assert json.loads(installed.run("grader", *check, "--visible", at=tmp_path, **instructor))["max"] == 27


def test_a_bundle_is_made_of_a_clone_not_of_what_is_installed(installed, tmp_path):
    installed.run("grader", "bundle", at=tmp_path, expect=2)
    assert not list(tmp_path.glob("*.zip"))


def test_without_a_course_lab_says_how_to_get_one(installed, tmp_path):
    done = subprocess.run(
        [str(installed.programs / "statelab"), "lab"],
        cwd=tmp_path,
        env={**os.environ, "XDG_DATA_HOME": str(tmp_path / "nothing was opened")},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    assert "statelab lab --copy-to DIR" in done.stderr


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C is sent as a signal here")
def test_lab_opens_a_copy_of_ones_own_and_ctrl_c_leaves_it_whole(installed, tmp_path):
    folder = tmp_path / "my copy"
    command = [str(installed.programs / "statelab"), "lab", "--copy-to", str(folder), "--no-browser", "--allow-root"]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    lines = []
    try:
        for line in process.stdout:  # pytest's own timeout ends a silence
            lines.append(line)
            if found := re.search(r"http://(?:localhost|127\.0\.0\.1):\d+/\S*token=\w+", line):
                break
        else:
            pytest.fail("".join(lines))
        assert "00-start-here.ipynb" in opened(found[0].replace("localhost", "127.0.0.1"))
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    assert process.returncode == 0
    assert "files of the course were copied to" in lines[0]
    assert not [each for each in lines if "ServerApp" in each and each.startswith("[E ")]
    assert (folder / "exercises/ps3/ps3.ipynb").is_file()
    assert not (folder / ".statelab/server.json").exists() or not is_alive(folder)


def opened(address: str) -> str:
    """Where a browser comes to. JupyterLab says its address a moment before it listens."""
    ends_s = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(address, timeout=30) as page:
                return page.url
        except urllib.error.URLError:
            assert time.monotonic() < ends_s
            time.sleep(0.1)


def is_alive(folder) -> bool:
    pid = json.loads((folder / ".statelab/server.json").read_text())["pid"]
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
