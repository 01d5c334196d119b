"""A trial on a real cluster: a throw-away namespace that looks to the rubrics as an embedded cluster does."""
