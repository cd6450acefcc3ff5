// Live figures: one stream a page. Without it the page is still whole, as of its loading.
(function () {
  const root = document.querySelector("[data-stream]");
  if (!root || !window.EventSource) return;
  const status = document.querySelector("[data-live-status]");
  const words = status ? status.dataset : {};
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

  // Another device is silent or a gap has opened: the page takes its new shape without losing the reader's place.
  async function renew() {
    if (fetching) return;
    fetching = true;
    try {
      const answer = await fetch(location.href, { headers: { accept: "text/html" } });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = page.querySelector("[data-stream]");
      if (!answer.ok || !fresh) return;
      const open = [...root.querySelectorAll("details[open][id]")].map((d) => d.id);
      const focused = document.activeElement && root.contains(document.activeElement) && document.activeElement.getAttribute("href");
      root.innerHTML = fresh.innerHTML;
      root.dataset.version = fresh.dataset.version;
      for (const id of open) { const d = document.getElementById(id); if (d) d.open = true; }
      if (focused) { const link = root.querySelector('a[href="' + CSS.escape(focused) + '"]'); if (link) link.focus({ preventScroll: true }); }
    } finally { fetching = false; }
  }

  source.addEventListener("frame", (event) => {
    const frame = JSON.parse(event.data);
    if (status) status.textContent = words.on.replace("{time}", frame.time);
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
  source.addEventListener("error", () => { if (status) status.textContent = words.off; });
})();
