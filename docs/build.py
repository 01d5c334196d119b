"""Makes the site in build/docs/html: `make docs`, or `python docs/build.py`.

Lessons that changed are run; pages are made and every link between them is followed, and a warning is an error;
links to elsewhere are tried when there is a connection. Ends with 1 when something is wrong, and says what.
"""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import lessons  # beside this file

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "build" / "docs"
_PROBE = ("kind.sigs.k8s.io", 443)  # one that is linked to
_START = """<!doctype html>
<meta charset="utf-8"><title>StateLab</title><meta http-equiv="refresh" content="0; url=docs/index.html">
"""


def main() -> int:
    print("Lessons:", flush=True)
    try:
        lessons.run_changed(lambda line: print(line, flush=True))
    except lessons.LessonFailed as failure:
        print(f"A lesson failed, so there is no site:\n{failure}", file=sys.stderr)
        return 1
    print("Pages, and the links between them:", flush=True)
    if _sphinx("html"):
        print("There were warnings or errors (above): the site is not fit to be shown.", file=sys.stderr)
        return 1
    (OUT / "html" / "index.html").write_text(_START)
    if not _is_online():
        print(f"Links to elsewhere were not tried: {_PROBE[0]} cannot be reached from here.")
    elif _sphinx("linkcheck"):
        print(f"Links to elsewhere are broken: see above, or {OUT / 'linkcheck' / 'output.txt'}.", file=sys.stderr)
        return 1
    print(f"The site: {OUT / 'html' / 'index.html'}")
    return 0


def _sphinx(builder: str) -> int:
    """Run Sphinx from nothing: what a page shows must not depend on what was built before."""
    where = ["-c", str(ROOT / "docs"), "-d", str(OUT / "doctrees"), str(ROOT), str(OUT / builder)]
    command = [sys.executable, "-m", "sphinx", "-b", builder, "-q", "-W", "--keep-going", "-E", "-a", *where]
    return subprocess.run(command, cwd=ROOT, check=False).returncode


def _is_online() -> bool:
    try:
        socket.create_connection(_PROBE, timeout=3).close()
    except OSError:
        return False
    return True


if __name__ == "__main__":
    sys.exit(main())
