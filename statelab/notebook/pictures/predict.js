import { NO_ANSWER_MS, ownKeys } from "./drawing.js";

function render({ model, el }) {
  const text = model.get("text");
  const form = document.createElement("form");
  form.className = "sl-ask";
  const field = document.createElement("fieldset");
  const legend = document.createElement("legend");
  legend.textContent = `${text.predict}: ${model.get("question")}`;
  field.append(legend);
  const kind = model.get("kind");
  const items = model.get("items");
  const name = `sl-${Math.random().toString(36).slice(2)}`;
  let order = [...items];

  const answer = () => {
    if (kind === "order") return order;
    if (kind === "fill") return [field.querySelector("input").value.trim()].filter(Boolean);
    return [...field.querySelectorAll("input:checked")].map((input) => input.value);
  };

  if (kind === "order") {
    const list = document.createElement("ol");
    const paint = () => {
      list.replaceChildren(
        ...order.map((item, at) => {
          const line = document.createElement("li");
          const words = document.createElement("span");
          words.textContent = `${item}  `;
          line.append(words);
          for (const [mark, step, label] of [["↑", -1, text.up], ["↓", 1, text.down]]) {
            const button = document.createElement("button");
            button.type = "button";
            button.textContent = mark;
            button.setAttribute("aria-label", label.replace("{item}", item));
            button.disabled = at + step < 0 || at + step >= order.length;
            button.addEventListener("click", () => {
              [order[at], order[at + step]] = [order[at + step], order[at]];
              paint();
              list.children[at + step].querySelector("button:not([disabled])").focus();
            });
            line.append(button);
          }
          return line;
        }),
      );
    };
    order = model.get("answer").length ? [...model.get("answer")] : order;
    paint();
    field.append(list);
  } else if (kind === "fill") {
    const input = document.createElement("input");
    input.type = "text";
    input.setAttribute("aria-label", text.type_answer);
    input.value = model.get("answer")[0] ?? "";
    field.append(input);
  } else {
    for (const item of items) {
      const label = document.createElement("label");
      const input = document.createElement("input");
      input.type = kind === "one" ? "radio" : "checkbox";
      input.name = name;
      input.value = item;
      input.checked = model.get("answer").includes(item);
      label.append(input, ` ${item}`);
      field.append(label);
    }
  }
  const commit = document.createElement("button");
  commit.type = "submit";
  commit.textContent = text.commit;
  const said = document.createElement("p");
  said.className = "sl-said";
  said.setAttribute("role", "status");
  let waiting = null; // for the kernel's word
  const paintSaid = () => {
    clearTimeout(waiting);
    said.textContent = model.get("said");
  };
  // When the truth has come: what was thought beside it, a sign at what is so, and the moment on the stage.
  const judged = document.createElement("p");
  judged.className = "sl-judged";
  judged.setAttribute("role", "status");
  const look = document.createElement("button");
  look.type = "button";
  look.textContent = text.look;
  look.addEventListener("click", () => model.send({ look: true }));
  const paintTruth = () => {
    const truth = model.get("truth");
    judged.textContent = model.get("verdict");
    judged.hidden = !judged.textContent;
    said.hidden = !judged.hidden;
    look.hidden = judged.hidden || !model.get("look");
    look.setAttribute("aria-label", text.look_at.replace("{what}", model.get("look")));
    for (const label of field.querySelectorAll("label")) {
      label.querySelector(".sl-so")?.remove();
      if (!truth.includes(label.querySelector("input").value)) continue;
      const sign = document.createElement("span");
      sign.className = "sl-so";
      sign.textContent = ` ◂ ${text.so_it_was}`;
      label.append(sign);
    }
  };
  form.append(field, commit, said, judged, look);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const before = JSON.stringify(model.get("answer"));
    model.set("answer", answer());
    model.save_changes();
    if (JSON.stringify(answer()) === before) return;
    clearTimeout(waiting);
    waiting = setTimeout(() => (said.textContent = text.no_kernel), NO_ANSWER_MS);
  });
  const endKeys = ownKeys(form);
  model.on("change:said", paintSaid);
  model.on("change:verdict", paintTruth);
  paintTruth();
  paintSaid();
  el.append(form);
  return () => {
    endKeys();
    clearTimeout(waiting);
    model.off("change:said", paintSaid);
    model.off("change:verdict", paintTruth);
  };
}

export default { render };
