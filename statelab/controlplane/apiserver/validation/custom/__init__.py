"""Kinds that a CustomResourceDefinition makes: the definition's rules, and the schema at work on its objects."""

from __future__ import annotations

from statelab.controlplane.apiserver.validation.custom.definitions import RULES

__all__ = ["RULES"]
