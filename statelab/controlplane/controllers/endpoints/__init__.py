"""Endpoints and EndpointSlices: which addresses a Service leads to."""
