"""No function and no magic answers a slip with a traceback: misspelt names, wrong types, and nothing at all.

All public ones are tried, in one kernel; what is called has to be called wrongly here, so each line has to say what is
wrong in a sentence.
"""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import nbformat

import statelab.lab
import statelab.notebook
from statelab.cluster.embedded import EmbeddedCluster

CONNECT = (
    "%load_ext statelab\n%load_ext grader\nimport statelab\nfrom statelab.notebook import *\n"
    'cluster = statelab.connect().fresh("lesson-04")'
)
# By what is called: what a learner may write instead of what they mean.
FUNCTIONS = {
    "connect": ["('embeded')", "(3)", "('context:nope')", "('')", "(allow='yes')"],
    "current": ["('x')"],
    "edit": ["()", "(3)", "('nope.yaml')", "('../../etc/passwd')", "(None)"],
    "how_far": ["(3)", "('nope')", "(nope=1)"],
    "load": ["()"],
    "names": ["()", "(3)", "('a', 'b', 'c', 'd')", "('')"],
    "plot": ["()", "('web')", "('sts/nope')", "('nope/web')", "(3)", "('sts/web', kind='nope')", "('sts/web', kind=3)"],
    "pods": ["(3)", "('!!')", "('app=a', 'b')"],
    "predict": ["()", "('Which?')", "(3, key='k')", "('Which?', one='ab', key='k')", "('Which?', key=3)",
                "('Which?', one=[], key='k')", "('Which?', one=['a'], choices=['b'], key='k')",
                "('Which?', one=[1], key='k')"],
    "predicted": ["()", "(3)", "(key=None)"],
    "read_manifest": ["()", "(3)", "('nope.yaml')", "('manifests/04-web.yaml', 'nope')",
                      "('manifests/04-web.yaml', 3)"],
    "report": ["()", "(3)", "('ps3')", "({})", "(None)", "([1])"],
    "show": ["('pod/web-0')", "(before='x')", "(nope=True)", "(before=1.5)"],
    "side_by_side": ["('web')"],
    "stage": ["('web')", "(talk=3)", "(nope=1)"],
    "started": ["()", "('web')", "('nope/web')", "(3)"],
    "timeline": ["(3)", "('nope/web')", "('web')", "(nope=1)"],
    "truth": ["()", "('a')", "(3, 'x')", "('a', 'b', 3)"],
    "try_it": ["()", "('Do')", "('Do', wants={}, key=3)", "('Do', wants=['x'], key='k')",
               "('Do', wants={'x': 'nope'}, key='k')", "('Do', wants={'x': 'nope/web'}, key='k')",
               "('Do', wants={'x': 'pod/a Never'}, key='k')", "('Do', wants={'x': 'dns a b'}, key='k')",
               "('Do', wants={'x': 3}, key='k')"],
    "why": ["()", "('web')", "('pod/nope')", "('nope/web')", "(3)", "('')"],
    "check": ["()", "('ps3')", "('ps3.nope')", "('nope')", "('')", "(3)", "(None)"],
    "hint": ["()", "('ps3')", "('ps3.nope')", "('nope')", "('')", "(3)"],
}  # fmt: skip
METHODS = {
    "request": ["()", "('GET')", "('GET', '/nope')", "('GET', 3)", "(3, '/api')"],
    "get": ["()", "('web')", "('nope/web')", "(3)", "('pod/')", "('')"],
    "list": ["()", "('pod')", "('nope')", "(3)", "('pods', labels='!!')", "('pods', 3)"],
    "parse": ["()", "('web')", "('nope/web')", "(3)"],
    "patch": ["()", "('web', {})", "('pod/web', 3)", "('nope/web', {})", "('pod/web', {})",
              "('pod/web', {}, subresource=3)"],
    "until": ["()", "(3)", "(print, 'x')"],
    "loop": ["()", "('pods')", "('nopes', print)", "('pods', 3)", "('pods', print, also='nope')",
             "('pods', print, also=['nopes'])", "('pods', print, every_s='x')"],
    "run_kopf": ["()"],
    "delete": ["()", "('web')", "('nope/web')", "(3)", "('pod/web', grace_period_s='x')",
               "('pod/w', propagation=3)"],
    "kubectl": ["()", "(3)", "([1])", "(\"get 'pods\")"],
    "kubectl_live": ["()", "('get pods')", "('get pods', 3)"],
    "wait": ["()", "('web')", "('nope/web')", "('pod/web', 'Nope', timeout_s=0.1)", "('pod/web', 3)",
             "('pvc/x', timeout_s='x')",
             "('pod/web', timeout_s=0.1)", "('service/web', 'Ready')"],
    "wait_for_name": ["()", "(3)", "('nope', timeout_s=0.1)", "('nginx', 'NOPE')", "('nginx', at_least='x')"],
    "exec": ["()", "(3)", "('web-0', 3)"],
    "dns": ["()", "(3)", "('')", "('nginx', 'NOPE')", "('nginx', 3)", "('a..b')", "('x' * 300)"],
    "dns_address": ["(3)"],
    "asking_dns": ["(3)"],
    "wait_and_see": ["('x')", "(3, still_s='x')"],
    "default_storage_class": ["(3)"],
    "watch": ["()", "('pods')", "(['pods'], 3)"],
    "follow": ["()", "('pods')", "(['pods'], 3)"],
    "why": ["()", "('web')", "('pod/nope')", "(3)"],
    "history": ["('x')"],
    "start": ["(3)"],
    "stop_node": ["()", "('nope')", "(3)", "('')"],
    "start_node": ["()", "('nope')", "(3)"],
    "use": ["()", "(3)", "('Not_A_Name')", "('')"],
    "fresh": ["()", "(3)", "('Not_A_Name')", "('')"],
    "mend_nodes": ["(3)"],
}  # fmt: skip
MAGICS = [
    "%why", "%why web", "%why nope/web", "%why pod/nope", "%kubectl get 'pods", "%kubectl get nopes",
    "%kubectl edit pod web", "%kubectl | nope-nope", "%kubectl exec -it web-0", "%kubectl get pods -o go-template={{",
    "%%manifest\na: 1", "%%manifest a.yaml b.yaml\na: 1", "%%manifest 'a.yaml\na: 1",
    "%%manifest ../a.yaml\napiVersion: v1\nkind: Pod",
    "%%manifest a.yaml --nope\na: 1", "%%manifest a.yaml\n- [", "%%manifest a.yaml\n",
    "%%manifest a.yaml --apply\nkind: Nope",
    "%%manifest /dev/null/a.yaml\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}",
    "%%answer\nx", "%%answer ps3\nx", "%%answer nope\nx", "%%answer ps3.nope\nx",
]  # fmt: skip
# Before a lesson's first cell has been run, in a kernel of `statelab lab`.
BEFORE = ["cluster.get('pod/web-0')", "%kubectl get pods", "%%manifest a.yaml\na: 1", "predict('Which?')", "pods()"]
MISSPELT = [
    "statelab.conect()", "cluster.aply('x')", "cluster.wiat('pod/web-0')", "cluster.get('pod/web-9')['spec']",
    "cluster.dns('nginx').ttl", "cluster.exec('web-0', 'ls').out", "pods()['web-9']", "pods()[9]", "pods().since()",
    "pods().since(3)", "pods().sinc(3)", "before['web-1']", "statelab.cluster.Problm",
]  # fmt: skip
# What is no slip, or is answered as kubectl answers: these need say nothing.
QUIET = {CONNECT, "how_far('nope')", "predicted('nope')", "started('nope')", "cluster.get('pod/')"}


def test_every_public_function_is_tried() -> None:
    assert set(statelab.notebook.__all__) <= set(FUNCTIONS)
    methods = {name for name, each in inspect.getmembers(EmbeddedCluster, callable) if not name.startswith("_")}
    assert methods == set(METHODS)


def test_each_slip_is_told_in_a_sentence(calm_desk) -> None:
    lines = [f"{name}{call}" for name, calls in FUNCTIONS.items() for call in calls]
    lines += [f"cluster.{name}{call}" for name, calls in METHODS.items() for call in calls]
    lines = [*BEFORE, CONNECT, *lines, *MAGICS, *MISSPELT]
    cells = [nbformat.v4.new_code_cell(line) for line in lines]
    calm_desk.environment["PYTHONSTARTUP"] = str(Path(statelab.lab.__file__).with_name("kernel_start.py"))
    done = calm_desk.run(nbformat.v4.new_notebook(cells=cells)).cells
    wrong = {}
    for line, cell in zip(lines, done, strict=True):
        said = "".join(getattr(each, "text", "") + "\n".join(getattr(each, "traceback", ())) for each in cell.outputs)
        shown = [each for each in cell.outputs if each.output_type in ("display_data", "execute_result")]
        has_traceback = re.search(r"Traceback|File .*line \d+|\bCell In\[|----> ", said)
        if has_traceback or not (said.strip() or shown or line in QUIET):
            wrong[line] = said[-600:]
    assert not wrong, "\n\n".join(f"=== {line}\n{said}" for line, said in wrong.items())
