// Two strips of time: the frames around this one, and the whole match.

export const NEAR_FRAMES = 150;

function begin(canvas) {
  const ratio = window.devicePixelRatio || 1;
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  const pen = canvas.getContext("2d");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  const style = getComputedStyle(document.documentElement);
  return [pen, width, height, (name) => style.getPropertyValue(`--${name}`).trim()];
}

function rallyBands(pen, rallies, height, place, colour) {
  for (const rally of rallies) {
    const [left, right] = [place(rally.start_frame), place(rally.end_frame + 1)];
    pen.fillStyle = colour("rally");
    pen.fillRect(left, 0, Math.max(1, right - left), height);
    pen.fillStyle = colour("soft");
    pen.fillRect(left, 0, 1, height);
    pen.fillRect(right, 0, 1, height);
  }
}

// rows: of the frames around; a bar for each frame, as high as it is sure; hollow where the ball is not seen.
export function drawNear(canvas, frame, rows, events, rallies) {
  const [pen, width, height, colour] = begin(canvas);
  const step = width / (2 * NEAR_FRAMES + 1);
  const place = (number) => (number - frame + NEAR_FRAMES) * step;
  rallyBands(pen, rallies.filter((rally) => rally.end_frame > frame - NEAR_FRAMES && rally.start_frame < frame + NEAR_FRAMES), height, place, colour);
  const bottom = height - 18;
  for (const row of rows) {
    const sure = (row.confidence ?? 1) * (bottom - 4);
    pen.fillStyle = colour(row.decided ? "accent" : "ball");
    pen.globalAlpha = row.x === null ? 0.35 : 1;
    pen.fillRect(place(row.frame), bottom - sure, Math.max(1, step - 0.5), sure);
    if (row.x === null) { pen.globalAlpha = 1; pen.fillStyle = colour("doubt"); pen.fillRect(place(row.frame), bottom - 2, Math.max(1, step - 0.5), 2); }
    if (row.decided) { pen.globalAlpha = 1; pen.fillRect(place(row.frame), bottom + 1, Math.max(2, step), 3); }
  }
  pen.globalAlpha = 1;
  for (const event of events) {
    const left = place(event.frame + 0.5);
    pen.fillStyle = colour(event.event === "bounce" ? "bounce" : "ink");
    pen.beginPath();
    if (event.event === "bounce") { pen.moveTo(left - 5, height - 12); pen.lineTo(left + 5, height - 12); pen.lineTo(left, height - 3); pen.fill(); } else pen.fillRect(left - 1, height - 14, 2, 12);
  }
  pen.strokeStyle = colour("ink");
  pen.lineWidth = 1.5;
  pen.strokeRect(place(frame) - 1, 1, step + 2, height - 2);
}

export function drawWhole(canvas, overview, frame, frames, rallies) {
  const [pen, width, height, colour] = begin(canvas);
  const place = (number) => (number / Math.max(1, frames)) * width;
  rallyBands(pen, rallies, height, place, colour);
  const bins = overview.doubt.length, step = width / bins;
  overview.seen.forEach((share, bin) => {
    pen.fillStyle = colour("ball");
    pen.globalAlpha = 1;
    pen.fillRect(bin * step, height - 12 * share, step + 0.6, 12 * share);
    pen.globalAlpha = 1;
    pen.fillStyle = colour("doubt");
    const high = overview.doubt[bin] * (height - 14);
    pen.fillRect(bin * step, height - 14 - high, Math.max(1, step - 0.3), high);
  });
  pen.fillStyle = colour("ink");
  pen.fillRect(place(frame + 0.5) - 1, 0, 2, height);
}

export const frameOfNear = (canvas, left, frame) => Math.floor((left / canvas.clientWidth) * (2 * NEAR_FRAMES + 1)) + frame - NEAR_FRAMES;
export const frameOfWhole = (canvas, left, frames) => Math.floor((left / canvas.clientWidth) * frames);
