// Chooses what is shown: the address's #all or #object-<id> says which object; only what is looked at is decoded.
(() => {
  "use strict";
  const sides = JSON.parse(document.getElementById("page-data").textContent).sides;
  const section = document.getElementById("viewer");
  const status = document.getElementById("status");
  const notices = [...section.querySelectorAll(".notice")];
  const panels = [...document.querySelectorAll(".panel")];
  const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const orbit = new Orbit();
  const state = { mode: "color", id: null, request: 0, filled: new Set() };
  const LAYERS = ["mesh", "truth", "points", "missed"];
  let viewers = [];

  const named = (id) => sides.map((side) => side.objects.filter((one) => id === null || one.id === id));
  const legend = (name, on) => {
    for (const node of section.querySelectorAll(`[data-legend="${name}"]`)) node.hidden = !on;
  };

  const tell = (text) => notices.forEach((notice) => (notice.textContent = text));

  function makeViewers() {
    section.hidden = false;
    let missing = "DecompressionStream" in window ? "" : "it is too old";
    try {
      if (!missing) viewers = [...section.querySelectorAll("canvas")].map((canvas) => new Viewer(canvas, orbit, style));
    } catch (error) {
      missing = "WebGL is off";
    }
    if (missing) {
      tell(`This browser shows no 3D here (${missing}); the pictures still show every mesh.`);
      section.classList.add("flat");
      return;
    }
    const names = sides.map((side) => new Map(side.objects.map((one) => [one.id, one.name])));
    viewers.forEach((viewer, k) => {
      control(viewer.canvas, orbit);
      reading(viewer, {
        name: (id) => names[k].get(id),
        say: (text) => (status.textContent = text),
        open: (id) => state.id === null && go(`#object-${id}`),
      });
      viewer.canvas.addEventListener("webglcontextlost", () =>
        tell("The graphics driver has lost this view; it comes back by itself, or when the page is loaded again."));
      viewer.canvas.addEventListener("webglcontextrestored", () => refresh(false));
    });
    window.farside = { viewers, orbit, decoded }; // for tests and the curious
  }

  // The parts that a side has on a layer; points of the room belong to no object.
  function parts(layer, k) {
    const objects = named(state.id)[k].map((one) => ({ name: one.name, object: one.id, payload: one[layer] }));
    if (layer === "points" && state.id === null)
      objects.push({ name: "", object: null, payload: sides[k].room.points });
    return objects.filter((part) => part.payload);
  }

  // Put a layer's parts into all viewers, once for each choice; false if something else was chosen meanwhile.
  async function fill(layer) {
    if (state.filled.has(layer)) return true;
    const request = state.request;
    for (const [k, viewer] of viewers.entries()) {
      const found = parts(layer, k);
      const filled = await Promise.all(
        found.map(async (part) => ({ name: part.object, geometries: await geometries(part.payload) }))
      );
      if (request !== state.request) return false;
      viewer.fill(layer, filled);
    }
    state.filled.add(layer);
    return true;
  }

  const has = (layer) => sides.some((_, k) => parts(layer, k).length);

  function offer() {
    const told = new Set(named(state.id).flat().flatMap((one) => one.tells.map((name) => name.toLowerCase())));
    const modes = Object.entries(LEVELS).filter(([, level]) => told.has(level.attribute)).map(([mode]) => mode);
    const offered = new Set(["color", "plain", ...modes]);
    coloring.offer(offered);
    layers.offer(new Set(["grid", ...["mesh", "truth", "points"].filter(has)]));
    return offered;
  }

  // Bring what is drawn, the legend and what is said in line with what is chosen.
  async function refresh(fresh) {
    section.setAttribute("aria-busy", "true");
    const request = state.request;
    await apply(fresh);
    if (request === state.request) section.setAttribute("aria-busy", "false");
  }

  async function apply(fresh) {
    const mode = offer().has(state.mode) ? state.mode : "color";
    coloring.set(mode);
    // What is missed belongs to the mesh's errors and has no button of its own.
    const shows = (layer) => (layer === "missed" ? mode === "error" && layers.shows("mesh") : layers.shows(layer));
    const shown = LAYERS.filter(shows);
    try {
      for (const layer of shown) if (!(await fill(layer))) return;
    } catch (error) {
      tell("This mesh cannot be shown: the page is damaged; write it again.");
      return;
    }
    for (const viewer of viewers) {
      for (const layer of [...LAYERS, "grid"]) viewer.show(layer, shows(layer));
      viewer.paint(mode);
    }
    if (fresh || orbit.box.isEmpty()) frame(shown);
    say(mode);
  }

  function frame(shown) {
    const solid = shown.filter((layer) => layer !== "points");
    const box = new THREE.Box3();
    for (const viewer of viewers) box.union(viewer.bounds(solid.length ? solid : shown));
    const size = box.getSize(new THREE.Vector3());
    const cell = Math.max(size.x, size.z) > 2.2 ? 0.5 : 0.1; // metres
    for (const viewer of viewers) viewer.setGrid(box, cell);
    const first = state.id === null ? sides[0].room : named(state.id).flat()[0];
    orbit.frame(box, first.yaw);
    document.getElementById("grid").textContent = box.isEmpty() ? "" : `grid: ${Math.round(cell * 100)} cm`;
  }

  function say(mode) {
    const [mesh, truth, points] = ["mesh", "truth", "points"].map((layer) => layers.shows(layer));
    for (const name of Object.keys(LEVELS)) legend(name, mesh && name === mode);
    legend("unknown", mesh && viewers.some((viewer) => viewer.lacks(mode)));
    legend("inside", mesh);
    legend("missed", mesh && mode === "error" && has("missed"));
    legend("truth", truth);
    legend("points", points);
    document.getElementById("grid").hidden = !layers.shows("grid");
    const own = state.id === null ? [] : named(state.id).flat().filter((one) => one.mesh);
    document.getElementById("size").textContent =
      own.length === 1 ? `size: ${own[0].size_m.map((metres) => metres.toFixed(2)).join(" × ")} m` : "";
    notices.forEach((notice, k) => (notice.textContent = parts("mesh", k).length ? "" : "There is no mesh to show."));
    const what = state.id === null ? "Whole room" : named(state.id).flat()[0].name;
    status.textContent = `${what}: ${coloring.says(mode)}. ${layers.said()}.`;
  }

  function select() {
    const wanted = sides.flatMap((side) => side.objects).find((one) => location.hash === `#object-${one.id}`);
    const id = wanted ? `object-${wanted.id}` : "all";
    state.id = wanted ? wanted.id : null;
    state.request++;
    state.filled.clear();
    for (const panel of panels) panel.classList.toggle("current", panel.id === `panel-${id}`);
    document.body.classList.toggle("room", !wanted); // its table needs the page's whole width
    for (const card of document.querySelectorAll(".card")) {
      if (card.getAttribute("href") === `#${id}`) card.setAttribute("aria-current", "true");
      else card.removeAttribute("aria-current");
    }
    reveal(document.querySelector('.card[aria-current="true"]'));
    if (!viewers.length) return Promise.resolve();
    for (const viewer of viewers) for (const layer of LAYERS) viewer.fill(layer, []);
    return refresh(true);
  }

  function go(hash) {
    history.pushState(null, "", hash);
    select();
    if (section.getBoundingClientRect().top < 0) scrollBy(0, section.getBoundingClientRect().top - 14);
  }

  // Scroll the strip alone: scrollIntoView would also have the tab key go on from there.
  function reveal(card) {
    const [strip, spare] = [card.parentElement, 24];
    const left = card.offsetLeft - spare, right = card.offsetLeft + card.offsetWidth + spare - strip.clientWidth;
    strip.scrollLeft = Math.max(right, Math.min(left, strip.scrollLeft));
  }

  // On paper, which is white, stands a picture of what the canvas shows. A browser may announce a print twice.
  function onPaper() {
    const root = document.documentElement, theme = root.dataset.theme;
    if (!state.printing)
      addEventListener("afterprint", () => {
        state.printing = false;
        if (theme) root.dataset.theme = theme;
        else delete root.dataset.theme;
        for (const viewer of viewers) viewer.theme();
      }, { once: true });
    state.printing = true;
    root.dataset.theme = "light";
    for (const viewer of viewers) {
      viewer.theme();
      const picture = viewer.canvas.parentElement.querySelector(".print") || document.createElement("img");
      viewer.draw();
      Object.assign(picture, { src: viewer.canvas.toDataURL(), className: "print", alt: "The view as it was on the screen" });
      viewer.canvas.after(picture);
    }
  }

  // The panels stand beside the mesh: their names change so that the address no longer makes the browser jump there.
  for (const panel of panels) panel.id = `panel-${panel.id}`;
  document.body.classList.add("js");
  const coloring = radios([...section.querySelectorAll("[role=radio]")], (mode) => {
    state.mode = mode;
    refresh(false);
  });
  const layers = toggles([...section.querySelectorAll(".layer")], () => refresh(false));
  makeViewers();
  wipes();
  themes(document.getElementById("theme"), () => viewers.forEach((viewer) => viewer.theme()));
  document.getElementById("reset").addEventListener("click", () => orbit.reset());
  document.addEventListener("click", (event) => {
    const link = event.target.closest('a[href^="#"]');
    if (!link) return;
    event.preventDefault();
    if (!("skip" in link.dataset)) return go(link.getAttribute("href"));
    const target = document.querySelector(link.getAttribute("href"));
    target.focus();
    target.scrollIntoView();
  });
  addEventListener("popstate", select);
  addEventListener("beforeprint", onPaper);
  select().then(() => scrollTo(0, 0));
})();
