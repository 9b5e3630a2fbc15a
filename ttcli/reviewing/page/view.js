// The picture with what is known of it: path, ball, candidates, events, table. Zoom and drag; a click is a place of the video.

const CLICK_PIXELS = 4;
const MOST_ZOOM = 40;
const HANDLE_PIXELS = 14;
const LENS_PIXELS = 170; // of the screen, a side
const LENS_ZOOM = 4; // times the video's own pixels

export class View {
  constructor(canvas, width, height, aspect) {
    Object.assign(this, { canvas, width, height, aspect, picture: null, scene: {}, zoom: 1, centre: [width / 2, height / 2] });
    this.onPlace = () => {};
    this.onCorner = () => {};
    this.onZoom = () => {};
    this.pointers = new Map();
    canvas.addEventListener("pointerdown", (event) => this.#down(event));
    canvas.addEventListener("pointermove", (event) => this.#move(event));
    canvas.addEventListener("pointerup", (event) => this.#up(event));
    canvas.addEventListener("pointercancel", (event) => this.pointers.delete(event.pointerId));
    canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.zoomBy(Math.exp(-event.deltaY / 400), this.toVideo(event.offsetX, event.offsetY));
    }, { passive: false });
    new ResizeObserver(() => this.draw()).observe(canvas);
  }

  // Screen pixels for one of the video, across and down.
  get scale() {
    const fit = Math.min(this.canvas.clientWidth / (this.width * this.aspect), this.canvas.clientHeight / this.height);
    return [fit * this.zoom * this.aspect, fit * this.zoom];
  }

  // Pixel centres are whole numbers: the picture begins at -0.5.
  toScreen([x, y]) {
    const [across, down] = this.scale;
    return [(x + 0.5 - this.centre[0]) * across + this.canvas.clientWidth / 2, (y + 0.5 - this.centre[1]) * down + this.canvas.clientHeight / 2];
  }

  toVideo(left, top) {
    const [across, down] = this.scale;
    return [(left - this.canvas.clientWidth / 2) / across + this.centre[0] - 0.5, (top - this.canvas.clientHeight / 2) / down + this.centre[1] - 0.5];
  }

  zoomBy(times, about = this.centre) {
    const before = this.zoom;
    this.zoom = Math.min(MOST_ZOOM, Math.max(1, this.zoom * times));
    const share = before / this.zoom;
    this.centre = this.centre.map((value, side) => about[side] + (value - about[side]) * share);
    this.#keepInside();
    this.draw();
    this.onZoom();
  }

  whole() { this.zoom = 1; this.#keepInside(); this.draw(); }

  // Bring a place to the middle where it is out of sight.
  show(place) {
    const [left, top] = this.toScreen(place);
    if (left < 20 || top < 20 || left > this.canvas.clientWidth - 20 || top > this.canvas.clientHeight - 20) {
      this.centre = [...place];
      this.#keepInside();
    }
  }

  #keepInside() {
    if (this.zoom <= 1) this.centre = [this.width / 2, this.height / 2];
    this.centre = [Math.min(this.width, Math.max(0, this.centre[0])), Math.min(this.height, Math.max(0, this.centre[1]))];
  }

  #down(event) {
    this.canvas.setPointerCapture(event.pointerId);
    const corner = this.#cornerAt(event.offsetX, event.offsetY);
    this.pointers.set(event.pointerId, { from: [event.offsetX, event.offsetY], at: [event.offsetX, event.offsetY], moved: false, corner });
  }

  #cornerAt(left, top) {
    if (!this.scene.edited) return null;
    const far = this.scene.edited.map((place) => { const [x, y] = this.toScreen(place); return Math.hypot(x - left, y - top); });
    const nearest = far.indexOf(Math.min(...far));
    return far[nearest] <= 2 * HANDLE_PIXELS ? nearest : null;
  }

  #move(event) {
    const pointer = this.pointers.get(event.pointerId);
    if (!pointer) return;
    const at = [event.offsetX, event.offsetY];
    if (Math.hypot(at[0] - pointer.from[0], at[1] - pointer.from[1]) > CLICK_PIXELS) pointer.moved = true;
    if (pointer.corner !== null) {
      this.onCorner(pointer.corner, this.toVideo(...at));
    } else if (this.pointers.size === 2) {
      const [other] = [...this.pointers].filter(([id]) => id !== event.pointerId).map(([, each]) => each);
      const apart = (place) => Math.max(1, Math.hypot(place[0] - other.at[0], place[1] - other.at[1]));
      pointer.moved = other.moved = true;
      this.zoomBy(apart(at) / apart(pointer.at), this.toVideo((at[0] + other.at[0]) / 2, (at[1] + other.at[1]) / 2));
    } else if (pointer.moved) {
      const [across, down] = this.scale;
      this.centre = [this.centre[0] - (at[0] - pointer.at[0]) / across, this.centre[1] - (at[1] - pointer.at[1]) / down];
      this.#keepInside();
      this.draw();
    }
    pointer.at = at;
  }

  #up(event) {
    const pointer = this.pointers.get(event.pointerId);
    this.pointers.delete(event.pointerId);
    if (!pointer || pointer.moved || event.button > 0 || this.scene.edited) return;
    const [x, y] = this.toVideo(event.offsetX, event.offsetY);
    if (x >= -0.5 && y >= -0.5 && x <= this.width - 0.5 && y <= this.height - 0.5) this.onPlace(x, y);
  }

  draw() {
    const ratio = window.devicePixelRatio || 1;
    const [width, height] = [this.canvas.clientWidth, this.canvas.clientHeight];
    if (this.canvas.width !== Math.round(width * ratio) || this.canvas.height !== Math.round(height * ratio)) {
      this.canvas.width = Math.round(width * ratio);
      this.canvas.height = Math.round(height * ratio);
    }
    const pen = this.canvas.getContext("2d");
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.fillStyle = "#000";
    pen.fillRect(0, 0, width, height);
    if (this.picture) {
      const [left, top] = this.toScreen([-0.5, -0.5]);
      const [right, bottom] = this.toScreen([this.width - 0.5, this.height - 0.5]);
      pen.imageSmoothingEnabled = this.zoom < 6;
      pen.drawImage(this.picture, left, top, right - left, bottom - top);
    }
    this.#drawTable(pen);
    this.#drawPath(pen);
    this.#drawMarks(pen);
    this.#drawLens(pen);
  }

  // In the corner, the surroundings of the ball as the video has them: larger than on the whole picture, and without marks.
  #drawLens(pen) {
    const about = this.scene.cross ?? this.scene.lens;
    if (!about || !this.picture || this.scale[1] >= LENS_ZOOM || this.canvas.clientWidth < 3 * LENS_PIXELS) return;
    const share = [this.picture.videoWidth ?? this.picture.width, this.picture.videoHeight ?? this.picture.height].map((size, side) => size / [this.width, this.height][side]);
    const size = [LENS_PIXELS / LENS_ZOOM / this.aspect, LENS_PIXELS / LENS_ZOOM];
    const left = this.canvas.clientWidth - LENS_PIXELS - 8;
    pen.fillStyle = "#000";
    pen.fillRect(left, 8, LENS_PIXELS, LENS_PIXELS);
    pen.imageSmoothingEnabled = false;
    pen.drawImage(this.picture, (about[0] + 0.5 - size[0] / 2) * share[0], (about[1] + 0.5 - size[1] / 2) * share[1], size[0] * share[0], size[1] * share[1], left, 8, LENS_PIXELS, LENS_PIXELS);
    pen.beginPath();
    pen.rect(left, 8, LENS_PIXELS, LENS_PIXELS);
    this.#stroke(pen, "#fff", 1);
  }

  // A line that shows on any picture: light over dark.
  #stroke(pen, colour, width = 2) {
    pen.lineWidth = width + 2;
    pen.strokeStyle = "#000a";
    pen.stroke();
    pen.lineWidth = width;
    pen.strokeStyle = colour;
    pen.stroke();
  }

  #polygon(pen, places, close) {
    pen.beginPath();
    places.forEach((place, number) => { const [x, y] = this.toScreen(place); if (number) pen.lineTo(x, y); else pen.moveTo(x, y); });
    if (close) pen.closePath();
  }

  #drawTable(pen) {
    const { table, edited, handle } = this.scene;
    if (edited) {
      this.#polygon(pen, edited, true);
      this.#stroke(pen, "#ffe14d");
      edited.forEach((place, number) => {
        const [x, y] = this.toScreen(place);
        pen.beginPath();
        pen.arc(x, y, HANDLE_PIXELS / 2, 0, 7);
        this.#stroke(pen, number === handle ? "#fff" : "#ffe14d", number === handle ? 4 : 2);
      });
    } else if (table) {
      pen.setLineDash([6, 5]);
      this.#polygon(pen, Object.values(table.corners), true);
      this.#stroke(pen, "#8fe3ff", 1);
      this.#polygon(pen, table.net, false);
      this.#stroke(pen, "#8fe3ff", 1);
      pen.setLineDash([]);
    }
  }

  #drawPath(pen) {
    const { path = [], frame } = this.scene;
    for (const row of path) {
      if (row.x === null || row.frame === frame) continue;
      const [x, y] = this.toScreen([row.x, row.y]);
      const away = Math.abs(row.frame - frame);
      pen.globalAlpha = Math.max(0.25, 1 - away / 18);
      pen.beginPath();
      if (row.frame < frame) pen.arc(x, y, 2.5, 0, 7); else pen.rect(x - 2.5, y - 2.5, 5, 5); // before: dots, after: squares
      pen.lineWidth = 3;
      pen.strokeStyle = "#000a";
      pen.stroke();
      if (row.frame < frame) { pen.fillStyle = "#ffe14d"; pen.fill(); } else { pen.lineWidth = 1.5; pen.strokeStyle = "#7df0ff"; pen.stroke(); }
    }
    pen.globalAlpha = 1;
  }

  #drawMarks(pen) {
    const { ball, decided, events = [], candidates = [], cross, frame } = this.scene;
    for (const event of events) {
      if (event.x === null || Math.abs(event.frame - frame) > 15) continue;
      const [x, y] = this.toScreen([event.x, event.y]);
      pen.beginPath();
      if (event.event === "bounce") { pen.moveTo(x - 8, y + 8); pen.lineTo(x, y + 16); pen.lineTo(x + 8, y + 8); pen.closePath(); } else { pen.moveTo(x, y - 18); pen.lineTo(x, y + 18); }
      this.#stroke(pen, event.event === "bounce" ? "#e6b3ff" : "#fff");
    }
    candidates.forEach(({ x, y, probability }, number) => {
      const [left, top] = this.toScreen([x, y]);
      pen.beginPath();
      pen.arc(left, top, 12, 0, 7);
      this.#stroke(pen, "#7dff9b", 1.5);
      pen.font = "13px system-ui, sans-serif";
      pen.lineWidth = 3;
      pen.strokeStyle = "#000";
      pen.fillStyle = "#7dff9b";
      const text = `${number + 1}  ${Math.round(probability * 100)} %`;
      pen.strokeText(text, left + 14, top - 8);
      pen.fillText(text, left + 14, top - 8);
    });
    if (ball) {
      const [x, y] = this.toScreen(ball);
      pen.beginPath();
      pen.arc(x, y, Math.max(9, 7 * this.scale[1]), 0, 7);
      if (!decided) pen.setLineDash([7, 4]); // found, not decided: dashed
      this.#stroke(pen, decided ? "#7dff9b" : "#ff8a3c");
      pen.setLineDash([]);
    }
    if (cross) {
      const [x, y] = this.toScreen(cross);
      pen.beginPath();
      for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) { pen.moveTo(x + 4 * dx, y + 4 * dy); pen.lineTo(x + 22 * dx, y + 22 * dy); }
      this.#stroke(pen, "#fff");
    }
  }
}
