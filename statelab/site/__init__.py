"""The course as a static site: JupyterLite, CPython for WebAssembly, wheels and notebooks, all from one origin.

`build` puts it together; `downloads` fetches what is not installed, with the ordinary clients; `wheels` makes wheels of
what is; `distribution` joins both with Pyodide; `sizes` counts. See docs/browser.md.
"""
