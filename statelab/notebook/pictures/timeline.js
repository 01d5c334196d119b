import { livePicture, make, widget } from "./drawing.js";

const SPEEDS = [0.25, 0.5, 1, 2, 5, 10, 50];

function render({ model, el }) {
  const frame = widget({ model, el }, "sl-timeline");
  const { text, tell, on, root } = frame;
  const { svg: lanes, off: offLanes } = livePicture({ model }, frame, "frame", true);
  const { svg: scene, off: offScene } = livePicture({ model }, frame, "scene", true);
  const times = () => model.get("frame").times ?? [];
  let playing = null;
  let asked = null; // the moment asked for, until the kernel has shown it
  let next = null;

  const show = (index) => {
    const to = Math.max(0, Math.min(index, times().length - 1));
    slider.value = to;
    if (asked !== null) return void (next = to);
    if (to === model.get("state").index && !model.get("state").is_now) return;
    asked = to;
    tell({ index: to });
  };
  const button = (words, onclick, more = {}) => make("button", { type: "button", onclick, ...more }, words);
  const slider = make("input", { type: "range", min: "0", step: "1", "aria-label": text.moment });
  slider.addEventListener("input", () => (stop(), show(Number(slider.value))));
  const now = () => Number(slider.value);
  const back = button("◂", () => (stop(), show(now() - 1)), { "aria-label": text.earlier });
  const forth = button("▸", () => (stop(), show(now() + 1)), { "aria-label": text.later });
  const play = button(text.play, () => (playing === null ? start() : stop()), { class: "sl-play" });
  const speed = make(
    "select",
    { "aria-label": text.speed },
    ...SPEEDS.map((each) => make("option", { value: each, selected: each === 1 }, `${each} ×`)),
  );
  const present = button(text.now, () => (stop(), tell({ now: true })));
  const mark = button(text.mark, () => tell({ mark: true }));
  const unmark = button(text.unmark, () => tell({ mark: false }));
  const compare = button(text.compare, () => tell({ compare: true }));
  const said = make("p", { class: "sl-body sl-told", "aria-live": "polite" });
  const marked = make("span", {});
  const table = make("div", { class: "sl-body sl-scroll" });
  const difference = make("pre", { class: "sl-diff", tabindex: "0", role: "region", "aria-label": text.compare });

  // Playing: time runs as it ran, at the chosen speed; quiet times are as short as they are drawn.
  function start() {
    let at = now() >= times().length - 1 ? 0 : now();
    let clock = times()[at] ?? 0;
    show(at);
    play.textContent = text.pause;
    let last = performance.now();
    const tick = (stamp) => {
      clock += ((stamp - last) / 1000) * Number(speed.value);
      last = stamp;
      while (at < times().length - 1 && times()[at + 1] <= clock) at += 1;
      if (at !== now()) show(at);
      if (at >= times().length - 1) return stop();
      playing = requestAnimationFrame(tick);
    };
    playing = requestAnimationFrame(tick);
  }
  function stop() {
    if (playing !== null) cancelAnimationFrame(playing);
    playing = null;
    play.textContent = text.play;
  }

  // Dragging: the moment nearest to the pointer.
  const under = (event) => {
    const box = lanes.getBoundingClientRect();
    const { width, left, right } = model.get("frame");
    const x = ((event.clientX - box.left) / box.width) * width;
    const all = times();
    const wanted = ((x - left) / (right - left)) * Math.max(all.at(-1) ?? 0, 1);
    let found = 0;
    while (found < all.length - 1 && all[found + 1] <= wanted) found += 1;
    return found;
  };
  lanes.addEventListener("pointerdown", (event) => {
    stop();
    lanes.setPointerCapture(event.pointerId);
    show(under(event));
  });
  lanes.addEventListener("pointermove", (event) => {
    if (lanes.hasPointerCapture(event.pointerId)) show(under(event));
  });
  root.addEventListener("keydown", (event) => {
    if (event.target.closest("input, select, pre")) return void event.stopPropagation();
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step) return;
    event.preventDefault();
    event.stopPropagation();
    stop();
    show(now() + step);
  });

  const paint = () => {
    const state = model.get("state");
    asked = null;
    if (next !== null) {
      const to = next;
      next = null;
      show(to);
    }
    slider.max = Math.max(0, state.count - 1);
    if (asked === null && playing === null) slider.value = state.index;
    slider.setAttribute("aria-valuetext", state.value);
    said.textContent = state.value ? `${state.value}   ${state.said}` : state.said;
    present.setAttribute("aria-pressed", String(state.is_now));
    marked.textContent = state.marked;
    for (const each of [unmark, compare]) each.hidden = !state.marked;
    for (const each of [slider, back, forth, play, mark]) each.disabled = state.count === 0;
  };
  const paintTable = () => {
    const { caption, heads, rows } = model.get("table");
    if (!heads) return;
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
    make("div", { class: "sl-bar" }, back, slider, forth, play, speed, present),
    lanes,
    said,
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
    stop();
    offLanes();
    offScene();
    frame.end();
  };
}

export default { render };
