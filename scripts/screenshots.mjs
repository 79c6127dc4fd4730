// Takes the pictures in docs/screenshots/ from a running server with the demo in it, in Debian's Chromium:
//
//   make run                          (in another terminal)
//   npm run screenshots
//
// It fails when the browser reports an error, a breach of the content security policy included, or when a page asks
// another host for anything. Settings: URL, CHROMIUM, DEMO_USER, DEMO_PASSWORD, OUT (a folder), FULL=1 (whole pages).
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
  reports: "/reports/",
  statement: "/reports/statement/?period=2021",
  income: "/reports/income/?period=all",
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
};

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

const login = async (page) => {
  await page.fill("input[name=username]", DEMO_USER);
  await page.fill("input[name=password]", DEMO_PASSWORD);
  await Promise.all([page.waitForURL(`${base}/`), page.click("button[type=submit]")]);
};

const visit = async (browser, size, scheme) => {
  const suffix = size + scheme;
  const context = await browser.newContext({ viewport: sizes[size], colorScheme: schemes[scheme], reducedMotion: "reduce" });
  const page = await watched(context);
  await page.goto(`${base}/login/`);
  await shoot(page, `login${suffix}`);
  await login(page);
  for (const [name, path] of Object.entries(pages)) {
    await page.goto(base + path);
    for (const chart of await page.locator(".chart").all()) await chart.locator("canvas").waitFor();
    await shoot(page, `${name}${suffix}`);
  }
  await context.close();
};

await mkdir(OUT, { recursive: true });
const quiet = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"];
const browser = await chromium.launch({ executablePath: CHROMIUM, args: [...quiet, "--disable-component-update", "--disable-sync"] });
for (const size of Object.keys(sizes)) for (const scheme of Object.keys(schemes)) await visit(browser, size, scheme);
await browser.close();
for (const complaint of complaints) console.error(complaint);
process.exitCode = complaints.length ? 1 : 0;
