"""What people write for the few words that a question can be answered with."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from statelab.reader.spelling import slips

NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
DASHES = frozenset({"-", "–", "—"})
NOBODY = DASHES | {
    "none",
    "nobody",
    "nothing",
    "no",
    "no one",
    "noone",
    "not one",
    "not any",
    "not a single one",
    "nil",
}
# Said beside an answer, without a meaning of its own.
_FILLERS = re.compile(
    r"\b(?:it|it's|its|this|that|they|there|is|are|was|will|would|be|stays?|remains?|becomes?|gets?|runs?|has|have|"
    r"the|a|an|i|think|guess|believe|probably|surely|definitely|certainly|just|only|exactly|answers?|still|"
    r"versions?|policy|pods?|add?ress?(?:es)?|ips?|records?|members?|of|them|all the same|all|in|total|"
    r"podmanagementpolicy)\b"
)
_FEWEST_LETTERS = 4  # of a word that may be misspelt: a slip makes no out of on
_OF_IT = re.compile(r"^(?:it|they|that|this|those)(?:'?s|'?re|\s+is|\s+are)\s+")
# The same beside a number: "at most 1 of 3", "one may be lost".
_AROUND_A_NUMBER = re.compile(
    r"\bof (?:the |those )?(?:\d+|two|three|four|five|six|seven|eight|nine|ten)\b|"
    r"(?<=\d)\s*/\s*\d+|\bat all\b|"
    r"\b(?:at (?:the )?most|up to|max(?:imum)?|no more than|more|can|may|could|lost|lose|away|left|remaining|nodes?)\b"
)


@dataclass(frozen=True, slots=True)
class Kind:
    """How a question may be answered: with one of some words, with a number, or with the names of Pods in an order.

    `words`: each word with what means the same; `forms`: what else means it, as a pattern. `stem`: the Pods' names
    without their ordinals. `choices`: what may be written, for people.
    """

    choices: str
    words: Mapping[str, frozenset[str]] = field(default_factory=dict)
    is_number: bool = False
    stem: str = ""
    forms: Mapping[str, re.Pattern[str]] = field(default_factory=dict)

    @property
    def has_nothing(self) -> bool:
        """Whether a dash is an answer here, and not an empty place."""
        return bool(self.stem) or "nothing" in self.words or (self.is_number and not self.words)

    def word(self, text: str) -> str | None:
        """The word that is meant, or None."""
        said = text.strip(" .,;:!?")
        if (found := self._exactly(said)) is not None:
            return found
        if (found := self._exactly(_OF_IT.sub("", said))) is not None:
            return found
        if self.is_number and not self.words:
            said = _AROUND_A_NUMBER.sub(" ", said)
        bare = " ".join(_FILLERS.sub(" ", said).split()).strip(" .,;:!?")
        return self._exactly(bare)

    def nearly(self, text: str) -> str | None:
        """The one word that has one slip in it, or two where it is long; None where none is, or several are."""
        said = text.strip(" .,;:!?")
        near = [
            word
            for word in self.words
            if len(word) >= _FEWEST_LETTERS and slips(said, word, 1 + (len(word) > 8)) <= 1 + (len(word) > 8)
        ]
        return near[0] if len(near) == 1 else None

    def is_plain(self, text: str) -> bool:
        """Whether it is an answer and nothing besides."""
        return self._exactly(text.strip(" .,;:!?")) is not None

    def _exactly(self, said: str) -> str | None:
        for word, alike in self.words.items():
            if said == word or said in alike:
                return word
        for word, form in self.forms.items():
            if form.fullmatch(said):
                return word
        if not self.is_number:
            return None
        if said in NUMBERS:
            return str(NUMBERS.index(said))
        if said in NOBODY and not self.words:
            return "0"
        return str(int(said)) if said.isascii() and said.isdigit() and len(said) < 6 else None


def _alike(*words: str) -> frozenset[str]:
    return frozenset(words)


_YES = ("y", "yeah", "yep", "true", "on", "ja", "oui", "是", "ok", "✓", "✔", "✅")
_NO = ("n", "nope", "never", "false", "off", "nein", "non", "否", "不", "✗", "✘", "❌", "not")

_STAYS = ("stays", "it stays", "remains", "it remains", "survives", "preserved", "persists", "still exists")

YES_NO = Kind(
    "yes or no",
    {
        "yes": _alike(*_YES, *_STAYS, "same", "unchanged", "identical", "kept", "there", "still there"),
        "no": _alike(
            *_NO,
            "not the same",
            "not same",
            "not there",
            "gone",
            "lost",
            "different",
            "another",
            "new",
            "new one",
            "a new one",
            "changes",
            "changed",
            "deleted",
            "not any more",
            "no longer",
            "no it is not",
            "does not survive",
        ),
    },
)
REPLACED = Kind(
    "yes or no",
    {
        "yes": _alike(*_YES, "replaced"),
        "no": _alike(*_NO, *_STAYS, "not replaced", "stays stuck", "stuck"),
    },
)
TAKEN = Kind(
    "yes or no",
    {
        "yes": _alike(
            *_YES, "accepted", "allowed", "taken", "valid", "permitted", "possible", "mutable", "can be changed"
        ),
        "no": _alike(
            *_NO,
            "forbidden",
            "refused",
            "rejected",
            "not allowed",
            "not taken",
            "not accepted",
            "invalid",
            "denied",
            "not permitted",
            "not possible",
            "immutable",
            "cannot be changed",
            "can not be changed",
        ),
    },
)
STILL_SO = Kind(
    "yes or no",
    {
        "yes": _alike(*_YES, "answered", "still answered", "still there", "there", "kept", "ready", "still ready"),
        "no": _alike(
            *_NO, "not answered", "unanswered", "refused", "not there", "lost", "gone", "not kept", "not ready",
            "crashes", "crashloopbackoff", "crash loop",
        ),
    },
)  # fmt: skip
KEPT_LOST = Kind(
    "kept or lost",
    {
        "kept": _alike(*_STAYS, "keep", "keeps", "there", "still there", "survives", "survived", "retained"),
        "lost": _alike("loses", "lose", "gone", "not there", "not kept", "deleted", "vanished", "not there any more"),
    },
)
OLD_NEW = Kind(
    "old or new",
    {
        "old": _alike("previous", "old one", "old image"),
        "new": _alike("new one", "new image"),
    },
)
BREAKS = Kind(
    "nothing, data, names or order",
    {
        "nothing": NOBODY | {"nothing breaks", "nothing at all", "no problem", "ok", "fine"},
        "data": _alike("the data", "data lost", "data loss", "lost data", "data lost or wrong", "data wrong"),
        "names": _alike("name", "dns", "the names", "dns names", "names change", "the names change"),
        "order": _alike("ordering", "the order", "start order"),
    },
    # The task's own words for it.
    forms={
        "names": re.compile(
            r"(?:the )?(?:names?|members?|peers?) (?:are |is |can ?not be )?not (?:be )?found(?: any ?more)?"
        )
    },
)
DNS = Kind(
    "vip, a number, or nxdomain",
    {
        "vip": _alike(
            "the cluster ip",
            "the clusterip",
            "the service's own address",
            "clusterip",
            "cluster ip",
            "cluster-ip",
            "virtual ip",
            "virtual",
            "one vip",
            "1 vip",
        ),
        "nxdomain": _alike(
            "nx domain",
            "nx-domain",
            "no such name",
            "not found",
            "name error",
            "unknown",
            "does not exist",
            "no such domain",
            "name not found",
        ),
    },
    is_number=True,
)
COUNT = Kind("a number", is_number=True)
POLICY = Kind(
    "OrderedReady or Parallel",
    {
        "parallel": _alike("all at once"),
        "orderedready": _alike("ordered ready", "ordered-ready", "ordered_ready"),
    },
)
OTHERWISE = Kind(
    "stuck, crashes, late or split",
    {
        "stuck": _alike("hangs", "hang", "stucks", "deadlock", "never ready", "not ready"),
        "crashes": _alike("crash", "crashed", "crashing", "crashloop", "crash loop", "crashloopbackoff"),
        "late": _alike("too late", "slow", "too slow"),
        "split": _alike("splits", "split vote", "split brain", "split-brain"),
    },
    # The task's own words for each.
    forms={
        "stuck": re.compile(r"(?:some|one|a) pod never (?:gets|becomes|is) ready"),
        "crashes": re.compile(r"a container (?:crashes|ends with an error)(?: and is (?:re)?started(?: again)?)?"),
        "late": re.compile(r"(?:it )?takes too long|not all (?:are|of them are) ready within 60 ?s"),
        "split": re.compile(r"two (?:members )?leave (?:at once|together|in the same moment)"),
    },
)


def pods(stem: str) -> Kind:
    """The names of Pods of one set, in an order; their ordinals alone are enough."""
    return Kind(f"the names of Pods, such as {stem}-0, {stem}-1", stem=stem)
