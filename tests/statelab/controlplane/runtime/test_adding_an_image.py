"""docs/adding-an-image.md says what is so: its example and its test are run as they stand there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from statelab.controlplane.runtime import Mount, Volume, containers
from statelab.controlplane.runtime.http import request
from statelab.controlplane.runtime.images import image_for

PAGE = next(parent for parent in Path(__file__).parents if (parent / "pyproject.toml").exists()) / "docs"


def test_the_example_of_the_page_works(node, monkeypatch):
    example, test = re.findall(r"```python\n(.*?)```", (PAGE / "adding-an-image.md").read_text(), re.DOTALL)
    module: dict[str, object] = {}
    exec(example, module)
    image = module["IMAGE"]
    monkeypatch.setattr(
        containers, "image_for", lambda found: image if found.repository in image.repositories else image_for(found)
    )
    names: dict[str, object] = {"Volume": Volume, "Mount": Mount}
    exec(test, names)
    names["test_a_counter_counts_on_across_restarts"](node)


@pytest.mark.parametrize(
    ("image", "args", "port", "words"),
    [
        ("hashicorp/http-echo:1.0", ["-text=apple"], 5678, "apple\n"),
        ("hashicorp/http-echo", ["-listen=:80", "-text", "pear"], 80, "pear\n"),
        ("gcr.io/google-samples/hello-app:1.0", None, 8080, "Hello, world!\nVersion: 1.0.0\nHostname: web-0\n"),
        ("gcr.io/google-samples/kubernetes-bootcamp:v2", None, 8080, "Running on: web-0 | v=2\n"),
        ("traefik/whoami:v1.10", None, 80, "Hostname: web-0\n"),
    ],
)
def test_the_small_servers_of_the_tutorials(node, image, args, port, words):
    container = node.run(image, args=args)
    answers = []
    request(node.network, "10.244.2.9", "10.244.1.5", port, "/", answers.append)
    assert words in answers[0].body.decode()
    container.signal("TERM")
    node.loop.run_for(1)
    assert node.exits["web-0"].code == 0
