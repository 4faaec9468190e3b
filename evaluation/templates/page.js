// Chooses what is shown: the address's #all or #object-<id> says which object, its mesh is decoded only then.
(() => {
  "use strict";
  const room = JSON.parse(document.getElementById("page-data").textContent);
  const objects = room.objects;
  const root = document.documentElement;
  const stage = document.getElementById("viewer");
  const notice = document.getElementById("notice");
  const style = (name) => getComputedStyle(root).getPropertyValue(name).trim();
  const panels = [...document.querySelectorAll(".panel")];
  let viewer = null;

  function makeViewer() {
    stage.hidden = false;
    try {
      const colors = { seen: style("--seen"), completed: style("--completed"), inside: style("--inside") };
      colors.ramp = style("--ramp").split(",");
      viewer = new Viewer(document.getElementById("canvas"), colors);
      viewer.setGridColor(style("--grid"));
      window.farside = { viewer }; // for tests and the curious
    } catch (error) {
      notice.textContent = "This browser shows no 3D here (WebGL is off); the pictures still show every mesh.";
    }
  }

  function decode(id) {
    const bytes = Uint8Array.from(atob(document.getElementById(`glb-${id}`).textContent), (c) => c.charCodeAt(0));
    return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).arrayBuffer();
  }

  async function select() {
    const wanted = objects.find((one) => location.hash === `#object-${one.id}`);
    const id = wanted ? `object-${wanted.id}` : "all";
    for (const panel of panels) panel.classList.toggle("current", panel.id === `panel-${id}`);
    document.body.classList.toggle("room", !wanted); // its table needs the page's whole width
    for (const card of document.querySelectorAll(".card"))
      card.setAttribute("aria-current", String(card.getAttribute("href") === `#${id}`));
    document.querySelector('.card[aria-current="true"]').scrollIntoView({ block: "nearest", inline: "nearest" });
    if (!viewer) return;
    const shown = (wanted ? [wanted] : objects).filter((one) => one.mesh);
    notice.textContent = shown.length ? "" : "There is no mesh to show.";
    if (!(await viewer.show(await Promise.all(shown.map((one) => decode(one.id))), (wanted || room).yaw))) return;
    document.getElementById("size").textContent =
      wanted && wanted.mesh ? `${wanted.size_m.map((metres) => metres.toFixed(2)).join(" × ")} m` : "";
    document.getElementById("grid").textContent = shown.length ? `grid ${Math.round(viewer.cell * 100)} cm` : "";
  }

  const modes = [...document.querySelectorAll("[data-mode]")].filter((node) => node.tagName === "BUTTON");
  function setMode(mode) {
    for (const button of modes) {
      const on = button.dataset.mode === mode;
      button.setAttribute("aria-checked", String(on));
      button.tabIndex = on ? 0 : -1;
    }
    stage.dataset.mode = mode;
    if (viewer) viewer.setMode(mode);
  }
  modes.forEach((button, k) => {
    button.addEventListener("click", () => setMode(button.dataset.mode));
    button.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      if (!step) return;
      event.preventDefault();
      const next = modes[(k + step + modes.length) % modes.length];
      next.focus();
      setMode(next.dataset.mode);
    });
  });
  document.getElementById("reset").addEventListener("click", () => viewer && viewer.home && viewer.reset());

  const theme = document.getElementById("theme");
  const systemDark = matchMedia("(prefers-color-scheme: dark)");
  const dark = () => (root.dataset.theme || (systemDark.matches ? "dark" : "light")) === "dark";
  function themed() {
    theme.textContent = dark() ? "Light" : "Dark";
    theme.setAttribute("aria-label", dark() ? "Change to light colours" : "Change to dark colours");
    if (viewer) viewer.setGridColor(style("--grid"));
  }
  theme.addEventListener("click", () => {
    root.dataset.theme = dark() ? "light" : "dark";
    themed();
  });
  systemDark.addEventListener("change", themed);

  // The panels stand beside the mesh: their names change so that the address no longer makes the browser jump there.
  for (const panel of panels) panel.id = `panel-${panel.id}`;
  document.body.classList.add("js");
  theme.hidden = false;
  makeViewer();
  setMode("color");
  themed();
  document.addEventListener("click", (event) => {
    const link = event.target.closest('a[href^="#"]');
    if (!link) return;
    event.preventDefault();
    history.pushState(null, "", link.getAttribute("href"));
    select();
    stage.scrollIntoView({ block: "nearest" });
  });
  addEventListener("popstate", select);
  select().then(() => scrollTo(0, 0));
})();
