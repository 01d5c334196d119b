"""nbgrader for this course: `solutions/` is its source, `exercises/` its release, and no kernel grades anything.

What is set is explained in grader/nbgrader/__init__.py. Add your own settings below: your course's name, the exchange,
late penalties.
"""

from grader.nbgrader import configure

c = get_config()  # noqa: F821  # nbgrader puts it there
configure(c)
c.CourseDirectory.course_id = "statelab"
