"""What lines may borrow of a shell where their task allows it: here-documents, $(kubectl …), variables, a file by >.

Nothing here runs a shell. Some habits of people who type kubectl lines are read as they are meant:

    kubectl apply -f - <<EOF … EOF        and cat <<EOF | kubectl apply -f -
    cat > set.yaml <<'EOF' … EOF          and kubectl get pvc -o yaml > before.yaml
    kubectl patch pv $(kubectl get pvc db -o jsonpath='{.spec.volumeName}') -p …
    PV=$(kubectl get pvc db -o jsonpath='{.spec.volumeName}'), and then $PV or ${PV}
    for n in 0 1 2; do …; done            over words that stand there, with here-documents in it too
    for c in $(kubectl get pvc -o name)   over what a line says, when it is carried out

Pipes and all else stay a shell's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

# Stands in a line's words for what is known only when the line runs; the letter says whether it is split at blanks.
_OPEN, _CLOSE = "\ue000", "\ue001"
MARK = re.compile(f"{_OPEN}(\\d+)([sq]){_CLOSE}")
_HERE = re.compile(r"<<(-?)[ \t]*(?:'(\w+)'|\"(\w+)\"|\\?(\w+))")
_QUOTED = re.compile(r"'[^']*'|\"(?:\\.|[^\"\\])*\"")
_NAME = re.compile(r"\$(?:\{(\w+)\}|([A-Za-z_]\w*))")
_INTO = re.compile(r"(?<![<>&\d])>[ \t]*([\w./-]+)[ \t]*")
_SETS = re.compile(r"(?:[\w.@~:/-]*[$%>#][ \t]+)?(?:export[ \t]+)?([A-Za-z_]\w*)=(.*)", re.DOTALL)
_HEAD = re.compile(r"for[ \t]+([A-Za-z_]\w*)[ \t]+in[ \t]+([^;\n]+?)[ \t]*[;\n]\s*do\b")
_TURNS = re.compile(r"(?:^|;|\bdo\b)[ \t]*(for|done)\b")
_SEQ = re.compile(r"\$\(seq[ \t]+(?:(\d+)[ \t]+)?(\d+)\)")
_RANGE = re.compile(r"([\w.-]*)\{(\d+)\.\.(\d+)\}([\w.-]*)")
MOST_TURNS = 20
_LONGEST_VALUE = 253  # as a name's: it stands in each line of the body, as often as that says
_CAT = re.compile(r"cat[ \t]*-?[ \t]*(?:\|[ \t]*(.+))?\Z", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Document:
    """What a here-document says. `is_literal`: begun with <<'EOF', where $ stays $."""

    text: str
    is_literal: bool


@dataclass(frozen=True, slots=True)
class Here:
    """A here-document that a line begins: the line without it, the word that ends it, and how it is read."""

    line: str
    ends: str
    is_literal: bool  # <<'EOF': $ stays $
    drops_tabs: bool  # <<-EOF

    def take(self, text: str, at: int) -> tuple[str, int]:
        """The document that begins at this place of the text, and the place behind it; with no end, all there is."""
        taken: list[str] = []
        while at < len(text):
            line, _, _ = text[at:].partition("\n")
            at += len(line) + 1
            line = line.lstrip("\t") if self.drops_tabs else line
            if line == self.ends:
                break
            taken.append(line)
        return "".join(f"{line}\n" for line in taken), min(at, len(text))


def here_document(line: str) -> Here | None:
    """The here-document that a line asks for, outside of quotes; None when it asks for none."""
    at, quote = 0, ""
    while at < len(line):
        char = line[at]
        if quote:
            quote = "" if char == quote else quote
        elif char in "'\"":
            quote = char
        elif found := _HERE.match(line, at):
            word = found[2] or found[3] or found[4]
            rest = f"{line[:at]}{line[found.end() :]}"
            is_literal = bool(found[2] or found[3]) or "\\" in found[0]
            return Here(" ".join(rest.split(" ")).strip(), word, is_literal, found[1] == "-")
        at += 1
    return None


@dataclass(frozen=True, slots=True)
class Shielded:
    """A text whose $(…) and $NAME stand as marks; `parts[n]` is what mark n stands for: `(kubectl …` or a name."""

    text: str
    parts: tuple[str, ...]


def shielded(text: str, *, in_document: bool = False) -> Shielded:
    """With marks for $(…), $NAME and ${NAME}, which single quotes keep as they are (in a document nothing does)."""
    kept: list[str] = []
    parts: list[str] = []
    at, quote = 0, ""

    def mark(part: str) -> None:
        kept.append(f"{_OPEN}{len(parts)}{'q' if quote or in_document else 's'}{_CLOSE}")
        parts.append(part)

    while at < len(text):
        char = text[at]
        if char == "\\" and quote != "'":
            kept.append(text[at : at + 2] if not (in_document and text[at + 1 : at + 2] == "$") else "$")
            at += 2
            continue
        if char in "'\"" and not in_document and quote in ("", char):
            quote = "" if quote else char
        if char == "$" and quote != "'":
            inside = _closed(text, at + 1)
            if inside is not None:
                mark(f"({inside}")
                at += len(inside) + 3
                continue
            if found := _NAME.match(text, at):
                mark(found[1] or found[2])
                at = found.end()
                continue
        kept.append(char)
        at += 1
    return Shielded("".join(kept), tuple(parts))


def shifted(text: str, by: int) -> str:
    """The same marks, counted from `by`: where several texts share one list of parts."""
    return MARK.sub(lambda found: f"{_OPEN}{int(found[1]) + by}{found[2]}{_CLOSE}", text)


def _closed(text: str, at: int) -> str | None:
    """What stands between the bracket at this place and the one that closes it; quotes are looked over."""
    if text[at : at + 1] != "(":
        return None
    depth, quote = 0, ""
    for place in range(at, len(text)):
        char = text[place]
        if quote:
            quote = "" if char == quote else quote
        elif char in "'\"":
            quote = char
        elif char in "()":
            depth += 1 if char == "(" else -1
            if not depth:
                return text[at + 1 : place]
    return None


def into_file(text: str) -> tuple[str, str]:
    """A line without its `> name`, and the name; "" where the line writes into no file. Quotes are looked over."""
    outside = _QUOTED.sub(lambda found: "q" * len(found[0]), text)
    found = _INTO.search(outside)
    if found is None:
        return text, ""
    return f"{text[: found.start()]} {text[found.end() :]}".strip(), found[1]


@dataclass(frozen=True, slots=True)
class Loop:
    """`for NAME in VALUES; do BODY; done`: where in the text the body begins, and where what is behind it does.

    `over`: the words as they stand there, where only its run will tell the values; `number`: the line of its body.
    """

    name: str
    values: tuple[str, ...]
    body: str
    begins: int
    ends: int
    over: str = ""
    number: int = 0


def loop(text: str, at: int) -> Loop | None:
    """The `for` that begins at this place, if one does.

    What stands in its here-documents ends no loop, and a loop in it ends with a `done` of its own.
    """
    head = _HEAD.match(text, at)
    if head is None:
        return None
    said = _SEQ.sub(lambda seq: f"{{{seq[1] or 1}..{seq[2]}}}", head[2])
    values = tuple(value for word in said.split() for value in _values(word))
    over = said if "$" in said else ""
    if not over and (len(values) > MOST_TURNS or any(len(each) > _LONGEST_VALUE for each in values)):
        return None
    place, depth = head.end(), 1
    while place < len(text):
        line, _, _ = text[place:].partition("\n")
        outside = _QUOTED.sub(lambda found: "q" * len(found[0]), line)
        for found in _TURNS.finditer("" if line.lstrip().startswith("#") else outside):
            depth += 1 if found[1] == "for" else -1
            if not depth:
                body = text[head.end() : place + found.start(1)].rstrip("; \t\n")
                ends = place + found.end(1)
                return Loop(head[1], values, body, head.end(), ends, over) if body.strip() else None
        place += len(line) + 1
        here = here_document(line)
        if here is not None:
            _, place = here.take(text, place)
    return None


def bound(text: str, name: str, value: str, *, in_document: bool = False) -> str:
    """With a variable's value in its place, which single quotes keep as it is (in a document nothing does)."""
    kept, at, quote = "", 0, ""
    while at < len(text):
        char, taken = text[at], 1
        if char == "\\" and quote != "'":
            char, taken = text[at : at + 2], 2
        elif char in "'\"" and not in_document and quote in ("", char):
            quote = "" if quote else char
        elif char == "$" and quote != "'" and (found := _NAME.match(text, at)):
            char, taken = (value if (found[1] or found[2]) == name else found[0]), len(found[0])
        kept, at = kept + char, at + taken
    return kept


def _values(word: str) -> list[str]:
    """`a` → a; `{0..2}` → 0 1 2."""
    found = _RANGE.fullmatch(word)
    if found is None:
        return [word.strip("'\"")]
    first, last = int(found[2]), int(found[3])
    numbers = range(first, last + 1) if first <= last else range(first, last - 1, -1)
    return [f"{found[1]}{number}{found[4]}" for number in numbers[: MOST_TURNS + 1]]


def parted(line: str) -> list[tuple[str, bool]]:
    """The commands of a line that had a here-document, each with whether && stands before it."""
    outside = _QUOTED.sub(lambda found: "q" * len(found[0]), line)
    pieces: list[tuple[str, bool]] = []
    at, is_behind = 0, False
    for found in re.finditer(r"&&|;", outside):
        pieces.append((line[at : found.start()], is_behind))
        at, is_behind = found.end(), found[0] == "&&"
    return [*pieces, (line[at:], is_behind)]


def sets_variable(text: str) -> tuple[str, str] | None:
    """`PV=$(kubectl …)`: the name, and what it is set to."""
    found = _SETS.fullmatch(text)
    return (found[1], found[2].strip()) if found else None


def is_cat(text: str) -> tuple[bool, str]:
    """Whether a line only hands on a here-document, `cat` or `cat | kubectl …`, and the line it hands it to."""
    found = _CAT.fullmatch(text)
    return (True, found[1] or "") if found else (False, text)


__all__ = [
    *("MARK", "MOST_TURNS", "Document", "Here", "Loop", "Shielded", "bound"),
    *("here_document", "into_file", "is_cat", "loop", "parted", "sets_variable", "shielded", "shifted"),
]
