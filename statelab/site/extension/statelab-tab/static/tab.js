// What the course needs in a browser's tab, where no server stands behind the page:
//
// 1. The address names the notebook that is looked at. JupyterLite takes it away once it has opened it, and keeps which
//    notebooks are open only seconds later: who loaded the page again before found no notebook.
// 2. A second tab, a private window, and a browser without room are told in a sentence that stays: what is written
//    there may be lost.
// 3. On a phone the list of files is folded away.
//
// A container written by hand, as statelab's own extension is, so that nothing has to be built.
(() => {
  const TEXT = {
    second:
      "The course is open in another tab of this browser too. Write in one of them: of a notebook that is open in both, " +
      "what is saved last is kept, and you are asked before that happens.",
    private:
      "This browser keeps nothing of this page (a private window does that): what you write is gone when the tab is " +
      "closed. Save the notebook as a file before: File → Download.",
    full:
      "The last change could not be kept: this browser gives the page no room, or none any more. It is still in this tab. " +
      "Save the notebook as a file now (File → Download), and do not close the tab before.",
  };

  const NARROW_PX = 640; // a phone

  // The sentences above the page that hold just now.
  function makeNotice() {
    const node = document.createElement("div");
    node.id = "statelab-notice";
    node.setAttribute("role", "alert");
    node.style.cssText =
      "position:fixed;z-index:10000;left:50%;top:4px;transform:translateX(-50%);max-width:min(46rem,94vw);padding:.5rem .9rem;" +
      "border:2px solid #8a5300;border-radius:6px;background:#fff7e6;color:#222;font:14px/1.4 system-ui,sans-serif";
    const held = new Map();
    const paint = () => {
      node.replaceChildren(
        ...[...held.values()].map((text) => Object.assign(document.createElement("p"), { textContent: text, style: "margin:.2rem 0" })),
      );
      if (held.size) document.body.append(node);
      else node.remove();
    };
    return (name, is) => {
      if (is === held.has(name)) return;
      if (is) held.set(name, TEXT[name]);
      else held.delete(name);
      paint();
    };
  }

  // Whoever comes second waits until the first is gone, and says so meanwhile.
  function watchTabs(notice) {
    const name = `statelab ${new URL("../", location.href).pathname}`;
    const hold = () => new Promise(() => {}); // as long as this tab lives
    void navigator.locks?.request(name, { ifAvailable: true }, (mine) => {
      if (mine) return hold();
      notice("second", true);
      void navigator.locks.request(name, () => (notice("second", false), hold()));
    });
  }

  async function watchStorage(notice) {
    try {
      await new Promise((done, failed) => {
        const asked = indexedDB.open("statelab-probe");
        asked.onsuccess = () => (asked.result.close(), done());
        asked.onerror = () => failed(asked.error);
      });
    } catch {
      notice("private", true);
    }
  }

  // The list of files, which JupyterLab opens by itself and late, would leave the text a finger's width.
  function foldFiles(app) {
    const fold = () => !app.shell.leftCollapsed && app.shell.collapseLeft?.();
    app.shell.layoutModified?.connect(fold);
    void app.restored.then(fold);
    // From the first touch on it is theirs to open.
    addEventListener("pointerdown", () => app.shell.layoutModified?.disconnect(fold), { once: true, capture: true });
  }

  function activate(app) {
    const notice = makeNotice();
    const heard = new WeakSet();
    const name = () => {
      const context = app.shell.currentWidget?.context;
      if (!context?.path) return;
      const address = new URL(location.href);
      if (address.searchParams.get("path") !== context.path) {
        address.searchParams.set("path", context.path);
        history.replaceState(history.state, "", address);
      }
      if (heard.has(context)) return;
      heard.add(context);
      context.pathChanged.connect(name);
      context.saveState.connect((_, state) => {
        if (state === "failed") notice("full", true);
        else if (state === "completed") notice("full", false);
      });
    };
    app.shell.currentChanged.connect(name);
    // JupyterLab's router writes the address too, after what it was asked for has been opened.
    const write = history.replaceState.bind(history);
    history.replaceState = (...what) => (write(...what), queueMicrotask(name));
    void app.restored.then(name);
    if (window.innerWidth < NARROW_PX) foldFiles(app);
    watchTabs(notice);
    void watchStorage(notice);
  }

  window._JUPYTERLAB = window._JUPYTERLAB ?? {};
  window._JUPYTERLAB["statelab-tab"] = {
    init() {},
    async get() {
      const plugin = { id: "statelab-tab:keep", description: "An address to load again; a word when work is not kept.", autoStart: true, activate };
      return () => ({ __esModule: true, default: plugin });
    },
  };
})();
