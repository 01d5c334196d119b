import { livePicture, make, widget } from "./drawing.js";

function render({ model, el }) {
  const frame = widget({ model, el }, "sl-sides");
  const { text, tell, on, root } = frame;
  const sides = ["left", "right"].map((trait) => livePicture({ model }, frame, trait, true));
  const news = make("p", { class: "sl-unseen", "aria-live": "polite" });
  const bar = make("div", { class: "sl-body" });
  const kept = make("div", { class: "sl-body" });

  const paintBar = () => {
    const focused = bar.contains(document.activeElement) ? document.activeElement.dataset.act : null;
    bar.replaceChildren(
      ...model.get("actions").map(({ id, label, line }) =>
        make(
          "div",
          { class: "sl-action" },
          make("button", { type: "button", class: "sl-big", "data-act": id, onclick: () => tell({ act: id }) }, label),
          make("code", {}, line),
        ),
      ),
    );
    if (focused) (bar.querySelector(`[data-act="${focused}"]`) ?? bar.querySelector("button"))?.focus();
  };
  const paintKept = () => {
    const { title, sides } = model.get("kept");
    if (!title) return kept.replaceChildren();
    kept.replaceChildren(make("h4", {}, title), make("div", { class: "sl-two" }, ...sides.map((side) => tableOf(side, text))));
  };
  on("actions", paintBar);
  on("kept", paintKept);
  on("news", () => (news.textContent = model.get("news")));
  // What each is stands over it before anything happens; what each kept stands between the buttons and the pictures.
  const titled = sides.map(({ svg }, place) => {
    const [name, promise] = model.get("titles")[place];
    return make("section", { class: "sl-side", "aria-label": name }, make("h4", {}, name), make("p", {}, promise), svg);
  });
  root.append(bar, frame.status, kept, make("div", { class: "sl-two" }, ...titled), news);
  paintBar();
  paintKept();
  return () => {
    sides.forEach(({ off }) => off());
    frame.end();
  };
}

// The table has its workload's name already: what tells one long name from another is its end.
const ending = (name) => (name.length > 20 ? `…-${name.split("-").at(-1)}` : name);
const named = (before, after) => (before === after ? before : `${before || "—"} → ${after || "—"}`);

function tableOf({ title, rows }, text) {
  const facts = rows.find((row) => row.facts.length)?.facts.map(([name]) => name) ?? [];
  const cell = ([, isKept]) => make("td", { class: isKept ? "sl-kept" : "sl-lost" }, isKept ? `= ${text.kept}` : `≠ ${text.lost}`);
  const lines = rows.map(({ before, after, facts: each }) =>
    make(
      "tr",
      {},
      make("th", { scope: "row", title: named(before, after), "aria-label": named(before, after) }, named(...[before, after].map(ending))),
      ...(each.length ? each.map(cell) : facts.map(() => make("td", {}, "—"))),
    ),
  );
  const head = make("tr", {}, make("th", { scope: "col" }, text.pod), ...facts.map((each) => make("th", { scope: "col" }, each)));
  const table = make("table", {}, make("caption", {}, title), make("thead", {}, head), make("tbody", {}, ...lines));
  return make("div", { class: "sl-scroll" }, table);
}

export default { render };
