// What the learner wrote, as JupyterLite keeps it in this browser: out as one file, in again, and handed in.
const NAME = `JupyterLite Storage - ${new URL("./", location.href).pathname}`;
const FORMAT = "statelab-work-1";

// ---- JupyterLite's storage: one object store, path → a model of Jupyter's contents API

const FILES = "files";
// Made as JupyterLite's own library makes them, which looks for both. Source: localForage, src/drivers/indexeddb.js.
const STORES = [FILES, "local-forage-detect-blob-support"];

const settled = (request) =>
  new Promise((done, failed) => {
    request.onsuccess = () => done(request.result);
    request.onerror = () => failed(request.error);
  });

// Gives `work` the open storage; null where the browser has none yet and none is `wanted`. It is closed at the end
// whatever comes of it, and at once when another tab's JupyterLite has to change it: that one would wait for ever.
async function withStorage(work, isWanted = false) {
  const known = await indexedDB.databases?.();
  if (!isWanted && known && !known.some((each) => each.name === NAME)) return work(null);
  const asked = indexedDB.open(NAME);
  asked.onupgradeneeded = () => {
    if (isWanted) for (const each of STORES) asked.result.createObjectStore(each);
    else asked.transaction.abort(); // this browser lists none, and there is none: none is made
  };
  let db = null;
  try {
    db = await settled(asked);
  } catch (error) {
    if (isWanted || error?.name !== "AbortError") throw error;
    return work(null);
  }
  db.onversionchange = () => db.close();
  try {
    return await work(db.objectStoreNames.contains(FILES) ? db : null);
  } finally {
    db.close();
  }
}

async function models(db) {
  if (db === null) return new Map();
  const store = db.transaction(FILES).objectStore(FILES);
  const [keys, values] = await Promise.all([settled(store.getAllKeys()), settled(store.getAll())]);
  return new Map(keys.map((key, at) => [key, values[at]]));
}

// ---- zip, stored and not packed (APPNOTE 4.3): notebooks are small, and every program can open it

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  for (let bit = 0; bit < 8; bit++) byte = byte & 1 ? (byte >>> 1) ^ 0xedb88320 : byte >>> 1;
  return byte;
});
const crc32 = (bytes) => ~bytes.reduce((crc, byte) => (crc >>> 8) ^ TABLE[(crc ^ byte) & 255], ~0) >>> 0;

function header(signature, fields) {
  const view = new DataView(new ArrayBuffer(4 + fields.reduce((sum, [size]) => sum + size, 0)));
  view.setUint32(0, signature, true);
  let at = 4;
  for (const [size, value] of fields) {
    size === 2 ? view.setUint16(at, value, true) : view.setUint32(at, value, true);
    at += size;
  }
  return new Uint8Array(view.buffer);
}

export function zip(files) {
  const parts = [];
  const directory = [];
  let offset = 0;
  for (const [path, content] of Object.entries(files)) {
    const name = new TextEncoder().encode(path);
    const data = typeof content === "string" ? new TextEncoder().encode(content) : content;
    const both = [[2, 20], [2, 0x800], [2, 0], [2, 0], [2, 0x5c21], [4, crc32(data)], [4, data.length], [4, data.length], [2, name.length], [2, 0]];
    const local = header(0x04034b50, both);
    parts.push(local, name, data);
    directory.push(header(0x02014b50, [[2, 20], ...both, [2, 0], [2, 0], [2, 0], [4, 0], [4, offset]]), name);
    offset += local.length + name.length + data.length;
  }
  const size = directory.reduce((sum, part) => sum + part.length, 0);
  const count = directory.length / 2;
  const end = header(0x06054b50, [[2, 0], [2, 0], [2, count], [2, count], [4, size], [4, offset], [2, 0]]);
  return new Blob([...parts, ...directory, end], { type: "application/zip" });
}

export async function unzip(blob) {
  const bytes = new Uint8Array(await blob.arrayBuffer());
  const view = new DataView(bytes.buffer);
  let end = bytes.length - 22;
  while (end >= 0 && view.getUint32(end, true) !== 0x06054b50) end--;
  if (end < 0) throw new Error("This is no zip file.");
  const files = new Map();
  let at = view.getUint32(end + 16, true);
  for (let count = view.getUint16(end + 10, true); count > 0; count--) {
    const method = view.getUint16(at + 10, true);
    const packed = view.getUint32(at + 20, true);
    const lengths = [28, 30, 32].map((each) => view.getUint16(at + each, true));
    const path = new TextDecoder().decode(bytes.subarray(at + 46, at + 46 + lengths[0]));
    const local = view.getUint32(at + 42, true);
    const begin = local + 30 + view.getUint16(local + 26, true) + view.getUint16(local + 28, true);
    const raw = bytes.subarray(begin, begin + packed);
    const unpacked = method === 0 ? raw : new Response(new Blob([raw]).stream().pipeThrough(new DecompressionStream("deflate-raw"))).arrayBuffer();
    files.set(path, new TextDecoder().decode(await unpacked));
    at += 46 + lengths[0] + lengths[1] + lengths[2];
  }
  return files;
}

// ---- what the buttons do; each answers with a sentence

function give(name, blob) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

const textOf = (model) => (model.format === "json" ? JSON.stringify(model.content, null, 1) : (model.content ?? ""));

export async function exportAll() {
  const found = await withStorage(models);
  const files = {};
  for (const [path, model] of found) if (model.type !== "directory") files[`work/${path}`] = textOf(model);
  const count = Object.keys(files).length;
  if (!count) return "There is nothing of yours in this browser yet.";
  files[`${FORMAT}.json`] = JSON.stringify(Object.fromEntries(found));
  give(`statelab-work-${new Date().toISOString().slice(0, 10)}.zip`, zip(files));
  return `${count} files are in it. Keep it somewhere safe.`;
}

export async function importAll(file) {
  let found;
  try {
    found = JSON.parse((await unzip(file)).get(`${FORMAT}.json`));
  } catch {
    return "This is no file that this page has saved.";
  }
  const isModel = (each) => typeof each?.type === "string" && typeof each.path === "string";
  if (typeof found !== "object" || found === null || !Object.values(found).every(isModel)) {
    return "This is no file that this page has saved.";
  }
  return withStorage((db) => putAll(db, found), true);
}

async function putAll(db, found) {
  if (db === null) return "Open lesson 00 once in this browser, then come back here: it makes the place for your files.";
  const before = await models(db);
  const change = db.transaction(FILES, "readwrite");
  const store = change.objectStore(FILES);
  let aside = 0;
  for (const [path, model] of Object.entries(found)) {
    const here = before.get(path);
    if (here && model.type === "notebook" && textOf(here) !== textOf(model)) {
      const copy = path.replace(/\.ipynb$/, ".before-import.ipynb"); // nothing is written over
      store.put({ ...here, path: copy, name: copy.split("/").pop() }, copy);
      aside++;
    }
    store.put(model, path);
  }
  try {
    await new Promise((done, failed) => {
      change.oncomplete = done;
      change.onerror = change.onabort = () => failed(change.error);
    });
  } catch {
    return "This browser has no room for it. Nothing was changed.";
  }
  const kept = aside ? ` ${aside} notebooks that were here are kept beside them as .before-import.` : "";
  return `${Object.keys(found).length} files are back.${kept} Reload the course's tab to see them.`;
}

export async function handIn(assignment, student) {
  if (!/^[A-Za-z0-9][A-Za-z0-9_.-]*$/.test(student)) {
    return "Write your name or number, with letters, digits, dots, dashes and underscores.";
  }
  const path = `exercises/${assignment}/${assignment}.ipynb`;
  const model = (await withStorage(models)).get(path);
  if (!model) return `You have not saved ${assignment} in this browser yet: open exercises/${assignment}, write, and save.`;
  const folder = `submitted/${student}/${assignment}`;
  const moment = new Date().toISOString().replace("T", " ").replace(/\..*/, " UTC");
  give(`${student}_${assignment}.zip`, zip({ [`${folder}/${assignment}.ipynb`]: textOf(model), [`${folder}/timestamp.txt`]: `${moment}\n` }));
  return `${student}_${assignment}.zip is the file to hand in.`;
}
