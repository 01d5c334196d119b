// node compile.mjs PYODIDE FROM TO: archives of Python modules, from one folder into another, with what the interpreter of
// that Pyodide makes of each module (.pyc) in the place of its source: a tab need not compile it at every start.
import { pathToFileURL } from "node:url";

const [pyodide, from, to] = process.argv.slice(2);
const { loadPyodide } = await import(pathToFileURL(`${pyodide}/pyodide.mjs`));
const py = await loadPyodide({ indexURL: `${pyodide}/` });
for (const [name, root] of [["from", from], ["to", to]]) {
  py.FS.mkdir(`/${name}`);
  py.FS.mount(py.FS.filesystems.NODEFS, { root }, `/${name}`);
}
py.runPython(`
import os, re, zipfile
from importlib._bootstrap_external import _code_to_hash_pyc

MOMENT = (2026, 1, 1, 0, 0, 0)
# What nobody meets in the course: stubs of frameworks to complete names of, and the languages to colour but Python.
LEFT_OUT = re.compile(
    r"jedi/third_party/(django-stubs|typeshed/third_party)/"
    r"|pygments/lexers/(?!__init__|_mapping|python|special|shell|data\\b)|pydoc_data/|/RECORD$"
)

def compiled(path, source, optimize):
    try:
        code = compile(source, path, "exec", dont_inherit=True, optimize=optimize)
    except (SyntaxError, ValueError):  # a template, or a test of what is no Python
        return path, source
    return path + "c", bytes(_code_to_hash_pyc(code, bytes(8), False))

for name in sorted(os.listdir("/from")):
    optimize = 0 if name.startswith("statelab-") else 2  # what help() says of ours stays
    with zipfile.ZipFile(f"/from/{name}") as old, zipfile.ZipFile(f"/to/{name}", "w") as new:
        for each in sorted(old.namelist()):
            if each.endswith("/") or LEFT_OUT.search(each):
                continue
            path, content = each, old.read(each)
            if each.endswith(".py"):
                path, content = compiled(each, content, optimize)
            new.writestr(zipfile.ZipInfo(path, MOMENT), content, zipfile.ZIP_DEFLATED, 9)
`);
