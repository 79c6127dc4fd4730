// Live prices: cells that name a symbol or a portfolio change while somebody looks at them.
//
//   <span data-live="price" data-symbol="AAPL" data-digits="2">…</span>              a quote's price: at least so many digits
//   <span data-live="total_value" data-portfolio="7" data-digits="2">…</span>        a portfolio's total
//   <span data-live="value" data-portfolio="7" data-symbol="AAPL" …>…</span>         one holding of it; data-signed: a gain or loss
//   <p data-live-state hidden>…</p>                                                  how the stream is
//
// The server computes every figure; here it is only written down.
const FIRST_PAUSE = 1000;
const LONGEST_PAUSE = 30000;
const MOST_FAILURES = 8; // of a connection that never opened: logged out, or no such socket here
const FRESH = 600000; // an older price is a last one, not a live one
const HIDDEN_FOR = 60000; // a page that nobody sees lets go of its connection

const keyOf = (portfolio, symbol, figure) => JSON.stringify([portfolio ?? "", symbol ?? "", figure]);
const cells = new Map();
const portfolios = new Set();
const symbols = new Set();
for (const cell of document.querySelectorAll("[data-live]")) {
  const { portfolio, symbol, live } = cell.dataset;
  const key = keyOf(portfolio, symbol, live);
  cells.set(key, [...(cells.get(key) ?? []), cell]);
  if (portfolio) portfolios.add(Number(portfolio));
  else symbols.add(symbol);
}
const stateLine = document.querySelector("[data-live-state]");

const MINUS = "−";
// A price has as many decimals as it needs: up to 4, or 6 below 1.
const decimals = (value, cell) => {
  const least = Number(cell.dataset.digits ?? 2);
  if (cell.dataset.live !== "price") return least;
  const needed = Math.abs(value).toFixed(Math.abs(value) >= 1 ? 4 : 6).replace(/0+$/, "").split(".")[1].length;
  return Math.max(least, needed);
};
const written = (value, cell) => {
  const digits = decimals(value, cell);
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
    live: Date.now() - lastAt < FRESH ? `${simulated ? "Simulated prices, moving" : "Live"} · ${clock.format(lastAt)}` : "Waiting for live prices",
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
    const portfolio = String(message.portfolio);
    for (const name of ["total_value", "market_value", "unrealized_pnl"]) write(keyOf(portfolio, "", name), message[name]);
    for (const [symbol, figures] of Object.entries(message.holdings ?? {})) {
      for (const [name, value] of Object.entries(figures)) write(keyOf(portfolio, symbol, name), value);
    }
  } else if (message.symbol) {
    simulated = message.source === "simulated";
    lastAt = new Date(message.updated_at);
    for (const name of ["price", "change", "percent_change"]) write(keyOf("", message.symbol, name), message[name]);
    say(state);
  }
};

let socket = null;
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
    socket.send(JSON.stringify({ subscribe: [...symbols], portfolios: [...portfolios] }));
  });
  socket.addEventListener("message", (event) => take(JSON.parse(event.data)));
  socket.addEventListener("close", (event) => {
    socket = null;
    failures += 1;
    state = "offline";
    say(state);
    if ([4401, 4403, 4429].includes(event.code) || failures > MOST_FAILURES || document.hidden) return; // no use to try again
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
