// Shared by all pictures: patch a live SVG from keyed pieces, follow the theme, speak to a screen reader.
// Pieces are drawn in Python (picture.py), where everything from the cluster is escaped.
const SVG = "http://www.w3.org/2000/svg";

export function isDark() {
  const theme = document.body.dataset.jpThemeLight;
  return theme === undefined ? matchMedia("(prefers-color-scheme: dark)").matches : theme === "false";
}

// Replace only what changed. `frame`: {width, height, order: [key…], pieces: {key: [x, y, inner, classes, label]}}.
export function patch(svg, frame, shown) {
  svg.setAttribute("viewBox", `0 0 ${frame.width} ${frame.height}`);
  for (const [key, group] of shown) {
    if (!(key in frame.pieces)) {
      group.element.remove();
      shown.delete(key);
    }
  }
  let before = null;
  for (const key of frame.order) {
    const [x, y, inner, classes, label] = frame.pieces[key];
    let group = shown.get(key);
    if (!group) {
      group = { element: document.createElementNS(SVG, "g"), inner: null };
      group.element.dataset.key = key;
      shown.set(key, group);
    }
    const element = group.element;
    if (group.inner !== inner) {
      const parsed = new DOMParser().parseFromString(`<svg xmlns="${SVG}">${inner}</svg>`, "image/svg+xml");
      parsed.querySelectorAll("script,foreignObject").forEach((each) => each.remove());
      element.replaceChildren(...document.importNode(parsed.documentElement, true).childNodes);
      group.inner = inner;
    }
    element.setAttribute("class", classes);
    element.style.transform = `translate(${x}px, ${y}px)`;
    if (label) {
      element.setAttribute("tabindex", "0");
      element.setAttribute("role", "button");
      element.setAttribute("aria-label", label);
    }
    const next = before ? before.nextSibling : svg.querySelector("g[data-key]");
    if (next !== element) svg.insertBefore(element, next);
    before = element;
  }
}

export function makeSvg(style) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("width", "100%");
  svg.setAttribute("role", "group");
  const sheet = document.createElementNS(SVG, "style");
  sheet.textContent = style;
  svg.append(sheet);
  return svg;
}

// Calls `paint` at most once a frame, with the newest state: no event is lost, only drawings nobody would have seen.
export function everyFrame(paint) {
  let waiting = false;
  return () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      paint();
    });
  };
}

export function onTheme(callback) {
  const observer = new MutationObserver(callback);
  observer.observe(document.body, { attributes: true, attributeFilter: ["data-jp-theme-light"] });
  return () => observer.disconnect();
}
