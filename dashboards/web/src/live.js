// Live figures: one stream a page. Without it the page is still whole, as of its loading.
(function () {
  const root = document.querySelector("[data-stream]");
  if (!root || !window.EventSource) return;
  const status = document.querySelector("[data-live-status]");
  const words = status ? status.dataset : {};
  const source = new EventSource(root.dataset.stream);
  source.addEventListener("frame", (event) => {
    const frame = JSON.parse(event.data);
    if (status) status.textContent = words.on.replace("{time}", frame.time);
    for (const key in frame.values) {
      const cell = document.querySelector('[data-live="' + CSS.escape(key) + '"]');
      if (!cell) continue;
      const told = frame.values[key];
      if (cell.textContent !== told[0]) {
        cell.textContent = told[0];
        const row = cell.closest("tr");
        if (row) { row.classList.add("fresh"); setTimeout(() => row.classList.remove("fresh"), 1500); }
      }
      const age = document.querySelector('[data-age="' + CSS.escape(key) + '"]');
      if (age) age.textContent = told[1];
    }
    for (const key in frame.texts) {
      const place = document.querySelector('[data-text="' + CSS.escape(key) + '"]');
      if (place && place.textContent !== frame.texts[key]) place.textContent = frame.texts[key];
    }
    for (const key in frame.states) {
      for (const mark of document.querySelectorAll('[data-state="' + CSS.escape(key) + '"]')) mark.setAttribute("class", frame.states[key]);
    }
    if (frame.progress) {
      const bar = document.querySelector("progress[data-progress]");
      if (bar) bar.value = frame.progress;
    }
    if (frame.reload && frame.reload !== root.dataset.version) location.reload();
  });
  source.addEventListener("error", () => { if (status) status.textContent = words.off; });
})();
