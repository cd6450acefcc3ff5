// The desktop's chart of one product: pointer and wheel on top of what the server drew. Same numbers, same marks, same words.
import { init, use } from "echarts/core";
import { LineChart } from "echarts/charts";
import { DataZoomComponent, GridComponent, TooltipComponent, MarkLineComponent } from "echarts/components";
import { SVGRenderer } from "echarts/renderers";

use([LineChart, DataZoomComponent, GridComponent, TooltipComponent, MarkLineComponent, SVGRenderer]);

const DASHES = ["solid", [7, 4], [2, 4], [10, 3, 2, 3]];

const css = (name, otherwise) => getComputedStyle(document.documentElement).getPropertyValue(name).trim() || otherwise;
const COLOURS = () => ["#1b6b40", "#b4540a", "#2b5fa8", "#7a3b8f"].map((c, k) => css(`--series-${k}`, c));

// A band is two stacked areas: an unseen one up to its lower edge, a filled one from there to its upper edge.
function area(points, name, fill, middle, dash) {
  const plain = { type: "line", showSymbol: false, silent: true, lineStyle: { width: 0 }, stack: name, stackStrategy: "all" };
  return [
    { ...plain, data: points.map((p) => [p[0], p[1]]) },
    { ...plain, data: points.map((p) => [p[0], p[3] - p[1]]), areaStyle: { color: fill, opacity: 1 } },
    { type: "line", showSymbol: false, silent: true, lineStyle: { width: 1.5, type: dash, color: middle }, data: points.map((p) => [p[0], p[2]]) },
  ];
}

// A gap is a gap: days further apart than the server's own rule are not joined.
function withGaps(points, days) {
  const out = [];
  points.forEach((p, k) => {
    const before = points[k - 1];
    if (before && Date.parse(p[0]) - Date.parse(before[0]) > days * 864e5) out.push([before[0], null]);
    out.push(p);
  });
  return out;
}

export function draw(element, told) {
  const chart = init(element, null, { renderer: "svg" });
  const colours = COLOURS();
  const lines = told.lines.map((line, k) => ({
    type: "line", name: line.label, showSymbol: false, data: withGaps(line.points, told.gap_days), color: colours[k],
    lineStyle: { width: 2, type: DASHES[k], color: colours[k] },
    markLine: k || !told.fan.length ? undefined
      : { silent: true, symbol: "none", label: { show: false }, lineStyle: { color: "#57615a", type: "dotted" }, data: [{ xAxis: told.fan[0][0] }] },
  }));
  const beside = (day, points) => points.find((p) => p[0] >= day);
  chart.setOption({
    animation: !matchMedia("(prefers-reduced-motion: reduce)").matches,
    animationDuration: 200,
    grid: { left: 48, right: 16, top: 16, bottom: 72 },
    xAxis: { type: "time", axisLabel: { hideOverlap: true } },
    yAxis: { type: "value", scale: true, axisLabel: { formatter: (v) => v.toFixed(2) } },
    dataZoom: [{ type: "inside", filterMode: "none" }, { type: "slider", filterMode: "none", height: 24, bottom: 12 }],
    // As text, not as HTML: the site's policy lets no style stand inside a page.
    tooltip: {
      trigger: "axis", renderMode: "richText", axisPointer: { type: "line" },
      formatter: (found) => {
        const day = found[0] && new Date(found[0].axisValue).toISOString().slice(0, 10);
        const said = found.filter((f) => f.seriesName && !f.seriesName.startsWith("series") && f.value[1] != null)
          .map((f) => `${f.seriesName}  ${f.value[1].toFixed(2)}`);
        const usual = beside(day, told.band);
        const likely = day >= (told.fan[0] || ["9"])[0] && beside(day, told.fan);
        if (usual && !likely) said.push(`${told.words.usual}  ${usual[1].toFixed(2)}–${usual[3].toFixed(2)}`);
        if (likely) said.push(`${told.words.likely}  ${likely[1].toFixed(2)}–${likely[3].toFixed(2)}`);
        return [`${day}  ${told.unit}`, ...said].join("\n");
      },
    },
    series: [
      ...(told.band.length ? area(told.band, "band", css("--band", "#e3ebe5"), "#93a398", [2, 4]) : []),
      ...(told.fan.length ? area(told.fan, "fan", css("--fan", "#f0e4d2"), "#8a5a00", [4, 3]) : []),
      ...lines,
    ],
  });
  addEventListener("resize", () => chart.resize());
  return chart;
}
