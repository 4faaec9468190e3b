// Mouse, fingers and keys on a canvas move an orbit.
function control(canvas, orbit) {
  "use strict";
  const pointers = new Map();
  const middle = () => {
    const all = [...pointers.values()];
    const x = all.reduce((sum, p) => sum + p.x, 0) / all.length;
    const y = all.reduce((sum, p) => sum + p.y, 0) / all.length;
    return { x, y, spread: all.length > 1 ? Math.hypot(all[0].x - all[1].x, all[0].y - all[1].y) : 0 };
  };
  const ready = () => !orbit.box.isEmpty();

  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!pointers.has(event.pointerId) || !ready()) return;
    const before = middle();
    pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    const after = middle();
    const [dx, dy] = [after.x - before.x, after.y - before.y];
    if (pointers.size > 1 || event.shiftKey || event.buttons & 6)
      orbit.shift(dx / canvas.clientHeight, dy / canvas.clientHeight);
    else orbit.turn(dx * 0.008, dy * 0.008);
    if (before.spread && after.spread) orbit.zoom(before.spread / after.spread);
  });
  for (const kind of ["pointerup", "pointercancel"])
    canvas.addEventListener(kind, (event) => pointers.delete(event.pointerId));
  canvas.addEventListener("contextmenu", (event) => event.preventDefault());
  canvas.addEventListener("wheel", (event) => {
    // Else the page scrolls, which else could not be left where the canvas fills it; a pinch on a pad comes with Ctrl.
    if (document.activeElement !== canvas && !event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    if (ready()) orbit.zoom(Math.exp(Math.max(-60, Math.min(60, event.deltaY)) * 0.003));
  }, { passive: false });

  const keys = {
    ArrowLeft: () => orbit.turn(-0.15, 0), ArrowRight: () => orbit.turn(0.15, 0),
    ArrowUp: () => orbit.turn(0, -0.12), ArrowDown: () => orbit.turn(0, 0.12),
    "+": () => orbit.zoom(0.88), "=": () => orbit.zoom(0.88), "-": () => orbit.zoom(1.14), 0: () => orbit.reset(),
  };
  const shifted = {
    ArrowLeft: () => orbit.shift(-0.06, 0), ArrowRight: () => orbit.shift(0.06, 0),
    ArrowUp: () => orbit.shift(0, -0.06), ArrowDown: () => orbit.shift(0, 0.06),
  };
  canvas.addEventListener("keydown", (event) => {
    const act = (event.shiftKey && shifted[event.key]) || keys[event.key];
    if (!act || !ready() || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    act();
  });
}
