"""`statelab site --to DIR`: the whole course as files, for any static server and under any path."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from jupyter_core.paths import jupyter_path

from statelab import course
from statelab.cluster.problem import Problem
from statelab.site import distribution, downloads, sizes
from statelab.site.putting import beside, put
from statelab.version import VERSION

_KERNEL = "@jupyterlite/pyodide-kernel-extension"
_EXTENSIONS = (_KERNEL, "@jupyter-widgets/jupyterlab-manager", "anywidget")
_PLUGIN = f"{_KERNEL}:kernel"
_PAGE = Path(__file__).parent / "page"
_LAB = Path(__file__).resolve().parents[1] / "lab" / "extension"
# Ours: pictures and the stage, how the course looks, and what a tab needs that has no server.
_OURS = (_LAB / "statelab", _LAB / "statelab-course", Path(__file__).parent / "extension" / "statelab-tab")
_ALL_REQUESTS = "shouldDrop(t,a)||(n=maybeFromCache(e))"
_REQUESTS_IF_KEPT = "shouldDrop(t,a)||!enableCache||(n=maybeFromCache(e))"
# Parts of JupyterLab that a learner of this course never meets, each with what it weighs in a tab's start.
_DISABLED = (
    "@jupyterlab/extensionmanager-extension",
    "@jupyterlab/debugger-extension",
    "@jupyterlab/logconsole-extension",
    "@jupyterlab/help-extension:licenses",
)


def build(to: Path, *, cache: Path | None = None, say: downloads.Say = print) -> dict[str, int]:
    """Write the site into `to`, which is new, empty, or a site of before; sizes by part. `say` hears how far it is.

    What is there stays as it is until the new one is whole. Raises Problem.
    """
    if find_spec("jupyterlite_core") is None or find_spec("jupyterlite_pyodide_kernel") is None:
        raise Problem(
            "JupyterLite is not installed: it is what the site is made of.",
            "Install StateLab with its extra: pip install 'statelab[site]'. Then run this again.",
        )
    downloads.node()  # what is needed at the end is missed at the beginning
    to = to.resolve()
    if to.exists() and any(to.iterdir()) and not (to / "statelab.json").is_file():
        raise Problem(f"{to} has something in it that is no site of ours.", "Name a folder that is new or empty.")
    above = next(each for each in (to, *to.parents) if each.exists())
    if not (above.is_dir() and os.access(above, os.W_OK)):  # said now, not after a minute's work
        raise Problem(f"Nothing can be written into {above}.", "Name another folder with --to.")
    with beside(to) as aside:
        lite, made = aside / "lite", aside / "made"
        pyodide = lite / "static" / "pyodide"
        names = distribution.make(pyodide, _extension(_KERNEL), cache or downloads.cache_folder(), say)
        _contents(lite / "files")
        _settings(lite, names)
        say("Putting JupyterLite and the course together")
        _jupyterlite(lite, made)
        _page(made)
        _service_worker(made / "service-worker.js")
        sizes.prune(made)
        counted = sizes.of(made)
        about = {"statelab": VERSION, "pyodide": downloads.PYODIDE_VERSION, "bytes": counted}
        (made / "statelab.json").write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
        put(made, to, aside)
    return counted


def _extension(name: str) -> Path:
    for base in (Path(sys.prefix, "share", "jupyter"), *map(Path, jupyter_path())):
        folder = base / "labextensions" / name
        if folder.is_dir():
            return folder
    raise Problem(f"The JupyterLab extension {name} is not installed here.")


def _contents(folder: Path) -> None:
    """The notebooks, and what they apply and show: as a learner's own copy has them."""
    course.copy_to(folder)
    for name in (course.RECORD, "kind-config.yaml"):  # there is no kind in a tab
        (folder / name).unlink(missing_ok=True)
    for picture in folder.rglob("*.svg"):  # JupyterLite hands pictures on as Latin-1
        picture.write_bytes(picture.read_text(encoding="utf-8").encode("ascii", "xmlcharrefreplace"))


def _settings(lite: Path, names: list[str]) -> None:
    environment = {"HOME": "/home/pyodide", "STATELAB_HOME": "/drive"}
    kernel = {"loadPyodideOptions": {"packages": names, "env": environment}, "disablePyPIFallback": True}
    settings = {
        "jupyter-lite-schema-version": 0,
        "jupyter-config-data": {
            "appName": "StateLab",
            "disabledExtensions": list(_DISABLED),
            "litePluginSettings": {_PLUGIN: kernel},
            "enableMemoryStorage": False,
            "exposeAppInBrowser": True,  # for the tests, and for whoever wants to script it
            "collaborative": False,
        },
    }
    (lite / "jupyter-lite.json").write_text(json.dumps(settings), encoding="utf-8")
    config = {
        "LiteBuildConfig": {
            "apps": ["lab"],
            "contents": ["files"],
            "federated_extensions": [*(str(_extension(each)) for each in _EXTENSIONS), *map(str, _OURS)],
            "ignore_sys_prefix": ["federated_extensions"],
            "no_sourcemaps": True,
            "no_unused_shared_packages": True,
        }
    }
    (lite / "jupyter_lite_config.json").write_text(json.dumps(config), encoding="utf-8")


def _jupyterlite(lite: Path, made: Path) -> None:
    command = [sys.executable, "-m", "jupyterlite_core", "build", "--lite-dir", str(lite), "--output-dir", str(made)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=lite, check=False)
    if done.returncode:
        raise Problem("JupyterLite could not be built:\n" + (done.stderr or done.stdout)[-3000:])


def _service_worker(program: Path) -> None:
    """JupyterLite's stands between the page and its files even where it keeps none of them; on the second visit each of
    40 MB goes through it, and the browser keeps nothing it has compiled. The learner's files are all it is needed for.
    """
    text = program.read_text(encoding="utf-8")
    program.write_text(text.replace(_ALL_REQUESTS, _REQUESTS_IF_KEPT), encoding="utf-8")


def _page(made: Path) -> None:
    """The landing page, in place of JupyterLite's, which leads on at once; and what it reads."""
    for path in _PAGE.iterdir():
        shutil.copyfile(path, made / path.name)
    # JupyterLab's own icon is 319 kB, in sizes that no tab shows.
    shutil.copyfile(made / "static" / "favicons" / "favicon.ico", made / "lab" / "favicon.ico")
    # A page's pictures are asked for beside the page first, and then where they are.
    shutil.copytree(made / "files" / "course" / "pictures", made / "lab" / "pictures")
    pyodide = made / "static" / "pyodide"
    later = distribution.files_for_later(pyodide)
    large = [each for each in pyodide.iterdir() if each.name not in later] + list(
        (made / "build").glob("jlab_core.*.js")
    )
    preload = [{"path": each.relative_to(made).as_posix(), "bytes": each.stat().st_size} for each in sorted(large)]
    (made / "preload.json").write_text(json.dumps(preload), encoding="utf-8")
    files = made / "files"
    lessons = sorted((files / "course").glob("*.ipynb"))
    tasks = sorted((files / "exercises").glob("*/*.ipynb"), key=lambda path: (path.stem == "final", path.stem))
    listed = {
        "assignments": [path.stem for path in tasks],
        "pages": [{"path": path.relative_to(files).as_posix(), "title": _title(path)} for path in (*lessons, *tasks)],
    }
    (made / "assignments.json").write_text(json.dumps(listed), encoding="utf-8")
    # The kernel looks for the learner's record of progress before there is one: an empty folder, and no error.
    listing: dict[str, object] = {
        "name": ".statelab", "path": ".statelab", "type": "directory", "format": "json", "mimetype": None,
        "content": [], "created": "2026-01-01T00:00:00Z", "last_modified": "2026-01-01T00:00:00Z", "writable": True,
        "size": None, "hash": None, "hash_algorithm": None,
    }  # fmt: skip
    hidden = made / "api" / "contents" / ".statelab"
    hidden.mkdir(parents=True, exist_ok=True)
    (hidden / "all.json").write_text(json.dumps(listing), encoding="utf-8")
    top = made / "api" / "contents" / "all.json"
    about = json.loads(top.read_text(encoding="utf-8"))
    about["content"].append({**listing, "content": None, "format": None})
    top.write_text(json.dumps(about), encoding="utf-8")


def _title(notebook: Path) -> str:
    """The heading that it begins with."""
    first = json.loads(notebook.read_text(encoding="utf-8"))["cells"][0]["source"]
    return "".join(first).splitlines()[0].lstrip("# ")
