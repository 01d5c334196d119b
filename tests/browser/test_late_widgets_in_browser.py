"""Our extension by itself, in a page with just what it asks of JupyterLab: a manager of widgets that comes late."""

from __future__ import annotations

from pathlib import Path
from typing import Any

EXTENSION = Path(__file__).resolve().parents[2] / "statelab" / "lab" / "extension" / "statelab" / "static"
# A saved picture is shown; the notebook's renderer of widgets comes when the extension has looked for it `late` times.
PAGE = """async (late) => {
  window.setTimeout = (call) => void queueMicrotask(call);
  class Panel {
    constructor() { this.node = document.createElement('div'); this.isAttached = true; }
    addClass() {}
    addWidget(widget) { this.node.append(widget.node); }
    dispose() { this.isDisposed = true; }
    onAfterAttach() {}
  }
  let looked = 0;
  const live = [];
  class Live extends Panel {
    constructor() { super(); this.widgets = [{}]; this.disposed = {connect() {}}; live.push(this); }
    async renderModel() {}
  }
  const rendermime = {getFactory: () => 'of the page', addFactory: (factory) => (window.factory = factory)};
  const ofTheNotebook = {
    getFactory: () => (++looked > late ? 'of the notebook' : 'of the page'),
    createRenderer: () => new Live(),
    createModel: (model) => model,
  };
  const panel = {content: {rendermime: ofTheNotebook}, sessionContext: {session: {kernel: {}}}};
  const modules = {
    '@lumino/widgets': {Panel},
    '@jupyterlab/ui-components': {LabIcon: class {}},
    '@jupyterlab/rendermime': {}, '@jupyterlab/notebook': {}, '@jupyterlab/apputils': {},
  };
  const shared = Object.entries(modules).map(([name, it]) => [name, {1: {loaded: true, get: async () => () => it}}]);
  const extension = window._JUPYTERLAB.statelab;
  extension.init(Object.fromEntries(shared));
  const [plugin] = (await extension.get())().default;
  const app = {commands: {addCommand() {}, addKeyBinding() {}}};
  await plugin.activate(app, rendermime, {find: () => panel}, null);
  const picture = window.factory.createRenderer();
  const svg = '<svg xmlns="http://www.w3.org/2000/svg" class="sl"><text>still</text></svg>';
  await picture.renderModel({data: {'application/vnd.statelab.picture+json': {model_id: 'one'}, 'image/svg+xml': svg}});
  for (let turn = 0; turn < 10_000 && looked <= late; turn++) await new Promise((done) => queueMicrotask(done));
  await new Promise((done) => requestAnimationFrame(done));
  return [live.length, picture.node.contains(picture.still), live[0]?.node.hidden];
}"""


def test_a_picture_becomes_live_however_late_the_manager_of_widgets_comes(desk: Any) -> None:
    page = desk.page(800, 600)
    page.route("http://localhost/**", lambda route: route.fulfill(path=EXTENSION / route.request.url.split("/")[-1]))
    page.add_script_tag(url="http://localhost/extension.js")
    assert page.evaluate(PAGE, 100) == [1, False, False]
    page.close()
