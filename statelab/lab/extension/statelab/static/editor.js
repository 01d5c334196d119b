// JupyterLab's own editor for edit(): a widget cannot import what JupyterLab shares, so it is handed the editor here.
//
// `window[Symbol.for("statelab.editor")]({host, text, label, onInput})` gives an editor: {value, mark, goTo, end}. Where
// this extension is not (another program than JupyterLab, Notebook 7 or JupyterLite), a widget has a plain text field.
// Sources: JupyterLab's developer documentation, "Prebuilt Extensions"; CodeMirror's reference manual, "view" and "state".
const KEY = Symbol.for("statelab.editor");
const MIME = "text/x-yaml";

const SHEET = `
.sl-lab-editor{container-type:inline-size}
.sl-lab-editor .cm-editor{max-height:432px;font-size:12px}
.sl-lab-editor .cm-scroller{overflow:auto;line-height:18px}
.sl-lab-editor .cm-sl-marks{width:18px;text-align:center}
.sl-lab-editor .cm-sl-mark{color:#a40e26;font-weight:700;cursor:help}
.sl-lab-editor .cm-line.cm-sl-wrong{background:#ffebe9}
.sl-lab-editor .cm-sl-said{box-sizing:border-box;width:min(56ch,100cqw - 64px);padding:1px 6px 3px 22px;white-space:pre-wrap;overflow-wrap:anywhere;font:12px/16px system-ui,sans-serif;color:#a40e26;background:#fff5f4}
.dark .sl-lab-editor .cm-sl-mark{color:#ffa198}
.dark .sl-lab-editor .cm-line.cm-sl-wrong{background:#4c1517}
.dark .sl-lab-editor .cm-sl-said{color:#ffa198;background:#2d1214}`;

// What is said of lines, as CodeMirror has it: a mark in the margin, the line, and the words below it.
function marking({ Decoration, EditorView, GutterMarker, WidgetType, gutter }, { RangeSet, StateEffect, StateField }) {
  const told = StateEffect.define();
  class Mark extends GutterMarker {
    constructor(words) {
      super();
      this.words = words;
    }
    eq(other) {
      return other.words === this.words;
    }
    toDOM() {
      const mark = document.createElement("span");
      mark.className = "cm-sl-mark";
      mark.textContent = "▲";
      mark.title = this.words;
      return mark;
    }
  }
  class Said extends WidgetType {
    constructor(words) {
      super();
      this.words = words;
    }
    eq(other) {
      return other.words === this.words;
    }
    toDOM() {
      const said = document.createElement("div");
      said.className = "cm-sl-said";
      said.textContent = this.words;
      return said;
    }
    ignoreEvent() {
      return true;
    }
  }
  const nothing = { marks: RangeSet.empty, lines: RangeSet.empty, words: RangeSet.empty };
  const field = StateField.define({
    create: () => nothing,
    update(value, change) {
      const { changes } = change;
      if (change.docChanged) value = { marks: value.marks.map(changes), lines: value.lines.map(changes), words: value.words.map(changes) };
      for (const effect of change.effects) {
        if (!effect.is(told)) continue;
        const { doc } = change.state;
        const wrong = effect.value.filter(({ line }) => line >= 1 && line <= doc.lines).sort((one, other) => one.line - other.line);
        const at = ({ line }) => doc.line(line);
        value = {
          marks: RangeSet.of(wrong.map((each) => new Mark(each.words).range(at(each).from))),
          lines: RangeSet.of(wrong.map((each) => Decoration.line({ class: "cm-sl-wrong" }).range(at(each).from))),
          words: RangeSet.of(wrong.map((each) => Decoration.widget({ widget: new Said(each.words), block: true, side: 1 }).range(at(each).to))),
        };
      }
      return value;
    },
    provide: (self) => [
      EditorView.decorations.from(self, (value) => value.lines),
      EditorView.decorations.from(self, (value) => value.words),
    ],
  });
  return {
    told,
    extension: [field, gutter({ class: "cm-sl-marks", markers: (view) => view.state.field(field).marks })],
  };
}

function makeEditor(services, { CodeEditor }, view, state, { host, text, label, onInput }) {
  host.classList.add("sl-lab-editor");
  const model = new CodeEditor.Model({ mimeType: MIME });
  model.sharedModel.setSource(text);
  const config = { lineNumbers: true, lineWrap: false, indentUnit: "2" };
  const editor = services.factoryService.newInlineEditor({ host, model, config });
  const inner = editor.editor; // CodeMirror's own view
  const { told, extension } = marking(view, state);
  const { EditorView } = view;
  let isOurs = false;
  const heard = EditorView.updateListener.of((update) => update.docChanged && !isOurs && onInput());
  const named = EditorView.contentAttributes.of({ "aria-label": label });
  inner.dispatch({ effects: state.StateEffect.appendConfig.of([extension, heard, named]) });
  return {
    get value() {
      return inner.state.doc.toString();
    },
    // Only what differs is changed: cursor, folded lines and what can be undone stay.
    set value(now) {
      const before = inner.state.doc.toString();
      if (before === now) return;
      let from = 0;
      while (from < Math.min(before.length, now.length) && before[from] === now[from]) from += 1;
      let end = 0;
      const most = Math.min(before.length, now.length) - from;
      while (end < most && before[before.length - 1 - end] === now[now.length - 1 - end]) end += 1;
      isOurs = true;
      inner.dispatch({ changes: { from, to: before.length - end, insert: now.slice(from, now.length - end) } });
      isOurs = false;
    },
    mark(wrong) {
      inner.dispatch({ effects: told.of(wrong) });
    },
    goTo(number) {
      const { doc } = inner.state;
      const line = doc.line(Math.max(1, Math.min(number, doc.lines)));
      inner.focus();
      inner.dispatch({ selection: { anchor: line.from, head: line.to }, scrollIntoView: true });
    },
    end() {
      editor.dispose();
      model.dispose();
    },
  };
}

export async function editorPlugin(shared) {
  const names = ["@jupyterlab/codeeditor", "@codemirror/view", "@codemirror/state"];
  const [codeeditor, view, state] = await Promise.all(names.map(shared));
  return {
    id: "statelab:editor",
    description: "JupyterLab's own editor for the manifests of edit().",
    autoStart: true,
    requires: [codeeditor.IEditorServices],
    activate: (_app, services) => {
      const sheet = document.createElement("style");
      sheet.textContent = SHEET;
      document.head.append(sheet);
      window[KEY] = (wanted) => makeEditor(services, codeeditor, view, state, wanted);
    },
  };
}
