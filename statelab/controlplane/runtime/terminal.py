"""What a terminal does between the keys and a program: echo, a line at a time, Control-C and Control-D. Source:
termios(3).
"""

from __future__ import annotations

from collections.abc import Callable

_INTERRUPT, _END, _KILL_LINE, _ERASE = 0x03, 0x04, 0x15, (0x7F, 0x08)


class Terminal:
    """`on_line` gets whole lines; `on_end` is Control-D on an empty line; `echo` is what the user sees of the keys."""

    def __init__(
        self,
        on_line: Callable[[bytes], None],
        on_end: Callable[[], None],
        on_interrupt: Callable[[], None],
        echo: Callable[[bytes], None],
    ) -> None:
        self._on_line = on_line
        self._on_end = on_end
        self._on_interrupt = on_interrupt
        self._echo = echo
        self._line = bytearray()
        self._in_escape = False

    def typed(self, data: bytes) -> None:
        for byte in data:
            self._key(byte)

    def _key(self, byte: int) -> None:
        if self._in_escape:  # arrows and the like: there is no history to move in
            self._in_escape = not (0x40 <= byte <= 0x7E and byte != ord("["))
        elif byte == 0x1B:
            self._in_escape = True
        elif byte in (0x0D, 0x0A):
            line, self._line = bytes(self._line) + b"\n", bytearray()
            self._echo(b"\n")
            self._on_line(line)
        elif byte == _INTERRUPT:
            self._line.clear()
            self._echo(b"^C\n")
            self._on_interrupt()
        elif byte == _END:
            if not self._line:
                self._on_end()
        elif byte == _KILL_LINE:
            self._echo(b"\b \b" * len(self._line))
            self._line.clear()
        elif byte in _ERASE:
            if self._line:
                while self._line and self._line.pop() & 0xC0 == 0x80:  # the rest of a character in UTF-8
                    pass
                self._echo(b"\b \b")
        elif byte >= 0x20 or byte == 0x09:
            self._line.append(byte)
            self._echo(bytes((byte,)))
