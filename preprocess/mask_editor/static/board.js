// The board on which a view lies: Konva shows image and masks at any zoom, and strokes come out in the view's pixels.

const HIDDEN_RGBA = [245, 150, 30, 165], SEEN_RGBA = [84, 143, 204, 110];
const MOST_ZOOM = 32, ZOOM_STEP = 1.25;
const SHARP_FROM = 2; // screen pixels a pixel: from here on pixels are shown as squares

export class Board {
  // on: { begin(), stroke(from, to), end(), abandon(), moved() }; points are pixel indices [x, y].
  constructor(container, on) {
    Object.assign(this, { container, on, radius: 8, fitted: true, pointers: new Map() });
    this.spot = this.last = null; // the pixel under the brush; the one that the pen came to, while it is down
    this.stage = new Konva.Stage({ container, width: 1, height: 1 });
    const layers = [0, 1].map(() => new Konva.Layer({ listening: false }));
    this.stage.add(...layers);
    [this.photoLayer, this.maskLayer] = layers;
    this.photo = new Konva.Image({});
    this.seen = new Konva.Image({});
    this.hidden = new Konva.Image({});
    this.photoLayer.add(this.photo);
    this.maskLayer.add(this.seen, this.hidden);
    this.ring = Object.assign(document.createElement("i"), { className: "ring", hidden: true });
    container.append(this.ring);
    this.listen();
    new ResizeObserver(() => this.resized()).observe(container);
  }

  // seen, mask.data: a byte a pixel.
  show(photo, seen, mask) {
    const same = this.photo.width() === mask.width && this.photo.height() === mask.height;
    this.photo.setAttrs({ image: photo, width: mask.width, height: mask.height });
    this.mask = mask;
    this.seen.image(painted(mask.width, mask.height, seen, SEEN_RGBA));
    this.hidden.image(painted(mask.width, mask.height, mask.data, HIDDEN_RGBA));
    this.resized(!same);
  }

  // At most once a frame, however fast the hand.
  refresh() {
    this.waiting ??= requestAnimationFrame(() => {
      this.waiting = undefined;
      painted(this.mask.width, this.mask.height, this.mask.data, HIDDEN_RGBA, this.hidden.image());
      this.maskLayer.batchDraw();
    });
  }

  setRadius(radius) {
    this.radius = radius;
    this.pointAt(this.spot);
  }

  get zoom() {
    return this.stage.scaleX();
  }

  resized(fit = this.fitted) {
    const { clientWidth, clientHeight } = this.container;
    if (!this.mask || !clientWidth || !clientHeight) return;
    this.stage.size({ width: clientWidth, height: clientHeight });
    if (fit) this.fit();
  }

  fit() {
    const { width, height } = this.mask;
    const scale = Math.min(this.stage.width() / width, this.stage.height() / height);
    this.place(scale, (this.stage.width() - scale * width) / 2, (this.stage.height() - scale * height) / 2);
    this.fitted = true;
  }

  // Keeps what lies under `at` (the middle, if none) where it is.
  zoomBy(factor, at = { x: this.stage.width() / 2, y: this.stage.height() / 2 }) {
    const least = Math.min(this.stage.width() / this.mask.width, this.stage.height() / this.mask.height) / 2;
    const scale = Math.min(MOST_ZOOM, Math.max(least, this.zoom * factor));
    const ratio = scale / this.zoom;
    this.place(scale, at.x - (at.x - this.stage.x()) * ratio, at.y - (at.y - this.stage.y()) * ratio);
  }

  place(scale, x, y) {
    this.fitted = false;
    this.stage.setAttrs({ scaleX: scale, scaleY: scale, x, y });
    const sharp = scale * devicePixelRatio >= SHARP_FROM;
    this.photoLayer.imageSmoothingEnabled(!sharp);
    this.maskLayer.imageSmoothingEnabled(!sharp);
    this.pointAt(this.spot);
    this.on.moved();
  }

  pixelAt({ x, y }) {
    return [Math.floor((x - this.stage.x()) / this.zoom), Math.floor((y - this.stage.y()) / this.zoom)];
  }

  pointAt(spot) {
    this.spot = spot;
    this.ring.hidden = spot === null;
    if (spot === null) return;
    const across = 2 * this.zoom * Math.max(0.5, this.radius);
    const [left, top] = [this.stage.x() + this.zoom * (spot[0] + 0.5), this.stage.y() + this.zoom * (spot[1] + 0.5)];
    Object.assign(this.ring.style, { left: `${left}px`, top: `${top}px`, width: `${across}px`, height: `${across}px` });
  }

  listen() {
    const c = this.container;
    const at = (event) => {
      const box = c.getBoundingClientRect();
      return { x: event.clientX - box.left - c.clientLeft, y: event.clientY - box.top - c.clientTop };
    };
    c.addEventListener("pointerdown", (event) => this.pressed(event, at(event)));
    c.addEventListener("pointermove", (event) => this.moved(event, at(event)));
    c.addEventListener("pointerup", (event) => this.released(event));
    c.addEventListener("pointercancel", (event) => this.released(event));
    c.addEventListener("pointerleave", () => this.pointers.size || this.pointAt(null));
    c.addEventListener("blur", () => this.liftPen());
    c.addEventListener("keydown", (event) => this.key(event));
    c.addEventListener("keyup", (event) => event.key === " " && this.liftPen());
    c.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.zoomBy(Math.exp(-event.deltaY * 0.0015), at(event));
    }, { passive: false });
  }

  // One finger or the left button draws; two fingers or the middle button move the view, two fingers also zoom.
  pressed(event, point) {
    if (!this.mask || event.button > 1) return;
    this.container.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, point);
    if (this.pointers.size === 1 && event.button === 0) {
      this.putPen(this.pixelAt(point));
    } else if (this.last) {
      this.last = null;
      this.on.abandon();
    }
  }

  moved(event, point) {
    if (!this.mask) return;
    const before = this.pointers.get(event.pointerId);
    this.pointAt(event.pointerType === "touch" && !before ? null : this.pixelAt(point));
    if (!before) return;
    const others = [...this.pointers].filter(([id]) => id !== event.pointerId).map(([, other]) => other);
    this.pointers.set(event.pointerId, point);
    if (this.last) {
      this.movePen(this.pixelAt(point));
    } else {
      const held = others[0], half = held ? 0.5 : 1;
      this.place(this.zoom, this.stage.x() + half * (point.x - before.x), this.stage.y() + half * (point.y - before.y));
      if (held) this.zoomBy(distance(point, held) / Math.max(1, distance(before, held)), middle(point, held));
    }
  }

  released(event) {
    this.pointers.delete(event.pointerId);
    if (event.pointerType === "touch") this.pointAt(null);
    this.liftPen();
  }

  // With the keyboard: arrows move the brush (Shift: far), Space held down draws.
  key(event) {
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (!this.mask || (!step && event.key !== " ") || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    const start = this.spot ?? [Math.floor(this.mask.width / 2), Math.floor(this.mask.height / 2)];
    const far = event.shiftKey ? 10 : 1;
    const within = (value, size) => Math.min(size - 1, Math.max(0, value));
    const [dx, dy] = step ?? [0, 0];
    const spot = [within(start[0] + far * dx, this.mask.width), within(start[1] + far * dy, this.mask.height)];
    this.pointAt(spot);
    if (this.last) this.movePen(spot);
    else if (event.key === " ") this.putPen(spot);
  }

  putPen(spot) {
    this.last = spot;
    this.pointAt(spot);
    this.on.begin();
    this.on.stroke(spot, spot);
  }

  movePen(spot) {
    this.on.stroke(this.last, spot);
    this.last = spot;
  }

  liftPen() {
    if (!this.last) return;
    this.last = null;
    this.on.end();
  }
}

export { ZOOM_STEP };

// A canvas of the mask's own size in which its pixels have one colour, and all others none.
function painted(width, height, data, rgba, canvas = document.createElement("canvas")) {
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  const image = new ImageData(width, height);
  const words = new Uint32Array(image.data.buffer);
  const word = new Uint32Array(Uint8Array.from(rgba).buffer)[0];
  for (let i = 0; i < data.length; i++) words[i] = data[i] ? word : 0;
  canvas.getContext("2d").putImageData(image, 0, 0);
  return canvas;
}

const distance = (a, b) => Math.hypot(a.x - b.x, a.y - b.y);
const middle = (a, b) => ({ x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 });
