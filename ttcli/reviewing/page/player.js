// Playing along: by a video element where the browser can play the file, else picture by picture. Which frame is shown is looked up by
// its time; only a picture that was asked for by number is exact.

const WAIT_MILLISECONDS = 1500;

export class Player {
  constructor(film, rows, show) {
    Object.assign(this, { film, rows, show, playing: false, canFilm: null, times: [] });
  }

  async start(frame, last, file) {
    this.playing = true;
    if (file && this.canFilm !== false) this.canFilm = await this.#film(frame);
    if (this.playing && !this.canFilm) await this.#pictures(frame, last);
  }

  stop() {
    this.playing = false;
    this.film.pause();
  }

  // Begin the film at a frame; false where the browser cannot.
  async #film(frame) {
    const [row] = (await this.rows.between(frame, frame)).rows;
    if (row?.seconds == null || !this.film.requestVideoFrameCallback) return false;
    try {
      if (!this.film.src) this.film.src = "video";
      await this.#ready();
      this.film.currentTime = row.seconds;
      await this.film.play();
    } catch { return false; }
    const follow = async (_, { mediaTime }) => {
      if (!this.playing) return;
      const at = await this.#frameAt(mediaTime, frame);
      frame = at ?? frame;
      if (this.playing) { this.show(frame, this.film); this.film.requestVideoFrameCallback(follow); }
    };
    this.film.requestVideoFrameCallback(follow);
    this.film.onended = () => this.stop();
    return true;
  }

  #ready() {
    if (this.film.readyState >= 2) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(new Error("no film")), WAIT_MILLISECONDS);
      this.film.addEventListener("loadeddata", () => { clearTimeout(late); resolve(); }, { once: true });
      this.film.addEventListener("error", () => { clearTimeout(late); reject(new Error("no film")); }, { once: true });
      this.film.preload = "auto";
      this.film.load();
    });
  }

  async #frameAt(seconds, near) {
    const { rows } = await this.rows.between(near - 60, near + 240);
    let found = null;
    for (const row of rows) { if (row.seconds !== null && row.seconds <= seconds + 0.001) found = row.frame; else if (row.seconds !== null) break; }
    return found;
  }

  async #pictures(frame, last) {
    const [first] = (await this.rows.between(frame, frame)).rows;
    const began = performance.now(), zero = first?.seconds ?? frame / 25;
    while (this.playing && frame < last) {
      const seconds = zero + (performance.now() - began) / 1000;
      const next = first?.seconds == null ? Math.floor(seconds * 25) : await this.#frameAt(seconds, frame);
      frame = Math.max(frame + 1, Math.min(last, next ?? frame + 1));
      await this.show(frame, null);
      await new Promise((resolve) => requestAnimationFrame(resolve));
    }
    this.playing = false;
  }
}
