// What lies under a resting pointer, or on Enter in the middle of the view, is written out; a double click opens it.
// `about` gives an object's name, says a text to screen readers, and opens an object.
function reading(viewer, about) {
  "use strict";
  const here = viewer.canvas.parentElement.querySelector(".here");
  let timer = 0;
  const clear = () => {
    clearTimeout(timer);
    here.textContent = "";
  };
  const words = (hit) => (hit ? [about.name(hit.name), ...told(hit)].join(" · ") : "");
  viewer.canvas.addEventListener("pointermove", (event) => {
    clear();
    if (!event.buttons) timer = setTimeout(() => (here.textContent = words(viewer.probe(event.clientX, event.clientY))), 70);
  });
  viewer.canvas.addEventListener("pointerleave", clear);
  viewer.canvas.addEventListener("dblclick", (event) => {
    const hit = viewer.probe(event.clientX, event.clientY);
    if (hit) about.open(hit.name);
  });
  viewer.canvas.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return clear();
    const box = viewer.canvas.getBoundingClientRect();
    const text = words(viewer.probe(box.left + box.width / 2, box.top + box.height / 2));
    here.textContent = text || "nothing in the middle";
    about.say(`In the middle: ${text || "nothing"}.`);
  });
}

function told(hit) {
  "use strict";
  const said = [];
  if (hit.missed_m === Infinity) said.push("true surface without a mesh");
  else if ("missed_m" in hit) said.push(`true surface, ${(100 * hit.missed_m).toFixed(1)} cm from the mesh`);
  if ("_seen" in hit) said.push(hit._seen >= 0.5 ? "seen" : "completed");
  if ("_confidence" in hit) said.push(`confidence ${Math.round(100 * hit._confidence)} %`);
  if (hit._error_m >= 0) said.push(`${(100 * hit._error_m).toFixed(1)} cm off`);
  return said;
}
