"""The shell of JupyterLab's terminals: the user's own, in which `kubectl` and `statelab` are this course's.

JupyterLab starts a login shell, whose start-up files set PATH anew (Debian's /etc/profile does) and may name another
KUBECONFIG. So the variables are set once more after those files, in the way that each shell has for it.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from pathlib import Path

_LOGIN_FILES = ("~/.bash_profile", "~/.bash_login", "~/.profile")


def shell_command(shell: str, folder: Path, path_first: Path, variables: Mapping[str, str]) -> list[str] | None:
    """The command of a terminal; None where the shell keeps what it inherits, or is one we do not know.

    `shell`: what the user's shell is called, as in SHELL. `folder`: where start-up files of ours may be written.
    `path_first`: the folder that is to be searched before all others. `variables`: what is to hold in the terminal.
    """
    folder.mkdir(parents=True, exist_ok=True)
    kind = Path(shell).name.lower().removesuffix(".exe")
    if kind == "bash":
        return [shell, "--rcfile", str(_bash(folder, path_first, variables)), "-i"]
    if kind == "zsh":
        return ["env", f"ZDOTDIR={_zsh(folder, path_first, variables)}", shell, "-l", "-i"]
    if kind == "fish":
        return [shell, "--login", "--interactive", "--init-command", _fish(path_first, variables)]
    if kind in ("powershell", "pwsh"):
        return [shell, "-NoLogo", "-NoExit", "-Command", _powershell(path_first, variables)]
    if kind in ("sh", "dash", "ksh", "mksh"):
        return ["env", f"ENV={_write(folder / 'terminal.sh', _posix(path_first, variables))}", shell, "-l", "-i"]
    return None


def users_shell() -> str:
    """The user's shell, as JupyterLab would choose it."""
    return os.environ.get("SHELL") or ("powershell.exe" if os.name == "nt" else "sh")


def _posix(path_first: Path, variables: Mapping[str, str]) -> str:
    lines = [f"export PATH={shlex.quote(str(path_first))}:$PATH"]
    return "\n".join([*lines, *(f"export {name}={shlex.quote(value)}" for name, value in variables.items())]) + "\n"


def _bash(folder: Path, path_first: Path, variables: Mapping[str, str]) -> Path:
    """With --rcfile bash reads no other file, so this one begins with what a login shell would have read."""
    login = " || ".join(f"{{ [ -r {each} ] && . {each}; }}" for each in _LOGIN_FILES)
    text = f"[ -r /etc/profile ] && . /etc/profile\n{login}\n{_posix(path_first, variables)}"
    return _write(folder / "terminal.bash", text)


def _zsh(folder: Path, path_first: Path, variables: Mapping[str, str]) -> Path:
    """A ZDOTDIR that gives itself up at once, and waits for the first prompt: then the user's own files are done."""
    theirs = os.environ.get("ZDOTDIR", "")
    back = f"export ZDOTDIR={shlex.quote(theirs)}" if theirs else "unset ZDOTDIR"
    text = f"""{back}
[[ -r "${{ZDOTDIR:-$HOME}}/.zshenv" ]] && source "${{ZDOTDIR:-$HOME}}/.zshenv"
_statelab() {{
  {_posix(path_first, variables).strip().replace(chr(10), chr(10) + "  ")}
  precmd_functions=("${{(@)precmd_functions:#_statelab}}")
  unfunction _statelab
}}
precmd_functions+=(_statelab)
"""
    return _write(folder / "zsh" / ".zshenv", text).parent


def _fish(path_first: Path, variables: Mapping[str, str]) -> str:
    def quoted(text: str) -> str:
        return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"

    lines = [f"set -gx PATH {quoted(str(path_first))} $PATH"]
    return "; ".join([*lines, *(f"set -gx {name} {quoted(value)}" for name, value in variables.items())])


def _powershell(path_first: Path, variables: Mapping[str, str]) -> str:
    def quoted(text: str) -> str:
        return "'" + text.replace("'", "''") + "'"

    lines = [f"$env:PATH = {quoted(str(path_first) + os.pathsep)} + $env:PATH"]
    return "; ".join([*lines, *(f"$env:{name} = {quoted(value)}" for name, value in variables.items())])


def _write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path
