"""A shell in Python: what containers run where there is no bashkit, in a browser.

`parser` reads a script into the nodes of `syntax`; `interpreter` runs them in a `Proc`, which takes turns with others
(pipelines, background jobs) a step at a time; `turns` lets shells run; `shell` is what the runtime sees. Nothing here
has a thread, a clock or chance of its own: the same script does the same, to the byte.
"""
