"""How a learner's JupyterLab differs from everybody's: defaults, what is left out, and how the course looks.

All of it lies in the course's own folder and holds for the JupyterLab that is started with it. What a user has set
for themselves wins, and nothing of theirs is changed.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from jupyterlab_server.workspaces_handler import WorkspacesManager

DEFAULTS: dict[str, dict[str, Any]] = {
    "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},
    "@jupyterlab/filebrowser-extension:browser": {"showLastModifiedColumn": False},  # the room is for the names
}
# What an instructor needs of nbgrader. A learner on a hub has what the hub's own settings leave on.
_FOR_INSTRUCTORS = (
    "@jupyter/nbgrader:assignment-list",
    "@jupyter/nbgrader:course-list",
    "@jupyter/nbgrader:create-assignment",
    "@jupyter/nbgrader:formgrader",
    "@jupyter/nbgrader:menu",
    "@jupyter/nbgrader:validate-assignment",
)
# What serves those of nbgrader's parts that a learner does not see: over a second of the start.
_SERVED_TO_INSTRUCTORS = ("assignment_list", "course_list", "formgrader", "validate_assignment")
# The share of the window that is the file browser's: "08-how-to-deploy-a-statefulset.ipynb" fits where it is 1280 wide.
_LAYOUT = {
    "main": {"dock": None},
    "down": {"size": 0, "widgets": []},
    "left": {"collapsed": False, "visible": True, "current": "filebrowser", "widgets": ["filebrowser"]},
    "right": {"collapsed": True, "visible": True, "widgets": []},
    "relativeSizes": [0.26, 0.74, 0],
    "top": {"simpleVisibility": True},
}


def options(folder: Path, *, is_instructor: bool) -> list[str]:
    """JupyterLab's options for these settings, which are written into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    disabled = {} if is_instructor else dict.fromkeys(_FOR_INSTRUCTORS, True)
    _write(folder / "overrides.json", DEFAULTS)
    _write(folder / "page_config.json", {"disabledExtensions": disabled})
    chosen = [f"--LabApp.app_settings_dir={folder}"]
    chosen += [f"--{each}.log_level=WARN" for each in ("ServerApp", "LabApp")]  # its address, and what goes wrong
    if not is_instructor:
        served = (f"nbgrader.server_extensions.{each}" for each in _SERVED_TO_INSTRUCTORS)
        chosen += [f"--ServerApp.jpserver_extensions={each}=False" for each in served]
    for app in ("LabApp", "JupyterNotebookApp"):  # JupyterLab has a button that opens a notebook in the other one
        chosen.append(f"--{app}.extra_labextensions_path={Path(__file__).parent / 'extension'}")
    if not os.environ.get("JUPYTERLAB_WORKSPACES_DIR"):
        chosen.append(f"--LabApp.workspaces_dir={_workspaces(folder / 'workspaces')}")
    return chosen


def _workspaces(folder: Path) -> Path:
    """Where JupyterLab keeps which files are open: the course's own, so that two courses do not mix."""
    kept = WorkspacesManager(str(folder))
    folder.mkdir(exist_ok=True)
    if not any(folder.iterdir()):
        first = {"data": {"layout-restorer:data": _LAYOUT}, "metadata": {"id": "default"}}
        kept.save("default", json.dumps(first))
    return folder


def _write(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
