"""Each lesson in a browser tab beside the same lesson on this computer: every cell, at kind's pace, in one chromium.

    python -m benchmarks.lessons 04 06

(All fourteen, without a number: about ten minutes.) Both are run as by *Run All*, with their pictures, one after the
other; a first run of the first cell, which starts Python and the cluster, is not counted. CPU time is that of the
browser and, on this computer, of JupyterLab's server, the kernel and the cluster: another load does not change it much.
"""

from __future__ import annotations

import argparse
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from benchmarks.browser import CHROMIUM, LONGEST_MS, served

_LESSONS = sorted((Path(__file__).parents[1] / "course").glob("*.ipynb"))
_TURN_TO = """async (path) => {
  const app = window.jupyterapp;
  await app.restored;
  for (const widget of [...app.shell.widgets('main')]) {
    const kernel = widget.sessionContext?.session?.id;
    if (kernel) await app.serviceManager.sessions.shutdown(kernel);
    widget.dispose();
  }
  if (!path) return;
  const opened = await app.commands.execute('docmanager:open', {path});
  await opened.context.ready;
  await opened.sessionContext.ready;
  app.shell.activateById(opened.id);
  const first = opened.content.model.sharedModel.cells.find((cell) => cell.cell_type === 'code');
  await opened.sessionContext.session.kernel.requestExecute({code: first.source}).done;
}"""
_RUN = """async () => {
  const {content} = window.jupyterapp.shell.currentWidget;
  await window.jupyterapp.commands.execute('notebook:run-all-cells');
  const code = content.widgets.filter((cell) => cell.model.type === 'code');
  return code.map((cell) => {
    const timing = cell.model.getMetadata('execution') ?? {};
    const errors = cell.model.outputs.toJSON().filter((each) => each.output_type === 'error');
    const begun = timing['iopub.status.busy'], ended = timing['shell.execute_reply'];
    return {
      source: cell.model.sharedModel.source,
      seconds: begun && ended ? (new Date(ended) - new Date(begun)) / 1000 : 0,
      problem: errors.map((each) => `${each.ename}: ${each.evalue}`).join(', '),
    };
  });
}"""


@dataclass(frozen=True)
class Run:
    """One lesson in one place: seconds of the clock and of the processor, and what each cell took."""

    clock_s: float
    cpu_s: float
    cells: list[dict[str, Any]]


class Processor:
    """The CPU time of processes that come and go: those that `belong`, and all that these started."""

    def __init__(self, *marks: str) -> None:
        self._marks = marks
        self._seen: dict[tuple[int, float], float] = {}

    def seconds(self) -> float:
        for process in psutil.process_iter():
            try:
                if any(mark in each for mark in self._marks for each in self._words(process)):
                    for each in (process, *process.children(recursive=True)):
                        times = each.cpu_times()
                        self._seen[each.pid, each.create_time()] = times.user + times.system
            except (psutil.Error, OSError):
                continue  # it ended meanwhile
        return sum(self._seen.values())

    @staticmethod
    def _words(process: psutil.Process) -> list[str]:
        return [*process.cmdline(), f"STATELAB_HOME={process.environ().get('STATELAB_HOME', '')}"]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.lessons", description=__doc__)
    parser.add_argument("lessons", nargs="*", metavar="NUMBER", help="which lessons, as 04 (all)")
    parser.add_argument("--site", type=Path, help="a site that was made already")
    parser.add_argument("--cells", action="store_true", help="also the cells that are slower than twice")
    wanted = parser.parse_args()
    chosen = [each.name for each in _LESSONS if not wanted.lessons or each.name[:2] in wanted.lessons]
    from playwright.sync_api import sync_playwright

    slow = 0
    with tempfile.TemporaryDirectory(prefix="statelab-bench-") as name:
        folder = Path(name)
        site = wanted.site or _made(folder / "site")
        profile = folder / "profile"
        with served(site) as (base, _), _lab(folder / "lab") as lab, sync_playwright() as playwright:
            context = playwright.chromium.launch_persistent_context(
                str(profile), executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"], no_viewport=True
            )
            context.set_default_timeout(LONGEST_MS)
            desktop, tab = context.new_page(), context.new_page()
            desktop.goto(f"{lab}/lab?token=t")
            tab.goto(f"{base}lab/index.html")
            processor = Processor(str(profile), str(folder / "lab"))
            print(f"{'lesson':44} {'tab':>8} {'here':>8} {'times':>6}   {'tab CPU':>8} {'here CPU':>8} {'times':>6}")
            for lesson in chosen:
                here = _run(desktop, f"course/{lesson}", processor)
                there = _run(tab, f"course/{lesson}", processor)
                times = there.clock_s / here.clock_s
                slow += times > 2
                print(
                    f"{lesson:44} {there.clock_s:8.1f} {here.clock_s:8.1f} {times:6.2f}   "
                    f"{there.cpu_s:8.1f} {here.cpu_s:8.1f} {there.cpu_s / here.cpu_s:6.2f}",
                    flush=True,
                )
                for one, other in zip(there.cells, here.cells, strict=True):
                    if one["problem"] or other["problem"]:
                        print(f"    {one['problem'] or '-'} | {other['problem'] or '-'}: {one['source'][:60]!r}")
                    elif wanted.cells and one["seconds"] > 2 * other["seconds"] + 0.2:
                        print(f"    {one['seconds']:.2f} {other['seconds']:.2f} {one['source'][:90]!r}")
            context.close()
    return 1 if slow else 0


def _made(site: Path) -> Path:
    from statelab.site.build import build

    build(site)
    return site


def _run(page: Any, path: str, processor: Processor) -> Run:
    page.wait_for_function("window.jupyterapp !== undefined")
    page.evaluate(_TURN_TO, path)
    page.bring_to_front()
    cpu_s, began_s = processor.seconds(), time.monotonic()
    cells = page.evaluate(_RUN)
    took_s, cpu_s = time.monotonic() - began_s, processor.seconds() - cpu_s
    page.evaluate(_TURN_TO, "")
    return Run(took_s, cpu_s, cells)


@contextmanager
def _lab(home: Path) -> Iterator[str]:
    """The address of a JupyterLab with a learner's copy of the course, as `statelab lab` opens it."""
    home.mkdir()
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    environment = {**os.environ, "STATELAB_HOME": str(home), "JUPYTER_CONFIG_DIR": str(home / "jupyter")}
    environment.pop("STATELAB_CLUSTER", None)
    statelab = [sys.executable, "-m", "statelab"]
    command = [*statelab, "lab", "--no-browser", "--port", str(port), "--copy-to", str(home), "--allow-root"]
    command += ["--IdentityProvider.token=t", "--LabApp.expose_app_in_browser=True"]
    with (home / "lab.log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=home, start_new_session=True)
    url = f"http://localhost:{port}"
    try:
        while True:
            try:
                urllib.request.urlopen(f"{url}/api?token=t", timeout=2)
                break
            except OSError:
                if process.poll() is not None:
                    raise RuntimeError((home / "lab.log").read_text()) from None
                time.sleep(0.1)
        yield url
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)
        subprocess.run([*statelab, "down"], env=environment, capture_output=True, check=False, timeout=120)


if __name__ == "__main__":
    sys.exit(main())
