// Cash rows: ticking many of them, and the parts of one that add up to its amount.
import { plain, typed } from "./numbers.js";

const SCALE = 4; // decimals of an amount
const PLAIN = /^[+-]?\d{1,15}(\.\d{1,4})?$/;

// Amounts as whole numbers of their smallest part: floats would lose digits.
const whole = (text) => {
  const number = plain(text);
  if (!PLAIN.test(number)) return null;
  const [units, part = ""] = number.replace(/^[+-]/, "").split(".");
  const size = BigInt(units + part.padEnd(SCALE, "0"));
  return number.startsWith("-") ? -size : size;
};

const written = (value) => {
  const digits = (value < 0n ? -value : value).toString().padStart(SCALE + 1, "0");
  const part = digits.slice(-SCALE).replace(/0+$/, "");
  return (value < 0n ? "−" : "") + typed(digits.slice(0, -SCALE) + (part && `.${part}`));
};

// --- parts -------------------------------------------------------------------------------------------------------

const split = document.getElementById("split-form");

const showLeft = () => {
  const parts = [...split.querySelectorAll("[data-part]")].map((input) => input.value).filter((text) => text.trim());
  const amounts = parts.map(whole);
  const output = split.querySelector("[data-left]");
  if (amounts.includes(null)) {
    output.value = split.dataset.saysWrong.replaceAll("{amount}", typed("12.50"));
    return;
  }
  const left = whole(typed(split.dataset.whole)) - amounts.reduce((sum, amount) => sum + amount, 0n);
  output.value = left === 0n ? split.dataset.saysEven : split.dataset.saysRest.replace("{amount}", written(left));
};

const addPart = () => {
  const place = split.querySelector("[data-parts]");
  const rows = place.querySelectorAll("fieldset");
  const added = rows[rows.length - 1].cloneNode(true);
  for (const input of added.querySelectorAll("input")) {
    input.name = input.name.replace(/\d+/, String(rows.length));
    input.value = "";
  }
  const legend = added.querySelector("legend");
  legend.textContent = legend.textContent.replace(/\d+/, String(rows.length + 1));
  place.append(added);
  added.querySelector("input").focus();
};

if (split) {
  split.addEventListener("input", showLeft);
  split.querySelector("[data-add-part]").addEventListener("click", addPart);
  showLeft();
}

// --- ticks -------------------------------------------------------------------------------------------------------

const bulk = document.getElementById("cash-bulk");
const ticks = () => [...document.querySelectorAll('input[name="ids"][form="cash-bulk"]')];

const showTicked = () => {
  const all = bulk.elements.all?.checked;
  const count = ticks().filter((tick) => tick.checked).length;
  const { saysNone: none, saysOne: one, saysMany: many, saysAll: everything } = bulk.dataset;
  const rows = count > 1 ? many.replace("{count}", String(count)) : count ? one : none;
  bulk.querySelector("[data-ticked]").value = all ? everything : rows;
  bulk.classList.toggle("cash-bulk-on", Boolean(all || count));
};

if (bulk) {
  document.addEventListener("change", (event) => {
    if (event.target.dataset.tickAll !== undefined) for (const tick of ticks()) tick.checked = event.target.checked;
    showTicked();
  });
  showTicked();
}
