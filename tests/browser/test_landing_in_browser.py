"""The site's first page by itself, on a machine that is slow: what is clicked or chosen early is not lost."""

from __future__ import annotations

import functools
import http.server
import json
import shutil
import threading
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

PAGE = Path(__file__).resolve().parents[2] / "statelab" / "site" / "page"
PATH = "exercises/ps3/ps3.ipynb"
NOTEBOOK = {"path": PATH, "name": "ps3.ipynb", "type": "notebook", "format": "json", "content": {"cells": []}}
# As JupyterLite does when it finds no place for a kind of its files.
CHANGE = """() => new Promise((done, failed) => {
  const asked = indexedDB.open(`JupyterLite Storage - ${location.pathname.replace('index.html', '')}`, 7);
  asked.onupgradeneeded = () => asked.result.createObjectStore('counters');
  asked.onblocked = () => failed(new Error('blocked'));
  asked.onsuccess = () => (asked.result.close(), done('changed'));
})"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("landing")
    shutil.copytree(PAGE, folder, dirs_exist_ok=True)
    listed = {"assignments": ["ps3"], "pages": [{"path": PATH, "title": "Problem set 3"}]}
    (folder / "assignments.json").write_text(json.dumps(listed))

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            return

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()


@pytest.fixture
def context(desk: Any) -> Iterator[Any]:
    made = desk.context(accept_downloads=True)
    yield made
    made.close()


@pytest.fixture
def work(tmp_path: Path) -> Callable[[Any], Path]:
    def written(models: Any) -> Path:
        with zipfile.ZipFile(tmp_path / "work.zip", "w") as packed:
            packed.writestr("statelab-work-1.json", json.dumps(models))
        return tmp_path / "work.zip"

    return written


def held(page: Any, pattern: str) -> Callable[[], None]:
    """The page's requests for it wait until the function that is given back is called."""
    page.route(pattern, lambda _: None)
    return lambda: page.unroute(pattern)  # what waits goes on


def says(page: Any, words: str) -> None:
    page.locator("#answer", has_text=words).wait_for()


def test_nothing_can_be_clicked_before_it_works_and_a_file_chosen_before_is_taken(
    context: Any, site: str, work: Callable[[Any], Path]
) -> None:
    page = context.new_page()
    release = held(page, "**/storage.js")
    page.goto(site, wait_until="commit")
    page.locator("#answer").wait_for(state="attached")
    assert [page.locator(each).is_enabled() for each in ("#export", "#import", "#hand-in")] == [False] * 3
    page.set_input_files("#import", work({PATH: NOTEBOOK}))
    release()
    says(page, "1 files are back")
    assert page.input_value("#import") == ""  # the same file can be chosen again
    page.locator("#import:enabled").wait_for(state="attached")


def test_work_goes_in_and_out_while_the_list_of_assignments_is_on_its_way(
    context: Any, site: str, work: Callable[[Any], Path], tmp_path: Path
) -> None:
    page = context.new_page()
    release = held(page, "**/assignments.json")
    page.goto(site)
    page.set_input_files("#import", work({PATH: NOTEBOOK}))  # a browser in which the course was never opened
    says(page, "1 files are back")
    with page.expect_download() as download:
        page.click("#export")
    download.value.save_as(tmp_path / "out.zip")
    with zipfile.ZipFile(tmp_path / "out.zip") as saved:
        assert json.loads(saved.read("statelab-work-1.json")) == {PATH: NOTEBOOK}
    assert not page.locator("#hand-in").is_enabled()
    release()
    page.select_option("#assignment", "ps3")
    page.fill("#student", "alice")
    with page.expect_download() as download:
        page.click("#hand-in")
    assert download.value.suggested_filename == "alice_ps3.zip"


@pytest.mark.parametrize("models", [{PATH: NOTEBOOK, "b": None}, [1], "text", {"a": {"type": 1}}])
def test_a_file_that_is_not_whole_changes_nothing(
    context: Any, site: str, work: Callable[[Any], Path], models: Any
) -> None:
    page = context.new_page()
    page.goto(site)
    page.set_input_files("#import", work(models))
    says(page, "This is no file that this page has saved")
    page.click("#export")
    says(page, "There is nothing of yours in this browser yet")


def test_the_page_keeps_no_other_tab_from_making_its_place_for_files(context: Any, site: str) -> None:
    page = context.new_page()
    page.goto(site)
    page.evaluate(CHANGE.replace("7", "1"))  # there is a storage, and no place for files in it
    page.click("#export")
    says(page, "There is nothing of yours in this browser yet")
    other = context.new_page()
    other.goto(site)
    assert other.evaluate(CHANGE.replace("'counters'", "'files'")) == "changed"
    page.click("#export")
    says(page, "There is nothing of yours in this browser yet")


def test_what_fails_is_said(context: Any, site: str) -> None:
    page = context.new_page()
    page.add_init_script("indexedDB.databases = () => Promise.reject(new Error('the disk is broken'))")
    page.goto(site)
    page.click("#export")
    says(page, "That did not work: the disk is broken")
    assert page.locator("#export").is_enabled()
