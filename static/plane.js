// Risk to the right, return upwards: a line of the best there is, and points told apart by shape and name.
import { group } from "./numbers.js";

const percent = group({ style: "percent", minimumFractionDigits: 2, maximumFractionDigits: 2 });
const short = group({ style: "percent", maximumFractionDigits: 1 });

const shapes = {
  optimal: { symbol: "diamond", symbolSize: 16, colour: "portfolio", label: true },
  now: { symbol: "rect", symbolSize: 12, colour: "benchmark", label: true },
  asset: { symbol: "circle", symbolSize: 7, colour: "quiet", label: false },
};

const said = (name, [risk, earned], words) =>
  `${name}\n${words.volatility}  ${percent.format(risk)}\n${words.return}  ${percent.format(earned)}`;

const points = (role, data, colours) => {
  const { colour, label, ...shape } = shapes[role];
  return {
    ...shape,
    type: "scatter",
    z: role === "asset" ? 2 : 3,
    color: colours[colour],
    itemStyle: { borderColor: colours.paper, borderWidth: 1 },
    data: data.points.filter((point) => point.role === role).map((point) => ({ name: point.name, value: point.at })),
    label: {
      show: true,
      position: "right",
      formatter: "{b}",
      color: label ? colours.ink : colours.quiet,
      fontWeight: label ? 600 : 400,
      fontSize: 12,
    },
    labelLayout: { hideOverlap: true },
  };
};

const axis = (name, nameGap, colours) => ({
  type: "value",
  name,
  nameLocation: "middle",
  nameGap,
  nameTextStyle: { color: colours.quiet },
  scale: true,
  axisLabel: { color: colours.quiet, fontSize: 12, hideOverlap: true, formatter: short.format },
  axisLine: { onZero: false, lineStyle: { color: colours.rule } },
  axisTick: { show: false },
  splitLine: { lineStyle: { color: colours.rule } },
  splitNumber: 4,
});

export const plane = (data, colours) => ({
  animation: false,
  grid: { left: 24, right: 56, top: 12, bottom: 24, containLabel: true },
  tooltip: {
    trigger: "item",
    renderMode: "richText", // the other mode writes inline styles, which the content security policy refuses
    backgroundColor: colours.paper,
    borderColor: colours.rule,
    textStyle: { color: colours.ink, fontSize: 13, lineHeight: 20 },
    confine: true,
    formatter: (point) => said(point.name || point.seriesName, point.value, data.words),
  },
  xAxis: axis(data.words.across, 28, colours),
  yAxis: axis(data.words.up, 48, colours),
  series: [
    {
      name: data.words.line,
      type: "line",
      data: data.line,
      symbol: "circle",
      symbolSize: 4,
      color: colours.portfolio,
      lineStyle: { width: 2 },
    },
    ...Object.keys(shapes).map((role) => points(role, data, colours)),
  ],
});
