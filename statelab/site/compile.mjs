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
# What nobody meets in the course: other systems' terminals, languages to colour but Python, DNS over QUIC and its like.
LEFT_OUT = re.compile(
    r"pygments/(lexers/(?!__init__|_mapping|python|special|shell|data\\b)|cmdline|sphinxext|formatters/(img|latex|rtf|groff|svg))"
    r"|dns/(quic/_[a-z]|dnssecalgs/|async(query|resolver)|_asyncio|_trio|_ddr|btree|dnssec\\.|nameserver|resolver|versioned|win32util|zone)"
    r"|prompt_toolkit/(contrib/|input/win32|output/win32)"
    r"|IPython/(testing/plugin/|sphinxext/|external/qt|utils/_process_win32|lib/(demo|backgroundjobs|latextools|deepreload))"
    r"|urllib3/(http2/connection|contrib/pyopenssl)|packaging/licenses/|_pyrepl/windows"
    r"|asyncio/(windows|proactor)_events|pydoc_data/|dist-info/RECORD$"
)
# What a learner may ask help() about keeps its words.
HELPS = re.compile("statelab/(?!controlplane/|kubectl/|reader/)|grader/")

def compiled(path, source, optimize):
    try:
        code = compile(source, path, "exec", dont_inherit=True, optimize=optimize)
    except (SyntaxError, ValueError):  # a template, or a test of what is no Python
        return path, source
    return path + "c", bytes(_code_to_hash_pyc(code, bytes(8), False))

for name in sorted(os.listdir("/from")):
    with zipfile.ZipFile(f"/from/{name}") as old, zipfile.ZipFile(f"/to/{name}", "w") as new:
        for each in sorted(old.namelist()):
            if each.endswith("/") or LEFT_OUT.search(each):
                continue
            path, content = each, old.read(each)
            if each.endswith(".py"):
                path, content = compiled(each, content, 0 if HELPS.match(each) else 2)
            new.writestr(zipfile.ZipInfo(path, MOMENT), content, zipfile.ZIP_DEFLATED, 9)
`);
