"""A whole class at once: every submission over every core, each graded once, whatever happens in between."""
