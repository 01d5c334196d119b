"""The command `statelab`, and `python -m statelab`, which is the same."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line; what goes wrong is said in a sentence, with exit code 1."""
    if sys.argv[1:2] != ["serve"] or "--help" in sys.argv:
        from statelab.cli import main as run

        run()
        return
    from statelab.cluster.problem import Problem, in_words
    from statelab.serve import main as serve

    try:
        serve(sys.argv[2:])
    except Problem as problem:
        print(f"statelab: {problem}", file=sys.stderr)
        sys.exit(1)
    except OSError as error:
        print(f"statelab: {in_words(error)}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
