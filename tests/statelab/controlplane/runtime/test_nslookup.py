"""nslookup in a container says what the real busybox said of the same cluster (tests/support/record_nslookup.py)."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from nslookup_world import CASES, RESOLV_CONF, objects

RECORDED = json.loads((Path(__file__).parent / "nslookup.json").read_text())


def test_every_case_was_recorded():
    assert [(each["resolv.conf"], each["words"]) for each in RECORDED] == [(conf, words) for conf, words in CASES]


@pytest.fixture
def pod(node):
    node.objects.objects.update(objects())
    return node.run("busybox:1.37", command=["sleep", "infinity"], ip="10.244.2.7", name="client")


def _comparable(text: str) -> str:
    """Without the version, how long an answer took, and the serial number, which is the time."""
    return re.sub(r"BusyBox v.*? multi|in \d+ms|serial = \d+", "", text)


@pytest.mark.parametrize("conf", RESOLV_CONF)
def test_nslookup_says_what_the_real_busybox_said(node, pod, conf):
    pod.files.write("/etc/resolv.conf", RESOLV_CONF[conf].encode())
    for each in RECORDED:
        if each["resolv.conf"] != conf:
            continue
        said = node.exec(pod, "nslookup", *each["words"])
        shown = (said.code, _comparable(said.stdout), _comparable(said.stderr))
        wanted = (each["code"], _comparable(each["stdout"]), _comparable(each["stderr"]))
        assert shown == wanted, each["words"]


@pytest.mark.parametrize("image", ["busybox", "alpine:3.20", "nginx:1.27-alpine"])
def test_busybox_looks_for_no_name_with_a_dot_in_the_search_list(node, pod, image):
    other = node.run(image, command=["sleep", "infinity"], name="other", ip="10.244.2.8")
    assert node.exec(other, "nslookup", "web-0.nginx").code == 1
    assert node.exec(other, "nslookup", "web-0.nginx.default.svc.cluster.local").code == 0


@pytest.mark.parametrize("image", ["busybox:1.28", "alpine:3.8"])
def test_the_old_one_asks_the_c_library_which_does(node, pod, image):
    old = node.run(image, command=["sleep", "infinity"], name="old", ip="10.244.2.8")
    assert "Address 1: 10.244.1.5" in node.exec(old, "nslookup", "web-0.nginx").stdout


def test_bind_looks_in_the_search_list_and_ends_names_with_their_dot(node, pod):
    tools = node.run("registry.k8s.io/e2e-test-images/agnhost:2.53", ["sleep", "infinity"], name="t", ip="10.244.2.8")
    assert node.exec(tools, "nslookup", "web-0.nginx").stdout == (
        "Server:\t\t10.96.0.10\nAddress:\t10.96.0.10#53\n\n"
        "Name:\tweb-0.nginx.default.svc.cluster.local\nAddress: 10.244.1.5\n\n"
    )
    said = node.exec(tools, "nslookup", "10.96.0.80")
    assert said.stdout.endswith("80.0.96.10.in-addr.arpa\tname = web.default.svc.cluster.local.\n\n")
    missing = node.exec(tools, "nslookup", "nosuch")
    assert (missing.code, missing.stdout.splitlines()[-2]) == (1, "** server can't find nosuch: NXDOMAIN")


def test_a_second_name_server_answers_where_the_first_is_silent(node, pod):
    pod.files.write("/etc/resolv.conf", RESOLV_CONF["silent first"].encode())
    assert node.exec(pod, "wget", "-S", "-T", "2", "-O-", "http://web-7.nginx").stderr.startswith("wget: bad address")
    assert node.exec(pod, "getent", "hosts", "web").stdout.split()[0] == "10.96.0.80"
