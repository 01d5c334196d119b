import { everyFrame, livePicture, make, selectable, widget } from "./drawing.js";
import { makeRewinder } from "./rewinding.js";
import { makePanel } from "./selecting.js";

function render({ model, el }) {
  const frame = widget({ model, el }, "sl-stage");
  const { text, tell, on, root } = frame;
  const { svg: scene, off: offScene } = livePicture({ model }, frame, "scene");
  const { svg: lanes, off: offLanes } = livePicture({ model }, frame, "frame", true);
  const rewinder = makeRewinder(model, frame, lanes);
  const line = make("code", { class: "sl-line" });
  const said = make("p", { class: "sl-told" });
  const when = make("span", { class: "sl-when" });
  const spoken = make("p", { class: "sl-spoken", "aria-live": "polite" });
  const coming = make("code", { class: "sl-coming" });
  const key = (name) => make("kbd", { "aria-hidden": "true" }, name);
  const forth = make("button", { type: "button", class: "sl-next", onclick: () => tell({ next: true }) }, text.next_step, key(text.key_next));
  const again = make("button", { type: "button", onclick: () => tell({ reset: true }) }, text.reset, key("R"));
  const where = make("span", { class: "sl-when" });
  const talk = make("div", { class: "sl-bar sl-steps" }, forth, again, where, coming);
  const keys = make("p", { class: "sl-hint sl-keys" }, text.talk_keys);
  const news = make("p", { class: "sl-unseen", "aria-live": "polite" });
  const hold = make("button", { type: "button", class: "sl-hold", onclick: () => pauseOrGo() });
  const panel = makePanel(model, frame, scene);
  const past = make("div", { class: "sl-past", tabindex: "0", role: "region", "aria-label": text.timeline }, lanes);

  const isNow = () => model.get("state").is_now;
  const pauseOrGo = () => {
    rewinder.stop();
    tell(isNow() ? { index: model.get("state").index } : { now: true });
  };
  // An instructor's keys, and everybody's: the arrows are the rewinder's.
  root.addEventListener("keydown", (event) => {
    if (event.target.closest("input, select, pre, textarea") || event.ctrlKey || event.metaKey || event.altKey) return;
    const act = { p: pauseOrGo, n: () => tell({ now: true }), k: kill, Delete: kill, ...steps }[event.key];
    if (!act || (event.key === " " && event.target.closest("button, g[role=button]"))) return;
    event.preventDefault();
    event.stopPropagation();
    act();
  });
  // What a presenter's clicker sends, too. Only where there is a script: else Page Down scrolls.
  const step = () => tell({ next: true });
  let steps = {};
  const paintStep = () => {
    const told = model.get("step");
    talk.hidden = spoken.hidden = !told.place;
    steps = told.place ? { PageDown: step, " ": step, r: () => tell({ reset: true }) } : {};
    if (!told.place) return;
    spoken.textContent = told.say;
    where.textContent = told.place;
    coming.textContent = told.next;
    coming.hidden = !told.next;
    forth.setAttribute("aria-disabled", String(told.is_last)); // a button that is disabled would lose the keys
  };
  function kill() {
    const action = (model.get("chosen").actions ?? []).find((each) => each.id === "delete");
    if (action) tell({ act: action.id });
  }

  const paint = () => {
    const state = model.get("state");
    rewinder.paint();
    said.textContent = state.said;
    when.textContent = state.is_now ? "" : state.value;
    hold.textContent = state.is_now ? `❚❚ ${text.pause}` : `▸▸ ${text.back_to_now}`;
    hold.setAttribute("aria-pressed", String(!state.is_now));
    root.classList.toggle("sl-then", !state.is_now);
  };
  const paintLine = () => {
    const words = model.get("line");
    line.hidden = !words;
    line.textContent = `$ ${words}`;
  };
  const paintTalk = () => {
    root.classList.toggle("sl-talk", model.get("talk"));
    keys.hidden = !model.get("talk");
  };
  // The newest lanes stay in sight.
  const toEnd = everyFrame(() => (past.scrollTop = past.scrollHeight));
  on("state", paint);
  on("line", paintLine);
  on("talk", paintTalk);
  on("step", paintStep);
  on("news", () => (news.textContent = model.get("news")));
  selectable(scene, (key) => tell({ select: key }));
  rewinder.present.replaceWith(hold); // one button for both: pause, and back to now
  root.append(
    make("div", { class: "sl-head" }, spoken, line, ...(model.get("talk") ? [frame.status] : []), said, when),
    make("div", { class: "sl-now", role: "region", "aria-label": text.stage_picture }, scene, panel),
    make("div", { class: "sl-foot" }, talk, keys, rewinder.bar, past),
    ...(model.get("talk") ? [] : [frame.status]), // an audience reads it under its line
    news,
  );
  paint();
  paintLine();
  paintTalk();
  paintStep();
  // Who presses the clicker in front of a class has clicked nothing before: a talk has the keys when it is first seen.
  const seen = new IntersectionObserver(([first]) => {
    if (!first.isIntersecting) return;
    seen.disconnect();
    root.focus({ preventScroll: true });
  });
  if (model.get("talk")) {
    root.setAttribute("tabindex", "-1");
    seen.observe(root);
  }
  toEnd();
  return () => {
    seen.disconnect();
    rewinder.stop();
    offScene();
    offLanes();
    frame.end();
  };
}

export default { render };
