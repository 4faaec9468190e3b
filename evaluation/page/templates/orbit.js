// Where the camera stands: turned round a target. Viewers that share one turn together.
class Orbit {
  constructor() {
    this.yaw = this.homeYaw = 0;
    this.pitch = 0;
    this.distance = 1;
    this.target = new THREE.Vector3();
    this.box = new THREE.Box3(); // what is to be looked at, metres; empty: nothing yet
    this.fov = 32; // degrees, from top to bottom
    this.aspect = 1; // width over height of what is drawn on
    this.watchers = [];
  }

  changed() {
    for (const watcher of this.watchers) watcher();
  }

  // Look at all of the box from the side of yaw (radians about +y).
  frame(box, yaw) {
    this.box = box;
    this.homeYaw = yaw;
    this.reset();
  }

  reset() {
    if (this.box.isEmpty()) return;
    this.yaw = this.homeYaw;
    this.pitch = 0.42;
    this.box.getCenter(this.target);
    const size = this.box.getSize(new THREE.Vector3());
    this.radius = Math.max(0.5 * size.length(), 0.01);
    // The nearest distance from which every corner of the box is inside the picture, with some room round it.
    const slope = Math.tan((this.fov * Math.PI) / 360) / 1.12;
    const { right, up, back } = this.axes();
    this.distance = 0;
    for (let k = 0; k < 8; k++) {
      const corner = new THREE.Vector3(k & 1 ? 0.5 : -0.5, k & 2 ? 0.5 : -0.5, k & 4 ? 0.5 : -0.5).multiply(size);
      const [x, y] = [Math.abs(corner.dot(right)) / this.aspect, Math.abs(corner.dot(up))];
      this.distance = Math.max(this.distance, Math.max(x, y) / slope + corner.dot(back));
    }
    this.changed();
  }

  // Unit vectors of the camera: to its right, up, and back to it from the target.
  axes() {
    const across = Math.cos(this.pitch);
    const back = new THREE.Vector3(across * Math.sin(this.yaw), Math.sin(this.pitch), across * Math.cos(this.yaw));
    const right = new THREE.Vector3(Math.cos(this.yaw), 0, -Math.sin(this.yaw));
    return { right, up: back.clone().cross(right), back };
  }

  turn(dx, dy) {
    this.yaw -= dx;
    this.pitch = Math.max(-1.55, Math.min(1.55, this.pitch + dy));
    this.changed();
  }

  zoom(factor) {
    this.distance = Math.max(0.2 * this.radius, Math.min(12 * this.radius, this.distance * factor));
    this.changed();
  }

  // Shift the target by shares of the picture's height.
  shift(dx, dy) {
    const metres = 2 * this.distance * Math.tan((this.fov * Math.PI) / 360);
    const { right, up } = this.axes();
    this.target.addScaledVector(right, -dx * metres).addScaledVector(up, dy * metres);
    this.changed();
  }

  place(camera) {
    camera.position.copy(this.target).addScaledVector(this.axes().back, this.distance);
    camera.lookAt(this.target);
    camera.fov = this.fov;
    camera.aspect = this.aspect;
    camera.near = this.distance / 100;
    camera.far = this.distance + 20 * (this.radius || 1);
    camera.updateProjectionMatrix();
  }
}
