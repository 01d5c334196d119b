"""YAML as sigs.k8s.io/yaml writes it: keys sorted, lists not indented, no line broken."""

from __future__ import annotations

import re
from typing import Any

import yaml

# What go-yaml would read as something else than a string is quoted. Source: yaml.v2 resolve.go, encode.go.
_OTHERWISE = re.compile(
    r"(?:~|null|Null|NULL|true|True|TRUE|false|False|FALSE|y|Y|yes|Yes|YES|on|On|ON|n|N|no|No|NO|off|Off|OFF"
    r"|[-+]?\.(?:inf|Inf|INF)|\.nan|\.NaN|\.NAN|<<"
    r"|[-+]?[0-9][0-9_]*|0b[01_]+|-0b[01_]+|0o?[0-7_]+|[-+]?0x[0-9a-fA-F_]+"
    r"|[-+]?(?:\.[0-9]+|[0-9][0-9_]*(?:\.[0-9_]*)?)(?:[eE][-+]?[0-9]+)?"
    r"|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?"
    r"|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt ][0-9:.]+.*)?)?\Z"
)


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = None
    if _OTHERWISE.match(text):
        style = '"'
    elif "\n" in text:
        style = "|"
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


def _float(dumper: yaml.SafeDumper, value: float) -> yaml.ScalarNode:
    from statelab.kubectl.gojson import number

    return dumper.represent_scalar("tag:yaml.org,2002:float", number(value))


_Dumper.add_representer(str, _text)
_Dumper.add_representer(float, _float)


def written(value: Any) -> str:
    """One document."""
    return yaml.dump(
        value, Dumper=_Dumper, sort_keys=True, default_flow_style=False, width=10**9, allow_unicode=True
    ).removesuffix("...\n")
