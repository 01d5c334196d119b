"""What somebody finds who imports every rubric of what learners get and calls whatever can be called.

Run in an environment that has only that, with the questions of the predictions as arguments; what was found comes out
as JSON lines: where, and what.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import itertools
import json
import pkgutil
import sys
from collections.abc import Iterator
from types import ModuleType

import grader.rubrics

# What a second argument may be, where there is one: the two policies.
SECOND = ("OrderedReady", "Parallel")


def modules() -> Iterator[ModuleType]:
    for found in pkgutil.walk_packages(grader.rubrics.__path__, "grader.rubrics."):
        yield importlib.import_module(found.name)


def results(where: str, function: object, questions: list[str]) -> Iterator[tuple[str, object]]:
    try:
        needed = [each for each in inspect.signature(function).parameters.values() if each.default is each.empty]
    except (TypeError, ValueError):
        return
    if len(needed) > 2 or any("str" not in str(each.annotation) for each in needed):
        return
    for arguments in itertools.product(*(questions, SECOND)[: len(needed)]):
        try:
            yield f"{where}({', '.join(arguments)})", function(*arguments)
        except Exception:
            continue


def main() -> None:
    assert not (importlib.util.find_spec("statelab_instructor")), "this is a learner's environment"
    questions = json.loads(sys.stdin.read())
    for module in modules():
        for name, value in list(vars(module).items()):
            where = f"{module.__name__}.{name}"
            seen = [(where, value)]
            if callable(value) and getattr(value, "__module__", "") == module.__name__ and not inspect.isclass(value):
                seen = list(results(where, value, questions))
            for place, found in seen:
                if isinstance(found, (str, dict, list, tuple)):
                    try:
                        print(json.dumps([place, found]))
                    except TypeError:
                        continue


if __name__ == "__main__":
    main()
