// The forms that book: suggestions that fill in an empty price, lots that are picked by a button, rows that are added.
import { plain, typed } from "./numbers.js";

const form = document.getElementById("trade-form");
const SCALE = 10; // decimals of a quantity
const PLAIN = /^\d{1,18}(\.\d{1,10})?$/;

// Quantities as whole numbers of their smallest part: floats would lose digits.
const whole = (text) => {
  const number = plain(text);
  if (!PLAIN.test(number)) return null;
  const [units, part = ""] = number.split(".");
  return BigInt(units + part.padEnd(SCALE, "0"));
};

const written = (value) => {
  const digits = value.toString().padStart(SCALE + 1, "0");
  const part = digits.slice(-SCALE).replace(/0+$/, "");
  return typed(digits.slice(0, -SCALE) + (part && `.${part}`));
};

const say = (input, text) => {
  input.value = text;
  input.dispatchEvent(new Event("input", { bubbles: true }));
  input.dispatchEvent(new Event("change", { bubbles: true }));
};

// --- the day's close ---------------------------------------------------------------------------------------------

let suggested = form?.elements.price?.value && document.getElementById("hint-price")?.dataset.suggest;

const suggest = () => {
  const { price } = form.elements;
  if (!price) return;
  const offered = document.getElementById("hint-price")?.dataset.suggest;
  const own = price.value !== "" && price.value !== suggested; // what somebody wrote stays
  if (own || document.activeElement === price || offered === suggested || !offered) return;
  suggested = offered;
  say(price, offered);
};

// --- picked lots -------------------------------------------------------------------------------------------------

const lots = () => [...form.querySelectorAll("[data-lot]")];
const take = (lot) => lot.querySelector("input");

const showLeft = () => {
  const output = form.querySelector("[data-picks-left]");
  if (!output) return;
  const sold = whole(form.elements.quantity.value);
  if (sold === null) {
    output.value = "";
    return;
  }
  const picked = lots().reduce((sum, lot) => sum + (whole(take(lot).value) ?? 0n), 0n);
  const left = sold - picked;
  const { saysTooMuch: tooMuch, saysRest: rest } = output.dataset;
  output.value = left < 0n ? tooMuch.replace("{amount}", written(-left)) : rest.replace("{amount}", written(left)).replace("{whole}", written(sold));
};

const fill = (order) => {
  let left = order ? whole(form.elements.quantity.value) : 0n;
  if (left === null) return form.elements.quantity.focus();
  const sorted = order ? lots().sort((one, other) => one.dataset[order] - other.dataset[order]) : lots();
  for (const lot of sorted) {
    const open = whole(typed(lot.dataset.open));
    const part = open < left ? open : left;
    take(lot).value = part ? written(part) : "";
    left -= part;
  }
  const [first] = lots();
  if (first) say(take(first), take(first).value);
  showLeft();
};

// --- lots that a transfer brings ---------------------------------------------------------------------------------

const addLot = () => {
  const place = document.getElementById("brought");
  const rows = place.querySelectorAll(".lot-row");
  const used = [...place.querySelectorAll(".lot-row input")].map((input) => Number(input.name.split("-")[1]));
  const row = document.createElement("div");
  row.innerHTML = place.querySelector("template").innerHTML.replaceAll("NUMBER", String(Math.max(-1, ...used) + 1));
  const added = row.firstElementChild;
  (rows[rows.length - 1] ?? place.querySelector("template")).after(added);
  added.querySelector("input").focus();
};

// --- parts that are swapped --------------------------------------------------------------------------------------

// The answer says what was picked when it was asked for; what stands in the inputs when it comes is newer.
let kept = [];

const picks = () => [...document.querySelectorAll("#lots-part input[name]")];

const keepPicks = () => {
  kept = picks().map(({ name, value, selectionStart, selectionEnd }) => ({ name, value, selectionStart, selectionEnd }));
};

// Where no lot can be shown just now, a pick is carried until they are there again. Where there is none, as of another
// security, it would be a mistake that nobody sees.
const carry = ({ name, value }) => {
  if (!value) return;
  const input = Object.assign(document.createElement("input"), { type: "hidden", name, value });
  document.querySelector("#lots-part [data-waits]")?.append(input);
};

const givePicksBack = () => {
  const shown = new Map(picks().map((input) => [input.name, input]));
  for (const pick of kept) {
    const input = shown.get(pick.name);
    if (!input) carry(pick);
    else if (input.value !== pick.value) {
      input.value = pick.value;
      if (input === document.activeElement) input.setSelectionRange(pick.selectionStart, pick.selectionEnd);
    }
  }
  kept = [];
  showLeft();
};

const markMistakes = () => {
  for (const error of form.querySelectorAll(".field-error")) {
    const input = form.querySelector(`[aria-describedby~="${error.id}"]`);
    if (!input) continue;
    if (error.childElementCount) input.setAttribute("aria-invalid", "true");
    else input.removeAttribute("aria-invalid");
  }
};

if (form) {
  form.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button?.dataset.fill) say(document.getElementById(button.dataset.fill), button.dataset.value);
    if (button?.dataset.pick !== undefined) fill(button.dataset.pick);
    if (button?.dataset.addLot !== undefined) addLot();
  });
  form.addEventListener("input", showLeft);
  document.addEventListener("htmx:beforeSwap", (event) => {
    if (event.detail.target.id === "lots-part") keepPicks();
  });
  document.addEventListener("htmx:afterSettle", (event) => {
    if (event.detail.target.id === "lots-part") givePicksBack();
    if (event.detail.target.id !== "preview") return;
    markMistakes();
    suggest();
  });
  showLeft();
}
