// What the page does beyond being read: plays a part of the video that lies beside it, and filters the map.
"use strict";
(() => {
  const player = document.getElementById("player"), film = document.getElementById("film"), trouble = document.getElementById("player-trouble");
  let end = null, opener = null;

  const address = (path) => path.split("/").map(encodeURIComponent).join("/");

  function play(match, element) {
    const start = Number(element.dataset.start), last = Number(element.dataset.end);
    const clips = JSON.parse(match.dataset.clips || "{}");
    const report = JSON.parse(document.getElementById("report").textContent).matches[Number(match.id.slice(1)) - 1];
    const rally = element.dataset.rally ?? report.rallies.find((each) => each.start_s <= start + 1.5 && start + 0.5 <= each.end_s)?.rally;
    const clip = match.dataset.video ? null : clips[rally];
    if (!match.dataset.video && !clip) return;
    const from = clip ? Math.max(0, start - clip[1]) : start;
    end = clip ? last - clip[1] : last;
    trouble.textContent = "";
    document.getElementById("player-title").textContent = element.dataset.what;
    const source = address(clip ? clip[0] : match.dataset.video);
    if (film.getAttribute("src") !== source) film.setAttribute("src", source);
    const begin = () => { film.currentTime = from; film.play().catch(() => {}); };
    if (film.readyState >= 1) begin(); else { film.addEventListener("loadedmetadata", begin, { once: true }); film.load(); }
    opener = element;
    player.showModal();
  }

  film.addEventListener("timeupdate", () => { if (end !== null && film.currentTime >= end) { film.pause(); end = null; } });
  film.addEventListener("error", () => { trouble.textContent = "The browser cannot play this video, or it does not lie beside the page any more."; });
  player.addEventListener("close", () => { film.pause(); opener?.focus(); });

  for (const match of document.querySelectorAll("article.match")) {
    const plays = Boolean(match.dataset.video || match.dataset.clips);
    match.classList.toggle("can-play", plays);
    for (const element of match.querySelectorAll("[data-start]")) {
      if (!plays) { if (element instanceof HTMLButtonElement) element.disabled = true; continue; }
      if (!(element instanceof HTMLButtonElement)) {
        element.setAttribute("tabindex", "0");
        element.setAttribute("role", "button");
        element.setAttribute("aria-label", element.dataset.what);
        element.addEventListener("keydown", (event) => { if (event.key === "Enter" || event.key === " ") { event.preventDefault(); play(match, element); } });
      }
      element.addEventListener("click", () => play(match, element));
    }
  }

  for (const form of document.querySelectorAll("form.filters")) {
    const match = document.getElementById(form.dataset.map), bounces = [...match.querySelectorAll(".bounce")];
    const filter = () => {
      const wanted = (kind) => new Set([...form.querySelectorAll(`[data-kind="${kind}"]:checked`)].map((box) => box.value));
      const [phases, halves] = [wanted("phase"), wanted("half")];
      let shown = 0;
      for (const bounce of bounces) {
        const stays = phases.has(bounce.dataset.phase) && halves.has(bounce.dataset.half);
        bounce.classList.toggle("gone", !stays);
        shown += stays;
      }
      document.getElementById(`${match.id}-shown`).textContent = `${shown} of ${bounces.length} bounces are shown.`;
    };
    form.addEventListener("change", filter);
    form.addEventListener("submit", (event) => event.preventDefault());
    filter();
  }
})();
