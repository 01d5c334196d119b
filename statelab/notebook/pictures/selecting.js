import { make } from "./drawing.js";

// The panel beside a picture: what is known of the selected object, and an instructor's buttons.
export function makePanel(model, { root, tell, text, on }, svg) {
  const panel = make("section", { class: "sl-panel", "aria-label": text.why });
  const paint = () => {
    const chosen = model.get("chosen");
    const hadFocus = panel.contains(document.activeElement);
    const isSame = panel.querySelector("h4")?.textContent === chosen.title;
    const opened = new Map();
    for (const each of panel.querySelectorAll("details")) opened.set(each.firstChild.textContent, each.open);
    panel.replaceChildren();
    panel.hidden = !chosen.title;
    for (const each of svg.querySelectorAll("g[aria-pressed]")) each.removeAttribute("aria-pressed");
    if (!chosen.title) return;
    const piece = svg.querySelector(`g[data-key="${CSS.escape(chosen.title)}"]`);
    piece?.setAttribute("aria-pressed", "true");
    const close = make("button", { type: "button", onclick: () => tell({ select: null }) }, text.close);
    panel.append(make("h4", {}, chosen.title), close);
    for (const action of chosen.actions) panel.append(actionOf(action, tell));
    for (const part of chosen.parts) {
      const body = make("pre", { tabindex: "0", role: "region", "aria-label": part.title }, part.text);
      const open = isSame && opened.has(part.title) ? opened.get(part.title) : part.open; // as the reader left it
      panel.append(make("details", { open }, make("summary", {}, part.title), body));
    }
    if (hadFocus) close.focus();
    if (!isSame) piece?.scrollIntoView({ block: "nearest", inline: "nearest" }); // the panel would lie on it
  };
  root.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || panel.hidden) return;
    event.stopPropagation();
    tell({ select: null });
    svg.querySelector('g[tabindex="0"]')?.focus();
  });
  on("chosen", paint);
  paint();
  return panel;
}

function actionOf(action, tell) {
  const line = make("code", {});
  const field = action.asks ? make("input", { type: "text", value: action.value, "aria-label": action.asks }) : null;
  const paint = () => (line.textContent = action.line.replace("{value}", field?.value ?? ""));
  const go = () => tell({ act: action.id, value: field?.value ?? "" });
  field?.addEventListener("input", paint);
  field?.addEventListener("keydown", (event) => event.key === "Enter" && go());
  paint();
  const button = make("button", { type: "button", onclick: go }, action.label);
  return make("div", { class: "sl-action" }, button, ...(field ? [field] : []), line);
}
