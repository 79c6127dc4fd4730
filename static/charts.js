// Draws every <div class="chart" data-chart="id"> from the JSON in the element with that id.
import { LineChart, ScatterChart, TreemapChart } from "echarts/charts";
import { AxisPointerComponent, GridComponent, TooltipComponent } from "echarts/components";
import { init, registerLocale, use } from "echarts/core";
import { CanvasRenderer } from "echarts/renderers";
import { group, locale } from "./numbers.js";
import { plane } from "./plane.js";
import { treemap } from "./treemap.js";

use([LineChart, ScatterChart, TreemapChart, GridComponent, TooltipComponent, AxisPointerComponent, CanvasRenderer]);

// Many lines in one picture, told apart by their stroke besides.
const PARTS = [...Array.from({ length: 12 }, (_, place) => `part-${place + 1}`), "part-unknown"];
// Four, so that hues that are near one another (3 and 6) have different ones; the legend (.factors-stroke) has the same.
const STROKES = ["solid", [7, 4], [2, 3], [8, 3, 2, 3]];

// A canvas knows no CSS variables, so colours are read as what they resolve to in the theme of the moment.
const palette = (element) => {
  const probe = document.createElement("span");
  element.append(probe);
  const colour = (name) => {
    probe.style.color = `var(--c-${name})`;
    return getComputedStyle(probe).color;
  };
  const names = ["portfolio", "benchmark", "gain", "loss", "ink", "quiet", "rule", "paper"];
  const colours = Object.fromEntries(names.map((name) => [name, colour(name)]));
  probe.style.color = "";
  for (const name of PARTS) {
    probe.className = name;
    colours[name] = getComputedStyle(probe).color;
  }
  probe.remove();
  return colours;
};

const number = group;
const fixed = (digits) => ({ minimumFractionDigits: digits, maximumFractionDigits: digits });

// The same writing as on the rest of the page: 1,234.50 USD, +1.23%; or 1.234,50 USD.
const formats = (unit, currency, digits, clock) => {
  if (unit === "money") {
    const full = number(fixed(digits));
    const short = number(clock ? { maximumFractionDigits: digits } : { notation: "compact", maximumSignificantDigits: 3 }); // a day's moves are small
    return { full: (value) => `${full.format(value)} ${currency}`, short: (value) => short.format(value) };
  }
  if (unit === "ratio") {
    const full = number(fixed(digits));
    const short = number({ maximumFractionDigits: 2 });
    return { full: (value) => full.format(value), short: (value) => short.format(value) };
  }
  const full = number({ style: "percent", signDisplay: "exceptZero", ...fixed(2) });
  const short = number({ style: "percent", maximumFractionDigits: 1 });
  return { full: (value) => full.format(value), short: (value) => short.format(value) };
};

const longDay = new Intl.DateTimeFormat(locale, { day: "numeric", month: "long", year: "numeric", timeZone: "UTC" });

const timeOfDay = new Intl.DateTimeFormat(locale, { hourCycle: "h23", hour: "2-digit", minute: "2-digit", second: "2-digit", timeZone: "UTC" });
const moment = (clock) => (at) => (clock ? `${longDay.format(at)}, ${timeOfDay.format(at)} UTC` : longDay.format(at));
const stroke = (role) => (role === "benchmark" ? [5, 4] : STROKES[Math.max(PARTS.indexOf(role), 0) % STROKES.length]);

const line = (series, days, colours) => ({
  name: series.name,
  type: "line",
  data: days.map((day, i) => [day, series.values[i]]),
  showSymbol: false,
  symbol: series.role === "benchmark" ? "emptyCircle" : "circle",
  color: colours[series.role],
  lineStyle: { width: series.role === "benchmark" ? 1.5 : 2, type: stroke(series.role) },
  areaStyle: series.area ? { opacity: 0.12 } : undefined,
  emphasis: { disabled: true },
});

// What happened on a day, on the first line: told apart by shape, and by colour besides.
const shapes = {
  buy: { symbol: "triangle", symbolSize: 11, colour: "gain" },
  sell: { symbol: "triangle", symbolRotate: 180, symbolSize: 11, colour: "loss" },
  transfer: { symbol: "diamond", symbolSize: 12, colour: "benchmark" },
  dividend: { symbol: "circle", symbolSize: 8, colour: "benchmark" },
  split: { symbol: "rect", symbolSize: 9, colour: "ink" },
  exception: { symbol: "diamond", symbolSize: 12, colour: "loss" },
  trough: { symbol: "circle", symbolSize: 17, colour: "loss", numbered: true },
};

const marked = (marks, colours) => {
  const { colour, numbered, ...shape } = shapes[marks.role];
  return {
    ...shape,
    name: marks.role,
    type: "scatter",
    data: marks.points,
    z: 3,
    color: colours[colour],
    itemStyle: { borderColor: colours.paper, borderWidth: 1 },
    label: { show: Boolean(numbered), color: colours.paper, fontSize: 11, formatter: (point) => `${point.dataIndex + 1}` },
    emphasis: { disabled: true },
  };
};

// A mark brings its own words.
const said = (point, format) => point.value[2] ?? `${point.seriesName}  ${format.full(point.value[1])}`;

const tooltip = (format, colours, when) => ({
  trigger: "axis",
  renderMode: "richText", // the other mode writes inline styles, which the content security policy refuses
  backgroundColor: colours.paper,
  borderColor: colours.rule,
  textStyle: { color: colours.ink, fontSize: 13, lineHeight: 20 },
  axisPointer: { type: "line", lineStyle: { color: colours.quiet } },
  confine: true,
  formatter: (points) =>
    [when(new Date(points[0].value[0])), ...points.map((point) => said(point, format))].join("\n"),
});

// Below a long time only its years are named: months between them would crowd them out where it is narrow.
const YEAR = 365 * 24 * 3600 * 1000;
const isLong = (days) => Date.parse(days.at(-1)) - Date.parse(days[0]) > 4 * YEAR;
const year = (at) => (new Date(at).getMonth() ? "" : `${new Date(at).getFullYear()}`);

const option = (data, colours) => {
  if (data.kind === "plane") return plane(data, colours);
  if (data.kind === "tree") return treemap(data, colours, formats("money", data.currency, data.digits));
  const format = formats(data.unit, data.currency, data.digits, data.clock);
  const label = { color: colours.quiet, fontSize: 12, hideOverlap: true };
  return {
    animation: false,
    useUTC: data.clock,
    grid: { left: 8, right: 16, top: 12, bottom: 4, containLabel: true },
    tooltip: tooltip(format, colours, moment(data.clock)),
    xAxis: {
      type: "time",
      axisLabel: isLong(data.days) ? { ...label, formatter: year } : label,
      axisLine: { onZero: false, lineStyle: { color: colours.rule } },
      axisTick: { show: false },
      splitLine: { show: false },
    },
    yAxis: {
      type: "value",
      scale: data.scale,
      axisLabel: { ...label, formatter: format.short },
      splitLine: { lineStyle: { color: colours.rule } },
      splitNumber: 4,
    },
    series: [
      ...data.series.map((series) => line(series, data.days, colours)),
      ...(data.marks ?? []).map((marks) => marked(marks, colours)),
    ],
  };
};

// The names on an axis of time, in the page's language; they take the place of the library's own English ones.
const named = (part, width, count) => {
  const names = new Intl.DateTimeFormat(document.documentElement.lang, { [part]: width, timeZone: "UTC" });
  return Array.from({ length: count }, (_, place) => names.format(part === "month" ? Date.UTC(2023, place, 1) : Date.UTC(2023, 0, 1 + place)));
};
registerLocale("PAGE", {
  time: {
    month: named("month", "long", 12),
    monthAbbr: named("month", "short", 12),
    dayOfWeek: named("weekday", "long", 7),
    dayOfWeekAbbr: named("weekday", "short", 7),
  },
});

const charts = new Map();
const resized = new ResizeObserver((entries) => {
  for (const entry of entries) charts.get(entry.target)?.resize();
});

const draw = (element) => {
  const data = JSON.parse(document.getElementById(element.dataset.chart).textContent);
  const chart = charts.get(element) ?? init(element, null, { renderer: "canvas", locale: "PAGE" });
  chart.setOption(option(data, palette(element)), true);
  if (!charts.has(element)) resized.observe(element);
  charts.set(element, chart);
};

const drop = () => {
  for (const [element, chart] of charts) {
    if (element.isConnected) continue;
    resized.unobserve(element);
    chart.dispose();
    charts.delete(element);
  }
};

const drawAll = (root) => root.querySelectorAll("[data-chart]").forEach(draw);

// htmx says this of the page itself and of each part that it swaps in.
document.addEventListener("htmx:load", (event) => {
  drop();
  drawAll(event.detail.elt);
});
document.addEventListener("themechange", () => charts.forEach((_, element) => draw(element)));
