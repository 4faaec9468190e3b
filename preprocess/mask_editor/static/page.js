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
let views = []; // { number, thumbnail, drawn: bytes on disk or null, computed: bytes, photo, seen, mask }
let current = null;
let wanted = null; // the view that was asked for last
let painting = true;

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
  if (!view.mask) return view.saved ? "saved" : object.has_proposal ? "computed" : "empty";
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
  state.replaceChildren(`View ${current.number}: `, word, ` · ${pixels}`);
  for (const view of views) {
    view.thumbnail.className = view.standing;
    view.thumbnail.querySelector(".mark").textContent = TOLD[view.standing][1];
    view.thumbnail.setAttribute("aria-current", String(view === current));
  }
  $("undo").disabled = !current.mask.done.length;
  $("redo").disabled = !current.mask.undone.length;
  $("save").disabled = current.standing === "saved";
  $("remove").disabled = !current.drawn;
  $("clear").disabled = !count;
  $("reset").disabled = !object.has_proposal || current.mask.equals(current.computed);
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
  view.loading ??= (async () => {
    const names = ["color.jpg", "seen.png", "proposed.png", ...(view.saved ? ["drawn.png"] : [])];
    const read = (name) => (name === "color.jpg" ? store.image : store.mask)(view.number, name);
    const parts = await Promise.all(names.map(read));
    [view.photo, view.seen, view.computed, view.drawn = null] = parts;
    view.mask = new Mask(object.width, object.height, (view.drawn ?? view.computed).slice());
  })();
  await view.loading.catch((error) => {
    view.loading = undefined; // the next look tries again
    throw error;
  });
}

async function show(view) {
  board.liftPen();
  wanted = view;
  await load(view);
  if (wanted !== view) return; // another was asked for while this one came
  current = view;
  history.replaceState(null, "", `#view-${view.number}`);
  board.show(view.photo, view.seen, view.mask);
  tell();
  view.thumbnail.scrollIntoView({ block: "nearest", inline: "nearest" });
}

const step = (by) => show(views[(views.indexOf(wanted) + by + views.length) % views.length]);

async function save(some) {
  try {
    for (const view of some) {
      const data = view.mask.data.slice(); // who draws on meanwhile is not told that it was saved
      await store.save(view.number, { ...object, data });
      Object.assign(view, { drawn: data, saved: true });
      view.standing = standing(view);
    }
    $("notice").hidden = true;
  } finally {
    tell();
  }
}

async function remove() {
  const view = current;
  await store.remove(view.number);
  Object.assign(view, { drawn: null, saved: false });
  view.mask.replace(view.computed);
  view.standing = standing(view);
  if (view === current) change(() => {});
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
  if (event.altKey) return undefined;
  if (!event.ctrlKey && !event.metaKey) return KEYS[key];
  if (key === "z") return event.shiftKey ? "redo" : "undo";
  return { y: "redo", s: "save" }[key];
}

function listen() {
  for (const name of Object.keys(ACTIONS)) $(name)?.addEventListener("click", () => act(name));
  $("size").addEventListener("input", () => resize($("size").value));
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
    src: store.imageUrl(view.number, "color.jpg"), alt: "", loading: "lazy", width: 96, height: 72,
  });
  const mark = Object.assign(document.createElement("span"), { className: "mark" });
  button.type = "button";
  button.append(image, `View ${view.number}`, mark);
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
  $("hint").hidden = object.has_proposal;
  await show(views.find((view) => location.hash === `#view-${view.number}`) ?? views[0]);
}

start().catch(complain);
