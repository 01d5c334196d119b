"""docs/adding-an-image.md says what is so: its example and its test are run as they stand there."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from statelab.controlplane.image_names import BUILT_IN, Names, built_in, is_stand_in, parse_reference
from statelab.controlplane.runtime import Mount, Volume, containers
from statelab.controlplane.runtime.http import request
from statelab.controlplane.runtime.images import image_for

PAGE = next(parent for parent in Path(__file__).parents if (parent / "pyproject.toml").exists()) / "docs"


def test_the_example_of_the_page_works(node, monkeypatch):
    example, row, test = re.findall(r"```python\n(.*?)```", (PAGE / "adding-an-image.md").read_text(), re.DOTALL)
    module: dict[str, object] = {}
    exec(example, module)
    image = module["IMAGE"]
    ((_place, name),) = eval("{" + row + "}", {"Names": Names}).items()
    monkeypatch.setattr(
        containers, "image_for", lambda found: image if found.repository in name.repositories else image_for(found)
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


def test_every_name_that_is_built_in_leads_to_its_image_and_any_other_to_a_stand_in():
    for place, names in BUILT_IN.items():
        for repository in names.repositories:
            assert built_in(parse_reference(repository)) == place
            assert image_for(parse_reference(f"{repository}:1.0")).simulated == is_stand_in(repository)
    assert image_for(parse_reference("mirror.example.org/team/redis")) is image_for(parse_reference("redis:7.4"))
    assert image_for(parse_reference("postgres:17")).simulated


def test_to_ask_whether_an_image_is_a_stand_in_loads_nothing_that_runs_one():
    """A notebook's kernel draws pictures; it holds no container, and not the memory of what runs them either."""
    asked = (
        "import sys; from statelab.notebook.pictures import stand_ins; assert stand_ins.is_stand_in('postgres:17'); "
        "print([name for name in sys.modules if name.startswith('statelab.controlplane.runtime')])"
    )
    said = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert said.stdout == "[]\n"
