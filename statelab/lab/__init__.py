"""JupyterLab with the course in it: what `statelab lab` opens, for a learner and for an instructor."""
