// Loaded on wide screens only (see prices.js): takes the place of the drawn chart once its numbers are here.
import { draw } from "./_price_chart.js";

const figure = document.querySelector("[data-chart]");
if (figure) {
  fetch(figure.dataset.chart, { headers: { accept: "application/json" } })
    .then((answer) => (answer.ok ? answer.json() : Promise.reject(new Error(answer.status))))
    .then((told) => {
      const drawn = figure.querySelector("svg.chart");
      const box = document.createElement("div");
      box.className = "wide-chart";
      box.setAttribute("role", "img");
      box.setAttribute("aria-label", drawn.querySelector("title").textContent);
      drawn.before(box);
      draw(box, told);
      drawn.remove();
    })
    // The drawn chart stays where it is: nothing is lost.
    .catch(() => {});
}
