"""A JupyterHub with the course: what `statelab hub-config` writes, and what it starts for each user."""
