"""`statelab serve`, read without the rest of the command line: that takes a fifth of the time we may start in.

The options are those of cli.py, which shows them in its help too.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from statelab.cluster.paths import find_home
from statelab.cluster.problem import Problem

_LONGEST_TOKEN = 1000  # characters


def main(arguments: Sequence[str]) -> None:
    """Serve until told to stop. Raises Problem for options that contradict each other."""
    run(**vars(parser().parse_args(arguments)))


def run(
    port: int,
    token_file: Path | None,
    state: Path | None,
    in_memory: bool,
    pace: float,
    kubeconfig: Path | None,
    server_file: Path | None,
    idle_end: float,
) -> None:
    """Serve until told to stop. Raises Problem for options that contradict each other."""
    if state is not None and in_memory:
        raise Problem("--state and --in-memory contradict each other.", "Give one of them.")
    if not pace > 0:
        raise Problem(f"--pace must be greater than 0, not {pace:g}.")
    if not idle_end >= 0:
        raise Problem(f"--idle-end must be a number of seconds, or 0 for never; not {idle_end:g}.")
    from statelab.server import serve

    folder = None if in_memory else (state or find_home().state)
    token = _read_token(token_file) if token_file is not None else None
    serve(
        port=port,
        token=token,
        state=folder,
        pace=pace,
        kubeconfig=kubeconfig,
        server_file=server_file,
        idle_end_s=idle_end or None,
    )


def _read_token(path: Path) -> str:
    """The first line of a file, or of standard input for `-`: what stands on a command line is everybody's to read."""
    try:
        with sys.stdin if str(path) == "-" else path.open(encoding="utf-8") as file:
            token = file.readline(_LONGEST_TOKEN + 1).strip()
    except (OSError, UnicodeDecodeError) as error:
        raise Problem(f"The token cannot be read from {path}: {error}.") from None
    if not token or len(token) > _LONGEST_TOKEN or not token.isascii() or not token.isprintable() or " " in token:
        raise Problem(f"There is no token in {path}.", f"Write one line of up to {_LONGEST_TOKEN} characters there.")
    return token


def parser() -> argparse.ArgumentParser:
    """Reads the options; `--help` is left to cli.py."""
    options = argparse.ArgumentParser(prog="statelab serve", add_help=False)
    options.add_argument("--port", type=int, default=0)
    options.add_argument("--token-file", type=Path)
    options.add_argument("--state", type=Path)
    options.add_argument("--in-memory", action="store_true")
    options.add_argument("--pace", type=float, default=1.0)
    options.add_argument("--kubeconfig", type=Path)
    options.add_argument("--server-file", type=Path)
    options.add_argument("--idle-end", type=float, default=0.0)
    return options
