"""Query strings, read as Go's net/url reads them."""

from __future__ import annotations

from functools import lru_cache
from urllib.parse import parse_qs

from statelab.controlplane.apiserver.encoding.request import Query

_MOST_PARAMETERS = 1000


@lru_cache(maxsize=1024)
def parse_query(text: str) -> Query:
    """Names to their values, in order. A query that is no query has none."""
    if not text:
        return {}
    try:
        return parse_qs(text, keep_blank_values=True, max_num_fields=_MOST_PARAMETERS)
    except ValueError:
        return {}
