// Live prices: cells that name a symbol or a portfolio change while somebody looks at them.
//
//   <span data-live="AAPL.price" data-digits="2">…</span>           a quote's price
//   <span data-live="7.total_value" data-digits="2">…</span>        a portfolio's total
//   <span data-live="7.AAPL.value" data-digits="2">…</span>         one holding of it; data-signed writes a gain or loss
//   <p data-live-state hidden>…</p>                                 how the stream is
//
// The server computes every figure; here it is only written down.
const FIRST_PAUSE = 1000;
const LONGEST_PAUSE = 30000;
const HIDDEN_FOR = 60000; // a page that nobody sees lets go of its connection

const cells = new Map();
for (const cell of document.querySelectorAll("[data-live]")) {
  cells.set(cell.dataset.live, [...(cells.get(cell.dataset.live) ?? []), cell]);
}
const first = (key) => key.split(".")[0];
const isPortfolio = (key) => /^\d+\.[a-z_]+$|^\d+\..+\.[a-z_]+$/.test(key);
const portfolios = [...new Set([...cells.keys()].filter(isPortfolio).map(first))].map(Number);
const symbols = [...new Set([...cells.keys()].filter((key) => !isPortfolio(key)).map((key) => key.slice(0, key.lastIndexOf("."))))];
const stateLine = document.querySelector("[data-live-state]");

const MINUS = "−";
const written = (value, cell) => {
  const digits = Number(cell.dataset.digits ?? 2);
  const text = new Intl.NumberFormat("en", { minimumFractionDigits: digits, maximumFractionDigits: digits }).format(Math.abs(value));
  const zero = !/[1-9]/.test(text);
  const sign = zero ? "" : value < 0 ? MINUS : "signed" in cell.dataset ? "+" : "";
  return sign + text + (cell.dataset.unit ?? "");
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
    if ("signed" in cell.dataset) {
      const arrow = Object.assign(document.createElement("span"), { className: "arrow", textContent: value > 0 ? "▲" : "▼" });
      arrow.setAttribute("aria-hidden", "true");
      const whole = Object.assign(document.createElement("span"), { className: value > 0 ? "gain" : value < 0 ? "loss" : "flat" });
      whole.append(...(value ? [arrow] : []), text);
      cell.replaceChildren(whole);
    } else {
      cell.textContent = text;
    }
    mark(cell, value > before ? "moved-up" : value < before ? "moved-down" : "");
  }
};

let simulated = false;
const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
let lastAt = null;
const say = (state) => {
  if (!stateLine) return;
  const words = {
    live: lastAt ? `${simulated ? "Simulated prices, moving" : "Live"} · ${clock.format(lastAt)}` : "Waiting for live prices",
    reconnecting: "Live prices are interrupted; trying again",
    offline: "Not connected; trying again",
  };
  stateLine.hidden = false;
  stateLine.dataset.state = state;
  const text = words[state] ?? words.offline;
  if (stateLine.textContent !== text) stateLine.textContent = text;
};

let state = "offline";
const take = (message) => {
  if (message.state) {
    state = message.state;
    say(state);
  } else if (message.portfolio) {
    for (const name of ["total_value", "market_value", "unrealized_pnl"]) write(`${message.portfolio}.${name}`, message[name]);
    for (const [symbol, figures] of Object.entries(message.holdings ?? {})) {
      for (const [name, value] of Object.entries(figures)) write(`${message.portfolio}.${symbol}.${name}`, value);
    }
  } else if (message.symbol) {
    simulated = message.source === "simulated";
    lastAt = new Date(message.updated_at);
    for (const name of ["price", "change", "percent_change"]) write(`${message.symbol}.${name}`, message[name]);
    say(state);
  }
};

let socket = null;
let pause = FIRST_PAUSE;
let timer = null;
const open = () => {
  timer = null;
  const address = new URL("/ws/quotes/", window.location.href);
  address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
  socket = new WebSocket(address);
  socket.addEventListener("open", () => {
    pause = FIRST_PAUSE;
    socket.send(JSON.stringify({ subscribe: symbols, portfolios }));
  });
  socket.addEventListener("message", (event) => take(JSON.parse(event.data)));
  socket.addEventListener("close", (event) => {
    socket = null;
    if (event.code === 4401 || event.code === 4403 || event.code === 4429 || document.hidden) return; // no use to try again
    state = "offline";
    say(state);
    timer = setTimeout(open, pause * (0.5 + Math.random()));
    pause = Math.min(pause * 2, LONGEST_PAUSE);
  });
};

let sleep = null;
document.addEventListener("visibilitychange", () => {
  clearTimeout(sleep);
  if (document.hidden) sleep = setTimeout(() => socket?.close(1000), HIDDEN_FOR);
  else if (!socket && !timer) open();
});

if (cells.size) open();
