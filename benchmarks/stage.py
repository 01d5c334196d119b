"""The stage beside a notebook, as a learner has it: a JupyterLab, its kernel and cluster, and a Chromium.

What a busy machine does not falsify is told by the browser's own trace: the processor's time of its main thread, frame
by frame. How soon a change is seen is told by the clock, which a busy machine does falsify.
"""

from __future__ import annotations

import json
import statistics
import tempfile
from bisect import bisect_right
from collections.abc import Generator
from pathlib import Path
from typing import Any

from benchmarks.browser import ASK
from benchmarks.figure import Figure

_ROLLING = 60
_ROLLED_S = 20
_SEEN = {50: 150.0, 300: 500.0}  # Pods → the milliseconds in which a change is to be seen
_UPDATES = 15
_APART_S = 0.7
_PACE = "8"
_TASK, _FRAME = "ThreadControllerImpl::RunTask", "ProxyMain::BeginMainFrame"

_OPEN = """
from statelab.notebook import connect, stage
cluster = connect().fresh("bench")
stage()
"""
_MAKE = """
import json, time
def put(kind, name, spec):
    body = {"apiVersion": "apps/v1" if kind != "Pod" else "v1", "kind": kind, "metadata": {"name": name}, "spec": spec}
    cluster.kubectl("apply -f -", stdin=json.dumps(body))
def pods(kind, replicas, **more):
    cluster.fresh(f"{kind}-{replicas}".lower())
    template = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "c", "image": "nginx:1.27"}]}}
    put(kind, "web", {"replicas": replicas, "selector": {"matchLabels": {"app": "web"}}, "template": template, **more})
    for _ in range(600):
        ready = cluster.get(f"{kind.lower()}/web").get("status", {}).get("readyReplicas", 0)
        if ready >= min(replicas, 200):  # two nodes have room for 220
            break
        time.sleep(0.2)
    time.sleep(2)
"""
_ROLL = f"""
pods("StatefulSet", {_ROLLING}, serviceName="web", podManagementPolicy="Parallel")
"""
_ROLLS = f"""
cluster.kubectl("rollout restart sts web"); time.sleep({_ROLLED_S})
"""
# Each Pod waits behind a gate: one event, one new piece. The moment is taken before the API server has the request.
_UPDATE = f"""
def update():
    path, began = f"/api/v1/namespaces/{{cluster.namespace}}/pods", {{}}
    for number in range({_UPDATES}):
        spec = {{"schedulingGates": [{{"name": "b.io/b"}}], "containers": [{{"name": "c", "image": "nginx:1.27"}}]}}
        began[f"pod/probe-{{number}}"] = time.time() * 1000
        cluster.request("POST", path, {{"metadata": {{"name": f"probe-{{number}}"}}, "spec": spec}})
        time.sleep({_APART_S})
    print(json.dumps(began))
"""
_WATCH = """() => {
  window.seen = {};
  const look = () => {
    for (const each of document.querySelectorAll('.sl-stage .sl-now g[data-key^="pod/probe-"]')) {
      const key = each.dataset.key;
      if (key in window.seen) continue;
      window.seen[key] = 0;
      // After the next frame's callbacks comes its painting; what is posted from there runs when it is done.
      requestAnimationFrame(() => {
        const channel = new MessageChannel();
        channel.port1.onmessage = () => (window.seen[key] = performance.timeOrigin + performance.now());
        channel.port2.postMessage(0);
      });
    }
  };
  window.watcher?.disconnect();
  window.watcher = new MutationObserver(look);
  window.watcher.observe(document.querySelector('.sl-stage'), {subtree: true, childList: true});
}"""


def on_the_stage() -> Generator[Figure]:
    """Frames while 60 Pods roll, and from a change's request until it is painted."""
    from docs.screenshots import opened, run, window

    with window([_OPEN], 1280, 720, _PACE) as (page, address), tempfile.TemporaryDirectory() as folder:
        page.set_default_timeout(300_000)
        opened(page, address)
        run(page, 0)
        page.locator(".sl-stage").wait_for()
        page.evaluate(ASK, _MAKE + _UPDATE)
        page.evaluate(ASK, _ROLL)
        trace = Path(folder, "trace.json")
        browser: Any = page.context.browser
        browser.start_tracing(page=page, path=trace, categories=["toplevel", "cc"])
        page.evaluate(ASK, _ROLLS)
        browser.stop_tracing()
        frames = frames_ms(json.loads(trace.read_text(encoding="utf-8"))["traceEvents"])
        yield Figure(f"longest frame while {_ROLLING} Pods roll, of its thread", max(frames), "ms", "lower", aim=50.0)
        yield Figure(f"the median of {len(frames)}", statistics.median(frames), "ms", "lower", aim=16.7)
        for count, aim_ms in _SEEN.items():
            seen_ms = _seen_ms(page, count)
            yield Figure(f"a change painted on a stage of {count} Pods", seen_ms, "ms", "lower", aim=aim_ms)


def _seen_ms(page: Any, pods: int) -> float:
    """Milliseconds from a Pod's creation until it is painted, the median."""
    page.evaluate(ASK, f"pods('Deployment', {pods})")
    page.evaluate(_WATCH)
    began = json.loads(page.evaluate(ASK, "update()"))
    page.wait_for_function("count => Object.values(window.seen).filter(Boolean).length === count", arg=len(began))
    seen = page.evaluate("window.seen")
    return float(statistics.median(seen[key] - began[key] for key in began))


def frames_ms(events: list[dict[str, Any]]) -> list[float]:
    """What the page's main thread worked for each frame, in milliseconds of the processor: all since the one before,
    its messages and timers too. `events`: a trace of Chromium's.
    """
    names = [each for each in events if each.get("name") == "thread_name"]
    mains = {(each["pid"], each["tid"]) for each in names if each["args"]["name"] == "CrRendererMain"}
    whole = [each for each in events if each.get("ph") == "X"]
    pages = [[each for each in whole if (each["pid"], each["tid"]) == main] for main in mains]
    page = max(pages, key=len)
    ends = sorted(each["ts"] + each["dur"] for each in page if each["name"] == _FRAME)
    found = [0.0] * len(ends)
    for each in page:
        if each["name"] == _TASK and (place := bisect_right(ends, each["ts"])) < len(ends):
            found[place] += each.get("tdur", 0) / 1000  # one that the trace cut off has none
    return found
