"""The ServiceAccount every namespace has, and its tokens."""

from __future__ import annotations

from statelab.controlplane.controllers.serviceaccount import accounts, tokens

CONTROLLERS = (accounts.ACCOUNTS, accounts.CERTIFICATES, tokens.CONTROLLER)
