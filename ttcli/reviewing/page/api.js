// What the server is asked: rows, pictures, the queue; and what it is told: decisions.

const CHUNK = 512;
const KEPT_PICTURES = 80;

export class Refused extends Error {}

async function answer(response) {
  if (response.ok) return response.json();
  let told = `the server answers ${response.status}`;
  try { told = (await response.json()).error || told; } catch { /* no JSON: the status says it */ }
  throw new Refused(told);
}

export const get = async (path) => answer(await fetch(path));

export const post = async (path, said) => answer(await fetch(path, {
  method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(said ?? {}),
}));

// Rows by frame, in chunks that are asked for when they are needed.
export class Rows {
  #chunks = new Map();

  chunk(number) {
    if (!this.#chunks.has(number)) {
      const asked = get(`rows?first=${number * CHUNK}&count=${CHUNK}`).then((said) => {
        const rows = new Map(said.rows.map(([frame, seconds, x, y, confidence, status, decided]) =>
          [frame, { frame, seconds, x, y, confidence, status, decided }]));
        return { rows, events: said.events };
      });
      asked.catch(() => this.#chunks.delete(number));
      this.#chunks.set(number, asked);
    }
    return this.#chunks.get(number);
  }

  // The rows and events of some frames, both ends included.
  async between(first, last) {
    const numbers = [];
    for (let number = Math.max(0, Math.floor(first / CHUNK)); number <= Math.floor(Math.max(0, last) / CHUNK); number++) numbers.push(number);
    const chunks = await Promise.all(numbers.map((number) => this.chunk(number)));
    const rows = [];
    for (let frame = Math.max(0, first); frame <= last; frame++) {
      const row = chunks[Math.floor(frame / CHUNK) - numbers[0]]?.rows.get(frame);
      if (row) rows.push(row);
    }
    return { rows, events: chunks.flatMap((chunk) => chunk.events).filter((event) => event.frame >= first - 0.5 && event.frame <= last + 0.5) };
  }

  forget() { this.#chunks.clear(); }
}

// Pictures by frame; the last ones are kept.
export class Pictures {
  #kept = new Map();

  get(frame, whole = false) {
    const key = `${frame}${whole ? "w" : ""}`;
    let asked = this.#kept.get(key);
    if (asked) {
      this.#kept.delete(key);
    } else {
      asked = fetch(`frame/${frame}.jpg${whole ? "?whole=1" : ""}`).then(async (response) => {
        if (!response.ok) await answer(response);
        return createImageBitmap(await response.blob());
      });
      asked.catch(() => this.#kept.delete(key));
    }
    this.#kept.set(key, asked);
    while (this.#kept.size > KEPT_PICTURES) {
      const [oldest, picture] = this.#kept.entries().next().value;
      this.#kept.delete(oldest);
      picture.then((bitmap) => bitmap.close(), () => {});
    }
    return asked;
  }
}
