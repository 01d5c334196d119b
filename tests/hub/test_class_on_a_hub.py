"""A class on a real JupyterHub: a teacher and two learners go the whole round, and nobody meets another's."""

from __future__ import annotations

import json
import os
import stat
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import websocket

from statelab.cluster import users
from statelab.cluster.paths import Home

from .conftest import COURSE, ROOT, Site, start_hub, until

CORPUS = ROOT / "tests/grader/corpus"
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def tokens(site: Site) -> dict[str, str]:
    """All three servers are started at once, and answer."""
    names = list(site.users.values())
    assert site.ask("POST", "/hub/api/users", {"usernames": names})[0] == 201
    with ThreadPoolExecutor(3) as at_once:
        codes = list(at_once.map(lambda name: site.ask("POST", f"/hub/api/users/{name}/server")[0], names))
    assert set(codes) <= {201, 202}, (site.folder / "hub.log").read_text()[-6000:]
    until(
        lambda: all(
            site.ask("GET", f"/hub/api/users/{name}")[1].get("servers", {}).get("", {}).get("ready") for name in names
        ),
        lambda: (site.folder / "hub.log").read_text()[-6000:],
    )
    return {who: site.token_of(who) for who in site.users}


def server(site: Site, tokens: dict[str, str], who: str, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    return site.ask(method, f"/user/{site.users[who]}{path}", body, tokens[who])[:2]


def in_terminal(site: Site, tokens: dict[str, str], who: str, line: str, last: str) -> str:
    """What a line shows in a terminal of the user's JupyterLab, until it has shown `last`."""
    name = server(site, tokens, who, "POST", "/api/terminals")[1]["name"]
    address = f"{site.url.replace('http', 'ws', 1)}/user/{site.users[who]}/terminals/websocket/{name}"
    terminal = websocket.create_connection(address, timeout=60, header=[f"Authorization: token {tokens[who]}"])
    seen = ""
    deadline_s = time.monotonic() + 90
    try:
        terminal.send(json.dumps(["stdin", f"{line}\r"]))
        while last not in seen and time.monotonic() < deadline_s:
            kind, *data = json.loads(terminal.recv())
            seen += data[0] if kind == "stdout" else ""
    finally:
        terminal.close()
    return seen


def answers(site: Site, who: str, right: bool) -> dict[str, Any]:
    """The learner's fetched notebook with answers from the corpora."""
    notebook = json.loads((site.home(who) / "ps3/ps3.ipynb").read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        name = cell["metadata"].get("nbgrader", {}).get("grade_id", "")
        if name.endswith("-answer"):
            task = "ps3." + name.removeprefix("ps3-").removesuffix("-answer")
            answer = sorted((CORPUS / task / ("right" if right else "wrong")).glob("*.yaml"))[0]
            cell["source"] = f"%%answer {task}\n{answer.read_text(encoding='utf-8')}"
    return notebook


def test_each_user_has_a_copy_of_the_course_of_their_own_and_what_they_need(site: Site, tokens: dict[str, str]) -> None:
    for who in site.users:
        mine = site.home(who) / "statelab"
        assert (mine / "course/00-start-here.ipynb").stat().st_uid == site.home(who).stat().st_uid
        assert stat.S_IMODE(mine.stat().st_mode) == 0o700
        assert not (mine / "solutions").exists()
    code, page, headers = site.ask("GET", f"/user/{site.users['teacher']}/formgrader", token=tokens["teacher"])
    assert code == 200 and "formgrader" in page.lower()
    assert headers["content-security-policy"] == "frame-ancestors 'self'"
    assert server(site, tokens, "anna", "GET", "/formgrader")[0] == 404
    lab = str(server(site, tokens, "anna", "GET", "/lab")[1])
    config = json.loads(lab.partition('id="jupyter-config-data" type="application/json">')[2].partition("</script>")[0])
    disabled = {each if isinstance(each, str) else each.get("raw") for each in config["disabledExtensions"]}
    assert {"@jupyter/nbgrader:formgrader", "@jupyter/nbgrader:create-assignment"} <= disabled
    assert "@jupyterlab/apputils-extension:announcements" in disabled
    assert "@jupyter/nbgrader:assignment-list" not in disabled
    _, settings = server(site, tokens, "anna", "GET", "/lab/api/settings/@jupyter-widgets%2Fjupyterlab-manager:plugin")
    assert settings["schema"]["properties"]["saveState"]["default"] is True


def test_a_terminal_finds_the_cluster_and_kernels_have_no_ports(site: Site, tokens: dict[str, str]) -> None:
    line = "statelab up --pace 20 && kubectl get nodes -o name && echo home $STATELAB_HOME; echo the e''nd"
    seen = in_terminal(site, tokens, "anna", line, "the end")
    assert f"home {site.home('anna')}/statelab" in seen
    if (site.python.parent / "kubectl").exists():
        assert seen.count("node/kind-") == 3
    kernel = server(site, tokens, "anna", "POST", "/api/kernels")[1]
    runtime = Path(tempfile.gettempdir(), f"jupyter-{site.home('anna').stat().st_uid}")  # her home's path is long
    assert not runtime.stat().st_mode & 0o077
    (connection,) = runtime.glob("kernel-*.json")
    assert json.loads(connection.read_text())["transport"] == "ipc"
    assert server(site, tokens, "anna", "DELETE", f"/api/kernels/{kernel['id']}")[0] == 204
    # An hour without a question ends it, and so does the end of the terminal or server that it was for.
    folder = Home(site.home("anna") / "statelab").folder
    server_of_anna = json.loads((folder / "server.json").read_text())
    words = Path(f"/proc/{server_of_anna['pid']}/cmdline").read_bytes().split(b"\0")
    assert words[words.index(b"--idle-end") + 1] == b"3600.0"
    assert len(users.of(folder)) == 1


def test_the_whole_round_from_release_to_feedback(site: Site, tokens: dict[str, str]) -> None:
    def teacher(command: str) -> str:
        done = site.run("teacher", command, at=site.course_root)
        assert done.returncode == 0, done.stdout + done.stderr[-3000:]
        return done.stdout + done.stderr

    teacher("nbgrader db student import students.csv && nbgrader generate_assignment ps3")
    teacher("nbgrader release_assignment ps3")
    about = {"course_id": COURSE, "assignment_id": "ps3"}
    for who, right in (("anna", True), ("ben", False)):
        released = server(site, tokens, who, "GET", f"/assignments?course_id={COURSE}")[1]
        assert [each["assignment_id"] for each in released["value"]] == ["ps3"]
        assert server(site, tokens, who, "POST", "/assignments/fetch", about)[1]["success"]
        content = {"type": "notebook", "content": answers(site, who, right)}
        assert server(site, tokens, who, "PUT", "/api/contents/ps3/ps3.ipynb", content)[0] == 200
        (site.home(who) / "ps3/.statelab").mkdir()  # as an earlier version left it
        (site.home(who) / "ps3/.statelab/server.json").write_text('{"token": "secret"}')
        handed_in = server(site, tokens, who, "POST", "/assignments/submit", about)[1]
        assert handed_in["success"], handed_in
    assert not list(site.exchange.rglob(".statelab"))
    teacher("nbgrader collect ps3 --update && grader run ps3 --jobs 2 && nbgrader release_feedback ps3")
    report = json.loads((site.course_root / "reports/ps3.json").read_text())
    scores = {each["student"]: (each["score"], each["in_class_list"]) for each in report["students"]}
    assert scores[site.users["anna"]] == (100, True) and scores[site.users["ben"]][0] < 100
    for who in ("anna", "ben"):
        assert server(site, tokens, who, "POST", "/assignments/fetch_feedback", about)[1]["success"]
        (page,) = (site.home(who) / "ps3/feedback").rglob("ps3.html")
        assert page.stat().st_uid == site.home(who).stat().st_uid


def test_nobody_reads_anothers_cluster_work_or_answers(site: Site, tokens: dict[str, str]) -> None:
    anna = site.home("anna")
    about = json.loads((anna / "statelab/.statelab/server.json").read_text())
    wanted = [
        *(anna / "statelab/.statelab").rglob("*"),
        anna / "statelab/course/00-start-here.ipynb",
        anna / "ps3/ps3.ipynb",
        *site.course_root.rglob("*"),
        *(site.settings / "private").iterdir(),
        Path(f"/proc/{about['pid']}/environ"),
    ]
    files = [str(each) for each in wanted if each.is_file()]
    assert len(files) > 20 and any("hidden.py" in each for each in files) and any("journal" in each for each in files)
    look = "import sys\nfor each in sys.argv[1:]:\n try: open(each, 'rb').read(1); print(each)\n except OSError: pass"
    done = site.run("ben", f"python -c {_quoted(look)} {' '.join(map(_quoted, files))}")
    assert (done.stdout, done.stderr) == ("", "")
    assert any(each.endswith("jupyterhub.sqlite") for each in files)
    # What is handed in can be read by who knows its name, which is secret: nobody can list it.
    assert site.run("ben", f"ls {site.exchange / COURSE / 'inbound'}").returncode != 0
    done = site.run("ben", "cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' '\\n'; true")
    assert about["url"].rpartition(":")[2] or done.stdout  # what follows would hold for nothing, too
    assert "statelab.hub.start" in done.stdout or "jupyterhub-singleuser" in done.stdout
    assert not any(secret in done.stdout for secret in (about["token"], site.token, *tokens.values()))
    ask = f"import urllib.request as r; print(r.urlopen('{about['url']}/api/v1/pods').status)"
    assert "401" in site.run("ben", f"python -c {_quoted(ask)}").stderr
    assert site.ask("GET", f"/user/{site.users['anna']}/api/contents", token=tokens["ben"])[0] == 403


def test_a_hub_that_is_killed_finds_everybody_as_they_were(site: Site, tokens: dict[str, str]) -> None:
    about = json.loads((site.home("anna") / "statelab/.statelab/server.json").read_text())
    before = {who: server(site, tokens, who, "GET", "/api/status")[1]["started"] for who in site.users}
    assert site.hub is not None
    site.hub.kill()
    site.hub.wait(10)
    assert Path(f"/proc/{about['pid']}").exists()
    start_hub(site)
    until(
        lambda: (
            {who: server(site, tokens, who, "GET", "/api/status")[0] for who in site.users}
            == dict.fromkeys(before, 200)
        ),
        lambda: (site.folder / "hub.log").read_text()[-3000:],
    )
    assert {who: server(site, tokens, who, "GET", "/api/status")[1]["started"] for who in site.users} == before


def test_when_a_users_server_is_stopped_their_cluster_is_for_nobody(site: Site, tokens: dict[str, str]) -> None:
    folder = Home(site.home("anna") / "statelab").folder
    assert users.of(folder)
    assert site.ask("DELETE", f"/hub/api/users/{site.users['anna']}/server")[0] in (202, 204)
    until(lambda: not users.of(folder), lambda: os.listdir(folder / "users"))


def _quoted(text: str) -> str:
    import shlex

    return shlex.quote(text)
