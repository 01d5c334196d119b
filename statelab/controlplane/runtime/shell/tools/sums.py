"""Tools that count or change bytes: sums, base64, od, hexdump, gzip."""

from __future__ import annotations

import base64
import gzip
import hashlib
import zlib
from collections.abc import Callable, Mapping

from statelab.controlplane.runtime.shell.proc import Proc, decode
from statelab.controlplane.runtime.shell.streams import Steps
from statelab.controlplane.runtime.shell.tools.common import MOST_BYTES, Options, contents, full

_Tool = Callable[[Proc, list[str]], Steps[int]]


def _sum(kind: str) -> _Tool:
    def run(proc: Proc, arguments: list[str]) -> Steps[int]:
        options = Options(arguments, "cbtsqw", "", {"check": "c", "status": "s", "quiet": "q"})
        found, code = yield from contents(proc, f"{kind}sum", options.operands)
        for path, data in found:
            proc.shell.work(len(data) // 10_000)
            if "c" not in options:
                yield from proc.out(f"{hashlib.new(kind, data, usedforsecurity=False).hexdigest()}  {path}\n")
                continue
            for line in decode(data).splitlines():
                wanted, _, name = line.partition("  ")
                there = proc.files.exists(full(proc, name))
                content = proc.files.read(full(proc, name)) if there else b""
                good = there and hashlib.new(kind, content, usedforsecurity=False).hexdigest() == wanted
                if not options.flags & {"s"}:
                    yield from proc.out(f"{name}: {'OK' if good else 'FAILED'}\n")
                code = code if good else 1
        return code

    return run


def _cksum(proc: Proc, arguments: list[str]) -> Steps[int]:
    found, code = yield from contents(proc, "cksum", arguments)
    for path, data in found:
        shown = f" {path}" if path != "-" else ""
        yield from proc.out(f"{_posix_crc(data)} {len(data)}{shown}\n")
    return code


def _posix_crc(data: bytes) -> int:
    """POSIX XCU cksum: the bytes, then how many there were, with the polynomial of Ethernet's."""
    size, tail = len(data), bytearray()
    while size:
        tail.append(size & 255)
        size >>= 8
    crc = 0
    for byte in data + bytes(tail):
        crc ^= byte << 24
        for _ in range(8):
            crc = (crc << 1 ^ 0x04C11DB7 if crc & 0x80000000 else crc << 1) & 0xFFFFFFFF
    return crc ^ 0xFFFFFFFF


def _base(encode: Callable[[bytes], bytes], decode_: Callable[[bytes], bytes]) -> _Tool:
    def run(proc: Proc, arguments: list[str]) -> Steps[int]:
        options = Options(arguments, "di", "w", {"decode": "d", "wrap": "w"})
        found, code = yield from contents(proc, "base64", options.operands)
        data = b"".join(each for _, each in found)
        if "d" in options:
            try:
                yield from proc.out(decode_(b"".join(data.split())))
            except ValueError:
                yield from proc.error("base64: invalid input\n")
                return 1
            return code
        text, width = encode(data), options.number("w", 76)
        if not width:
            yield from proc.out(text)
        else:
            for at in range(0, len(text), width):
                yield from proc.out(text[at : at + width] + b"\n")
        return code

    return run


def _od(proc: Proc, arguments: list[str]) -> Steps[int]:
    options = Options(arguments, "cxbvodX", "AtNjw")
    found, code = yield from contents(proc, "od", options.operands)
    data = b"".join(each for _, each in found)[options.number("j", 0) :][: options.number("N", 10**9)]
    form, base = options.value("t") or next((each for each in "cxb" if each in options), "o2"), options.value("A", "o")
    width = options.number("w", 16)

    def place(at: int) -> str:
        return "" if base == "n" else f"{at:07{base if base != 'd' else 'd'}}"

    named = {0: "\\0", 7: "\\a", 8: "\\b", 9: "\\t", 10: "\\n", 11: "\\v", 12: "\\f", 13: "\\r"}
    for at in range(0, len(data), width):
        row = data[at : at + width]
        if form[0] == "c":
            shown = [f"{named.get(each, chr(each) if 32 <= each < 127 else f'{each:03o}'):>4}" for each in row]
        elif form in ("x1", "xC"):
            shown = [f" {each:02x}" for each in row]
        elif form[:2] in ("u1", "d1"):
            shown = [f" {each:3d}" for each in row]
        elif form in ("b", "o1"):
            shown = [f" {each:03o}" for each in row]
        else:
            count = int(form[1:]) if form[1:].isdigit() else 2
            kind = {"x": f"0{count * 2}x", "o": f"0{count * 3}o", "d": "d", "u": "d"}.get(form[0], "06o")
            words = [row[each : each + count] for each in range(0, len(row), count)]
            shown = [f" {int.from_bytes(each, 'little'):{kind}}" for each in words]
        yield from proc.out(place(at) + "".join(shown) + "\n")
    yield from proc.out(place(len(data)) + "\n" if base != "n" else "")
    return code


def _hexdump(proc: Proc, arguments: list[str]) -> Steps[int]:
    options = Options(arguments, "Cvp", "nscl")
    found, code = yield from contents(proc, "hexdump", options.operands)
    data = b"".join(each for _, each in found)[: options.number("n", 10**9)]
    if "p" in options:
        yield from proc.out(data.hex() + "\n")
        return code
    for at in range(0, len(data), 16):
        row = data[at : at + 16]
        left, right = (" ".join(f"{each:02x}" for each in part) for part in (row[:8], row[8:]))
        shown = "".join(chr(each) if 32 <= each < 127 else "." for each in row)
        yield from proc.out(f"{at:08x}  {left:<23}  {right:<23}  |{shown}|\n")
    yield from proc.out(f"{len(data):08x}\n")
    return code


def _gzip(proc: Proc, arguments: list[str], *, back: bool = False, out: bool = False) -> Steps[int]:
    options = Options(arguments, "dckfvnqt123456789", "", {"decompress": "d", "stdout": "c", "keep": "k"})
    back = back or "d" in options
    found, code = yield from contents(proc, "gzip", options.operands)
    for path, data in found:
        try:
            if back:
                unpacker = zlib.decompressobj(47)
                made = unpacker.decompress(data, MOST_BYTES)
            else:
                made = gzip.compress(data, mtime=0)
        except zlib.error:
            yield from proc.error(f"gzip: {path}: not in gzip format\n")
            code = 1
            continue
        if path == "-" or "c" in options or out:
            yield from proc.out(made)
            continue
        target = path.removesuffix(".gz") if back else f"{path}.gz"
        proc.files.write(full(proc, target), made)
        if "k" not in options:
            proc.files.remove(full(proc, path))
    return code


TOOLS: Mapping[str, _Tool] = {
    **{f"{kind}sum": _sum(kind) for kind in ("md5", "sha1", "sha224", "sha256", "sha384", "sha512")},
    "cksum": _cksum,
    "base64": _base(base64.b64encode, base64.b64decode),
    "base32": _base(base64.b32encode, base64.b32decode),
    "od": _od,
    "hexdump": _hexdump,
    "xxd": _hexdump,
    "gzip": _gzip,
    "gunzip": lambda proc, arguments: _gzip(proc, arguments, back=True),
    "zcat": lambda proc, arguments: _gzip(proc, arguments, back=True, out=True),
}
