// One canvas with meshes, true surfaces, points and a grid; drawn only when something changes.
class Viewer {
  constructor(canvas, orbit, style) {
    this.canvas = canvas;
    this.orbit = orbit;
    this.palette = new Palette(style);
    this.renderer = new THREE.WebGLRenderer({ canvas, antialias: true, alpha: true });
    this.renderer.setPixelRatio(Math.min(window.devicePixelRatio || 1, 2));
    this.scene = new THREE.Scene();
    this.camera = new THREE.PerspectiveCamera(orbit.fov, 1, 0.01, 100);
    this.scene.add(this.camera);
    this.sky = new THREE.HemisphereLight(0xffffff, 0x8d949e, 1);
    this.scene.add(this.sky);
    this.key = new THREE.DirectionalLight(0xffffff, 1);
    this.key.position.set(-0.7, 0.9, 1); // goes with the camera: no side stays dark
    this.camera.add(this.key);
    this.camera.add(this.key.target);
    this.key.target.position.set(0, 0, -1);
    this.groups = Object.fromEntries(["mesh", "truth", "points", "missed", "grid"].map((name) => [name, new THREE.Group()]));
    this.scene.add(...Object.values(this.groups));
    this.mode = "color";
    orbit.watchers.push(() => this.redraw());
    new ResizeObserver(() => this.resize()).observe(canvas.parentElement);
    this.resize();
  }

  // Put these parts on a layer in place of what is there: [{name, geometries}].
  fill(layer, parts) {
    const group = this.groups[layer];
    for (const child of [...group.children]) {
      if (child.userData.owned) child.geometry.dispose(); // other geometries are kept for the next time
      group.remove(child);
    }
    const draw = { mesh: this.meshOf, truth: this.truthOf, points: this.pointsOf, missed: this.missedOf }[layer];
    for (const { name, geometries } of parts)
      for (const geometry of geometries) for (const node of draw.call(this, geometry)) {
        node.userData.name = name;
        group.add(node);
      }
    if (layer === "mesh") this.paint(this.mode);
    this.redraw();
  }

  meshOf(geometry) {
    return [new THREE.Mesh(geometry, this.palette.shape), new THREE.Mesh(geometry, this.palette.inside)];
  }

  // A veil with its sharp edges drawn, or points where the truth is a cloud.
  truthOf(geometry) {
    const after = (node) => Object.assign(node, { renderOrder: 1 }); // the meshes, which leave it room
    if (!geometry.userData.isMesh) return [after(new THREE.Points(geometry, this.palette.truthPoints))];
    const edges = new THREE.LineSegments(new THREE.EdgesGeometry(geometry, 28), this.palette.edges);
    edges.userData.owned = true;
    return [after(new THREE.Mesh(geometry, this.palette.truth)), after(edges)];
  }

  missedOf(geometry) {
    return [new THREE.Points(geometry, this.palette.missed)];
  }

  pointsOf(geometry) {
    return [new THREE.Points(geometry, this.palette.points)];
  }

  show(layer, on) {
    this.groups[layer].visible = on;
    this.redraw();
  }

  paint(mode) {
    this.mode = mode;
    for (const node of this.groups.mesh.children)
      if (node.material !== this.palette.inside) node.material = this.palette.surface(mode, node.geometry);
    this.palette.veil(!(mode in LEVELS));
    // Colours that stand in a legend are shaded little, so that they can be told.
    [this.sky.intensity, this.key.intensity] = mode in LEVELS ? [0.88, 0.22] : [0.72, 0.5];
    this.redraw();
  }

  // Whether a mesh here lacks what the mode colours by.
  lacks(mode) {
    return mode in LEVELS && this.groups.mesh.children.some((n) => !n.geometry.getAttribute(LEVELS[mode].attribute));
  }

  // The box round everything on the layers, metres.
  bounds(layers) {
    const box = new THREE.Box3();
    for (const layer of layers)
      for (const node of this.groups[layer].children) if (!node.userData.owned) box.union(node.geometry.boundingBox);
    return box;
  }

  // A floor under the box, with lines so many metres apart.
  setGrid(box, cell) {
    const group = this.groups.grid;
    for (const child of [...group.children]) {
      child.geometry.dispose();
      child.material.dispose();
      group.remove(child);
    }
    if (!box.isEmpty()) {
      const size = box.getSize(new THREE.Vector3());
      const cells = 2 * Math.ceil((Math.max(size.x, size.z) * 1.35) / cell / 2);
      const grid = new THREE.GridHelper(cells * cell, cells);
      box.getCenter(grid.position).setY(box.min.y - 0.002);
      Object.assign(grid.material, { transparent: true, opacity: 0.55, vertexColors: false });
      group.add(grid);
    }
    this.theme();
  }

  theme() {
    for (const { material } of this.groups.grid.children) material.color.set(this.palette.style("--grid"));
    this.redraw();
  }

  // What lies under this place of the window: {name, <attribute>: value} of a mesh, {name, missed_m: value} of a true
  // surface that a mesh misses, or null.
  probe(clientX, clientY) {
    const box = this.canvas.getBoundingClientRect();
    const at = new THREE.Vector2(((clientX - box.left) / box.width) * 2 - 1, 1 - ((clientY - box.top) / box.height) * 2);
    const ray = new THREE.Raycaster();
    ray.setFromCamera(at, this.camera);
    ray.params.Points.threshold = 0.008; // metres: about half of what missed points are apart
    const { mesh, missed } = this.groups;
    const nodes = [mesh, missed].filter((group) => group.visible).flatMap((group) => group.children);
    const [hit] = ray.intersectObjects(nodes.filter((node) => node.material !== this.palette.inside), false);
    if (!hit) return null;
    const told = { name: hit.object.userData.name };
    if (!hit.face) return { ...told, missed_m: hit.object.geometry.getAttribute("_error_m").getX(hit.index) };
    for (const { attribute } of Object.values(LEVELS)) {
      const values = hit.object.geometry.getAttribute(attribute);
      if (values) told[attribute] = [hit.face.a, hit.face.b, hit.face.c].reduce((sum, v) => sum + values.getX(v) / 3, 0);
    }
    return told;
  }

  resize() {
    const { clientWidth: width, clientHeight: height } = this.canvas.parentElement;
    if (!width || !height) return;
    this.renderer.setSize(width, height, false);
    this.orbit.aspect = width / height;
    this.orbit.changed();
  }

  redraw() {
    if (this.waiting) return;
    this.waiting = true;
    requestAnimationFrame(() => this.draw());
  }

  draw() {
    this.waiting = false;
    this.orbit.place(this.camera);
    this.renderer.render(this.scene, this.camera);
  }
}
