"""Acknowledged means journalled: a server that is killed in the middle of everything has lost nothing it confirmed.

`STATELAB_KILLS=200 python -m pytest tests/reliability` is the long run; the suite kills eight times.
"""

from __future__ import annotations

import json
import os
import random
import resource
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

import pytest
from serving import CONFIG_MAPS, Server, start

from statelab.cluster.process import was_started_with

pytestmark = pytest.mark.slow

KILLS = int(os.environ.get("STATELAB_KILLS", "8"))
STATEFUL_SETS = "/apis/apps/v1/namespaces/default/statefulsets"
JOBS = "/apis/batch/v1/namespaces/default/jobs"
PODS = "/api/v1/namespaces/default/pods"
COMPLETIONS = 40
NOTES = "/apis/example.com/v1/namespaces/default/notes"
MERGE = "application/merge-patch+json"


def on(folder: Path, *, file_bytes: int | None = None) -> Server:
    """A server on what is kept in `folder`."""
    return start(folder, "--pace", "10", state=folder / "state", file_bytes=file_bytes)


def stored(server: Server, path: str = CONFIG_MAPS) -> tuple[dict[str, str], str]:
    """Names and values of what the writers made there, and the resourceVersion of the list."""
    code, found, _ = server.request("GET", path)
    assert code == 200
    items = {each["metadata"]["name"]: each["data"]["value"] for each in found["items"] if _is_written(each)}
    return items, found["metadata"]["resourceVersion"]


def _is_written(obj: Any) -> bool:
    return str(obj["metadata"]["name"]).startswith("w")


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    about = tmp_path / "server.json"
    if about.exists():
        pid = json.loads(about.read_text())["pid"]
        if was_started_with(pid, "serve", str(tmp_path / "state")):  # numbers are given again
            os.kill(pid, signal.SIGKILL)


@dataclass
class Writer:
    """Creates, patches and deletes objects of its own, and remembers what it was told of each."""

    number: int
    dice: random.Random
    path: str = CONFIG_MAPS
    known: dict[str, str] = field(default_factory=dict)  # what was acknowledged
    doubtful: dict[str, set[str | None]] = field(default_factory=dict)  # asked for, not answered
    written: int = 0

    def run(self, server: Server) -> None:
        try:
            while True:
                self._write(server)
        except (OSError, HTTPException):
            return  # the server is gone

    def _write(self, server: Server) -> None:
        self.written += 1
        value = f"{self.written}-" + "x" * self.dice.choice((1, 100, 20_000))
        name = self.dice.choice(list(self.known)) if self.known and self.dice.random() < 0.6 else ""
        wanted: str | None = value
        if not name:
            name = f"w{self.number}-{self.written}"
            ask = ("POST", self.path, self._object(name, value))
        elif self.dice.random() < 0.4:
            wanted, ask = None, ("DELETE", f"{self.path}/{name}", None)
        else:
            ask = ("PATCH", f"{self.path}/{name}", {"data": {"value": value}})
        self.doubtful = {name: {self.known.get(name), wanted}}
        code, answer, _ = server.request(*ask, content_type=MERGE if ask[0] == "PATCH" else "application/json")
        assert code in (200, 201), answer
        self.doubtful = {}
        if wanted is None:
            self.known.pop(name)
        else:
            self.known[name] = value

    def _object(self, name: str, value: str) -> dict[str, Any]:
        made: dict[str, Any] = {"metadata": {"name": name}, "data": {"value": value}}
        return made if self.path == CONFIG_MAPS else {"apiVersion": "example.com/v1", "kind": "Note", **made}

    def check(self, found: dict[str, str]) -> None:
        """Everything acknowledged is there; of what was under way, all or nothing."""
        mine = {name: value for name, value in found.items() if name.startswith(f"w{self.number}-")}
        for name, values in self.doubtful.items():
            now = mine.pop(name, None)
            assert now in values
            self.known.pop(name, None)
            if now is not None:
                self.known[name] = now
                mine[name] = now
        assert mine == self.known
        self.doubtful = {}


@pytest.mark.timeout(300 + 30 * KILLS)  # a long run is no hang
def test_a_killed_server_has_lost_nothing_that_it_acknowledged(folder: Path) -> None:
    dice = random.Random(1)
    paths = (CONFIG_MAPS, CONFIG_MAPS, NOTES)
    writers = [Writer(number, random.Random(number), path) for number, path in enumerate(paths)]
    server = on(folder)
    _define_notes(server)
    _make_stateful_set(server)
    _make_job(server)
    for kill in range(KILLS):
        before = {path: stored(server, path) for path in (CONFIG_MAPS, NOTES)}
        threads = [threading.Thread(target=writer.run, args=(server,)) for writer in writers]
        for thread in threads:
            thread.start()
        server.request("PATCH", f"{STATEFUL_SETS}/web", {"spec": {"replicas": 1 + kill % 3}}, content_type=MERGE)
        _until_written(writers, sum(each.written for each in writers) + dice.randrange(10, 80))
        server.kill()
        for thread in threads:
            thread.join(120)
        server = on(folder)
        found = {path: stored(server, path)[0] for path in before}
        for writer in writers:
            writer.check(found[writer.path])
        for path, (items, version) in before.items():
            told = _replay(server, path, items, version)
            assert told == found[path], "a watch from before the kill tells all that happened"
        assert server.request("GET", f"{STATEFUL_SETS}/web")[1]["spec"]["replicas"] == 1 + kill % 3
    _until_ready(server)
    _until_complete(server)
    server.kill()


def _until_written(writers: list[Writer], wanted: int) -> None:
    """In the middle of a write, whenever so many were begun: on a busy machine it takes longer."""
    while sum(each.written for each in writers) < wanted:
        time.sleep(0.003)


def _replay(server: Server, path: str, before: dict[str, str], version: str) -> dict[str, str]:
    now = dict(before)
    connection = HTTPConnection("127.0.0.1", server.port, timeout=60)
    query = f"watch=1&resourceVersion={version}&timeoutSeconds=1"
    connection.request("GET", f"{path}?{query}", headers={"Authorization": f"Bearer {server.token}"})
    for line in connection.getresponse().read().splitlines():
        event = json.loads(line)
        assert event["type"] != "ERROR", event
        if event["type"] == "DELETED":
            now.pop(event["object"]["metadata"]["name"], None)
        elif _is_written(event["object"]):
            now[event["object"]["metadata"]["name"]] = event["object"]["data"]["value"]
    connection.close()
    return now


def _define_notes(server: Server) -> None:
    """A kind of one's own: its definition and its objects are in the same journal."""
    schema = {
        "type": "object",
        "properties": {"data": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
    }
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    names = {"plural": "notes", "singular": "note", "kind": "Note", "listKind": "NoteList"}
    spec = {"group": "example.com", "scope": "Namespaced", "names": names, "versions": [version]}
    path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    assert server.request("POST", path, {"metadata": {"name": "notes.example.com"}, "spec": spec})[0] == 201
    deadline_s = time.monotonic() + 180
    while server.request("GET", NOTES)[0] != 200:
        assert time.monotonic() < deadline_s
        time.sleep(0.05)


def _make_stateful_set(server: Server) -> None:
    container = {"name": "main", "image": "registry.k8s.io/pause:3.10"}
    template = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [container]}}
    claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}}
    spec = {
        "serviceName": "web",
        "selector": {"matchLabels": {"app": "web"}},
        "template": template,
        "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": claim}],
    }
    assert server.request("POST", STATEFUL_SETS, {"metadata": {"name": "web"}, "spec": spec})[0] == 201


def _make_job(server: Server) -> None:
    """Many short Pods, a few at a time: some end while nobody counts them."""
    container = {"name": "main", "image": "busybox:1.36", "command": ["sleep", "1"]}
    spec = {
        "completions": COMPLETIONS,
        "parallelism": 4,
        "backoffLimit": 1000,
        "template": {"spec": {"containers": [container], "restartPolicy": "OnFailure"}},
    }
    assert server.request("POST", JOBS, {"metadata": {"name": "work"}, "spec": spec})[0] == 201


def _until_complete(server: Server) -> None:
    """Every Pod that succeeded was counted, and counted once; none is held any longer."""
    deadline_s = time.monotonic() + 180
    while True:
        status = server.request("GET", f"{JOBS}/work")[1]["status"]
        if any(each["type"] == "Complete" for each in status.get("conditions") or ()):
            break
        assert time.monotonic() < deadline_s, status
        time.sleep(0.05)
    assert (status["succeeded"], status["uncountedTerminatedPods"]) == (COMPLETIONS, {})
    pods = server.request("GET", f"{PODS}?labelSelector=job-name%3Dwork")[1]["items"]
    assert not [each["metadata"]["name"] for each in pods if each["metadata"].get("finalizers")]
    succeeded = [each for each in pods if each["status"]["phase"] == "Succeeded"]
    assert len(succeeded) == COMPLETIONS


def _until_ready(server: Server) -> None:
    """The controllers go on where they were."""
    deadline_s = time.monotonic() + 180
    while True:
        found = server.request("GET", f"{STATEFUL_SETS}/web")[1]
        if found["status"].get("readyReplicas") == found["status"].get("replicas") == found["spec"]["replicas"]:
            return
        assert time.monotonic() < deadline_s, found["status"]
        time.sleep(0.05)


def test_a_torn_end_is_cut_with_a_warning_and_a_backup(folder: Path) -> None:
    server = on(folder)
    for number in range(5):
        body = {"metadata": {"name": f"w0-{number}"}, "data": {"value": str(number)}}
        assert server.request("POST", CONFIG_MAPS, body)[0] == 201
    server.kill()
    journal = folder / "state" / "journal"
    whole = journal.read_bytes()
    journal.write_bytes(whole + b'0badc0de {"revision": 99999, "type": "ADDED"')
    server = on(folder)
    assert stored(server)[0] == {f"w0-{number}": str(number) for number in range(5)}
    assert "were not whole and were cut" in server.log
    assert [each.read_bytes()[: len(whole)] for each in (folder / "state").glob("journal.torn-*")] == [whole]
    server.kill()


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="only Linux limits a process from outside")
def test_on_a_full_disk_writes_are_refused_and_nothing_is_lost(folder: Path) -> None:
    server = on(folder, file_bytes=400_000)
    _make_stateful_set(server)
    _until_ready(server)
    written, refusal = {}, None
    for number in range(60):
        value = f"{number}-" + "x" * 10_000
        code, answer, _ = server.request(
            "POST", CONFIG_MAPS, {"metadata": {"name": f"w0-{number}"}, "data": {"value": value}}
        )
        if code == 201:
            written[f"w0-{number}"] = value
        else:
            refusal = (code, answer)
    assert refusal is not None and refusal[0] == 507
    assert (refusal[1]["kind"], refusal[1]["reason"]) == ("Status", "InsufficientStorage")
    # The cluster's own parts are refused too; none of them falls over, and whoever reads is answered.
    server.request("PATCH", f"{STATEFUL_SETS}/web", {"spec": {"replicas": 3}}, content_type=MERGE)
    time.sleep(1.5)
    assert server.process.poll() is None
    assert stored(server)[0] == written
    server.kill()
    server = on(folder)
    assert stored(server)[0] == written
    assert server.request("PATCH", f"{STATEFUL_SETS}/web", {"spec": {"replicas": 2}}, content_type=MERGE)[0] == 200
    _until_ready(server)
    server.kill()
