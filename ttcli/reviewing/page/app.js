// The page: what is shown, what is asked, and which key decides what.

import { get, post, Pictures, Refused, Rows } from "./api.js";
import { Player } from "./player.js";
import { drawNear, drawWhole, frameOfNear, frameOfWhole, NEAR_FRAMES } from "./timeline.js";
import { View } from "./view.js";

const AHEAD = 6;
const QUEUE = 40;
const SHOWN = 12;
const REST_MILLISECONDS = 200;
const RALLY_SECONDS = 10;
const TABLE_SECONDS = 5;

const element = (id) => document.getElementById(id);
const rows = new Rows();
const pictures = new Pictures();
let match, view, player, overview, queue = [], doubt = null, seen = [], frame = 0, row = null, around = { rows: [], events: [] };
let cross = null, edited = null, unplaced = new Set(), handle = 0, candidates = [], pendingStart = null, shows = 0, unsaved = null, shown = -1;
let underWay = Promise.resolve(), busy = 0, asking = 0;

const clamp = (number) => Math.max(0, Math.min(match.frames - 1, number));
const say = (text) => { element("said").textContent = text; };

function trouble(text, retry = null) {
  element("trouble").hidden = !text;
  element("trouble-text").textContent = text ?? "";
  element("again").hidden = !retry;
  unsaved = retry;
}

// Show a frame: its exact picture, or what the film shows now.
async function show(number, film = null) {
  frame = clamp(number);
  candidates = [];
  const mine = ++shows;
  const asked = film ?? pictures.get(frame);
  around = await rows.between(frame - NEAR_FRAMES, frame + NEAR_FRAMES);
  if (mine !== shows) return;
  row = around.rows.find((each) => each.frame === frame) ?? null;
  try {
    const picture = await asked;
    if (mine !== shows) return;
    view.picture = picture;
  } catch (error) {
    if (mine !== shows) return;
    view.picture = null;
    say(error.message);
  }
  shown = frame;
  draw();
  if (film) return;
  for (let next = 1; next <= AHEAD; next++) if (frame + next < match.frames) pictures.get(frame + next).catch(() => {});
  clearTimeout(show.rest);
  show.rest = setTimeout(() => lookCloser(mine), REST_MILLISECONDS);
}

// At rest and zoomed in, the video's own pixels.
async function lookCloser(mine) {
  if (view.zoom <= 1 || mine !== shows || player.playing) return;
  const picture = await pictures.get(frame, true).catch(() => null);
  if (picture && mine === shows) { view.picture = picture; view.draw(); }
}

const tableNow = () => match.tables.find((table) => row?.seconds != null && table.start_s <= row.seconds && row.seconds <= table.end_s) ?? null;

// Where the ball is, or was last before.
function lensPlace() {
  const placed = around.rows.filter((each) => each.x !== null && each.frame <= frame && each.frame > frame - 15);
  const last = placed[placed.length - 1];
  return last ? [last.x, last.y] : null;
}

function draw() {
  const reach = match.path_frames;
  view.scene = {
    frame, path: around.rows.filter((each) => Math.abs(each.frame - frame) <= reach), events: around.events,
    ball: row && row.x !== null ? [row.x, row.y] : null, lens: lensPlace(), decided: row?.decided, table: tableNow(), edited, handle, candidates, cross,
  };
  view.draw();
  drawNear(element("near"), frame, around.rows, around.events, match.rallies);
  if (overview) drawWhole(element("whole"), overview, frame, match.frames, match.rallies);
  const time = row?.seconds == null ? "" : `  ${row.seconds.toFixed(3)} s`;
  const what = !row ? "no row" : row.decided ? `decided: ${row.decided}` : `${row.status}${row.confidence === null ? "" : ` ${Math.round(row.confidence * 100)} %`}`;
  element("where").textContent = `frame ${frame}${time}  ${what}`;
  element("picture").setAttribute("aria-label", `Frame ${frame}${time}, ${what}${row && row.x !== null ? `, ball at ${row.x}, ${row.y}` : ""}`);
  if (document.activeElement !== element("frame")) element("frame").value = frame;
  ask();
}

function drawQueue() {
  element("counts").textContent = `${match.decisions} decisions, ${match.decided} frames decided, ${match.doubtful} places doubtful`;
  const list = element("queue");
  list.replaceChildren(...queue.slice(0, SHOWN).map((each) => {
    const button = document.createElement("button");
    const parts = [["number", each.kind === "ball" ? each.frame : `${each.kind}`], ["", each.reasons[0] ?? ""], ["score", `${Math.round(each.score * 100)} %`]];
    for (const [name, text] of parts) { const part = document.createElement("span"); part.className = name; part.textContent = text; button.append(part); }
    button.type = "button";
    if (each.name === doubt?.name) button.setAttribute("aria-current", "true");
    button.addEventListener("click", () => goTo(each));
    const item = document.createElement("li");
    item.append(button);
    return item;
  }));
  ask();
}

// What is asked: about the doubt where its frame is shown, else about the frame that is.
function ask() {
  const here = doubtHere();
  const questions = { ball: "Is the ball there?", event: `Does it ${here?.about?.event === "net" ? "pass the net" : "bounce"} here?`, rally: `Is this the ${here?.side} of a rally?`, table: "Is this the table?" };
  element("question").textContent = here ? questions[here.kind] : doubt || queue.length ? `Frame ${frame}: is the ball there?` : "Nothing is doubtful any more";
  element("reasons").textContent = here ? `${here.reasons.join("; ")} (frame ${here.frame})` : doubt ? `The doubt is at frame ${doubt.frame}.` : "";
  element("none-word").textContent = { event: "no event", rally: "no rally" }[here?.kind] ?? "no ball";
}

async function goTo(next) {
  doubt = next;
  leaveModes();
  if (next) {
    seen.push(next);
    say(`Frame ${next.frame}: ${next.reasons.join(", ")}`);
    await show(next.frame);
    if (row && row.x !== null) { view.show([row.x, row.y]); view.draw(); }
  }
  drawQueue();
}

// The doubt that is asked about, where its frame is still the one that is shown.
const doubtHere = () => (doubt && doubt.frame === frame ? doubt : null);

function take(changed) {
  for (const name of ["rallies", "tables", "decided", "decisions", "doubtful"]) match[name] = changed[name];
  queue = changed.queue;
  rows.forget();
}

// One after another; what is pressed while another decision is on its way is about a picture that is not there yet, and is let go.
function oneByOne(work, waits) {
  if (busy && !waits) return underWay;
  busy += 1;
  underWay = underWay.then(work).finally(() => { busy -= 1; });
  return underWay;
}

const decide = (said, next = true) => oneByOne(() => deciding(said, next), false);
const undo = () => oneByOne(undoing, true);

async function deciding(said, next) {
  const asked = doubtHere();
  const body = asked ? { ...said, doubt: asked.name } : said;
  try {
    take(await post("decide", body));
    trouble(match.trouble);
    say(`${said.kind.replace("_", " ")}, saved`);
    overviewSoon();
    if (next && asked) await goTo(queue[0] ?? null);
    else { await show(frame); drawQueue(); }
  } catch (error) {
    trouble(error instanceof Refused ? error.message : "The server does not answer: is ttcli review still running? Nothing that was saved is lost.", { said, next });
  }
}

function overviewSoon() {
  clearTimeout(overviewSoon.later);
  overviewSoon.later = setTimeout(async () => {
    overview = await get(`overview?bins=${Math.max(1, Math.min(2000, match.frames, Math.round(element("whole").clientWidth / 2)))}`);
    draw();
  }, 300);
}

function leaveModes() { cross = edited = null; candidates = []; player?.stop(); }

const eventHere = (name) => around.events.find((event) => event.event === name && Math.abs(event.frame - frame) <= 2.5) ?? null;

function toggleEvent(name) {
  const there = eventHere(name);
  const place = row && row.x !== null ? { x: row.x, y: row.y } : {};
  return decide(there ? { kind: "no_event", event: name, frame: there.frame } : { kind: "event", event: name, frame, ...place }, false);
}

const rallyNear = (side) => {
  const inside = match.rallies.find((rally) => rally.start_frame <= frame && frame <= rally.end_frame);
  if (inside) return inside;
  const far = (rally) => Math.abs((side === "start" ? rally.start_frame : rally.end_frame) - frame);
  const nearest = [...match.rallies].sort((one, other) => far(one) - far(other))[0];
  return nearest && far(nearest) <= RALLY_SECONDS * match.frame_rate ? nearest : null;
};

function moveBound(side) {
  if (row?.seconds == null) return say("this frame has no time");
  const rally = pendingStart ? null : rallyNear(side);
  const here = { [`${side}_frame`]: frame, [`${side}_s`]: row.seconds };
  if (rally) {
    const bounds = { start_frame: rally.start_frame, end_frame: rally.end_frame, start_s: rally.start_seconds, end_s: rally.end_seconds, ...here };
    if (bounds.end_frame < bounds.start_frame) return say("a rally cannot end before it begins");
    return decide({ kind: "rally", rally: rally.number, ...bounds }, false);
  }
  if (side === "start") { pendingStart = here; return say("A new rally begins here; ] ends it"); }
  if (!pendingStart) return say("[ begins a rally first");
  const bounds = { ...pendingStart, ...here };
  pendingStart = null;
  return bounds.end_frame < bounds.start_frame ? say("a rally cannot end before it begins") : decide({ kind: "rally", ...bounds }, false);
}

function editTable() {
  const table = tableNow();
  const { width, height } = match;
  edited = table ? Object.values(table.corners).map((place) => [...place])
    : [[0.25, 0.7], [0.75, 0.7], [0.65, 0.5], [0.35, 0.5]].map(([x, y]) => [x * width, y * height]);
  unplaced = new Set(table ? [] : [0, 1, 2, 3]); // where no table is known, the corners lie anywhere at first
  handle = 0;
  say("Corners of the table: drag, or Tab and arrow keys; Enter takes them, Escape leaves");
  draw();
}

function tableBounds() {
  const table = tableNow(), now = row?.seconds ?? 0;
  return table ? { start_s: table.start_s, end_s: table.end_s } : { start_s: Math.max(0, now - TABLE_SECONDS), end_s: now + TABLE_SECONDS };
}

const rounded = (number) => Math.round(number * 100) / 100;

async function takeTable() {
  if (unplaced.size) return say(`Not taken: ${unplaced.size} of the corners were not put on the table yet; drag each, or Tab and arrow keys`);
  const corners = edited.map((place) => place.map(rounded));
  const bounds = tableBounds();
  edited = null;
  await decide({ kind: "table", frame, corners, ...bounds });
}

function right() {
  const asked = doubtHere();
  if (edited) return takeTable();
  if (cross) return placeBall(...cross);
  if (asked?.kind === "event") return decide({ kind: "event", ...asked.about, confidence: undefined, x: asked.about.x ?? undefined, y: asked.about.y ?? undefined, confirmed: true });
  if (asked?.kind === "rally") {
    const rally = match.rallies.find((each) => each.number === asked.place + 1);
    if (rally) return decide({ kind: "rally", rally: rally.number, start_frame: rally.start_frame, end_frame: rally.end_frame, start_s: rally.start_seconds, end_s: rally.end_seconds, confirmed: true });
  }
  if (asked?.kind === "table" && tableNow()) return decide({ kind: "table", frame, corners: Object.values(tableNow().corners), ...tableBounds(), confirmed: true });
  return decide({ kind: "right", frame });
}

function none() {
  const asked = doubtHere();
  if (asked?.kind === "event") return decide({ kind: "no_event", event: asked.about.event, frame: asked.about.frame });
  if (asked?.kind === "rally") return decide({ kind: "no_rally", rally: asked.place + 1 });
  return decide({ kind: "none", frame });
}

function placeBall(x, y) {
  cross = null;
  const inside = (value, most) => Math.max(-0.5, Math.min(most - 0.5, value));
  return decide({ kind: "ball", frame, x: rounded(inside(x, match.width)), y: rounded(inside(y, match.height)) });
}

async function undoing() {
  try {
    const changed = await post("undo");
    take(changed);
    overviewSoon();
    say(`taken back: ${changed.undone.kind.replace("_", " ")}`);
    const back = changed.undone.frame ?? changed.undone.start_frame ?? frame;
    doubt = queue.find((each) => each.frame === Math.round(back)) ?? doubt;
    await show(Math.round(back));
    drawQueue();
  } catch (error) { say(error.message); }
}

async function askCandidates() {
  say("The network is asked; the first time this takes a while");
  element("where").textContent = "asking the network ...";
  const mine = shows;
  asking += 1;
  try {
    const found = (await get(`candidates/${frame}`)).candidates;
    if (mine !== shows) return;
    candidates = found;
    say(candidates.length ? `${candidates.length} candidates` : "no candidate");
  } catch (error) { say(error.message); } finally { asking -= 1; }
  draw();
}

async function play() {
  if (player.playing) { player.stop(); await show(frame); } else {
    leaveModes();
    element("play").setAttribute("aria-pressed", "true");
    await player.start(frame, match.frames - 1, match.file);
  }
  element("play").setAttribute("aria-pressed", String(player.playing));
}

const actions = {
  right, none, undo, play, candidates: askCandidates,
  unknown: () => decide({ kind: "unknown", frame }),
  pathRight: () => decide({ kind: "path_right", frame }),
  bounce: () => toggleEvent("bounce"),
  net: () => toggleEvent("net"),
  cross: () => { cross = cross ? null : row && row.x !== null ? [row.x, row.y] : [...view.centre]; element("picture").focus(); draw(); },
  table: () => { if (edited) edited = null; else editTable(); element("picture").focus(); draw(); },
  rallyStart: () => moveBound("start"),
  rallyEnd: () => moveBound("end"),
  nextDoubt: () => { const at = queue.findIndex((each) => each.name === doubt?.name); return goTo(queue[at + 1] ?? queue[0] ?? null); },
  previousDoubt: () => { seen.pop(); return goTo(seen.pop() ?? queue[0] ?? null); },
  back: () => step(-1),
  forward: () => step(1),
  zoomIn: () => view.zoomBy(1.5, view.scene.ball ?? view.centre),
  zoomOut: () => view.zoomBy(1 / 1.5),
};

function step(by) { player.stop(); return show(frame + by); }

const KEYS = {
  Enter: "right", x: "none", Delete: "none", u: "unknown", s: "pathRight", b: "bounce", n: "net", c: "cross", v: "candidates", t: "table",
  "[": "rallyStart", "]": "rallyEnd", z: "undo", ".": "nextDoubt", ",": "previousDoubt", " ": "play", "+": "zoomIn", "=": "zoomIn", "-": "zoomOut",
};
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

function moveByKeys(event) {
  const [dx, dy] = ARROWS[event.key];
  const by = event.shiftKey ? 10 : 1;
  const move = (place) => [place[0] + by * dx, place[1] + by * dy];
  if (cross) cross = move(cross);
  else { edited[handle] = move(edited[handle]); unplaced.delete(handle); }
  draw();
}

function onKey(event) {
  const target = event.target;
  if (target instanceof HTMLInputElement || element("help").open || event.altKey || event.metaKey) return;
  if (event.ctrlKey && event.key !== "z") return;
  const onButton = target instanceof HTMLButtonElement && (event.key === "Enter" || event.key === " ");
  if (onButton) return;
  let does = null;
  if (event.key in ARROWS && (cross || edited)) does = () => moveByKeys(event);
  else if (event.key === "Tab" && edited) does = () => { handle = (handle + (event.shiftKey ? 3 : 1)) % 4; draw(); };
  else if (event.key === "Escape") does = () => { leaveModes(); draw(); };
  else if (event.key === "ArrowLeft" || event.key === "ArrowRight") does = () => step((event.key === "ArrowLeft" ? -1 : 1) * (event.shiftKey ? 10 : 1));
  else if (event.key === "Home") does = () => show(0);
  else if (event.key === "End") does = () => show(match.frames - 1);
  else if (event.key === "0") does = () => view.whole();
  else if (event.key === "?") does = () => element("help").showModal();
  else if ("123".includes(event.key) && candidates[event.key - 1]) does = () => placeBall(candidates[event.key - 1].x, candidates[event.key - 1].y);
  else {
    const name = KEYS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (name) does = actions[name];
  }
  if (!does) return;
  event.preventDefault();
  does();
}

async function begin() {
  match = await get("match");
  document.title = `${match.video}: review`;
  element("title").textContent = match.video;
  element("frame").max = match.frames - 1;
  trouble(match.trouble);
  view = new View(element("picture"), match.width, match.height, match.pixel_aspect);
  view.onPlace = placeBall;
  view.onCorner = (corner, place) => { edited[corner] = place; unplaced.delete(corner); handle = corner; draw(); };
  view.onZoom = () => { clearTimeout(show.rest); show.rest = setTimeout(() => lookCloser(shows), REST_MILLISECONDS); };
  player = new Player(element("film"), rows, show);
  queue = (await get(`queue?count=${QUEUE}`)).queue;
  document.addEventListener("keydown", onKey);
  for (const button of document.querySelectorAll("[data-do]")) button.addEventListener("click", () => actions[button.dataset.do]());
  element("help-button").addEventListener("click", () => element("help").showModal());
  element("again").addEventListener("click", () => { const { said, next } = unsaved; decide(said, next); });
  element("frame").addEventListener("change", () => show(Number(element("frame").value) || 0));
  element("near").addEventListener("click", (event) => show(frameOfNear(element("near"), event.offsetX, frame)));
  element("whole").addEventListener("click", (event) => show(frameOfWhole(element("whole"), event.offsetX, match.frames)));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  new ResizeObserver(() => draw()).observe(element("near"));
  overviewSoon();
  await goTo(queue[0] ?? null);
  if (!queue.length) await show(0);
  document.body.dataset.ready = "yes";
  window.review = { get idle() { return !busy && !asking && shown === frame; }, get frame() { return frame; }, get row() { return row; }, get queue() { return queue; }, get match() { return match; }, get doubt() { return doubt; }, view, show };
}

begin().catch((error) => trouble(`The page cannot begin: ${error.message}`));
