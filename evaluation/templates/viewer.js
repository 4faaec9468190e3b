// One WebGL view of one or more GLB meshes: turn, shift, zoom; drawn only when something changes.
class Viewer {
  constructor(canvas, colors) {
    this.canvas = canvas;
    this.colors = colors;
    this.renderer = new THREE.WebGLRenderer({ canvas, antialias: true, alpha: true });
    this.renderer.setPixelRatio(Math.min(window.devicePixelRatio || 1, 2));
    this.scene = new THREE.Scene();
    this.camera = new THREE.PerspectiveCamera(32, 1, 0.01, 100);
    this.scene.add(this.camera);
    this.scene.add(new THREE.HemisphereLight(0xffffff, 0x8d949e, 0.72));
    const key = new THREE.DirectionalLight(0xffffff, 0.55);
    key.position.set(-0.7, 0.9, 1); // goes with the camera: no side stays dark
    this.camera.add(key);
    this.camera.add(key.target);
    key.target.position.set(0, 0, -1);
    this.surface = new THREE.MeshStandardMaterial({ roughness: 0.92, metalness: 0, vertexColors: true });
    // Holes and inside-out faces show red; the offset keeps red from peeping out along outlines.
    this.inside = new THREE.MeshBasicMaterial({
      color: colors.inside, side: THREE.BackSide, polygonOffset: true, polygonOffsetFactor: 2, polygonOffsetUnits: 4,
    });
    this.content = new THREE.Group();
    this.scene.add(this.content);
    this.mode = "color";
    this.target = new THREE.Vector3();
    this.listen();
    new ResizeObserver(() => this.resize()).observe(canvas.parentElement);
    this.resize();
  }

  // Show these GLBs (ArrayBuffers) from the side of yaw (radians); the old ones are freed. Resolves to whether this
  // request is still the newest.
  async show(buffers, yaw) {
    const request = (this.request = (this.request || 0) + 1);
    const loader = new THREE.GLTFLoader();
    const parsed = await Promise.all(buffers.map((b) => new Promise((ok, bad) => loader.parse(b, "", ok, bad))));
    if (request !== this.request) return false;
    this.content.traverse((node) => node.geometry && node.geometry.dispose());
    this.content.clear();
    for (const { scene } of parsed) {
      scene.updateMatrixWorld(true);
      scene.traverse((node) => node.isMesh && this.add(node));
    }
    this.applyMode();
    this.homeYaw = yaw;
    this.frame();
    return true;
  }

  add(node) {
    const geometry = node.geometry.applyMatrix4(node.matrixWorld);
    geometry.computeVertexNormals();
    // three.js has the names of glTF's attributes in small letters.
    geometry.userData = {
      color: geometry.getAttribute("color"),
      seen: this.ramp(geometry, "_seen", [this.colors.completed, this.colors.seen]),
      confidence: this.ramp(geometry, "_confidence", this.colors.ramp),
    };
    this.content.add(new THREE.Mesh(geometry, this.surface), new THREE.Mesh(geometry, this.inside));
  }

  // Colours for an attribute from 0 to 1, straight between evenly spaced ones; plain where the mesh does not have it.
  ramp(geometry, name, hexes) {
    const values = geometry.getAttribute(name);
    const count = geometry.getAttribute("position").count;
    const stops = hexes.map((hex) => new THREE.Color(hex.trim()).toArray());
    const plain = new THREE.Color(0xd3d7de).toArray();
    const mixed = new Float32Array(count * 3);
    for (let i = 0; i < count; i++) {
      const at = values ? Math.max(0, Math.min(1, values.getX(i))) * (stops.length - 1) : 0;
      const k = Math.min(Math.floor(at), stops.length - 2);
      for (let c = 0; c < 3; c++)
        mixed[3 * i + c] = values ? stops[k][c] + (at - k) * (stops[k + 1][c] - stops[k][c]) : plain[c];
    }
    return new THREE.BufferAttribute(mixed, 3);
  }

  setMode(mode) {
    this.mode = mode;
    this.applyMode();
    this.redraw();
  }

  applyMode() {
    const plain = this.mode === "plain";
    this.surface.vertexColors = !plain;
    this.surface.color.set(plain ? 0xd3d7de : 0xffffff);
    this.surface.needsUpdate = true;
    for (const { geometry } of this.content.children) {
      const colors = geometry.userData[this.mode];
      if (colors) geometry.setAttribute("color", colors);
    }
  }

  // Look at everything from the first viewpoint, a grid under it.
  frame() {
    const box = new THREE.Box3().setFromObject(this.content);
    if (this.grid) this.scene.remove(this.grid);
    this.grid = null;
    if (!box.isEmpty()) {
      const size = (this.size = box.getSize(new THREE.Vector3()));
      this.radius = 0.5 * size.length();
      this.home = box.getCenter(new THREE.Vector3());
      const side = Math.max(size.x, size.z) * 1.35;
      this.cell = side > 3 ? 0.5 : 0.1; // metres
      const cells = 2 * Math.ceil(side / this.cell / 2);
      this.grid = new THREE.GridHelper(cells * this.cell, cells);
      this.grid.position.set(this.home.x, box.min.y - 0.002, this.home.z);
      this.grid.material.transparent = true;
      this.setGridColor(this.gridColor);
      this.scene.add(this.grid);
      this.reset();
    }
    this.redraw();
  }

  setGridColor(color) {
    this.gridColor = color;
    if (!this.grid) return;
    this.grid.material.vertexColors = false;
    this.grid.material.color.set(color);
    this.grid.material.opacity = 0.55;
    this.grid.material.needsUpdate = true;
    this.redraw();
  }

  reset() {
    this.yaw = this.homeYaw;
    this.pitch = 0.42;
    this.distance = 1;
    this.target.copy(this.home);
    this.place();
    // The nearest distance from which every corner of the box is inside the picture, with room for the buttons.
    const [right, up, back] = [0, 1, 2].map((k) => new THREE.Vector3().setFromMatrixColumn(this.camera.matrix, k));
    const slope = Math.tan((this.camera.fov * Math.PI) / 360) / 1.16;
    this.distance = 0;
    for (let k = 0; k < 8; k++) {
      const corner = new THREE.Vector3(k & 1 ? 0.5 : -0.5, k & 2 ? 0.5 : -0.5, k & 4 ? 0.5 : -0.5).multiply(this.size);
      const [x, y] = [Math.abs(corner.dot(right)) / this.camera.aspect, Math.abs(corner.dot(up))];
      this.distance = Math.max(this.distance, Math.max(x, y) / slope + corner.dot(back));
    }
    this.redraw();
  }

  turn(dx, dy) {
    this.yaw -= dx;
    this.pitch = Math.max(-1.55, Math.min(1.55, this.pitch + dy));
    this.redraw();
  }

  zoom(factor) {
    this.distance = Math.max(0.2 * this.radius, Math.min(12 * this.radius, this.distance * factor));
    this.redraw();
  }

  // Shift the target by pixels on the screen.
  shift(dx, dy) {
    const metres = (2 * this.distance * Math.tan((this.camera.fov * Math.PI) / 360)) / this.canvas.clientHeight;
    const right = new THREE.Vector3().setFromMatrixColumn(this.camera.matrix, 0);
    const up = new THREE.Vector3().setFromMatrixColumn(this.camera.matrix, 1);
    this.target.addScaledVector(right, -dx * metres).addScaledVector(up, dy * metres);
    this.redraw();
  }

  resize() {
    const { clientWidth: width, clientHeight: height } = this.canvas.parentElement;
    if (!width || !height) return;
    this.renderer.setSize(width, height, false);
    this.camera.aspect = width / height;
    this.camera.updateProjectionMatrix();
    this.redraw();
  }

  // Put the camera where yaw, pitch and distance say.
  place() {
    const across = Math.cos(this.pitch) * this.distance;
    this.camera.position.set(
      this.target.x + across * Math.sin(this.yaw),
      this.target.y + Math.sin(this.pitch) * this.distance,
      this.target.z + across * Math.cos(this.yaw)
    );
    this.camera.lookAt(this.target);
    this.camera.updateMatrix();
    this.camera.near = this.distance / 100;
    this.camera.far = this.distance + 20 * this.radius;
    this.camera.updateProjectionMatrix();
  }

  redraw() {
    if (this.waiting) return;
    this.waiting = true;
    requestAnimationFrame(() => {
      this.waiting = false;
      if (this.home) this.place();
      this.renderer.render(this.scene, this.camera);
    });
  }

  listen() {
    const pointers = new Map();
    const middle = () => {
      const all = [...pointers.values()];
      const x = all.reduce((sum, p) => sum + p.x, 0) / all.length;
      const y = all.reduce((sum, p) => sum + p.y, 0) / all.length;
      return { x, y, spread: all.length > 1 ? Math.hypot(all[0].x - all[1].x, all[0].y - all[1].y) : 0 };
    };
    this.canvas.addEventListener("pointerdown", (event) => {
      this.canvas.setPointerCapture(event.pointerId);
      pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    });
    this.canvas.addEventListener("pointermove", (event) => {
      if (!pointers.has(event.pointerId) || !this.home) return;
      const before = middle();
      pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
      const after = middle();
      const [dx, dy] = [after.x - before.x, after.y - before.y];
      if (pointers.size > 1 || event.shiftKey || event.buttons & 6) this.shift(dx, dy);
      else this.turn(dx * 0.008, dy * 0.008);
      if (before.spread && after.spread) this.zoom(before.spread / after.spread);
    });
    for (const kind of ["pointerup", "pointercancel"])
      this.canvas.addEventListener(kind, (event) => pointers.delete(event.pointerId));
    this.canvas.addEventListener("contextmenu", (event) => event.preventDefault());
    this.canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      if (this.home) this.zoom(Math.exp(Math.max(-60, Math.min(60, event.deltaY)) * 0.003));
    }, { passive: false });
    this.canvas.addEventListener("keydown", (event) => {
      const act = {
        ArrowLeft: () => this.turn(-0.15, 0), ArrowRight: () => this.turn(0.15, 0),
        ArrowUp: () => this.turn(0, -0.12), ArrowDown: () => this.turn(0, 0.12),
        "+": () => this.zoom(0.88), "=": () => this.zoom(0.88), "-": () => this.zoom(1.14), 0: () => this.reset(),
      }[event.key];
      if (!act || !this.home) return;
      event.preventDefault();
      act();
    });
  }
}
