"""kubectl lines as an answer: parsed, and carried out by the trial. There is no shell, no file and no other cluster."""

from grader.kubectl.lines import CommandError, Line, parse
from grader.kubectl.verbs import run

__all__ = ["CommandError", "Line", "parse", "run"]
