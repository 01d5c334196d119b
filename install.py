"""Install StateLab into .venv beside this file, saying how far it is. It needs nothing but Python.

    python3 install.py          what a learner needs
    python3 install.py dev      and what the tests and the linters need
    python3 install.py docs     and what the documentation is made with
    python3 install.py site     and what the course for a browser is made with

`make` runs it, and it can be typed where there is no make (Windows: py install.py). On a terminal one line tells how
far it is; elsewhere each step is a line. pip's own words are in .venv/install.log, and their end is shown if it fails.
"""

from __future__ import annotations

import re
import subprocess
import sys
import threading
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent
FOLDER = ROOT / ".venv"
LOG = FOLDER / "install.log"
PACKAGES = {"": 135, "dev": 47, "docs": 41, "site": 4}  # about how many there are to fetch: a test counts them
_WINDOWS = sys.platform == "win32"
_FETCHED = re.compile(r"(?:Collecting|Requirement already satisfied:) ([\w.-]+)")
_ALL = re.compile(r"Installing collected packages: (.*)")


def main(extras: list[str]) -> int:
    """Make the environment, or complete one that is there; the exit code."""
    if sys.version_info < (3, 11):  # noqa: UP036 - whatever Python somebody has runs this
        said = f"StateLab needs Python 3.11 or newer; this is {sys.version.split()[0]}."
        print(f"{said} Name another one: make lab PYTHON=python3.12", file=sys.stderr)
        return 1
    unknown = sorted(set(extras) - set(PACKAGES))
    if unknown:
        print(f"There is no {', '.join(unknown)} to install. Write: install.py [dev] [docs] [site]", file=sys.stderr)
        return 2
    told = Told(of=3)
    told.step("Making a Python environment in .venv")
    if not _program("python").exists():
        try:
            venv.create(FOLDER, with_pip=True)
        except (OSError, subprocess.CalledProcessError) as error:
            told.end()
            print(f"It cannot be made: {error}\nOn Debian and Ubuntu: sudo apt install python3-venv", file=sys.stderr)
            return 1
    code = _install(extras, told)
    told.end()
    if code == 0:
        for each in ("learner", *extras):
            (FOLDER / f"ready-{each}").touch()  # what make looks at
    return code


def _program(name: str) -> Path:
    return FOLDER / ("Scripts" if _WINDOWS else "bin") / (name + ".exe" * _WINDOWS)


def _install(extras: list[str], told: Told) -> int:
    command = [str(_program("python")), "-m", "pip", "install", "--disable-pip-version-check", "--progress-bar", "off"]
    command += ["--constraint", "constraints.txt", "--editable", f".[{','.join(['kubectl', *extras])}]"]
    about = sum(PACKAGES[each] for each in ("", *extras))
    told.step("Fetching packages")
    seen: set[str] = set()
    installed = threading.Event()
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    )
    assert process.stdout is not None
    with LOG.open("w", encoding="utf-8") as log:
        for line in process.stdout:
            log.write(line)
            if found := _FETCHED.match(line):
                seen.add(found[1].lower())
                told.at(f"{len(seen)} of about {about}")
            elif found := _ALL.match(line):
                total = len(found[1].split(","))
                told.step(f"Installing {total} packages")
                threading.Thread(target=_count, args=(told, total, installed), daemon=True).start()
    installed.set()
    code = process.wait()
    if code:
        told.end()
        print("\n".join(LOG.read_text(encoding="utf-8").splitlines()[-12:]), file=sys.stderr)
        print(f"The packages could not be installed. All that pip said is in {LOG}.", file=sys.stderr)
    return code


def _count(told: Told, total: int, installed: threading.Event) -> None:
    """pip says nothing while it installs; what is there already says how far it is."""

    def there() -> int:
        return sum(1 for _ in FOLDER.rglob("*.dist-info"))

    before = there()
    while not installed.wait(1.0):
        told.at(f"{min(total, max(0, there() - before))} done")


class Told:
    """Steps, counted: a line each, whose end changes where there is a terminal."""

    def __init__(self, of: int) -> None:
        self._of, self._number, self._what = of, 0, ""
        self._is_terminal = sys.stdout.isatty()

    def step(self, what: str) -> None:
        """The next step begins."""
        self.end()
        self._number, self._what = self._number + 1, f"[{self._number + 1}/{self._of}] {what}"
        print(self._what, end="" if self._is_terminal else "\n", flush=True)

    def at(self, how_far: str) -> None:
        """How far this step is."""
        if self._is_terminal:
            print(f"\r{self._what}: {how_far}", end="", flush=True)

    def end(self) -> None:
        """This step's line is whole."""
        if self._is_terminal and self._what:
            print(flush=True)
        self._what = ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
