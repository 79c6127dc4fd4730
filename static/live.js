// Live prices: cells that name a symbol or a portfolio change while somebody looks at them.
//
//   <span data-live="price" data-symbol="AAPL" data-digits="2">…</span>              a quote's price: at least so many digits
//   <span data-live="total_value" data-portfolio="7" data-digits="2">…</span>        a portfolio's total
//   <span data-live="value" data-portfolio="7" data-symbol="AAPL" …>…</span>         one holding of it; data-signed: a gain or loss
//   <span data-live="weight" data-portfolio="7" data-sector="Energy" data-percent …> one sector; data-percent: a fraction; data-plus: with its sign
//   <span data-live="at" data-symbol="AAPL">…</span>                                 when that was: of a quote, or of the newest one in a total
//   <span data-live="made-up" data-symbol="AAPL"></span>                             says so while the price is a simulated one
//   <span data-live-line hidden>…</span>                                             shown once a cell in it has been written
//   <p data-live-state hidden>…</p>                                                  how the stream is
//
// The server computes every figure; here it is only written down. While the page shows a past day, nothing is.
import { group, locale, percentSign, timeZone } from "./numbers.js";

const FIRST_PAUSE = 1000;
const LONGEST_PAUSE = 30000;
const MOST_FAILURES = 8; // of a connection that never opened: logged out, or no such socket here
const FRESH = 600000; // an older price is a last one, not a live one
const TODAY = 86400000; // the time of day of an older one says little; the page has its day
const MARKED = ["price", "value", "total_value", "market_value"]; // shares and changes move with these, and need no flash of their own
const HIDDEN_FOR = 60000; // a page that nobody sees lets go of its connection

const keyOf = (portfolio, part, figure) => JSON.stringify([portfolio ?? "", part ?? "", figure]);
const ofSector = (name) => `sector ${name}`; // no symbol has a space
const cells = new Map();
const portfolios = new Set();
const symbols = new Set();
const look = () => {
  cells.clear();
  for (const cell of document.querySelectorAll("[data-live]")) {
    const { portfolio, symbol, sector, live } = cell.dataset;
    const key = keyOf(portfolio, sector === undefined ? symbol : ofSector(sector), live);
    cells.set(key, [...(cells.get(key) ?? []), cell]);
    if (portfolio) portfolios.add(Number(portfolio));
    else symbols.add(symbol);
  }
};
look();
const quiet = document.querySelector("[data-past-day]") !== null; // a past day is shown: nothing of it moves
const stateLine = document.querySelector("[data-live-state]");

const MINUS = "−";
// A price has as many decimals as it needs: up to 4, or 6 below 1.
const decimals = (value, cell) => {
  const least = Number(cell.dataset.digits ?? 2);
  if (cell.dataset.live !== "price") return least;
  const needed = Math.abs(value).toFixed(Math.abs(value) >= 1 ? 4 : 6).replace(/0+$/, "").split(".")[1].length;
  return Math.max(least, needed);
};
const written = (given, cell) => {
  const percent = "percent" in cell.dataset;
  const value = percent ? given * 100 : given;
  const digits = decimals(value, cell);
  const text = group({ minimumFractionDigits: digits, maximumFractionDigits: digits }).format(Math.abs(value));
  const zero = !/[1-9]/.test(text);
  const sign = zero ? "" : value < 0 ? MINUS : "signed" in cell.dataset || "plus" in cell.dataset ? "+" : "";
  const unit = cell.dataset.unit ?? "";
  return sign + text + (percent || unit === "%" ? percentSign : unit);
};

const mark = (cell, name) => {
  cell.classList.remove("moved-up", "moved-down");
  void cell.offsetWidth; // begins the animation anew
  if (name) cell.classList.add(name);
};

const write = (key, given) => {
  if (given === null || given === undefined) return;
  const value = Number(given);
  for (const cell of cells.get(key) ?? []) {
    const text = written(value, cell);
    if (cell.textContent.trim().endsWith(text) && cell.dataset.was !== undefined) continue;
    const before = Number(cell.dataset.was ?? value);
    cell.dataset.was = value;
    cell.closest("[data-live-line]")?.removeAttribute("hidden");
    if (cell.dataset.live === "weight") bar(cell, value);
    if ("signed" in cell.dataset) {
      const moves = /[1-9]/.test(text); // what is nothing as it is written is neither a gain nor a loss
      const arrow = Object.assign(document.createElement("span"), { className: "arrow", textContent: value > 0 ? "▲" : "▼" });
      arrow.setAttribute("aria-hidden", "true");
      const whole = Object.assign(document.createElement("span"), { className: !moves ? "flat" : value > 0 ? "gain" : "loss" });
      whole.append(...(moves ? [arrow] : []), text);
      cell.replaceChildren(whole);
    } else {
      cell.textContent = text;
    }
    if (MARKED.includes(cell.dataset.live)) mark(cell, value > before ? "moved-up" : value < before ? "moved-down" : "");
  }
};
const bar = (cell, share) => {
  const rect = cell.parentElement.querySelector(".weight-bar rect");
  rect?.setAttribute("width", (Math.min(Math.max(share, 0), 1) * 100).toFixed(2));
};
const writeAll = (portfolio, part, figures) => {
  for (const [name, value] of Object.entries(figures)) write(keyOf(portfolio, part, name), value);
};

const clock = new Intl.DateTimeFormat(locale, { hourCycle: "h23", hour: "2-digit", minute: "2-digit", second: "2-digit", timeZone });
const instant = new Intl.DateTimeFormat(locale, { hourCycle: "h23", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", timeZone });
const date = (key, text) => {
  const at = new Date(text ?? 0);
  if (Date.now() - at > TODAY) return;
  const format = at.toDateString() === new Date().toDateString() ? clock : instant;
  for (const cell of cells.get(key) ?? []) cell.textContent = format.format(at);
};

let simulated = false;
let lastAt = null;
const say = (state, detail) => {
  if (!stateLine) return;
  const fresh = Date.now() - lastAt < FRESH;
  const said = stateLine.dataset; // the words, in the reader's language
  const told = (words, waiting) => (fresh ? words : waiting);
  const words = {
    live: told(simulated ? said.saysSimulated : said.saysLive, said.saysWaiting),
    polling: told(said.saysPolling, said.saysWaitingPolling),
    simulated: told(said.saysSimulated, said.saysWaitingSimulated),
    unavailable: said.saysUnavailable,
    connecting: said.saysWaiting,
    reconnecting: said.saysReconnecting,
    offline: said.saysOffline,
    refused: said.saysRefused,
  };
  stateLine.hidden = false;
  stateLine.dataset.state = state;
  const moves = fresh && ["live", "polling", "simulated"].includes(state);
  writeState((words[state] ?? words.offline) + (detail ? `. ${detail}` : ""), moves ? ` · ${clock.format(lastAt)}` : "");
};

// A screen reader hears how the stream is when that changes, and not the time of every price.
const stated = document.createElement("span");
const ticked = document.createElement("span");
ticked.setAttribute("aria-live", "off");
const writeState = (text, time) => {
  if (!stated.isConnected) stateLine.replaceChildren(stated, ticked);
  if (stated.textContent !== text) stated.textContent = text;
  ticked.textContent = time;
};

let state = "offline";
let detail = "";
const takeState = (message) => {
  state = message.state;
  detail = message.detail ?? "";
  say(state, detail);
};
const takeTotal = (message) => {
  const { portfolio: id, holdings, sectors, at, complete, currency, ...figures } = message;
  const portfolio = String(id);
  writeAll(portfolio, "", figures);
  for (const [symbol, each] of Object.entries(holdings)) writeAll(portfolio, symbol, each);
  for (const [sector, each] of Object.entries(sectors)) writeAll(portfolio, ofSector(sector), each);
  date(keyOf(portfolio, "", "at"), at);
};
const tag = (text) => Object.assign(document.createElement("span"), { className: "tag tag-mark", textContent: text });
const takeQuote = (message) => {
  const { symbol, source, updated_at, ...figures } = message;
  simulated = source === "simulated";
  lastAt = new Date(updated_at);
  writeAll("", symbol, figures);
  date(keyOf("", symbol, "at"), updated_at);
  for (const cell of cells.get(keyOf("", symbol, "made-up")) ?? []) cell.replaceChildren(...(simulated ? [tag(stateLine?.dataset.saysMadeUp ?? "")] : []));
  say(state, detail);
};
const WHY = ["too_many_sockets", "too_many_symbols", "unknown_portfolio"]; // what somebody who looks at the page should know
const take = (message) => {
  if (message.error) {
    if (!WHY.includes(message.error.code)) return;
    detail = message.error.detail;
    say("refused", detail);
  } else if (message.state) takeState(message);
  else if (message.portfolio) takeTotal(message);
  else if (message.symbol) takeQuote(message);
};

let socket = null;
let asked = "";
const ask = () => {
  const wanted = JSON.stringify({ subscribe: [...symbols], portfolios: [...portfolios] });
  if (wanted !== asked) socket.send(wanted);
  asked = wanted;
};
let pause = FIRST_PAUSE;
let failures = 0;
let timer = null;
const open = () => {
  timer = null;
  const address = new URL("/ws/quotes/", window.location.href);
  address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
  socket = new WebSocket(address);
  socket.addEventListener("open", () => {
    pause = FIRST_PAUSE;
    failures = 0;
    asked = ""; // of another connection
    ask();
  });
  socket.addEventListener("message", (event) => take(JSON.parse(event.data)));
  socket.addEventListener("close", (event) => {
    socket = null;
    failures += 1;
    state = "offline";
    const useless = [4401, 4403, 4429].includes(event.code) || failures > MOST_FAILURES;
    if (useless) say("refused", detail || stateLine?.dataset.saysReload);
    else say(state);
    if (useless || document.hidden) return;
    timer = setTimeout(open, pause * (0.5 + Math.random()));
    pause = Math.min(pause * 2, LONGEST_PAUSE);
  });
};

let sleep = null;
document.addEventListener("visibilitychange", () => {
  if (quiet || !cells.size) return;
  clearTimeout(sleep);
  if (document.hidden) sleep = setTimeout(() => socket?.close(1000), HIDDEN_FOR);
  else if (!socket && !timer) open();
});

if (cells.size && !quiet) open();

// A part of the page that came anew has other cells, and perhaps of other assets; what is followed already stays so.
document.addEventListener("htmx:afterSettle", () => {
  if (quiet) return;
  look();
  if (socket?.readyState === WebSocket.OPEN) ask();
  else if (cells.size && !socket && !timer && !failures) open();
});
