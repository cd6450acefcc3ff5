// Live figures: one stream a page. Without it the page is still whole, as of its loading.
(function () {
  const find = (selector) => document.querySelector(selector);
  let root = find("[data-stream]");
  if (!root || !window.EventSource) return;
  const main = find("main");
  const source = new EventSource(root.dataset.stream);
  let fetching = false;

  function put(attribute, texts, mark) {
    for (const key in texts) {
      for (const place of document.querySelectorAll("[" + attribute + '="' + CSS.escape(key) + '"]')) {
        if (place.textContent === texts[key]) continue;
        place.textContent = texts[key];
        const row = mark && place.closest("tr");
        if (row) { row.classList.add("fresh"); setTimeout(() => row.classList.remove("fresh"), 1500); }
      }
    }
  }

  // Nobody loses what they are writing.
  function typing() {
    return /^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement.tagName);
  }

  function say(text) {
    const status = find("[data-live-status]");
    if (status) status.textContent = text(status.dataset);
  }

  // Another device is silent or a gap has opened: the page takes its new shape without losing the reader's place.
  async function renew() {
    if (fetching) return;
    fetching = true;
    try {
      const answer = await fetch(location.href, { headers: { accept: "text/html" } });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = page.querySelector("main");
      if (!answer.ok || !fresh || typing()) return;
      const open = [...main.querySelectorAll("details[open][id]")].map((d) => d.id);
      const focused = main.contains(document.activeElement) && document.activeElement.getAttribute("href");
      main.innerHTML = fresh.innerHTML;
      root = find("[data-stream]");
      for (const id of open) { const d = document.getElementById(id); if (d) d.open = true; }
      if (focused) { const link = main.querySelector('a[href="' + CSS.escape(focused) + '"]'); if (link) link.focus({ preventScroll: true }); }
    } finally { fetching = false; }
  }

  source.addEventListener("frame", (event) => {
    const frame = JSON.parse(event.data);
    say((words) => words.on.replace("{time}", frame.time));
    const figures = {}, ages = {};
    for (const key in frame.values) { figures[key] = frame.values[key][0]; ages[key] = frame.values[key][1]; }
    put("data-live", figures, true);
    put("data-age", ages);
    put("data-text", frame.texts);
    for (const key in frame.progress) {
      const bar = document.querySelector('progress[data-progress="' + CSS.escape(key) + '"]');
      if (bar) bar.value = frame.progress[key];
    }
    if (frame.version && frame.version !== root.dataset.version) renew();
  });
  source.addEventListener("error", () => say((words) => words.off));
})();
