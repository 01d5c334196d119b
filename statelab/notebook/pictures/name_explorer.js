import { make, widget } from "./drawing.js";

function render({ model, el }) {
  const frame = widget({ model, el }, "sl-names");
  const { text, tell, on, root } = frame;
  const listId = `sl-names-${Math.random().toString(36).slice(2)}`;
  const proposals = make("datalist", { id: listId });
  const columns = [0, 1].map((place) => column(place));

  function column(place) {
    const name = make("input", { type: "text", list: listId, "aria-label": text.name, value: model.get("names")[place] ?? "", spellcheck: "false" });
    const type = make("select", { "aria-label": text.type }, ...model.get("types").map((each) => make("option", {}, each)));
    const ask = () => tell({ ask: { place, name: name.value, type: type.value } });
    name.addEventListener("keydown", (event) => event.key === "Enter" && ask());
    name.addEventListener("change", ask);
    type.addEventListener("change", ask);
    const found = make("div", { "aria-live": "polite" });
    const bar = make("div", { class: "sl-action" }, name, type, make("button", { type: "button", onclick: ask }, text.ask));
    return { element: make("div", {}, bar, found), found, name, ask };
  }

  const paint = () => {
    proposals.replaceChildren(...model.get("known").map((each) => make("option", { value: each })));
    model.get("answers").forEach((answer, place) => {
      const again = (name) => {
        columns[place].name.value = name;
        columns[place].ask();
      };
      columns[place]?.found.replaceChildren(...parts(answer, text, again));
    });
  };
  on("answers known", paint);
  root.append(proposals, make("div", { class: "sl-body sl-two" }, ...columns.map(({ element }) => element)), frame.status);
  paint();
  return () => frame.end();
}

function parts(answer, text, again) {
  if (answer.problem) return [make("p", {}, answer.problem)];
  if (!answer.tried) return [];
  const asked = answer.tried.map(({ name, rcode, records }) =>
    make("li", {}, make("code", {}, name), ` ${records.length ? "✓" : "✗"} ${rcode}`, records.length ? "" : ` (${text.no_answer})`),
  );
  const steps = answer.steps.map(([step, what]) => make("li", {}, make("strong", {}, `${step}: `), what));
  const raw = (title, words) => make("details", {}, make("summary", {}, title), make("pre", { tabindex: "0", role: "region", "aria-label": title }, words));
  // The way of the question, lit stop by stop; it ends where it does not go on.
  const path = answer.path.map(([what, so, isReached], step) => {
    const sign = isReached ? "" : "✗ ";
    const stop = make("div", { class: `sl-stop ${isReached ? "sl-reached" : "sl-missed"}`, style: `--step:${step}` }, make("b", {}, `${sign}${what}`), so);
    return make("div", { role: "listitem" }, stop);
  });
  const meant = answer.meant.map((name) => make("button", { type: "button", onclick: () => again(name) }, name));
  return [
    make("div", { class: "sl-path", role: "list" }, ...path),
    ...(meant.length ? [make("p", {}, `${text.did_you_mean} `, ...meant)] : []),
    make("h4", {}, text.asked_in_order),
    make("ol", {}, ...asked),
    make("ul", {}, ...steps),
    make("p", { class: "sl-answer" }, make("strong", {}, `${text.answer}: `), answer.answer.length ? answer.answer.join(", ") : answer.rcode),
    raw(text.raw, answer.message),
    raw(text.wire, answer.wire),
  ];
}

export default { render };
