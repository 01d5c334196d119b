import { isDark, make, onTheme, widget } from "./drawing.js";

function render({ model, el }) {
  const frame = widget({ model, el }, "sl-report");
  const { root, text } = frame;
  const body = make("div", { class: "sl-body" });
  const paint = () => {
    const { task, score, error, checks } = model.get("verdict");
    const problem = error ? [make("pre", { tabindex: "0", role: "region", "aria-label": text.problems }, error)] : [];
    body.replaceChildren(make("h4", {}, `${task}   ${score}`), ...problem, make("ul", {}, ...checks.map((each) => rowOf(each, text))));
    themed();
  };
  const themed = () => root.querySelectorAll("svg.sl").forEach((svg) => svg.classList.toggle("dark", isDark()));
  const off = onTheme(themed);
  frame.on("verdict", paint);
  const sheet = make("style", {}, model.get("sheet"));
  root.append(sheet, body, frame.status);
  paint();
  return () => {
    off();
    frame.end();
  };
}

function rowOf(check, text) {
  const mark = make("span", { class: `sl-mark ${check.state}`, "aria-hidden": "true" }, check.mark);
  const state = make("span", { class: "sl-unseen" }, `${text[check.state]}: `);
  const head = make("div", { class: "sl-check" }, mark, state, make("span", { class: "sl-points" }, check.points), make("strong", {}, check.title));
  const row = make("li", {}, head);
  if (check.message) row.append(make("p", {}, [check.message, check.line && `(${check.line})`].filter(Boolean).join(" ")));
  if (check.timeline.svg) row.append(strip(check.timeline));
  if (check.evidence.length) row.append(make("pre", { tabindex: "0", role: "region", "aria-label": text.what_happened }, check.evidence.join("\n")));
  if (check.hints.length) row.append(hints(check.hints));
  return row;
}

function strip({ svg, label }) {
  const read = new DOMParser().parseFromString(svg, "image/svg+xml").documentElement;
  read.querySelectorAll("script,foreignObject,style").forEach((each) => each.remove());
  read.setAttribute("aria-label", label);
  return make("div", { class: "sl-scroll", tabindex: "0", role: "group", "aria-label": label }, document.importNode(read, true));
}

// The next hint can be opened only after the one before it.
function hints(all) {
  const box = make("div", {});
  const add = (index) => {
    const details = make("details", {}, make("summary", {}, all[index].title), make("p", {}, all[index].text));
    details.addEventListener("toggle", () => index + 1 < all.length && add(index + 1), { once: true });
    box.append(details);
  };
  add(0);
  return box;
}

export default { render };
