import { livePicture, make, selectable, widget } from "./drawing.js";
import { makePanel } from "./selecting.js";

function render({ model, el }) {
  const frame = widget({ model, el }, "sl-cluster");
  const { svg, off } = livePicture({ model }, frame);
  const news = make("p", { class: "sl-unseen", "aria-live": "polite" });
  frame.on("news", () => (news.textContent = model.get("news")));
  const panel = makePanel(model, frame, svg);
  selectable(svg, (key) => frame.tell({ select: key }));
  frame.root.append(svg, frame.status, news, panel);
  return () => {
    off();
    frame.end();
  };
}

export default { render };
