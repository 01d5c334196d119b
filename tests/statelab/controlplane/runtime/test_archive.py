"""tar in a container, as kubectl cp calls it."""

from __future__ import annotations

import io
import tarfile

import pytest

from statelab.controlplane import ControlPlane
from statelab.controlplane.apiserver.serving.client import ExecResult, InProcessClient

PODS = "/api/v1/namespaces/default/pods"


@pytest.fixture(scope="module")
def client() -> InProcessClient:
    made = InProcessClient(ControlPlane())
    container = {"name": "main", "image": "busybox:1.36", "command": ["sleep", "3600"]}
    made.request("POST", PODS, body={"metadata": {"name": "one"}, "spec": {"containers": [container]}})
    made.cluster.settle()
    return made


def run(client: InProcessClient, *words: str, stdin: bytes | None = None) -> ExecResult:
    return client.exec("default", "one", list(words), stdin=stdin)


def archive(*members: tuple[str, bytes]) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as file:
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            file.addfile(info, io.BytesIO(content))
    return made.getvalue()


def test_an_archive_is_unpacked_from_standard_input_to_the_byte(client: InProcessClient) -> None:
    content = bytes(range(256)) * 100
    done = run(client, "tar", "-xmf", "-", "-C", "/tmp", stdin=archive(("in/a.bin", content)))
    assert (done.code, done.stderr) == (0, b"")
    back = run(client, "tar", "cf", "-", "/tmp/in/a.bin")
    assert back.stderr == b"tar: Removing leading `/' from member names\n"
    with tarfile.open(fileobj=io.BytesIO(back.stdout)) as file:
        member = file.extractfile("tmp/in/a.bin")
        assert member is not None
        assert member.read() == content


def test_a_folder_is_packed_with_all_that_is_in_it(client: InProcessClient) -> None:
    run(client, "sh", "-c", "mkdir -p /srv/a/b; echo 1 > /srv/a/one; echo 2 > /srv/a/b/two")
    packed = run(client, "tar", "cf", "-", "-C", "/srv", "a")
    with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as file:
        assert file.getnames() == ["a", "a/b", "a/b/two", "a/one"]
    run(client, "sh", "-c", "cd /srv && tar czf /tmp/a.tgz a && rm -r /srv/a && tar xzf /tmp/a.tgz -C /srv")
    assert run(client, "cat", "/srv/a/b/two").stdout == b"2\n"


def test_a_name_that_climbs_stays_in_the_container(client: InProcessClient) -> None:
    done = run(client, "tar", "xf", "-", "-C", "/tmp", stdin=archive(("../../../../etc/climbed", b"x")))
    assert done.code == 0
    assert run(client, "cat", "/etc/climbed").stdout == b"x"


@pytest.mark.parametrize(
    ("words", "stdin", "said"),
    [
        (("cf", "-", "/none"), None, b"tar: /none: Cannot stat: No such file or directory\n"),
        (("xf", "-"), b"no archive" * 100, b"tar: "),
        (("xf", "-", "-C", "/none"), archive(("a", b"")), b"tar: /none: Cannot open: No such file or directory\n"),
        (("-Q",), None, b"tar: invalid option -- 'Q'\n"),
        ((), None, b"tar: you must specify one of the '-ctx' options\n"),
    ],
)
def test_what_cannot_be_done_is_told(
    client: InProcessClient, words: tuple[str, ...], stdin: bytes | None, said: bytes
) -> None:
    done = run(client, "tar", *words, stdin=stdin)
    assert done.code == 2
    assert done.stderr.startswith(said)
