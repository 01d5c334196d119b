"""Signers that are built in, and requests that nobody needs any more."""

from statelab.controlplane.controllers.certificates.controller import CLEANER, SIGNER

CONTROLLERS = (SIGNER, CLEANER)
