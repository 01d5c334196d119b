import { livePicture, make, widget } from "./drawing.js";

const TYPING_MS = 350;

// JupyterLab's own editor, where the page has it (lab/extension/statelab/static/editor.js); else a plain text field.
const editorOf = (wanted) => (window[Symbol.for("statelab.editor")] ?? plainEditor)(wanted);

function plainEditor({ host, text, label, onInput }) {
  const numbers = make("div", { class: "sl-numbers", "aria-hidden": "true" });
  const area = make("textarea", { "aria-label": label, spellcheck: "false", wrap: "off", rows: "24" });
  let wrong = new Set();
  const paint = () => {
    const count = area.value.split("\n").length;
    numbers.replaceChildren(
      ...Array.from({ length: count }, (_, index) =>
        make("div", { class: wrong.has(index + 1) ? "wrong" : "fine" }, wrong.has(index + 1) ? `▲ ${index + 1}` : `${index + 1}`),
      ),
    );
    numbers.scrollTop = area.scrollTop;
  };
  area.value = text;
  area.addEventListener("input", () => (paint(), onInput()));
  area.addEventListener("scroll", () => (numbers.scrollTop = area.scrollTop));
  area.addEventListener("keydown", (event) => event.stopPropagation());
  host.classList.add("sl-plain");
  host.append(numbers, area);
  paint();
  return {
    get value() {
      return area.value;
    },
    set value(now) {
      const [start, end] = [area.selectionStart, area.selectionEnd];
      area.value = now;
      area.setSelectionRange(start, end);
      paint();
    },
    mark(told) {
      wrong = new Set(told.map(({ line }) => line));
      paint();
    },
    goTo(line) {
      const lines = area.value.split("\n");
      const start = lines.slice(0, line - 1).reduce((sum, each) => sum + each.length + 1, 0);
      area.focus();
      area.setSelectionRange(start, start + (lines[line - 1]?.length ?? 0));
    },
    end: () => {},
  };
}

function render({ model, el }) {
  const frame = widget({ model, el }, "sl-editor");
  const { text, tell, on, root } = frame;
  const host = make("div", { class: "sl-code" });
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
    tell({ manifest: editor.value });
  };
  const onInput = () => {
    clearTimeout(typing);
    typing = setTimeout(send, TYPING_MS);
    coming.classList.add("sl-old");
  };
  // What would come: a picture, or why not.
  const picture = livePicture({ model: framesOf(model) }, { on: (_, callback) => on("coming", callback) }, "frame", true);
  const comingTitle = make("h4", {});
  const comingWords = make("p", { class: "sl-coming-words" });
  const coming = make("div", { class: "sl-coming", role: "status" }, comingTitle, comingWords, picture.svg);
  const paintComing = () => {
    const told = model.get("coming");
    const isRefused = Boolean(told.words && !told.frame);
    coming.classList.remove("sl-old");
    coming.classList.toggle("sl-refused", isRefused);
    comingTitle.textContent = told.title || (model.get("problems").length ? "" : text.looking_ahead);
    comingWords.textContent = told.words;
    picture.svg.style.display = told.frame ? "" : "none";
    paintMarks();
  };

  // What the checker says of a line, and what the API server would, if it is about another one.
  function paintMarks() {
    const told = new Map();
    const add = (line, words) => told.set(line, [...(told.get(line) ?? []), words]);
    for (const each of model.get("problems")) add(each.line, each.advice ? `${each.problem} — ${each.advice}` : each.problem);
    const { line, words } = model.get("coming");
    if (line && !told.has(line)) add(line, words);
    editor.mark([...told].map(([at, all]) => ({ line: at, words: all.join("\n") })));
  }
  // The kernel's text, unless it is of a moment before what was typed: it would take that away.
  const paintText = () => {
    const now = model.get("manifest");
    if (typing === null && frame.isHeard() && editor.value !== now) editor.value = now;
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
  // Where the words stand at their lines already, this only leads there.
  const paintProblems = () => {
    const all = model.get("problems");
    const isBrief = !host.classList.contains("sl-plain");
    const worded = ({ problem, advice }) => (advice ? `${problem} — ${advice}` : problem);
    problems.replaceChildren(
      ...(all.length
        ? all.map((each) => {
            const place = each.line ? text.line.replace("{line}", each.line) : "▲";
            const go = make("button", { type: "button", title: worded(each), onclick: () => editor.goTo(each.line) }, each.line ? `▲ ${place}` : place);
            if (isBrief && each.line) return make("span", { class: "sl-problem" }, go, make("span", { class: "sl-unseen" }, worded(each)));
            return make("p", { class: "sl-problem" }, go, worded(each));
          })
        : [make("p", {}, `✓ ${text.no_problems}`)]),
    );
    paintMarks();
  };
  const paintDifference = () => {
    const lines = model.get("difference");
    difference.hidden = !lines.length;
    difference.replaceChildren(...lines.map(([mark, line]) => make("span", { class: mark || "same" }, mark === "added" || mark === "removed" ? line : `${line}\n`)));
    apply.disabled = !model.get("seen");
  };
  const editor = editorOf({ host, text: model.get("manifest"), label: text.manifest, onInput });
  on("manifest", paintText);
  model.on("msg:custom", paintText);
  on("groups", paintKnobs);
  on("problems", paintProblems);
  on("coming", paintComing);
  on("difference seen", paintDifference);
  root.append(
    make(
      "div",
      { class: "sl-body sl-look-ahead" },
      make("div", {}, host, make("p", { class: "sl-hint" }, text.leave_editor), problems),
      make("div", {}, coming, knobs),
    ),
    make("div", { class: "sl-bar" }, diff, apply),
    difference,
    frame.status,
  );
  paintKnobs();
  paintProblems();
  paintComing();
  paintDifference();
  return () => {
    clearTimeout(typing);
    model.off("msg:custom", paintText);
    picture.off();
    editor.end();
    frame.end();
  };
}

// livePicture reads a trait; here the frame is a part of one.
const framesOf = (model) => ({ get: (name) => (name === "frame" ? model.get("coming").frame : model.get(name)) });

export default { render };
