// Numbers as the page writes them: <html> says with which marks, so that scripts and server write alike.
const { lang, dataset } = document.documentElement;

export const locale = lang === "en" ? "en-GB" : lang; // English of no country has the day before the month here
export const timeZone = dataset.timeZone === "UTC" ? undefined : dataset.timeZone; // who chose none reads the clock of the browser
export const percentSign = dataset.percent;

const marks = { group: dataset.group, decimal: dataset.decimal };

// Like an Intl.NumberFormat, with the page's own marks.
export const group = (options) => {
  const written = new Intl.NumberFormat(locale, { useGrouping: "always", ...options });
  const format = (value) => written.formatToParts(value).map((part) => marks[part.type] ?? part.value).join("");
  return { format };
};

// Plain digits with a point, as somebody types them; and back again.
export const typed = (digits) => digits.replace(".", dataset.decimal);

const escaped = (text) => text.replace(/[.]/g, "\\$&");
const SEPARATED = new RegExp(`^([+-]?[1-9]\\d{0,2}(?:([${escaped(dataset.group)} ’])\\d{3})(?:\\2\\d{3})*)(${escaped(dataset.decimal)}\\d+)?$`);
const THOUSANDS = /^[+-]?[1-9]\d{0,2}\.\d{3}$/;

// The same reading as core.web.plain_number; what is no number, or two of them, comes back as none.
export const plain = (text) => {
  const written = text.trim().replace(/[\u00a0\u202f\u2009]/g, " ").replaceAll("'", "’").replace("−", "-");
  if (/^[+-]?\d+(\.\d+)?$/.test(written)) return dataset.decimal !== "." && THOUSANDS.test(written) ? "" : written;
  const pointed = written.replace(dataset.decimal, ".");
  if (/^[+-]?\d+(\.\d+)?$/.test(pointed)) return pointed;
  const found = SEPARATED.exec(written);
  if (!found) return "";
  const [, whole, mark, part = ""] = found;
  if (".,".includes(mark) && !part && whole.split(mark).length === 2) return "";
  return whole.replaceAll(mark, "") + part.replace(dataset.decimal, ".");
};
