// The page's state: which view is shown, what is drawn on each, and what of it is saved.

import { Board, ZOOM_STEP } from "./board.js";
import { Mask } from "./mask.js";
import * as store from "./store.js";

const $ = (id) => document.getElementById(id);
const TOLD = {
  saved: ["Saved", "saved"],
  computed: ["Computed, none saved", "computed"],
  empty: ["None saved", "none"],
  changed: ["Not saved yet", "not saved"],
};
let object; // what the server tells of it
// { number, frame, saved, thumbnail, standing }; while shown or changed { drawn: bytes on disk or null, tag: theirs,
// computed: bytes, mask }; while shown { photo, seen }; while another mask than was read is on disk { stale, tagNow }
let views = [];
let current = null;
let wanted = null; // the view that was asked for last
let painting = true;
let writing = Promise.resolve(); // one write at a time: each tells which mask it replaces

const board = new Board($("board"), {
  begin: () => current.mask.begin(),
  stroke(from, to) {
    current.mask.stroke(from, to, board.radius, painting ? 1 : 0);
    board.refresh();
  },
  end: () => change(() => current.mask.commit()),
  abandon: () => change(() => current.mask.abandon()),
  moved: () => ($("fit").textContent = `${Math.round(100 * board.zoom)} %`),
});

// What a view's mask is to the disk: a key of TOLD.
function standing(view) {
  if (!view.computed) return view.saved ? "saved" : object.has_proposal ? "computed" : "empty";
  if (view.drawn) return view.mask.equals(view.drawn) ? "saved" : "changed";
  return view.mask.equals(view.computed) ? (object.has_proposal ? "computed" : "empty") : "changed";
}

const changed = () => views.filter((view) => view.standing === "changed");

function tell() {
  current.standing = standing(current);
  const [sentence] = TOLD[current.standing];
  const count = current.mask.count();
  const state = $("state");
  state.className = current.standing;
  const word = document.createElement("b");
  word.textContent = sentence;
  const pixels = `${count ? count.toLocaleString("en") : "no"} pixels hidden`;
  state.replaceChildren(`View ${current.number} · frame ${current.frame}: `, word, ` · ${pixels}`);
  for (const view of views) {
    view.thumbnail.className = view.standing;
    view.thumbnail.querySelector(".mark").textContent = TOLD[view.standing][1];
    view.thumbnail.setAttribute("aria-current", String(view === current));
  }
  $("undo").disabled = !current.mask.canUndo;
  $("redo").disabled = !current.mask.canRedo;
  $("save").disabled = current.standing === "saved";
  $("remove").disabled = !current.drawn;
  $("clear").disabled = !count;
  $("reset").disabled = !object.has_proposal || current.mask.equals(current.computed);
  $("stale").hidden = !current.stale;
  const waiting = changed().length;
  $("save-all").hidden = waiting < 2;
  $("save-all").textContent = `Save all ${waiting} changed`;
}

function change(action) {
  if (!current) return;
  action();
  board.refresh();
  tell();
}

function complain(error) {
  $("notice").hidden = false;
  $("notice").textContent = error.message;
}

async function load(view) {
  const { number, computed } = view; // has these masks already if it is changed
  view.loading ??= (async () => {
    const pictures = [store.image(number, "color.jpg"), store.mask(number, "seen.png")];
    const drawn = () => (view.saved ? store.drawn(number) : { drawn: null, tag: null });
    const masks = computed ? [] : [store.mask(number, "proposed.png"), drawn()];
    const [photo, seen, proposed, disk] = await Promise.all([...pictures, ...masks]);
    Object.assign(view, { photo, seen });
    if (!computed) adopt(view, proposed, disk);
  })();
  await view.loading.catch((error) => {
    view.loading = undefined; // the next look tries again
    throw error;
  });
}

// What is on disk takes the place of what was drawn here, which can be undone.
function adopt(view, computed, { drawn, tag }) {
  Object.assign(view, { computed, drawn, tag, saved: drawn !== null, stale: false });
  const data = drawn ?? computed;
  view.mask ??= new Mask(object.width, object.height, data.slice());
  view.mask.replace(data);
}

// Of a view that is not shown stays what is not saved, and what can be undone.
function forget(view) {
  if (view.loading && !view.photo) return; // it is still coming
  view.photo?.close();
  Object.assign(view, { photo: null, seen: null, loading: undefined });
  if (view.standing === "changed") return;
  Object.assign(view, { computed: null, drawn: null });
  if (!view.mask?.canUndo && !view.mask?.canRedo) view.mask = null;
}

async function show(view) {
  board.liftPen();
  wanted = view;
  await load(view);
  if (wanted !== view) return; // another was asked for while this one came
  current = view;
  history.replaceState(null, "", `#view-${view.number}`);
  board.show(view.photo, view.seen, view.mask);
  views.filter((other) => other !== view).forEach(forget);
  tell();
  view.thumbnail.scrollIntoView({ block: "nearest", inline: "nearest" });
}

const step = (by) => show(views[(views.indexOf(wanted) + by + views.length) % views.length]);

// In turn with other writes.  Where another mask is on disk than was read here, nothing is written and the page asks.
function write(view, action) {
  const done = writing.then(async () => {
    try {
      await action();
      view.stale = false;
    } catch (error) {
      if (!(error instanceof store.Stale)) throw error;
      Object.assign(view, { stale: true, tagNow: error.tag });
    }
    view.standing = standing(view);
  });
  writing = done.catch(() => {});
  return done;
}

async function save(some) {
  try {
    for (const view of some) {
      await write(view, async () => {
        const data = view.mask.data.slice(); // who draws on meanwhile is not told that it was saved
        const tag = await store.save(view.number, view.tag, { ...object, data });
        Object.assign(view, { drawn: data, tag, saved: true });
      });
    }
    $("notice").hidden = true;
  } finally {
    tell();
  }
  const stale = some.find((view) => view.stale);
  if (stale && stale !== current) await show(stale);
}

async function remove() {
  const view = current;
  await write(view, async () => {
    await store.remove(view.number, view.tag);
    Object.assign(view, { drawn: null, tag: null, saved: false });
    if (view.computed) view.mask.replace(view.computed);
  });
  change(() => {});
}

async function takeSaved() {
  const view = current;
  const disk = await store.drawn(view.number);
  if (view === current) change(() => adopt(view, view.computed, disk));
}

function saveOver() {
  current.tag = current.tagNow;
  return save([current]);
}

function choose(paint) {
  painting = paint;
  $("paint").setAttribute("aria-pressed", String(paint));
  $("erase").setAttribute("aria-pressed", String(!paint));
}

function resize(size) {
  $("size").value = size;
  $("size-told").textContent = `${$("size").value} px`;
  board.setRadius(Number($("size").value) / 2);
}

function toggle(button, image) {
  const shown = button.getAttribute("aria-pressed") !== "true";
  button.setAttribute("aria-pressed", String(shown));
  image.visible(shown);
}

const brush = () => Number($("size").value);
const ACTIONS = {
  paint: () => choose(true),
  erase: () => choose(false),
  undo: () => change(() => current.mask.undo()),
  redo: () => change(() => current.mask.redo()),
  reset: () => change(() => current.mask.replace(current.computed)),
  clear: () => change(() => current.mask.replace(new Uint8Array(current.mask.data.length))),
  "show-hidden": () => toggle($("show-hidden"), board.hidden),
  "show-seen": () => toggle($("show-seen"), board.seen),
  out: () => board.zoomBy(1 / ZOOM_STEP),
  in: () => board.zoomBy(ZOOM_STEP),
  fit: () => board.fit(),
  previous: () => step(-1),
  next: () => step(1),
  save: () => save([current]),
  "save-all": () => save(changed()),
  remove,
  "take-saved": takeSaved,
  "save-over": saveOver,
  smaller: () => resize(brush() - Math.ceil(brush() / 8)),
  larger: () => resize(brush() + Math.ceil(brush() / 8)),
};
const KEYS = {
  b: "paint", e: "erase", r: "reset", c: "clear", h: "show-hidden", o: "show-seen", n: "next", p: "previous", s: "save",
  "+": "in", "=": "in", "-": "out", 0: "fit", "[": "smaller", "]": "larger",
};

async function act(name) {
  if (!current || $(name)?.disabled) return;
  try {
    await ACTIONS[name]();
  } catch (error) {
    complain(error);
  }
}

function nameOfKey(event) {
  const key = event.key.toLowerCase();
  const chord = (event.ctrlKey || event.metaKey) && !event.altKey; // with Alt it is AltGr, by which many write [ and ]
  if (chord) return { z: event.shiftKey ? "redo" : "undo", y: "redo", s: "save" }[key];
  if (event.altKey && /^[a-z0-9]$/.test(key)) return undefined;
  // Elsewhere a letter is a slip, or a word that was spoken to the computer.
  return [$("board"), document.body].includes(document.activeElement) ? KEYS[key] : undefined;
}

function listen() {
  for (const name of Object.keys(ACTIONS)) $(name)?.addEventListener("click", () => act(name));
  $("size").addEventListener("input", () => resize($("size").value));
  // Single keys act on the board: who works with the mouse keeps it in focus.
  addEventListener("mousedown", (event) => event.target.closest("button") && event.preventDefault());
  $("size").addEventListener("pointerup", () => $("board").focus({ preventScroll: true }));
  addEventListener("keydown", (event) => {
    const name = nameOfKey(event);
    if (!name) return;
    event.preventDefault();
    act(name);
  });
  addEventListener("beforeunload", (event) => {
    if (changed().length) event.preventDefault();
  });
}

function thumbnailOf(view) {
  const button = document.createElement("button");
  const image = Object.assign(document.createElement("img"), {
    src: store.imageUrl(view.number, "small.jpg"), alt: "", loading: "lazy", width: 96, height: 72,
  });
  const mark = Object.assign(document.createElement("span"), { className: "mark" });
  button.type = "button";
  const frame = Object.assign(document.createElement("span"), { className: "frame" });
  frame.textContent = `frame ${view.frame}`;
  button.append(image, `View ${view.number}`, frame, mark);
  button.addEventListener("click", () => show(view).catch(complain));
  return button;
}

async function start() {
  listen();
  resize(brush());
  object = await store.about();
  document.title = `${object.name} · hidden masks`;
  const label = Object.assign(document.createElement("small"), { textContent: ` ${object.label}` });
  $("name").replaceChildren(object.name, label);
  views = object.views.map((view) => ({ ...view }));
  for (const view of views) {
    view.standing = standing(view);
    view.thumbnail = thumbnailOf(view);
    $("views").append(view.thumbnail);
  }
  $("command").textContent = object.next_command;
  $("hint").hidden = object.has_proposal;
  await show(views.find((view) => location.hash === `#view-${view.number}`) ?? views[0]);
}

start().catch(complain);
