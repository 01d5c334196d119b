// The landing page: says what this is before anything large is fetched, shows how far the fetching is, and keeps,
// brings and hands in what the learner wrote. It reads JupyterLite's own storage, and writes nothing elsewhere.
//
// Everything that can be clicked is listened to before the page waits for anything: on a slow machine a click, or a
// file that was chosen, would be lost for ever. What needs more than this script is disabled until it is there.
import { exportAll, handIn, importAll } from "./storage.js";

const one = (id) => document.getElementById(id);
const say = (text) => (one("answer").textContent = text);

// ---- the learner's work

const ACTIONS = ["export", "import", "hand-in"].map(one);
let isListed = false; // the assignments that can be handed in

function paintActions(isBusy) {
  for (const each of ACTIONS) each.disabled = isBusy || (each.id === "hand-in" && !isListed);
}

let isBusy = false;
async function act(work) {
  if (isBusy) return;
  paintActions((isBusy = true));
  say("One moment …");
  try {
    say(await work());
  } catch (error) {
    say(`That did not work: ${error?.message || error}. Nothing was changed. Load this page again, then try once more.`);
  } finally {
    paintActions((isBusy = false));
  }
}

async function bring() {
  const [file] = one("import").files;
  if (!file) return;
  await act(() => importAll(file));
  one("import").value = ""; // the same file can be chosen again
}

one("export").addEventListener("click", () => act(exportAll));
one("import").addEventListener("change", bring);
one("hand-in").addEventListener("click", () => act(() => handIn(one("assignment").value, one("student").value.trim())));
paintActions(false);
void bring(); // chosen before this script was here

// ---- fetching, with a bar

let isFetching = false;
document.addEventListener("click", async (event) => {
  const link = event.target.closest?.('a[href^="./lab/"]');
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  if (isFetching) return;
  isFetching = true;
  try {
    await fetchAll();
    location.href = link.href;
  } catch {
    one("said").textContent = "Something could not be fetched. Look at your connection, then try again.";
  } finally {
    isFetching = false;
  }
});

async function fetchAll() {
  one("loading").hidden = false;
  const files = await (await fetch("./preload.json")).json();
  const total = files.reduce((sum, each) => sum + each.bytes, 0);
  let done = 0;
  const bar = one("bar");
  await Promise.all(
    files.map(async ({ path, bytes }) => {
      await (await fetch(`./${path}`)).arrayBuffer();
      done += bytes;
      bar.value = (100 * done) / total;
      one("said").textContent = `Fetching what the course needs: ${Math.round(done / 1e6)} of ${Math.round(total / 1e6)} MB`;
    }),
  );
}

// ---- can this browser?

async function problemOf() {
  if (typeof WebAssembly !== "object" || !("serviceWorker" in navigator) || typeof BigInt64Array === "undefined") {
    return "This browser is too old for the course, or it forbids what the course needs: WebAssembly and service workers. A current Firefox, Chrome, Edge or Safari has both; the page must come over https or from this computer.";
  }
  try {
    await new Promise((done, failed) => {
      const asked = indexedDB.open("statelab-probe");
      asked.onsuccess = () => (asked.result.close(), done());
      asked.onerror = () => failed(asked.error);
    });
  } catch {
    return "This browser lets the page keep nothing (a private window does that). The course runs, but what you write is gone when the tab closes: save it as a file before.";
  }
  const room = await navigator.storage?.estimate?.();
  if (room && room.quota && room.quota - (room.usage ?? 0) < 100e6) {
    return "This browser has little room left for this page. Save your work as a file before you go on.";
  }
  return "";
}

async function tellProblem() {
  const problem = await problemOf();
  one("problem").hidden = !problem;
  one("problem").textContent = problem;
  if (problem.startsWith("This browser is too old")) one("begin").hidden = one("all").hidden = true;
  navigator.storage?.persist?.().catch(() => {}); // so that the browser does not clear it away by itself
}

// ---- what there is to read and to hand in

async function list() {
  const listed = await (await fetch("./assignments.json")).json();
  for (const { path, title } of listed.pages) {
    const line = document.createElement("li");
    const link = Object.assign(document.createElement("a"), { href: `./lab/index.html?path=${path}`, textContent: title });
    line.append(link);
    one("pages").append(line);
  }
  for (const name of listed.assignments) one("assignment").append(new Option(name, name));
  isListed = true;
  paintActions(isBusy);
}

void tellProblem();
list().catch(() => say("The list of lessons and assignments could not be fetched. Load this page again."));
