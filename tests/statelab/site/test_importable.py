"""Which modules a tab can import: what it does not have is left out, and so is whoever needs it to be read."""

from __future__ import annotations

from statelab.site.importable import unimportable

SOURCES = {
    "house/__init__.py": b"",
    "house/edge.py": b"import aiohttp.web",
    "house/server.py": b"from house import edge",
    "house/relative.py": b"from . import server as s",
    "house/deep/__init__.py": b"from ..edge import serve",
    "house/deep/part.py": b"A = 1",
    "house/asks.py": b"def serve():\n    import house.server\n",
    "house/tries.py": b"try:\n    import aiohttp\nexcept ImportError:\n    aiohttp = None\n",
    "house/uses.py": b"import json, yaml\nfrom js import fetch\nfrom house.asks import serve\n",
    "house/data.tsv": b"import aiohttp",
}


def test_who_imports_what_is_not_there_is_left_out_and_who_imports_that_one():
    lost = unimportable(SOURCES, frozenset({"yaml"}))
    expected = {"edge.py", "server.py", "relative.py", "deep/__init__.py", "deep/part.py"}
    assert lost == {f"house/{each}" for each in expected}


def test_where_it_is_there_nothing_is_left_out():
    assert unimportable(SOURCES, frozenset({"yaml", "aiohttp"})) == set()
