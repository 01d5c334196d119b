"""The pictures: a Python module for what is seen, an ES module for how it moves."""
