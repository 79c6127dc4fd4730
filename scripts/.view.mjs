import { chromium } from "playwright-core";
const [,, name, width, height, scheme, path, scroll, sel] = process.argv;
const b = await chromium.launch({executablePath:"/usr/bin/chromium",args:["--no-sandbox","--disable-gpu","--disable-background-networking","--disable-component-update","--disable-sync"]});
const c = await b.newContext({viewport:{width:+width,height:+height},colorScheme:scheme,reducedMotion:"reduce"});
const p = await c.newPage();
p.on("console",m=>{ if(["error","warning"].includes(m.type())) console.log("CONSOLE",m.text())});
p.on("pageerror",e=>console.log("PAGEERROR",e.message));
const base="http://127.0.0.1:8123";
await p.goto(base+"/login/"); await p.fill("input[name=username]",process.env.U||"demo"); await p.fill("input[name=password]",process.env.P||"demo123");
await Promise.all([p.waitForURL(base+"/"),p.click("button[type=submit]")]);
await p.goto(base+path); await p.waitForTimeout(500);
if(sel) for (const s of sel.split("|")) { await p.click(s); await p.waitForTimeout(500); }
if(+scroll>0){ await p.evaluate(y=>window.scrollTo(0,y),+scroll); await p.waitForTimeout(200); }
await p.screenshot({path:`/tmp/w/shots/${name}.png`});
await b.close();
