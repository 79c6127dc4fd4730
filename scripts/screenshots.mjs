// Takes the pictures in docs/screenshots/ from a running server with the demo in it, in Debian's Chromium:
//
//   make run                          (in another terminal)
//   npm run screenshots
//
// It fails when the browser reports an error, a breach of the content security policy included, or when a page asks
// another host for anything. Settings: URL, CHROMIUM, DEMO_USER, DEMO_PASSWORD, OUT (a folder), FULL=1 (whole pages).
// The organisation's pages are the demo's manager's, the bank's its administrator's. The import is uploaded and deleted.
import { mkdir } from "node:fs/promises";
import { chromium } from "playwright-core";

const env = { URL: "http://127.0.0.1:8000", CHROMIUM: "/usr/bin/chromium", DEMO_USER: "demo", DEMO_PASSWORD: "demo123" };
const { URL: base, CHROMIUM, DEMO_USER, DEMO_PASSWORD, OUT = "docs/screenshots", FULL } = { ...env, ...process.env };
const sizes = { "": { width: 1280, height: 900 }, "-phone": { width: 390, height: 844 } };
const schemes = { "": "light", "-dark": "dark" };
const complaints = [];

// The name of a picture and the page that it is of.
const pages = {
  dashboard: "/",
  holdings: "/holdings/",
  holding: "/holdings/AAPL/",
  transactions: "/transactions/",
  "new-trade": "/transactions/new/?asset=AAPL&kind=sell",
  watchlist: "/watchlist/",
  reports: "/reports/",
  statement: "/reports/statement/?period=2021",
  "tax-report": "/reports/tax/?year=2021",
  risk: "/analytics/risk/",
  history: "/analytics/history/",
  "value-at-risk": "/analytics/var/",
  factors: "/analytics/factors/",
  "stress-tests": "/analytics/stress/",
  correlation: "/analytics/correlation/",
  optimiser: "/analytics/optimiser/",
  rebalancing: "/analytics/rebalancing/?fill=equal",
  explanation: "/explain/sharpe_ratio/",
  banking: "/banking/",
  accounts: "/banking/accounts/",
  account: { from: "/banking/accounts/", link: "/banking/accounts/\\d+/", at: 1 },
  "cash-transactions": "/banking/transactions/",
  transfers: "/banking/transfers/",
  schedules: "/banking/schedules/",
  possessions: "/banking/possessions/",
  categories: "/banking/categories/",
  rules: "/banking/rules/",
  budgets: "/banking/budgets/",
  recurring: "/banking/recurring/",
  deposits: "/banking/deposits/",
  imports: "/imports/",
  settings: "/settings/",
  "portfolio-settings": "/settings/portfolio/",
  import: { upload: "fixtures/transactions.csv" },
  income: "/reports/income/?period=all&portfolio=3", // last, as it chooses a portfolio: the one with income
};
const ofManager = {
  organisations: "/organisations/",
  organisation: { from: "/organisations/", link: "/organisation/\\d+/" },
  people: { from: "/organisations/", link: "/organisation/\\d+/people/" },
};
const ofAdmin = {
  bank: "/bank-admin/",
  "bank-flags": "/bank-admin/flags/",
  "bank-organisation": { from: "/bank-admin/", link: "/bank-admin/organisations/\\d+/" },
  "bank-person": { from: "/bank-admin/", link: "/bank-admin/people/\\d+/" },
};
const visitors = [
  { user: DEMO_USER, password: DEMO_PASSWORD, pages },
  { user: "manager", password: "manager123", pages: ofManager },
  { user: "admin", password: "admin", pages: ofAdmin },
];

const watched = async (context) => {
  const page = await context.newPage();
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) complaints.push(`${page.url()}: ${message.text()}`);
  });
  page.on("pageerror", (error) => complaints.push(`${page.url()}: ${error.message}`));
  page.on("request", (request) => {
    const url = new URL(request.url());
    if (url.origin !== base && url.protocol !== "data:") complaints.push(`${page.url()} asks ${url.origin}`);
  });
  return page;
};

const overflows = (page) => page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth);

const shoot = async (page, name) => {
  if (await overflows(page)) complaints.push(`${name}: wider than the window`);
  await page.screenshot({ path: `${OUT}/${name}.png`, fullPage: Boolean(FULL) });
  console.log(`${OUT}/${name}.png`);
};

const login = async (page, { user, password }) => {
  await page.fill("input[name=username]", user);
  await page.fill("input[name=password]", password);
  await Promise.all([page.waitForURL(`${base}/`), page.click("button[type=submit]")]);
};

// Opens a page by its path, by the first link (or that at a place) to one of its kind on another, or by an upload.
const open = async (page, { from, link, at = 0, upload, path }) => {
  if (upload) {
    await page.goto(`${base}/imports/`);
    await page.setInputFiles("input[type=file]", upload);
    await Promise.all([page.waitForURL(/\/imports\/\d+\/$/), page.click("form[enctype] button[type=submit]")]);
    return page.waitForSelector("#import:not([aria-busy])");
  }
  if (!from) return page.goto(base + path);
  await page.goto(base + from);
  const links = await page.locator("main a[href]").evaluateAll((all) => all.map((each) => each.getAttribute("href")));
  const found = links.filter((each) => new RegExp(`^${link}$`).test(each))[at];
  if (!found) throw new Error(`${from} has no link like ${link}`);
  return page.goto(base + found);
};

const visit = async (browser, size, scheme, visitor) => {
  const suffix = size + scheme;
  const context = await browser.newContext({ viewport: sizes[size], colorScheme: schemes[scheme], reducedMotion: "reduce" });
  const page = await watched(context);
  await page.goto(`${base}/login/`);
  if (visitor === visitors[0]) await shoot(page, `login${suffix}`);
  await login(page, visitor);
  for (const [name, where] of Object.entries(visitor.pages)) {
    await open(page, typeof where === "string" ? { path: where } : where);
    for (const chart of await page.locator(".chart").all()) await chart.locator("canvas").waitFor();
    await shoot(page, `${name}${suffix}`);
    if (where.upload) await Promise.all([page.waitForURL(`${base}/imports/`), page.click("button[value=delete]")]);
  }
  await context.close();
};

await mkdir(OUT, { recursive: true });
const quiet = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"];
const browser = await chromium.launch({ executablePath: CHROMIUM, args: [...quiet, "--disable-component-update", "--disable-sync"] });
for (const size of Object.keys(sizes))
  for (const scheme of Object.keys(schemes)) for (const visitor of visitors) await visit(browser, size, scheme, visitor);
await browser.close();
for (const complaint of complaints) console.error(complaint);
process.exitCode = complaints.length ? 1 : 0;
