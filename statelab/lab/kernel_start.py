"""What each kernel of `statelab lab` runs before its first cell: a slip is said in a sentence also in a notebook of
which no cell has been run, and after the kernel was restarted.

It is named by PYTHONSTARTUP, which IPython runs, and so does a Python in the lab's terminal. The file that a user had
there is run first.
"""

from typing import Any


def begin(shell: Any) -> None:
    """`shell`: IPython's; None where this is no notebook."""
    import os
    import runpy

    theirs = os.environ.get("STATELAB_PYTHONSTARTUP", "")
    if os.path.isfile(theirs):
        made = runpy.run_path(theirs)
        globals().update({name: value for name, value in made.items() if not name.startswith("__")})
    if shell is not None:
        from statelab.notebook.magics import slips

        slips.keep_plain(shell)


begin(globals().get("get_ipython", lambda: None)())
del begin, Any
