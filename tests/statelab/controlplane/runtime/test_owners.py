"""Whose a file on a volume is: what `ls -l` shows where a Pod runs as somebody, or has an fsGroup."""

from __future__ import annotations

import re

import pytest

from statelab.controlplane.controlplane import ControlPlane
from statelab.controlplane.runtime import Mount
from statelab.controlplane.runtime.volumes import Volume


def _rows(said: str) -> dict[str, tuple[str, str, str]]:
    """Mode, user and group by name."""
    rows = [re.split(r" +", line, maxsplit=8) for line in said.splitlines() if not line.startswith("total")]
    return {row[8]: (row[0], row[2], row[3]) for row in rows}


@pytest.fixture
def data() -> Volume:
    return Volume("data", mode=0o777)


def test_what_a_user_writes_is_the_users_and_the_groups(node, data):
    mounts = [Mount("/data", data, group=2000)]
    user = node.run(command=["sh", "-c", "echo a > /data/first; sleep 1000"], mounts=mounts, user=1000, group=3000)
    node.exec(user, "sh", "-c", "echo hello > /data/testfile; mkdir /data/folder")
    shown = _rows(node.exec(user, "ls", "-la", "/data").stdout)
    assert shown["testfile"] == ("-rw-r--r--", "1000", "2000")
    assert shown["first"] == ("-rw-r--r--", "1000", "2000")
    assert shown["folder"] == ("drwxr-sr-x", "1000", "2000")
    assert shown["."] == ("drwxrwsrwx", "root", "2000")
    assert _rows(node.exec(user, "ls", "-ln", "/data").stdout)["testfile"][1:] == ("1000", "2000")


def test_another_containers_files_stay_its_own(node, data):
    data.write("/before", b"x")
    user = node.run(command=["sleep", "1000"], mounts=[Mount("/data", data)], user=1000, group=3000)
    root = node.run(command=["sleep", "1000"], mounts=[Mount("/shared", data)], name="other", ip="10.244.1.9")
    node.exec(user, "sh", "-c", "echo a > /data/theirs")
    node.exec(root, "sh", "-c", "echo b > /shared/mine")
    shown = _rows(node.exec(user, "ls", "-l", "/data").stdout)
    assert {name: each[1:] for name, each in shown.items()} == {
        "before": ("root", "root"), "theirs": ("1000", "3000"), "mine": ("root", "root"),
    }  # fmt: skip
    node.exec(root, "sh", "-c", "rm /shared/theirs; echo c > /shared/theirs")
    node.exec(user, "sh", "-c", "echo d > /data/other")
    assert _rows(node.exec(user, "ls", "-l", "/data").stdout)["other"][1] == "1000"


def test_where_everybody_is_root_nobody_asks(node, data):
    root = node.run(command=["sleep", "1000"], mounts=[Mount("/data", data)])
    node.exec(root, "sh", "-c", "echo a > /data/a")
    assert _rows(node.exec(root, "ls", "-l", "/data").stdout)["a"] == ("-rw-r--r--", "root", "root")
    assert not data.knows_owners


@pytest.mark.parametrize("shell", ["python"], indirect=True)
def test_stat_of_the_shell_in_python_tells_the_same(node, data):
    user = node.run(command=["sleep", "1000"], mounts=[Mount("/data", data, group=2000)], user=1000)
    node.exec(user, "sh", "-c", "echo a > /data/a")
    assert node.exec(user, "sh", "-c", "stat -c '%u %g %U %G' /data/a").stdout == "1000 2000 1000 2000\n"


@pytest.mark.parametrize("kind", ["emptyDir", "configMap", "claim"])
def test_the_kubelet_gives_a_volume_to_the_group_where_a_real_one_does(kind):
    cluster = ControlPlane()
    claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    cluster.apply(
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "map"}, "data": {"a": "b"}},
        {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "c"}, "spec": claim},
    )
    source = {"emptyDir": {}, "configMap": {"name": "map"}, "claim": {"claimName": "c"}}[kind]
    volume = {"name": "v", "persistentVolumeClaim" if kind == "claim" else kind: source}
    container = {
        "name": "main", "image": "busybox:1.36", "command": ["sh", "-c", "ls -la /v; sleep 1000"],
        "volumeMounts": [{"name": "v", "mountPath": "/v"}],
    }  # fmt: skip
    spec = {"containers": [container], "volumes": [volume], "securityContext": {"runAsUser": 1000, "fsGroup": 2000}}
    cluster.apply({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": spec})
    cluster.settle()
    kubelet = cluster.kubelets[cluster.get("pods", "default/p")["spec"]["nodeName"]]
    lines = [line.text for line in kubelet.container("default/p", "main").logs]
    assert _rows("\n".join(lines))["."][2] == ("root" if kind == "claim" else "2000")


def test_chown_gives_a_volume_away_as_an_init_container_does_it(node, data):
    data.write("/folder/file", b"x")
    root = node.run(command=["sleep", "1000"], mounts=[Mount("/data", data)])
    assert node.exec(root, "sh", "-c", "chown -R 1000:3000 /data; chgrp 7 /data/folder").code == 0
    assert _rows(node.exec(root, "ls", "-la", "/data").stdout)["."][1:] == ("1000", "3000")
    assert _rows(node.exec(root, "ls", "-l", "/data").stdout)["folder"][1:] == ("1000", "7")
    assert _rows(node.exec(root, "ls", "-l", "/data/folder").stdout)["file"][1:] == ("1000", "3000")
    user = node.run(command=["sleep", "1000"], mounts=[Mount("/data", data)], name="user", ip="10.244.1.9", user=1000)
    assert _rows(node.exec(user, "ls", "-la", "/data").stdout)["."][1:] == ("1000", "3000")
    said = node.exec(user, "chown", "0", "/data/folder")
    assert (said.code, said.stderr) == (1, "chown: /data/folder: Operation not permitted\n")


@pytest.mark.parametrize(
    ("line", "busybox", "coreutils"),
    [
        ("chown 1 /none", "/none: No such file or directory", "cannot access '/none': No such file or directory"),
        ("chown foo /etc", "unknown user foo", "invalid user: ‘foo’"),
        ("chgrp foo /etc", "unknown group foo", "invalid group: ‘foo’"),
        ("chown 1:foo /etc", "unknown user/group 1:foo", "invalid user/group: ‘1:foo’"),
    ],
)
def test_what_cannot_be_given_away_is_told_in_the_images_words(node, line, busybox, coreutils):
    for image, words in (("busybox:1.36", busybox), ("nginx:1.27", coreutils)):
        container = node.run(image, command=["sleep", "1000"])
        said = node.exec(container, *line.split())
        assert (said.code, said.stderr) == (1, f"{line.split()[0]}: {words}\n")
    assert node.exec(node.started[0], "sh", "-c", "touch /a; chown root:root /a").code == 0
