"""The text of a script while it is read: where the reader stands, and the here documents whose text comes later."""

from __future__ import annotations

from statelab.controlplane.runtime.shell.syntax import HereDocument, SyntaxProblem

BLANKS = " \t"
META = " \t\n;&|<>()"
_DEEPEST = 60  # nested $( ), { }, if …: each costs Python's stack several frames


class Source:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.depth = 0
        self._counted = (0, 1)
        self.documents: list[tuple[str, bool, HereDocument]] = []  # delimiter, whether tabs are stripped

    def peek(self, count: int = 1) -> str:
        return self.text[self.at : self.at + count]

    def next_is(self, words: str) -> bool:
        return self.text.startswith(words, self.at)

    def take(self, words: str) -> None:
        """Step over these words. Raises SyntaxProblem where there are others."""
        if not self.next_is(words):
            raise self.unexpected()
        self.at += len(words)

    @property
    def line(self) -> int:
        """The line that is being read, from 1."""
        at, line = self._counted if self._counted[0] <= self.at else (0, 1)
        self._counted = (self.at, line + self.text.count("\n", at, self.at))
        return self._counted[1]

    @property
    def ended(self) -> bool:
        return self.at >= len(self.text)

    def deeper(self) -> None:
        self.depth += 1
        if self.depth > _DEEPEST:
            raise SyntaxProblem(f"nested deeper than {_DEEPEST}")

    def higher(self) -> None:
        self.depth -= 1

    def skip_blanks(self) -> None:
        """Blanks, continued lines, and a comment."""
        text, at = self.text, self.at
        while at < len(text):
            if text[at] in BLANKS:
                at += 1
            elif text.startswith("\\\n", at):
                at += 2
            elif text[at] == "#":
                end = text.find("\n", at)
                at = len(text) if end < 0 else end
            else:
                break
        self.at = at

    def skip_lines(self) -> None:
        """Blanks, comments and the ends of lines."""
        while True:
            self.skip_blanks()
            if self.peek() != "\n":
                return
            self.newline()

    def newline(self) -> None:
        """The end of a line, after which here documents come."""
        self.at += 1
        waiting, self.documents = self.documents, []
        for delimiter, strip, document in waiting:
            while True:
                if self.ended:
                    break  # bash takes what there is
                end = self.text.find("\n", self.at)
                end = len(self.text) if end < 0 else end
                line = self.text[self.at : end]
                self.at = min(end + 1, len(self.text))
                if strip:
                    line = line.lstrip("\t")
                if line == delimiter:
                    break
                document.lines.append(line + "\n")

    def until(self, closing: str, what: str) -> str:
        """The text up to `closing`, which is taken too."""
        end = self.text.find(closing, self.at)
        if end < 0:
            raise SyntaxProblem(f"unexpected end of file while looking for matching {what}")
        found = self.text[self.at : end]
        self.at = end + len(closing)
        return found

    def unexpected(self) -> SyntaxProblem:
        if self.ended:
            return SyntaxProblem("syntax error: unexpected end of file")
        shown = self.peek()
        if shown == "\n":
            shown = "newline"
        elif shown in META:
            shown = next((each for each in (";;", "&&", "||") if self.next_is(each)), shown)
        else:
            end = self.at
            while end < len(self.text) and self.text[end] not in META:
                end += 1
            shown = self.text[self.at : end]
        return SyntaxProblem(f"syntax error near unexpected token `{shown}'")
