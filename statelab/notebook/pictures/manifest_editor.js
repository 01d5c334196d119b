import { make, widget } from "./drawing.js";

const TYPING_MS = 350;

function render({ model, el }) {
  const frame = widget({ model, el }, "sl-editor");
  const { text, tell, on, root } = frame;
  const numbers = make("div", { class: "sl-numbers", "aria-hidden": "true" });
  const area = make("textarea", { "aria-label": text.manifest, spellcheck: "false", wrap: "off", rows: "24" });
  const knobs = make("div", {});
  const problems = make("div", { role: "status" });
  const difference = make("pre", { class: "sl-diff", tabindex: "0", role: "region", "aria-label": text.show_diff });
  const diff = make("button", { type: "button", onclick: () => (send(), tell({ diff: true })) }, text.show_diff);
  const apply = make("button", { type: "button", onclick: () => tell({ apply: true }) }, text.apply);
  let typing = null;
  let held = null; // the slider under the pointer

  const send = () => {
    if (typing === null) return;
    clearTimeout(typing);
    typing = null;
    tell({ manifest: area.value });
  };
  area.addEventListener("input", () => {
    clearTimeout(typing);
    typing = setTimeout(send, TYPING_MS);
    paintNumbers();
  });
  area.addEventListener("scroll", () => (numbers.scrollTop = area.scrollTop));
  area.addEventListener("keydown", (event) => event.stopPropagation());

  function paintNumbers() {
    const wrong = new Map(model.get("problems").map((each) => [each.line, each]));
    const count = area.value.split("\n").length;
    numbers.replaceChildren(
      ...Array.from({ length: count }, (_, index) =>
        make("div", { class: wrong.has(index + 1) ? "wrong" : "fine" }, wrong.has(index + 1) ? `▲ ${index + 1}` : `${index + 1}`),
      ),
    );
    numbers.scrollTop = area.scrollTop;
  }
  const paintText = () => {
    const now = model.get("manifest");
    if (typing === null && area.value !== now) {
      const [start, end] = [area.selectionStart, area.selectionEnd];
      area.value = now;
      area.setSelectionRange(start, end);
    }
    paintNumbers();
  };
  let drawn = "";
  const shape = () => JSON.stringify(model.get("groups").map(({ object, title, knobs: each }) => [object, title, each.map(({ id, choices }) => [id, choices])]));
  const paintKnobs = () => {
    // The same controls get new values, so that a slider is not taken from under the hand that moves it.
    if (drawn === shape()) return updateKnobs();
    drawn = shape();
    const focused = knobs.contains(document.activeElement) ? document.activeElement.id : null;
    knobs.replaceChildren(
      ...model.get("groups").map(({ object, title, knobs: each }) =>
        make("fieldset", {}, make("legend", {}, title), ...each.map((knob) => controlOf(knob, object))),
      ),
    );
    if (focused) knobs.querySelector(`[id="${focused}"]`)?.focus();
  };
  function updateKnobs() {
    for (const { object, knobs: each } of model.get("groups")) {
      for (const knob of each) {
        const control = knobs.querySelector(`[id="${prefix}-${object}-${knob.id}"]`);
        if (!control || control === held) continue;
        if (knob.kind === "number") control.max = knob.most;
        control.value = knob.value;
        const shown = control.parentElement.querySelector("output");
        if (shown) shown.textContent = knob.value;
      }
    }
  }
  const prefix = `sl-knob-${Math.random().toString(36).slice(2)}`;
  function controlOf(knob, object) {
    const id = `${prefix}-${object}-${knob.id}`;
    const turn = (value) => (send(), tell({ turn: { object, id: knob.id, value } }));
    const label = make("label", { for: id }, knob.label);
    if (knob.kind === "choice") {
      const choices = knob.choices.map((each) => make("option", { selected: each === knob.value }, each));
      const select = make("select", { id }, ...choices);
      select.addEventListener("change", () => turn(select.value));
      return make("div", { class: "sl-knob" }, label, select);
    }
    const shown = make("output", { for: id }, String(knob.value));
    const slider = make("input", { id, type: "range", min: knob.least, max: knob.most, value: knob.value });
    slider.addEventListener("pointerdown", () => (held = slider));
    for (const each of ["pointerup", "pointercancel"]) slider.addEventListener(each, () => (held = null));
    slider.addEventListener("input", () => {
      shown.textContent = slider.value;
      turn(Number(slider.value));
    });
    return make("div", { class: "sl-knob" }, label, slider, shown);
  }
  const paintProblems = () => {
    const all = model.get("problems");
    problems.replaceChildren(
      ...(all.length
        ? all.map((each) => {
            const go = make("button", { type: "button", onclick: () => goTo(each.line) }, each.line ? text.line.replace("{line}", each.line) : "▲");
            return make("p", { class: "sl-problem" }, go, each.problem, each.advice ? ` — ${each.advice}` : "");
          })
        : [make("p", {}, `✓ ${text.no_problems}`)]),
    );
    paintNumbers();
  };
  function goTo(line) {
    const lines = area.value.split("\n");
    const start = lines.slice(0, line - 1).reduce((sum, each) => sum + each.length + 1, 0);
    area.focus();
    area.setSelectionRange(start, start + (lines[line - 1]?.length ?? 0));
  }
  const paintDifference = () => {
    const lines = model.get("difference");
    difference.hidden = !lines.length;
    difference.replaceChildren(...lines.map(([mark, line]) => make("span", { class: mark || "same" }, mark === "added" || mark === "removed" ? line : `${line}\n`)));
    apply.disabled = !model.get("seen");
  };
  on("manifest", paintText);
  on("groups", paintKnobs);
  on("problems", paintProblems);
  on("difference seen", paintDifference);
  root.append(
    make("div", { class: "sl-body sl-two" }, make("div", { class: "sl-code" }, numbers, area), make("div", {}, knobs, problems)),
    make("div", { class: "sl-bar" }, diff, apply),
    difference,
    frame.status,
  );
  paintText();
  paintKnobs();
  paintProblems();
  paintDifference();
  return () => {
    clearTimeout(typing);
    frame.end();
  };
}

export default { render };
