// What a viewer draws with: materials, and geometries out of the page's GLBs, each decoded once.

// Per vertex attributes in bands of colour: `scale` makes of a value its share of the way through the bands.
const LEVELS = {
  seen: { attribute: "_seen", scale: 1 },
  confidence: { attribute: "_confidence", scale: 1 },
  error: { attribute: "_error_m", scale: 1 / 0.06 }, // a band a centimetre, the last one for all beyond five
};

class Palette {
  constructor(style) {
    this.style = style; // gives a CSS variable's value
    const completed = style("--completed"), seen = style("--seen");
    this.bands = {
      seen: [completed, seen],
      confidence: [0, 1, 2, 3, 4].map((k) => style(`--sure-${k}`)),
      error: [0, 1, 2, 3, 4, 5].map((k) => style(`--off-${k}`)),
    };
    this.plain = new THREE.Color(0xd3d7de);
    // Surfaces lie a little back, so that points and the true surface on them show, and inner sides behind them.
    const matt = { shininess: 0, specular: 0x000000 };
    const covers = { stencilWrite: true, stencilRef: 1, stencilZPass: THREE.ReplaceStencilOp }; // marks where meshes are
    Object.assign(matt, covers, { polygonOffset: true, polygonOffsetFactor: 1, polygonOffsetUnits: 2 });
    this.matt = matt;
    this.painted = new THREE.MeshPhongMaterial({ ...matt, vertexColors: true });
    this.shape = new THREE.MeshPhongMaterial({ ...matt, color: this.plain });
    this.unknown = new THREE.MeshPhongMaterial({ ...matt, color: style("--unknown") });
    const levelled = (mode) => this.level(mode, new THREE.MeshPhongMaterial(matt));
    this.levelled = Object.fromEntries(Object.keys(LEVELS).map((mode) => [mode, levelled(mode)]));
    // Holes and inside-out faces show, in stripes, which no scale has; the offset keeps them from peeping out along
    // outlines.
    this.inside = new THREE.MeshBasicMaterial({
      ...covers, color: style("--inside"), side: THREE.BackSide,
      polygonOffset: true, polygonOffsetFactor: 12, polygonOffsetUnits: 30,
    });
    this.inside.onBeforeCompile = (shader) => {
      const striped = "diffuseColor.rgb = mod(gl_FragCoord.x + gl_FragCoord.y, 10.0) < 5.0 ? diffuseColor.rgb : vec3(0.97);";
      shader.fragmentShader = shader.fragmentShader.replace("#include <color_fragment>", striped);
    };
    const veil = { color: style("--truth"), transparent: true, depthWrite: false };
    const beside = { stencilWrite: true, stencilRef: 1 };
    this.truth = new THREE.MeshPhongMaterial({
      shininess: 0, specular: 0x000000, ...veil, ...beside, opacity: 0.34, side: THREE.DoubleSide,
    });
    this.edges = new THREE.LineBasicMaterial({ ...veil, opacity: 0.75 });
    const dots = { size: 3 * Math.min(window.devicePixelRatio || 1, 2), sizeAttenuation: false }; // pixels
    this.truthPoints = new THREE.PointsMaterial({ color: style("--truth"), ...beside, ...dots });
    this.missed = this.level("error", new THREE.PointsMaterial(dots));
    this.points = new THREE.PointsMaterial({ vertexColors: true, ...dots });
  }

  // The true surface lies over a mesh like a veil; colours that stand in a scale it leaves as they are.
  veil(over) {
    for (const material of [this.truth, this.truthPoints])
      material.stencilFunc = over ? THREE.AlwaysStencilFunc : THREE.NotEqualStencilFunc;
  }

  // Have a material take its colour from a band, so that bands end in sharp lines however coarse the mesh is.
  level(mode, material) {
    const colors = this.bands[mode].map((hex) => new THREE.Color(hex));
    const { attribute, scale } = LEVELS[mode];
    material.onBeforeCompile = (shader) => {
      Object.assign(shader.uniforms, { bands: { value: colors }, unknown: { value: new THREE.Color(this.style("--unknown")) } });
      shader.vertexShader = shader.vertexShader
        .replace("#include <common>", `#include <common>\nattribute float ${attribute};\nvarying float level;`)
        .replace("#include <begin_vertex>", `#include <begin_vertex>\nlevel = ${attribute} * ${scale.toFixed(6)};`);
      const last = `${colors.length - 1}.0`;
      shader.fragmentShader = shader.fragmentShader
        .replace("#include <common>",
          `#include <common>\nvarying float level;\nuniform vec3 bands[${colors.length}];\nuniform vec3 unknown;`)
        .replace("#include <color_fragment>",
          `diffuseColor.rgb = level >= -0.001 ? bands[int(clamp(floor(level * ${colors.length}.0), 0.0, ${last}))] : unknown;`);
    };
    material.customProgramCacheKey = () => `${mode} ${material.type}`;
    return material;
  }

  // The material for a geometry in a mode.
  surface(mode, geometry) {
    if (mode === "plain") return this.shape;
    if (mode === "color") return geometry.getAttribute("color") ? this.painted : this.shape;
    return geometry.getAttribute(LEVELS[mode].attribute) ? this.levelled[mode] : this.unknown;
  }
}

const decoded = new Map();

// The geometries in the page's element of this id, in metres, +y up.
function geometries(id) {
  if (!decoded.has(id)) decoded.set(id, decode(document.getElementById(id).textContent));
  return decoded.get(id);
}

async function decode(text) {
  const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const glb = await new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).arrayBuffer();
  const { scene } = await new Promise((ok, bad) => new THREE.GLTFLoader().parse(glb, "", ok, bad));
  scene.updateMatrixWorld(true);
  const found = [];
  scene.traverse((node) => {
    if (!node.geometry) return;
    const geometry = node.geometry.applyMatrix4(node.matrixWorld);
    if (node.isMesh) geometry.computeVertexNormals();
    geometry.computeBoundingBox();
    geometry.computeBoundingSphere();
    geometry.userData = { isMesh: Boolean(node.isMesh) };
    found.push(geometry);
  });
  return found;
}
