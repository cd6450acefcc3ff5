// A wall that runs for weeks: one stream, one timer, nothing that grows. A frame holds every panel; only what changed is drawn again.
(function () {
  const body = document.body;
  const SILENT_MS = 8000, DEAD_MS = 30000, RELOAD_MS = 60000;
  const shown = {};
  let source, heard = Date.now(), opened = 0, time = document.querySelector("[data-clock]").textContent;

  function put(place, text) {
    if (place && place.textContent !== text) place.textContent = text;
  }

  function take(event) {
    heard = Date.now();
    const frame = JSON.parse(event.data);
    if (frame.version !== body.dataset.version && again()) return;
    time = frame.time;
    put(document.querySelector("[data-clock]"), frame.time);
    put(document.querySelector("[data-date]"), frame.date);
    for (const key in frame.panels) {
      const panel = document.getElementById("p-" + key), news = frame.panels[key];
      if (!panel) continue;
      panel.classList.toggle("stale", news.stale);
      put(panel.querySelector(".note"), news.note);
      put(panel.querySelector(".asof"), news.as_of);
      if (shown[key] !== news.html) panel.querySelector(".body").innerHTML = shown[key] = news.html;
    }
    cut(false);
  }

  // A page of another version is fetched whole, at most once a minute: two servers of different age must not make it flicker.
  function again() {
    const last = Number(sessionStorage.getItem("reloaded") || 0);
    if (Date.now() - last < RELOAD_MS) return false;
    sessionStorage.setItem("reloaded", String(Date.now()));
    location.reload();
    return true;
  }

  function cut(yes) {
    body.classList.toggle("silent", yes);
    const banner = document.querySelector(".cut");
    banner.hidden = !yes;
    if (yes) put(banner, body.dataset.cut.replace("{time}", time));
  }

  function open() {
    if (source) source.close();
    opened = Date.now();
    source = new EventSource(body.dataset.stream);
    source.addEventListener("frame", take);
  }

  // The browser reconnects by itself, but not after a refusal nor on a line that died without a word.
  setInterval(() => {
    const silent = Date.now() - heard;
    if (silent > SILENT_MS) cut(true);
    const wait = source.readyState === EventSource.CLOSED ? SILENT_MS : DEAD_MS;
    if (silent > wait && Date.now() - opened > wait) open();
  }, 1000);
  open();
})();
