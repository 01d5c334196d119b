"""`python -m statelab`: the same as the command `statelab`."""

from statelab.cli import main

main()
