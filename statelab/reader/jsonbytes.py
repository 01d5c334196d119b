"""JSON as bytes: the one module that knows orjson. Where there is none, in a browser, the standard library does it.

`STATELAB_JSON=standard` chooses the standard library, to try it where both are.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from orjson import (
        OPT_APPEND_NEWLINE,
        OPT_INDENT_2,
        OPT_SORT_KEYS,
        JSONDecodeError,
        JSONEncodeError,
        dumps,
        loads,
    )
elif os.environ.get("STATELAB_JSON") == "standard":
    from statelab.reader.json_standard import (
        OPT_APPEND_NEWLINE,
        OPT_INDENT_2,
        OPT_SORT_KEYS,
        JSONDecodeError,
        JSONEncodeError,
        dumps,
        loads,
    )
else:
    try:
        from orjson import (
            OPT_APPEND_NEWLINE,
            OPT_INDENT_2,
            OPT_SORT_KEYS,
            JSONDecodeError,
            JSONEncodeError,
            dumps,
            loads,
        )
    except ImportError:
        from statelab.reader.json_standard import (
            OPT_APPEND_NEWLINE,
            OPT_INDENT_2,
            OPT_SORT_KEYS,
            JSONDecodeError,
            JSONEncodeError,
            dumps,
            loads,
        )

__all__ = [
    "OPT_APPEND_NEWLINE",
    "OPT_INDENT_2",
    "OPT_SORT_KEYS",
    "JSONDecodeError",
    "JSONEncodeError",
    "dumps",
    "loads",
]
