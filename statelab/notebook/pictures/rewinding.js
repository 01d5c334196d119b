import { make } from "./drawing.js";

const SPEEDS = [0.25, 0.5, 1, 2, 5, 10, 50];

// What rewinds: a slider, steps, play, and lanes that can be dragged. The kernel shows a moment, then the next one is
// asked for. `frame.times`: seconds as drawn; `frame.xs`: where each moment is in the lanes' drawing.
export function makeRewinder(model, { text, tell, root }, lanes) {
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
    const { width, xs } = model.get("frame");
    const x = ((event.clientX - box.left) / box.width) * width;
    let found = 0;
    for (let each = 1; each < xs.length; each += 1) if (Math.abs(xs[each] - x) <= Math.abs(xs[found] - x)) found = each;
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
    if (event.target.closest("input, select, pre, textarea")) return void event.stopPropagation();
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
    present.setAttribute("aria-pressed", String(state.is_now));
    for (const each of [slider, back, forth, play]) each.disabled = state.count === 0;
  };
  const bar = make("div", { class: "sl-bar" }, back, slider, forth, play, speed, present);
  return { bar, paint, stop, present };
}
