import { everyFrame, isDark, makeSvg, onTheme, patch } from "./drawing.js";

function render({ model, el }) {
  const root = document.createElement("div");
  root.className = "sl-view";
  const svg = makeSvg(model.get("style"));
  const panel = document.createElement("section");
  panel.className = "sl-panel";
  panel.setAttribute("aria-live", "polite");
  const status = document.createElement("p");
  status.className = "sl-status";
  status.setAttribute("role", "status");
  root.append(svg, status, panel);
  el.append(root);
  const shown = new Map();

  const paint = everyFrame(() => {
    const frame = model.get("frame");
    svg.setAttribute("class", isDark() ? "sl dark" : "sl");
    root.classList.toggle("dark", isDark());
    if (frame.pieces) {
      patch(svg, frame, shown);
      svg.setAttribute("aria-label", frame.title);
    }
    status.textContent = model.get("status");
  });

  const paintPanel = () => {
    const chosen = model.get("chosen");
    panel.replaceChildren();
    panel.hidden = !chosen.title;
    if (!chosen.title) return;
    const heading = document.createElement("h4");
    heading.textContent = chosen.title;
    const close = document.createElement("button");
    close.textContent = chosen.close;
    close.addEventListener("click", () => model.send({ select: null }));
    panel.append(heading, close);
    for (const action of chosen.actions) {
      const button = document.createElement("button");
      button.textContent = action.label;
      button.title = action.line;
      button.addEventListener("click", () => model.send({ act: action.id }));
      panel.append(button);
    }
    for (const part of chosen.parts) {
      const details = document.createElement("details");
      details.open = part.open;
      const summary = document.createElement("summary");
      summary.textContent = part.title;
      const text = document.createElement("pre");
      text.textContent = part.text;
      details.append(summary, text);
      panel.append(details);
    }
  };

  const choose = (target) => {
    const group = target.closest("g[role=button]");
    if (group) model.send({ select: group.dataset.key });
  };
  svg.addEventListener("click", (event) => choose(event.target));
  svg.addEventListener("keydown", (event) => {
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      event.stopPropagation();
      choose(event.target);
    }
    const steps = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };
    if (event.key in steps) {
      event.preventDefault();
      event.stopPropagation();
      const all = [...svg.querySelectorAll("g[tabindex]")];
      const at = all.indexOf(event.target.closest("g[tabindex]"));
      all[(at + steps[event.key] + all.length) % all.length]?.focus();
    }
  });
  root.addEventListener("keydown", (event) => {
    if (event.key === "Escape") model.send({ select: null });
  });

  model.on("change:frame change:status", paint);
  model.on("change:chosen", paintPanel);
  const offTheme = onTheme(paint);
  paint();
  paintPanel();
  return () => {
    offTheme();
    model.off("change:frame change:status", paint);
    model.off("change:chosen", paintPanel);
  };
}

export default { render };
