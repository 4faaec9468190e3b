// A mask's pixels and what was done to them.  Pixel centres are at integers, as everywhere in the project; a pixel is
// in or out, and nothing is ever blended.

const MOST_STEPS = 100; // that can be undone

export class Mask {
  // data: a byte a pixel, row by row, 1 = hidden.
  constructor(width, height, data) {
    Object.assign(this, { width, height, data, done: [], undone: [], before: null });
  }

  count() {
    let count = 0;
    for (const value of this.data) count += value;
    return count;
  }

  equals(data) {
    return this.data.every((value, i) => value === data[i]);
  }

  get canUndo() {
    return this.done.length > 0;
  }

  get canRedo() {
    return this.undone.length > 0;
  }

  // Steps: begin, any number of changes, commit (to be undone as one) or abandon.
  begin() {
    this.before ??= this.data.slice();
  }

  abandon() {
    if (this.before) this.data.set(this.before);
    this.before = null;
  }

  commit() {
    const before = this.before;
    this.before = null;
    const box = before && this.differing(before);
    if (!box) return;
    this.done.push({ box, before: this.cut(before, box), after: this.cut(this.data, box) });
    if (this.done.length > MOST_STEPS) this.done.shift();
    this.undone.length = 0;
  }

  undo() {
    const step = this.done.pop();
    if (!step) return;
    this.paste(step.before, step.box);
    this.undone.push(step);
  }

  redo() {
    const step = this.undone.pop();
    if (!step) return;
    this.paste(step.after, step.box);
    this.done.push(step);
  }

  // As one step of its own.
  replace(data) {
    this.begin();
    this.data.set(data);
    this.commit();
  }

  // Every pixel whose centre is at most `radius` from the line between two pixels' centres.
  stroke([ax, ay], [bx, by], radius, value) {
    const dx = bx - ax, dy = by - ay, length2 = dx * dx + dy * dy;
    const top = Math.max(0, Math.ceil(Math.min(ay, by) - radius));
    const bottom = Math.min(this.height - 1, Math.floor(Math.max(ay, by) + radius));
    const left = Math.max(0, Math.ceil(Math.min(ax, bx) - radius));
    const right = Math.min(this.width - 1, Math.floor(Math.max(ax, bx) + radius));
    for (let y = top; y <= bottom; y++) {
      for (let x = left; x <= right; x++) {
        const along = length2 ? ((x - ax) * dx + (y - ay) * dy) / length2 : 0;
        const share = Math.min(1, Math.max(0, along));
        const u = x - ax - share * dx, v = y - ay - share * dy;
        if (u * u + v * v <= radius * radius) this.data[y * this.width + x] = value;
      }
    }
  }

  // The box of the pixels that differ, or null.
  differing(other) {
    let left = this.width, right = -1, top = -1, bottom = -1;
    for (let i = 0; i < other.length; i++) {
      if (other[i] === this.data[i]) continue;
      const x = i % this.width;
      bottom = (i - x) / this.width;
      if (top < 0) top = bottom;
      left = Math.min(left, x);
      right = Math.max(right, x);
    }
    return right < 0 ? null : { left, top, width: right - left + 1, height: bottom - top + 1 };
  }

  cut(data, { left, top, width, height }) {
    const patch = new Uint8Array(width * height);
    for (let row = 0; row < height; row++) {
      const start = (top + row) * this.width + left;
      patch.set(data.subarray(start, start + width), row * width);
    }
    return patch;
  }

  paste(patch, { left, top, width, height }) {
    for (let row = 0; row < height; row++) {
      this.data.set(patch.subarray(row * width, (row + 1) * width), (top + row) * this.width + left);
    }
  }
}
