// Shared by all pictures: patch a live SVG from keyed pieces, follow the theme, talk with the kernel.
// Pieces are drawn in Python (picture.py, lanes.py), where everything from the cluster is escaped.
const SVG = "http://www.w3.org/2000/svg";
export const NO_ANSWER_MS = 6000;
const BUDGET_MS = 10; // of a frame's 16
const AT_ONCE = 40; // pieces drawn anew in one frame: the browser then lays them out, which takes longer than this does
const FRAME_MS = 12;
let busyUntil = 0; // with a picture of many pieces: its neighbours wait for the next frame

export function isDark() {
  const theme = document.body.dataset.jpThemeLight;
  return theme === undefined ? matchMedia("(prefers-color-scheme: dark)").matches : theme === "false";
}

// An element with attributes and children. Text is always a text node: no string becomes markup here.
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

export function makeSvg(style) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("role", "group");
  svg.setAttribute("class", "sl");
  const sheet = document.createElementNS(SVG, "style");
  sheet.textContent = style;
  svg.append(sheet);
  return svg;
}

// Replace only what changed. `frame`: {width, height, title, order: [key…], pieces: {key: [x, y, inner, classes, label]}}.
// `shown`: a Map that remembers what each piece is now.
// What comes, goes or is struck moves, unless the reader wants no motion.
// It takes no longer than `budget` milliseconds, or a little: false says that there is more to do, by calling it again.
export function patch(svg, frame, shown, budget = Infinity) {
  const began = performance.now();
  const moves = shown.size > 0 && !noMotion.matches;
  svg.classList.toggle("sl-many", frame.order.length > MANY);
  const box = `0 0 ${frame.width} ${frame.height}`;
  if (svg.getAttribute("viewBox") !== box) {
    svg.setAttribute("viewBox", box); // even the same one again makes the browser lay everything out anew
    svg.style.maxWidth = `${Math.round(frame.width * 1.15)}px`;
  }
  if (svg.getAttribute("aria-label") !== frame.title) svg.setAttribute("aria-label", frame.title);
  for (const [key, piece] of shown) {
    if (!(key in frame.pieces)) {
      if (piece.element.contains(document.activeElement)) focusNeighbour(svg, piece.element);
      if (moves && MOVING.test(key)) die(svg, piece.element);
      else piece.element.remove();
      shown.delete(key);
    }
  }
  const drawn = drawings(frame, shown, budget === Infinity ? Infinity : AT_ONCE);
  let before = null;
  for (const key of frame.order) {
    const [x, y, inner, classes, label] = frame.pieces[key];
    let piece = shown.get(key);
    if (!piece) {
      piece = { element: document.createElementNS(SVG, "g"), inner: null, classes: null, label: null, at: null };
      piece.element.dataset.key = key;
      shown.set(key, piece);
      if (moves && MOVING.test(key)) animate(svg, piece.element, "sl-born");
    } else if (moves && piece.classes !== classes && /failing|terminating/.test(classes)) {
      animate(svg, piece.element, "sl-struck");
    }
    const element = piece.element;
    if (piece.inner !== inner) {
      if (!drawn.has(key) || performance.now() - began > budget) return false;
      element.replaceChildren(...drawn.get(key));
      piece.inner = inner;
    }
    if (piece.classes !== classes) {
      const moving = [...element.classList].filter((each) => each.startsWith("sl-")).join(" ");
      element.setAttribute("class", `${(piece.classes = classes)} ${moving}`.trim());
    }
    const at = `translate(${x}px, ${y}px)`;
    if (piece.at !== at) element.style.transform = piece.at = at;
    if (piece.label !== label) {
      piece.label = label;
      if (label && svg.getAttribute("role") !== "img") {
        element.setAttribute("role", "button");
        element.setAttribute("aria-label", label);
        if (!element.hasAttribute("tabindex")) element.setAttribute("tabindex", "-1");
      }
    }
    const next = before ? before.nextSibling : svg.querySelector("style").nextSibling;
    if (next !== element) svg.insertBefore(element, next);
    before = element;
  }
  oneTabStop(svg);
  return true;
}

const MOVING = /^(pod|persistentvolumeclaim)\//;
const MANY = 60; // pieces; more do not glide to their places: that would take every frame's time
const MOST_MOVING = 8; // of more at once nobody could follow one, and each is a layer of its own to the browser
const MOVES = ".sl-born, .sl-struck, .sl-dying";
const noMotion = matchMedia("(prefers-reduced-motion: reduce)");

function isBusy(svg) {
  return svg.querySelectorAll(MOVES).length >= MOST_MOVING;
}

function animate(svg, element, name) {
  if (isBusy(svg)) return;
  element.classList.add(name);
  element.addEventListener("animationend", () => element.classList.remove(name), { once: true });
}

// What is gone fades at the end of the picture, no longer a piece of it.
function die(svg, element) {
  if (isBusy(svg)) return element.remove();
  for (const name of ["data-key", "role", "tabindex", "aria-label"]) element.removeAttribute(name);
  element.setAttribute("aria-hidden", "true");
  element.classList.add("sl-dying");
  svg.append(element);
  setTimeout(() => element.remove(), 750);
}

// What is new of a frame, as nodes by key, no more than so many. They are read all at once: to make a document for each
// is half of the time that a change takes.
function drawings(frame, shown, most) {
  const keys = frame.order.filter((key) => shown.get(key)?.inner !== frame.pieces[key][2]).slice(0, most);
  const nodes = parsed(keys.map((key) => frame.pieces[key][2]));
  return new Map(keys.map((key, at) => [key, nodes[at]]));
}

const parser = new DOMParser();
function parsed(inners) {
  if (!inners.length) return [];
  const groups = inners.map((inner) => `<g>${inner}</g>`).join("");
  const read = parser.parseFromString(`<svg xmlns="${SVG}">${groups}</svg>`, "image/svg+xml");
  const isBroken = read.querySelector("parsererror") !== null;
  if (isBroken) return inners.length > 1 ? inners.flatMap((inner) => parsed([inner])) : [[]]; // it spoils no other
  read.querySelectorAll("script,foreignObject").forEach((each) => each.remove());
  return [...document.importNode(read.documentElement, true).children].map((each) => [...each.childNodes]);
}

// One stop for the Tab key; within the picture the arrow keys go from piece to piece.
function oneTabStop(svg) {
  if (svg.querySelector('g[tabindex="0"]')) return;
  svg.querySelector("g[tabindex]")?.setAttribute("tabindex", "0");
}

export function focusPiece(svg, element) {
  if (!element) return;
  svg.querySelectorAll('g[tabindex="0"]').forEach((each) => each.setAttribute("tabindex", "-1"));
  element.setAttribute("tabindex", "0");
  element.focus();
}

function focusNeighbour(svg, element) {
  const all = [...svg.querySelectorAll("g[tabindex]")];
  const at = all.indexOf(element);
  focusPiece(svg, all[at + 1] ?? all[at - 1]);
}

// Enter and Space choose; arrows, Home and End move. `choose` gets the key of a piece.
export function selectable(svg, choose) {
  const piece = (event) => event.target.closest?.("g[role=button]");
  svg.addEventListener("click", (event) => {
    const found = piece(event);
    if (!found) return;
    focusPiece(svg, found);
    choose(found.dataset.key);
  });
  svg.addEventListener("keydown", (event) => {
    const found = piece(event);
    if (!found) return;
    const all = [...svg.querySelectorAll("g[tabindex]")];
    const at = all.indexOf(found);
    const to = {
      ArrowRight: at + 1, ArrowDown: at + 1, ArrowLeft: at - 1, ArrowUp: at - 1, Home: 0, End: all.length - 1,
    }[event.key];
    if (event.shiftKey || event.ctrlKey || event.metaKey) return;
    if (event.key === "Enter" || event.key === " ") choose(found.dataset.key);
    else if (to !== undefined) focusPiece(svg, all[(to + all.length) % all.length]);
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
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
  const query = matchMedia("(prefers-color-scheme: dark)");
  query.addEventListener("change", callback);
  return () => {
    observer.disconnect();
    query.removeEventListener("change", callback);
  };
}

// Keys inside a widget are the widget's: "b" is no new cell, an arrow no other cell. What saves the notebook and what
// runs its cells stays the notebook's, except while someone writes in a text. Returns what ends that.
export function ownKeys(root) {
  const isTheirs = ({ key, ctrlKey, metaKey, shiftKey, target }) => {
    if ((ctrlKey || metaKey) && key.toLowerCase() === "s") return true;
    return key === "Enter" && (shiftKey || ctrlKey || metaKey) && !target.closest("textarea,.cm-editor");
  };
  const before = (event) => {
    // JupyterLab looks at the document, before the widget: so look at the window, before both.
    if (!root.contains(event.target)) return;
    if (isTheirs(event)) delete root.dataset.lmSuppressShortcuts;
    else root.dataset.lmSuppressShortcuts = "true";
  };
  root.dataset.lmSuppressShortcuts = "true";
  root.addEventListener("keydown", (event) => isTheirs(event) || event.stopPropagation());
  window.addEventListener("keydown", before, true);
  return () => window.removeEventListener("keydown", before, true);
}

// The frame of every widget: a root whose keys are its own, a line for what is said, and `tell`, which sends to the
// kernel and says so when no answer comes. Returns {root, tell, on, isHeard, end}; `isHeard()`: it has taken in all that
// was told.
export function widget({ model, el }, name) {
  const text = model.get("text") ?? {};
  const status = make("p", { class: "sl-status", role: "status" });
  const root = make("div", { class: `sl-view ${name}` });
  const ends = [ownKeys(root)];
  let waiting = null;
  const paintStatus = () => (status.textContent = model.get("status") ?? "");
  const on = (names, callback) => {
    for (const each of names.split(" ")) {
      model.on(`change:${each}`, callback);
      ends.push(() => model.off(`change:${each}`, callback));
    }
  };
  let told = 0; // messages are numbered: the kernel says which it has taken in
  let heard = 0;
  const tell = (message, expectsAnswer = true) => {
    told += 1;
    try {
      const sent = model.send({ ...message, number: told });
      sent?.catch?.(() => {});
    } catch {
      // the kernel is gone; the status says so below
    }
    if (expectsAnswer && waiting === null) {
      waiting = setTimeout(() => {
        waiting = null;
        status.textContent = text.no_kernel ?? "";
      }, NO_ANSWER_MS);
    }
  };
  const answered = (answer) => {
    heard = Math.max(heard, answer?.heard ?? 0);
    clearTimeout(waiting);
    waiting = null;
    if (status.textContent === text.no_kernel) paintStatus();
  };
  model.on("msg:custom", answered);
  ends.push(() => model.off("msg:custom", answered), () => clearTimeout(waiting));
  on("status", paintStatus);
  const theme = () => root.classList.toggle("dark", isDark());
  ends.push(onTheme(theme));
  theme();
  paintStatus();
  el.append(root);
  const resize = new ResizeObserver(
    everyFrame(() => {
      const width = Math.round(root.clientWidth);
      if (width > 0 && width !== resize.last) tell({ width: (resize.last = width) }, false);
    }),
  );
  resize.observe(root);
  ends.push(() => resize.disconnect());
  tell({ shown: true }, false);
  ends.push(() => tell({ shown: false }, false));
  return { root, status, text, tell, on, isHeard: () => heard >= told, end: () => ends.forEach((end) => end()) };
}

// A live picture inside a widget, patched from a trait. One whose pieces cannot be selected is an image to a screen reader.
export function livePicture({ model }, { on }, trait = "frame", isImage = false) {
  const svg = makeSvg(model.get("sheet"));
  const shown = new Map();
  const paint = everyFrame(() => {
    const now = performance.now();
    if (now < busyUntil) return paint(); // another picture has had this frame
    const frame = model.get(trait);
    svg.classList.toggle("dark", isDark());
    if (!frame?.pieces) return;
    if (isImage) svg.setAttribute("role", "img"); // not before it has its words
    if (frame.order.length > MANY) busyUntil = now + FRAME_MS;
    if (!patch(svg, frame, shown, BUDGET_MS)) paint(); // the rest in the next frame
  });
  on(trait, paint);
  const off = onTheme(paint);
  paint();
  return { svg, off };
}
