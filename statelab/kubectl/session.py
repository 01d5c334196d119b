"""Where a line runs: the context and the namespace it begins in, and the files it may read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from statelab.kubectl.problems import Fail

MAX_FILE_BYTES = 4_000_000
MAX_FILES = 500


@dataclass
class Session:
    """What a kubeconfig would say. `config set-context --current --namespace` changes it."""

    namespace: str = "default"
    context: str = "statelab"
    cluster: str = "statelab"
    user: str = "statelab"
    server: str = "http://127.0.0.1:8080"


class Files(Protocol):
    """Files a line names. Every method raises Fail or OSError where there is none."""

    def read(self, path: str) -> bytes: ...
    def manifests(self, path: str, recursive: bool) -> list[str]:
        """The path itself, or a folder's files of YAML and JSON, in order."""
        ...

    def write(self, path: str, data: bytes) -> None: ...
    def names(self, path: str) -> list[str] | None:
        """The names in a folder, sorted; None for what is no folder."""
        ...


class NoFiles:
    """Nothing is read and nothing written: for lines of strangers."""

    why = "there are no files here"

    def read(self, path: str) -> bytes:
        raise Fail(self.why)

    def manifests(self, path: str, recursive: bool) -> list[str]:
        raise Fail(self.why)

    def write(self, path: str, data: bytes) -> None:
        raise Fail(self.why)

    def names(self, path: str) -> list[str] | None:
        raise Fail(self.why)


@dataclass(frozen=True)
class FolderFiles:
    """The files of this machine, names without a leading slash counted from `folder`."""

    folder: Path = field(default_factory=Path.cwd)

    def _at(self, path: str) -> Path:
        return self.folder / path

    def read(self, path: str) -> bytes:
        at = self._at(path)
        try:
            if at.stat().st_size > MAX_FILE_BYTES:
                raise Fail(f"{path} is larger than {MAX_FILE_BYTES} bytes")
            return at.read_bytes()
        except OSError as error:
            raise OSError(error.errno, error.strerror, path) from None

    def manifests(self, path: str, recursive: bool) -> list[str]:
        at = self._at(path)
        if not at.exists():
            raise Fail(f"the path {path!r} does not exist".replace("'", '"'))
        if not at.is_dir():
            return [path]
        pattern = "**/*" if recursive else "*"
        found = sorted(each for each in at.glob(pattern) if each.suffix in (".json", ".yaml", ".yml"))
        return [str(Path(path) / each.relative_to(at)) for each in found if each.is_file()][:MAX_FILES]

    def write(self, path: str, data: bytes) -> None:
        at = self._at(path)
        at.parent.mkdir(parents=True, exist_ok=True)
        at.write_bytes(data)

    def names(self, path: str) -> list[str] | None:
        at = self._at(path)
        if not at.exists():
            raise FileNotFoundError(path)
        return sorted(each.name for each in at.iterdir()) if at.is_dir() else None


@dataclass(frozen=True)
class TextFiles:
    """Files that are texts in memory, by name, with or without ./ before it."""

    texts: Mapping[str, str]

    def read(self, path: str) -> bytes:
        path = path.removeprefix("./")
        if path not in self.texts:
            raise Fail(f'the path "{path}" does not exist')
        return self.texts[path].encode()

    def manifests(self, path: str, recursive: bool) -> list[str]:
        path = path.removeprefix("./")
        if path in self.texts:
            return [path]
        inside = sorted(each for each in self.texts if each.startswith(path.rstrip("/") + "/"))
        if not inside:
            raise Fail(f'the path "{path}" does not exist')
        return [each for each in inside if each.endswith((".yaml", ".yml", ".json"))]

    def write(self, path: str, data: bytes) -> None:
        raise Fail("these files cannot be written")

    def names(self, path: str) -> list[str] | None:
        if path in self.texts:
            return None
        prefix = path.rstrip("/") + "/"
        inside = sorted({each[len(prefix) :].partition("/")[0] for each in self.texts if each.startswith(prefix)})
        if not inside:
            raise Fail(f'the path "{path}" does not exist')
        return inside
