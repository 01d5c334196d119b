"""A slow machine: our extension and widgets by themselves, in a page with just what they ask of JupyterLab."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from statelab.notebook.pictures.modules import module
from statelab.notebook.strings import ENGLISH

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


_SLOW_KERNEL = """async ([source, text, more]) => {
  const url = URL.createObjectURL(new Blob([source], {type: 'text/javascript'}));
  const {default: {render}} = await import(url);
  const traits = {text, sheet: '', status: '', ...more};
  const listeners = new Map();
  const model = window.model = {
    sent: [],
    get: (name) => traits[name],
    on: (name, call) => listeners.set(name, [...(listeners.get(name) ?? []), call]),
    off: () => {},
    send: (message) => void model.sent.push(message),
    set: (name, value) => (traits[name] = value, listeners.get(`change:${name}`)?.forEach((call) => call())),
    save_changes: () => {},
    hears: (message) => listeners.get('msg:custom').forEach((call) => call({heard: message.number})),
  };
  render({model, el: document.body});
}"""

EDITOR = {"manifest": "one", "groups": [], "problems": [], "difference": [], "coming": {}}
CARD = {"question": "Which?", "kind": "one", "items": ["a", "b"], "answer": [], "said": "", "truth": [], "verdict": ""}


def test_a_kernel_that_is_slow_takes_nothing_away_that_was_typed_meanwhile(desk: Any) -> None:
    page = desk.page(1280, 720)
    page.evaluate(_SLOW_KERNEL, [module("manifest_editor"), ENGLISH, EDITOR])
    area = page.locator("textarea")
    for text in ("two", "three"):
        area.fill(text)
        page.wait_for_function("text => model.sent.some((each) => each.manifest === text)", arg=text)
    first, second = (f"model.hears(model.sent.find((each) => each.manifest === '{text}'))" for text in ("two", "three"))
    page.evaluate("model.hears({number: 2})")  # how wide it is, and that it is shown
    page.evaluate("model.set('manifest', 'two')")
    page.evaluate(first)
    assert area.input_value() == "three"
    page.evaluate("model.set('manifest', 'three')")
    page.evaluate(second)
    page.evaluate("model.set('manifest', 'four')")  # a slider, or the learner's own line
    assert area.input_value() == "four"
    page.close()


def test_a_prediction_that_no_kernel_takes_says_so_until_one_does(desk: Any) -> None:
    page = desk.page(800, 600)
    page.evaluate("window.setTimeout = (call) => void (window.late = call)")
    page.evaluate(_SLOW_KERNEL, [module("predict"), ENGLISH, CARD])
    page.get_by_label("b").check()
    page.get_by_role("button", name="Commit").click()
    assert page.locator(".sl-said").inner_text() == ""
    page.evaluate("late()")
    page.locator(".sl-said", has_text="The kernel does not answer").wait_for()
    page.evaluate("model.set('said', 'You said: b')")
    assert page.locator(".sl-said").inner_text() == "You said: b"
    page.close()
