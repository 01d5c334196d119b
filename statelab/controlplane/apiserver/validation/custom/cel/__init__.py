"""CEL, the language of `x-kubernetes-validations`: read (parsing.py) and answered within a budget (evaluating.py).

Of our own, not cel-python's: a rule's cost is bounded step by step, the words for a syntax error are the API server's,
Kubernetes' own functions are in it, and it is pure Python, so that it runs in a browser, too.
Source: github.com/google/cel-spec/blob/master/doc/langdef.md, apiserver/pkg/cel/library.
"""

from statelab.controlplane.apiserver.validation.custom.cel.evaluating import TooCostly, evaluate
from statelab.controlplane.apiserver.validation.custom.cel.functions import CelError, Optional
from statelab.controlplane.apiserver.validation.custom.cel.parsing import CelSyntaxError, Node, parse

__all__ = ["CelError", "CelSyntaxError", "Node", "Optional", "TooCostly", "evaluate", "parse"]
