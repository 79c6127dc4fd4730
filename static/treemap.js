// Values as areas: slices with their parts inside, in the colours of the table beside it.
import { group } from "./numbers.js";

const percent = group({ style: "percent", minimumFractionDigits: 1, maximumFractionDigits: 1 });
const share = (value, whole) => percent.format(value / whole);

const node = (slice, colours) => ({
  name: slice.name,
  itemStyle: { color: colours[slice.role], colorAlpha: 0.4, borderColor: colours.paper }, // pale, so that names can be read
  children: slice.parts.map((part) => ({ ...part, slice: slice.name })),
});

export const treemap = (data, colours, format) => {
  const whole = data.slices.reduce((sum, slice) => sum + slice.parts.reduce((own, part) => own + part.value, 0), 0);
  return {
    animation: false,
    tooltip: {
      renderMode: "richText", // the other mode writes inline styles, which the content security policy refuses
      backgroundColor: colours.paper,
      borderColor: colours.rule,
      textStyle: { color: colours.ink, fontSize: 13, lineHeight: 20 },
      confine: true,
      formatter: ({ name, value, data: own }) =>
        [own?.slice && own.slice !== name ? `${own.slice}: ${name}` : name, `${format.full(value)}  ${share(value, whole)}`].join("\n"),
    },
    series: [
      {
        type: "treemap",
        left: 0,
        right: 0,
        top: 0,
        bottom: 0,
        roam: false,
        nodeClick: false,
        breadcrumb: { show: false },
        itemStyle: { borderWidth: 0, gapWidth: 2 },
        label: { color: colours.ink, fontSize: 12, fontWeight: 600, overflow: "truncate" },
        upperLabel: { show: true, height: 22, color: colours.ink, fontSize: 12, fontWeight: 600 },
        levels: [
          { itemStyle: { gapWidth: 3, borderColor: colours.paper }, upperLabel: { show: false } },
          { itemStyle: { gapWidth: 1, borderWidth: 1 } },
        ],
        data: data.slices.map((slice) => node(slice, colours)),
      },
    ],
  };
};
