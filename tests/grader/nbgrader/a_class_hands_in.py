"""A class goes through nbgrader's exchange in one process: release, fetch, submit, collect.

Not a test module: test_class_in_the_exchange.py runs it, `a_class_hands_in.py COURSE CORPUS STUDENTS`.
Starting nbgrader's own commands for each learner would take minutes; these are the classes they start.
"""

from __future__ import annotations

import json
import os
import random
import sys
from pathlib import Path

from nbgrader.auth import Authenticator
from nbgrader.coursedir import CourseDirectory
from nbgrader.exchange.default import (
    ExchangeCollect,
    ExchangeFetchAssignment,
    ExchangeReleaseAssignment,
    ExchangeSubmit,
)
from traitlets.config import Config
from traitlets.config.loader import PyFileConfigLoader

TASKS = ("repair", "identity", "order", "peers", "lookup")


def main(course: Path, corpus: Path, students: int) -> None:
    config = Config(PyFileConfigLoader("nbgrader_config.py", path=str(course)).load_config())
    config.Exchange.root = str(course / "exchange")
    config.Exchange.cache = str(course / "cache")
    config.CourseDirectory.assignment_id = "ps3"
    (course / "exchange").mkdir()
    (course / "exchange").chmod(0o777)

    def exchange(kind: type, folder: Path, **more: str) -> None:
        os.chdir(folder)
        mine = Config(config)
        mine.CourseDirectory.root = str(course)
        mine.CourseDirectory.update(more)
        directory = CourseDirectory(config=mine)
        kind(coursedir=directory, authenticator=Authenticator(config=mine), config=mine).start()

    exchange(ExchangeReleaseAssignment, course)
    chance = random.Random(60)
    answers = {task: sorted((corpus / f"ps3.{task}").glob("*/*.yaml")) for task in TASKS}
    for number in range(students):
        name = f"learner-{number:02}"
        home = course / "homes" / name
        home.mkdir(parents=True)
        exchange(ExchangeFetchAssignment, home, student_id=name)
        path = home / "ps3" / "ps3.ipynb"
        notebook = json.loads(path.read_text(encoding="utf-8"))
        for cell in notebook["cells"]:
            task = cell["metadata"].get("nbgrader", {}).get("grade_id", "").removeprefix("ps3-")
            if task.endswith("-answer") and chance.random() < 0.9:
                chosen = chance.choice(answers[task.removesuffix("-answer")])
                cell["source"] = f"%%answer ps3.{task.removesuffix('-answer')}\n" + chosen.read_text(encoding="utf-8")
        path.chmod(0o644)
        path.write_text(json.dumps(notebook), encoding="utf-8")
        exchange(ExchangeSubmit, home, student_id=name)
    exchange(ExchangeCollect, course, student_id="*")


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve(), int(sys.argv[3]))
