"""kubectl --help and kubectl VERB --help: short, and StateLab's own words."""

from __future__ import annotations

from statelab.kubectl.call import Call
from statelab.kubectl.commands import COMMANDS, child, children
from statelab.kubectl.flags import flags_of

_WIDTH = 28


def help_text(name: str) -> str:
    """What a command is for, its commands and its flags."""
    command = COMMANDS.get(name)
    lines = [
        f"{command.about}." if command else "kubectl, as StateLab carries it out: it speaks with this cluster alone."
    ]
    below = children(name)
    if below:
        lines += ["", "Commands:"]
        lines += [f"  {each.last:<{_WIDTH - 2}}{each.about}" for each in below]
    own = [flag for key, flag in flags_of(name).items() if key not in flags_of("") or not name]
    if own and name:
        lines += ["", "Flags:"]
        for flag in own:
            short = f"-{flag.short}, " if flag.short else "    "
            value = "" if flag.type == "b" else f"={flag.default or '…'}"
            lines.append(f"  {short}--{flag.name}{value}")
    lines += [
        "",
        'Use "kubectl options" for the flags of every command.'
        if name
        else 'Use "kubectl <command> --help" for more about a command.',
    ]
    return "\n".join(lines) + "\n"


def options(call: Call) -> None:
    call.out("The following options can be passed to any command:\n\n")
    for flag in flags_of("").values():
        if flag.name != "help":
            short = f"-{flag.short}, " if flag.short else "    "
            call.out(f"  {short}--{flag.name}\n")


def help_of(call: Call) -> None:
    """Of the command that the words begin with. Source: cobra's InitDefaultHelpCmd."""
    name = ""
    for word in call.args:
        found = child(name, word)
        if found is None:
            break
        name = found.name
    if call.args and not name:
        call.err(f"Unknown help topic [{' '.join(f'`{each}`' for each in call.args)}]\n\n\n{help_text('')}")
    else:
        call.out(help_text(name))
