"""ps9, An operator: a kind of one's own, who may what, what a loop does next, and a loop that keeps one primary."""

from __future__ import annotations

from grader.rubrics.ps9 import defining, foretelling, looping, permitting

# In the order of the notebook.
definition = defining.definition
permissions = permitting.permissions
following = foretelling.following
loop = looping.loop
