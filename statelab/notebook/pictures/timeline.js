import { livePicture, make, widget } from "./drawing.js";
import { makeRewinder } from "./rewinding.js";

function render({ model, el }) {
  const frame = widget({ model, el }, "sl-timeline");
  const { text, tell, on, root } = frame;
  const { svg: lanes, off: offLanes } = livePicture({ model }, frame, "frame", true);
  const { svg: scene, off: offScene } = livePicture({ model }, frame, "scene", true);
  const rewinder = makeRewinder(model, frame, lanes);
  const button = (words, onclick) => make("button", { type: "button", onclick }, words);
  const mark = button(text.mark, () => tell({ mark: true }));
  const unmark = button(text.unmark, () => tell({ mark: false }));
  const compare = button(text.compare, () => tell({ compare: true }));
  const said = make("p", { class: "sl-body sl-told", "aria-live": "polite" });
  const marked = make("span", {});
  const table = make("div", { class: "sl-body sl-scroll" });
  const difference = make("pre", { class: "sl-diff", tabindex: "0", role: "region", "aria-label": text.compare });

  const paint = () => {
    const state = model.get("state");
    rewinder.paint();
    said.textContent = state.value ? `${state.value}   ${state.said}` : state.said;
    marked.textContent = state.marked;
    for (const each of [unmark, compare]) each.hidden = !state.marked;
    mark.disabled = state.count === 0;
  };
  const paintTable = () => {
    const { caption, heads, rows } = model.get("table");
    if (!heads) return;
    if (!rows.length) return table.replaceChildren(make("p", {}, caption));
    const head = make("tr", {}, ...heads.map((each) => make("th", { scope: "col" }, each)));
    const body = rows.map((row) => make("tr", {}, ...row.map((each) => make("td", {}, each))));
    table.replaceChildren(
      make("table", {}, make("caption", { class: "sl-unseen" }, caption), make("thead", {}, head), make("tbody", {}, ...body)),
    );
  };
  const paintDifference = () => {
    const lines = model.get("difference");
    difference.hidden = !lines.length;
    difference.replaceChildren(
      ...lines.map(([mark, line]) => make("span", { class: mark || "same" }, mark === "added" || mark === "removed" ? line : `${line}\n`)),
    );
  };
  on("state", paint);
  on("table", paintTable);
  on("difference", paintDifference);
  root.append(
    make("div", { class: "sl-sticky" }, rewinder.bar, lanes, said),
    make("div", { class: "sl-bar" }, mark, marked, compare, unmark),
    difference,
    scene,
    table,
    frame.status,
  );
  paint();
  paintTable();
  paintDifference();
  return () => {
    rewinder.stop();
    offLanes();
    offScene();
    frame.end();
  };
}

export default { render };
