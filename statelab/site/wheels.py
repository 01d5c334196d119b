"""Wheels of what is installed here: our packages, and pure Python dependencies without what a tab cannot use."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from statelab.cluster.problem import Problem
from statelab.site.importable import unimportable
from statelab.version import VERSION

_LEFT_OUT = (".so", ".pyd", ".pyc", ".pyi", ".js.map")
MOMENT = (2026, 1, 1, 0, 0, 0)  # of every file in a wheel: the same content is the same wheel
_SCHEMAS = "kubernetes-json-schema/v1.36.0-local/_definitions.json"


@dataclass(frozen=True)
class Wheel:
    """A wheel in the site's folder, as Pyodide's lock file tells of it."""

    name: str
    version: str
    file: str
    sha256: str
    imports: tuple[str, ...]
    depends: tuple[str, ...] = ()

    def to_json(self) -> dict[str, object]:
        return {
            "name": self.name, "version": self.version, "file_name": self.file, "sha256": self.sha256,
            "imports": list(self.imports), "depends": list(self.depends), "install_dir": "site",
            "package_type": "package", "unvendored_tests": False,
        }  # fmt: skip


RUBRICS = "statelab-rubrics"
# What is for a teacher's machine, or for one with servers and processes: nothing that a tab runs asks for it.
_NOT_IN_A_TAB = (
    *(f"grader/{each}" for each in ("batch/", "live/", "nbgrader/", "oncluster/", "audit", "bundle")),
    *(f"statelab/{each}" for each in ("__main__", "doctor", "hub/", "lab/", "real_clusters", "serve", "site/")),
    "statelab/files/",  # the course lies beside it
)
# What of each distribution is needed in a tab. The rest of some is large: schemas of other versions, locales, tests.
_WANTED: dict[str, tuple[tuple[str, ...], Callable[[str], bool]]] = {
    "PyYAML": (("yaml",), lambda path: path.startswith("yaml/")),
    "kubernetes-validate": (
        ("kubernetes_validate",),
        lambda path: path.endswith((_SCHEMAS, "kubernetes_validate/version.py")),
    ),
    "comm": (("comm",), lambda path: path.startswith("comm/")),
    "ipywidgets": (("ipywidgets",), lambda path: path.startswith("ipywidgets/") and "/tests/" not in path),
    "anywidget": (("anywidget",), lambda path: path.startswith("anywidget/") and path.endswith(".py")),
    "psygnal": (("psygnal",), lambda path: path.startswith("psygnal/") and "/_pyinstaller" not in path),
    "fakeredis": (("fakeredis",), lambda path: path.startswith("fakeredis/")),
    "redis": (("redis",), lambda path: path.startswith("redis/")),
    "sortedcontainers": (("sortedcontainers",), lambda path: path.startswith("sortedcontainers/")),
    "dnspython": (("dns",), lambda path: path.startswith("dns/")),
}


def installed(folder: Path) -> list[Wheel]:
    """Wheels of the pure dependencies. Raises Problem where one is not installed."""
    return [_repacked(name, folder) for name in _WANTED]


def _repacked(name: str, folder: Path) -> Wheel:
    try:
        found = distribution(name)
    except PackageNotFoundError:
        raise Problem(f"{name} is not installed.", "Install StateLab with its dependencies.") from None
    imports, wanted = _WANTED[name]
    content: dict[str, bytes] = {}
    for each in found.files or ():
        path = each.as_posix()
        if (
            (wanted(path) and not path.endswith(_LEFT_OUT) and "__pycache__" not in path)
            or "/licenses/" in path
            or path.endswith(("dist-info/LICENSE", "dist-info/COPYING"))
        ):
            content[path] = Path(str(found.locate_file(each))).read_bytes()
    if name == "kubernetes-validate":  # its own __init__ brings jsonschema, and only its data are read
        content["kubernetes_validate/__init__.py"] = b""
    return write(folder, name, found.version, content, imports)


def own(folder: Path, depends: tuple[str, ...], there: frozenset[str]) -> tuple[Wheel, Wheel]:
    """The wheel of statelab and grader, as they are here, but for what a tab cannot import; and that of the rubrics,
    which no lesson needs.

    `there`: the packages that a tab has besides.
    """
    import grader
    import statelab

    content = {}
    for package in (statelab, grader):
        root = Path(str(package.__file__)).parent
        for path in _sources(root):
            name = f"{root.name}/{path.relative_to(root).as_posix()}"
            if not name.startswith(_NOT_IN_A_TAB):
                content[name] = path.read_bytes()
    for name in unimportable(content, there):
        del content[name]
    rubrics = {path: content.pop(path) for path in list(content) if path.startswith("grader/rubrics/")}
    return (
        write(folder, "statelab", VERSION, content, ("statelab", "grader"), depends),
        write(folder, RUBRICS, VERSION, rubrics, ("grader.rubrics",)),
    )


def _sources(root: Path) -> Iterator[Path]:
    for path in sorted(root.rglob("*")):
        inside = path.relative_to(root).parts
        if path.is_file() and "__pycache__" not in inside and not path.name.endswith(_LEFT_OUT):
            yield path


def write(
    folder: Path,
    name: str,
    version: str,
    content: dict[str, bytes],
    imports: tuple[str, ...],
    depends: tuple[str, ...] = (),
) -> Wheel:
    """A wheel of these files: the same files make the same bytes."""
    stem = f"{name.replace('-', '_').lower()}-{version}"
    info = f"{stem}.dist-info"
    content = {path: each for path, each in content.items() if not path.endswith("/RECORD")}
    content[f"{info}/METADATA"] = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode()
    content[f"{info}/WHEEL"] = b"Wheel-Version: 1.0\nGenerator: statelab\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    record = "".join(f"{path},,\n" for path in sorted(content)) + f"{info}/RECORD,,\n"
    content[f"{info}/RECORD"] = record.encode()
    target = folder / f"{stem}-py3-none-any.whl"
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as made:
        for path in sorted(content):
            made.writestr(zipfile.ZipInfo(path, MOMENT), content[path], zipfile.ZIP_DEFLATED)
    digest = hashlib.sha256(target.read_bytes()).hexdigest()
    return Wheel(name.lower().replace("_", "-"), version, target.name, digest, imports, depends)
