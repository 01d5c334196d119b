// StateLab's pictures in JupyterLab, Notebook 7 and JupyterLite. Three things a widget cannot do for itself:
//
// 1. A picture's output is live while its kernel lives, and is the drawing it was when it is gone; no "model not found".
// 2. What calls itself a stage is put beside the text, into the right area.
// 3. A manifest is edited in JupyterLab's own editor: editor.js.
//
// It is a module-federation container written by hand, so that nothing has to be built: `init` is given what JupyterLab
// shares, `get` gives back the plugin. Source: JupyterLab's developer documentation, "Prebuilt Extensions".
(() => {
  const PICTURE = "application/vnd.statelab.picture+json"; // {model_id, place, title}, beside the other forms of an output
  const WIDGET = "application/vnd.jupyter.widget-view+json";
  const RANK = -20; // before the widget manager's renderer, which is at -10
  const STAGE = "statelab-stage";
  const TEXT_PX = 620; // sixty characters of text, with a notebook's margins
  const STAGE_PX = 460;
  const AGAIN_MS = 250;
  const SELDOM_MS = 4000;
  const SVG = "http://www.w3.org/2000/svg";
  const ICON =
    '<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 22 22"><g class="jp-icon3" fill="#616161">' +
    '<path d="M2 4h18v14H2zm2 2v10h6V6z" fill-rule="evenodd"/></g></svg>';
  const EDITOR = new URL("editor.js", document.currentScript.src).href;
  let scope = null;

  // The copy of a shared module that the application itself uses: tokens are compared by identity.
  async function shared(name) {
    const copies = Object.values(scope[name] ?? {});
    const found = copies.find((each) => each.loaded) ?? copies.find((each) => /^@jupyter(lab|lite|-notebook)\//.test(each.from)) ?? copies[0];
    return (await found.get())();
  }

  // A saved drawing as an element. It comes from a file, so only what draws is kept of it.
  const HARMLESS = new Set("svg g path rect circle ellipse line polyline polygon text tspan title desc style defs marker".split(" "));
  function drawing(source) {
    const read = new DOMParser().parseFromString(source, "image/svg+xml").documentElement;
    if (read.localName !== "svg" || read.namespaceURI !== SVG || read.querySelector("parsererror")) return null;
    for (const element of [read, ...read.querySelectorAll("*")]) {
      if (!HARMLESS.has(element.localName)) element.remove();
      for (const { name, value } of [...element.attributes])
        if (/^on|href$/i.test(name) || /url\(|javascript:/i.test(value)) element.removeAttribute(name);
    }
    for (const sheet of read.querySelectorAll("style"))
      if (/url\(|@import|expression/i.test(sheet.textContent)) sheet.remove();
    const title = read.querySelector("title");
    read.setAttribute("role", "img");
    if (title) read.setAttribute("aria-label", title.textContent);
    title?.remove(); // else the whole sentence hovers over the picture as a tooltip
    return document.importNode(read, true);
  }

  const isDark = () => document.body.dataset.jpThemeLight === "false";

  function makeRenderer(Panel, panelOf, stage, options) {
    return class Picture extends Panel {
      constructor() {
        super();
        this.addClass("sl-output");
        this.live = null;
        this.modelId = null;
        this.theme = new MutationObserver(() => this.paintTheme());
        this.theme.observe(document.body, { attributes: true, attributeFilter: ["data-jp-theme-light"] });
      }

      async renderModel(model) {
        this.model = model;
        this.told = model.data[PICTURE] ?? {};
        this.paintStill();
        if (this.live && this.told.model_id === this.modelId) this.showStill(this.isStill);
        else if (this.isAttached) this.find();
      }

      onAfterAttach(message) {
        super.onAfterAttach(message);
        if (!this.live && this.model) this.find();
      }

      dispose() {
        this.theme.disconnect();
        this.seen?.disconnect();
        super.dispose();
      }

      paintStill() {
        this.still?.remove();
        const svg = this.model.data["image/svg+xml"];
        this.still = document.createElement("div");
        this.still.className = "sl-still jp-RenderedHTMLCommon";
        const drawn = svg ? drawing(String(svg)) : null;
        if (drawn) this.still.append(drawn);
        else this.paintWords();
        this.node.prepend(this.still);
        this.paintTheme();
      }

      paintWords() {
        const mime = ["text/html", "text/plain"].find((each) => this.model.data[each]);
        if (!mime) return;
        const renderer = options.rendermime.createRenderer(mime);
        void renderer.renderModel(this.model);
        this.still.append(renderer.node);
      }

      paintTheme() {
        this.still?.querySelector("svg.sl")?.classList.toggle("dark", isDark());
      }

      showStill(is) {
        this.isStill = is;
        if (is) this.node.prepend(this.still);
        else this.still.remove(); // hidden, a screen reader's search and a test would still find it twice
      }

      // Look for the widget. Until it is there, and when it is gone, the drawing stands in its place.
      find(wait_ms = AGAIN_MS) {
        const panel = panelOf(this.node);
        const rendermime = panel?.content.rendermime;
        if (!this.told.model_id || !rendermime || this.isDisposed) return;
        // The notebook's own renderer of widgets, which knows their manager, may come after the page's outputs: on a slow
        // machine long after.
        if (rendermime.getFactory(WIDGET) === options.rendermime.getFactory(WIDGET))
          return void setTimeout(() => !this.live && this.find(Math.min(2 * wait_ms, SELDOM_MS)), wait_ms);
        if (panel.sessionContext.session?.kernel) this.follow(rendermime);
        else if (!this.waits) panel.sessionContext.kernelChanged.connect((this.waits = () => this.again(panel)));
      }

      again(panel) {
        panel.sessionContext.kernelChanged.disconnect(this.waits);
        this.waits = null;
        if (!this.isDisposed) this.find();
      }

      follow(rendermime) {
        this.modelId = this.told.model_id;
        this.seen?.disconnect();
        this.live?.dispose();
        const live = (this.live = rendermime.createRenderer(WIDGET, this.model));
        live.addClass("sl-live");
        live.node.hidden = true;
        this.addWidget(live);
        const check = () => {
          if (live !== this.live || live.isDisposed) return;
          const isThere = (live.widgets?.length ?? 0) > 0 && !live.isHidden;
          live.node.hidden = !isThere;
          const onStage = isThere && this.told.place === "stage" && stage.take(this, live, this.told);
          this.showStill(!isThere || onStage);
          // The manager writes its error into the node, with this class: it will not come any more.
          if (!isThere && live.hasClass("jupyter-widgets")) live.dispose();
        };
        this.seen = new MutationObserver(check);
        this.seen.observe(live.node, { childList: true, attributes: true, attributeFilter: ["class"] });
        live.disposed.connect(() => this.live === live && (this.live = null));
        const data = { [WIDGET]: { version_major: 2, version_minor: 0, model_id: this.modelId } };
        void Promise.resolve(live.renderModel(rendermime.createModel({ data }))).then(check);
      }
    };
  }

  const NARROW_PX = 640;

  // The place beside the text. One for the whole window: a second stage takes the first one's place.
  function makeStage(app, Panel, icon) {
    let dock = null;
    const make = (told) => {
      dock = new Panel();
      dock.id = STAGE;
      dock.addClass("sl-stage-dock");
      dock.title.label = "";
      dock.title.caption = told.title ?? "";
      dock.title.icon = icon;
      dock.title.closable = true;
      dock.node.setAttribute("aria-label", told.title ?? "");
      app.shell.add(dock, told.area === "main" ? "main" : "right", { rank: 100, mode: "tab-after" });
      dock.disposed.connect((gone) => dock === gone && (dock = null));
    };
    const isWide = () => window.innerWidth >= 1500;
    const open = (told) => {
      app.shell.activateById(STAGE);
      if (told.area === "main") {
        app.shell.collapseLeft?.();
        app.shell.collapseRight?.();
        return;
      }
      if (!isWide()) app.shell.collapseLeft?.(); // the text keeps its sixty characters
      requestAnimationFrame(() => {
        let split = dock?.parent;
        while (split && typeof split.setRelativeSizes !== "function") split = split.parent;
        if (!split) return;
        const whole = split.node.clientWidth;
        const sizes = split.relativeSizes();
        const left = split.widgets[0].isHidden ? 0 : sizes[0] * whole;
        const right = Math.max(300, Math.min(Math.max(STAGE_PX, 0.4 * (whole - left)), whole - left - TEXT_PX));
        split.setRelativeSizes([left, whole - left - right, right].slice(-split.widgets.length));
      });
    };
    return {
      take(owner, live, told) {
        if (live.parent === dock && dock) return true;
        if (window.innerWidth < NARROW_PX) return false; // a phone: beside the text there is no room
        try {
          if (dock && dock.area !== told.area) dock.dispose();
          if (!dock) make(told);
          dock.area = told.area;
        } catch {
          return false; // no such area here: the stage stays in its cell
        }
        for (const other of [...dock.widgets]) other.dispose();
        dock.addWidget(live);
        owner.disposed.connect(() => live.dispose()); // its output was cleared
        live.disposed.connect(() => dock && !dock.widgets.some((each) => each !== live) && dock.dispose());
        if (!told.closed) open(told);
        return true;
      },
      toggle() {
        if (!dock) return;
        if (dock.isVisible) app.shell.collapseRight?.();
        else app.shell.activateById(STAGE);
      },
      get isThere() {
        return dock !== null;
      },
    };
  }

  async function activate(app, rendermime, tracker, palette, { Panel }, { LabIcon }) {
    const icon = new LabIcon({ name: "statelab:stage", svgstr: ICON });
    const stage = makeStage(app, Panel, icon);
    const panelOf = (node) => tracker.find((each) => each.node.contains(node));
    const Picture = makeRenderer(Panel, panelOf, stage, { rendermime });
    rendermime.addFactory({ safe: true, mimeTypes: [PICTURE], defaultRank: RANK, createRenderer: () => new Picture() }, RANK);
    const command = "statelab:stage";
    app.commands.addCommand(command, {
      label: "Show or hide the stage",
      isEnabled: () => stage.isThere,
      execute: () => stage.toggle(),
    });
    app.commands.addKeyBinding({ command, keys: ["Accel Alt S"], selector: "body" });
    palette?.addItem({ command, category: "StateLab" });
    const sheet = document.createElement("style");
    sheet.textContent =
      ".sl-output [hidden]{display:none!important}" +
      ".sl-still svg.sl{max-width:100%;height:auto;border-radius:8px}" +
      ".sl-stage-dock{overflow:auto;background:var(--jp-layout-color1);min-width:280px}";
    document.head.append(sheet);
  }

  window._JUPYTERLAB = window._JUPYTERLAB ?? {};
  window._JUPYTERLAB.statelab = {
    init(given) {
      scope = given;
    },
    async get() {
      const [lumino, rendermime, notebook, apputils, ui] = await Promise.all(
        ["@lumino/widgets", "@jupyterlab/rendermime", "@jupyterlab/notebook", "@jupyterlab/apputils", "@jupyterlab/ui-components"].map(shared),
      );
      const plugin = {
        id: "statelab:pictures",
        description: "Pictures that outlive their kernel, and a stage beside the text.",
        autoStart: true,
        requires: [rendermime.IRenderMimeRegistry, notebook.INotebookTracker],
        optional: [apputils.ICommandPalette],
        activate: (app, mime, tracker, palette) => activate(app, mime, tracker, palette, lumino, ui),
      };
      const plugins = [plugin];
      try {
        plugins.push(await (await import(EDITOR)).editorPlugin(shared));
      } catch (error) {
        console.warn("StateLab: manifests are edited in a plain text field here.", error); // an application without it
      }
      return () => ({ __esModule: true, default: plugins });
    },
  };
})();
