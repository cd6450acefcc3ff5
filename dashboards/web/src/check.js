// "Check it yourself" on the trace page: shows the button, and loads the check itself only when it is pressed.
(function () {
  const section = document.querySelector("[data-check]");
  const button = section && section.querySelector("[data-check-run]");
  if (!button) return;
  button.hidden = false;
  let loading = null;
  button.addEventListener("click", function () {
    loading = loading || new Promise(function (resolve, reject) {
      const script = document.createElement("script");
      script.src = button.dataset.verify;
      script.onload = resolve;
      script.onerror = reject;
      document.head.appendChild(script);
    });
    loading.then(
      function () { return self.suheVerify.onPage(section); },
      function () {
        loading = null;
        const zh = document.documentElement.lang !== "en";
        section.querySelector("[data-check-outcome]").textContent = zh ? "此设备无法核对：核对程序没有载入。" : "This device cannot check: the check did not load.";
      }
    );
  });
})();
