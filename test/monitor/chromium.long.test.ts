/** The monitor in a real browser, with real sessions. */
import type { Page } from "playwright-core";
import { describeInChromium, openPage } from "../kit/chromium.js";
import { cleanUpAfterEach } from "../kit/clean-up.js";
import { asCaller } from "../kit/conversation.js";
import { serveMonitor } from "../kit/monitor.js";
import { begin } from "../kit/streamable.js";

cleanUpAfterEach();

/** What a page does that it should not: other hosts, violations of its policy, errors, dialogs. */
function watch(page: Page, origin: string): readonly string[] {
  const faults: string[] = [];
  page.on("request", (request) => {
    const isOurs = request.url().startsWith(`${origin}/`) || request.url().startsWith("data:");
    if (!isOurs) faults.push(`asked for ${request.url()}`);
  });
  page.on("console", (message) => faults.push(`${message.type()}: ${message.text()}`));
  page.on("pageerror", (error) => faults.push(error.message));
  page.on("dialog", (dialog) => {
    faults.push(`dialog ${dialog.message()}`);
    void dialog.dismiss();
  });
  return faults;
}

async function open(options: Parameters<typeof serveMonitor>[0] & { scripts?: boolean } = {}) {
  const { scripts = true, ...rest } = options;
  const served = await serveMonitor(rest);
  const page = await openPage({ scripts });
  const faults = watch(page, served.url);
  return { ...served, page, faults };
}

const LIVE = '#status[data-state="live"]';

/** What has the focus, in words. */
function focused(page: Page): Promise<string> {
  return page.evaluate(() => document.activeElement?.textContent.replace(/\s+/g, " ").trim() ?? "");
}

/** Presses a key until something has the focus. */
async function goTo(page: Page, text: RegExp): Promise<void> {
  for (let n = 0; n < 60; n++) {
    if (text.test(await focused(page))) return;
    await page.keyboard.press("Tab");
  }
  throw new Error(`nothing like ${text.source} gets the focus`);
}

describeInChromium("in Chromium", () => {
  it("FACT-53, FACT-58: a page shows what changes, and leaves the focus where it is", async () => {
    const { page, pageUrl, mcpUrl, router, faults } = await open();
    await begin(mcpUrl, asCaller({ sub: "alice" }));
    await page.goto(pageUrl);
    await page.waitForSelector(LIVE);
    await goTo(page, /^End… the sessions of alice$/);
    const bob = await begin(mcpUrl, asCaller({ sub: "bob" }));
    await begin(mcpUrl, asCaller({ sub: "bob" }));
    await page.waitForSelector("#people tr:first-child >> text=bob");
    expect(await focused(page)).toBe("End… the sessions of alice");

    await bob.call("echo", { text: "hello" });
    await page.waitForSelector("#done >> text=tool echo");
    // Where what had the focus is gone, the part has it.
    router.sessions.closeFor((principal) => principal?.id === "alice");
    await page.waitForSelector("#people tbody tr:has-text('alice')", { state: "detached" });
    expect(await page.evaluate(() => document.activeElement?.id)).toBe("people");
    expect(faults).toEqual([]);
  });

  it("FACT-55, FACT-58: somebody's sessions are ended with the keyboard alone", async () => {
    const { page, pageUrl, mcpUrl, router, faults } = await open();
    await begin(mcpUrl, asCaller({ sub: "alice" }));
    await begin(mcpUrl, asCaller({ sub: "bob" }));
    await page.goto(pageUrl);
    await page.waitForSelector(LIVE);
    await goTo(page, /^End… the sessions of alice$/);
    const outline = await page.evaluate(
      () => getComputedStyle(document.activeElement!).outlineStyle,
    );
    expect(outline).toBe("solid");
    await page.keyboard.press("Enter");
    await page.waitForSelector("text=End these sessions?");
    await goTo(page, /^End their sessions$/);
    await page.keyboard.press("Enter");
    await page.waitForSelector("text=1 session of alice has ended.");
    await goTo(page, /^Back$/);
    await page.keyboard.press("Enter");
    await page.waitForSelector(LIVE);
    expect(await page.textContent("#people")).not.toContain("alice");
    expect(router.sessions.size).toBe(1);
    expect(faults).toEqual([]);
  });

  it("FACT-58: updates can be paused, and a connection that is lost is said, and looked for", async () => {
    const { page, pageUrl, mcpUrl, server } = await open();
    await page.goto(pageUrl);
    await page.waitForSelector(LIVE);
    await page.click("text=Pause");
    expect(await page.textContent("#status")).toBe("Paused");
    await begin(mcpUrl, asCaller({ sub: "alice" }));
    await page.click("text=Go on");
    await page.waitForSelector("#people >> text=alice");
    server.closeAllConnections();
    await page.waitForSelector('#status[data-state="lost"]');
    await page.waitForSelector(LIVE);
    expect(await page.getAttribute("#status", "role")).toBe("status");
  });

  it("FACT-53: a page that is one too many says so", async () => {
    const { page, pageUrl } = await open({ monitor: { maxPages: 1 } });
    await page.goto(pageUrl);
    await page.waitForSelector(LIVE);
    const other = await openPage();
    await other.goto(pageUrl);
    await other.waitForSelector('#status[data-state="off"]');
    expect(await other.textContent("#status")).toMatch(/^Not live: 1 of these pages are open/);
  });

  it("FACT-52: who calls themselves by markup is text, also in what is shown later", async () => {
    const { page, pageUrl, mcpUrl, faults } = await open();
    const evil = `<img src=x onerror="alert(1)"><script>alert(2)</script>`;
    await page.goto(pageUrl);
    await page.waitForSelector(LIVE);
    await begin(mcpUrl, asCaller({ sub: `${evil}${"x".repeat(2_000)}` }));
    await page.waitForSelector("#people >> text=<img src=x");
    await page.reload();
    await page.waitForSelector(LIVE);
    expect(await page.locator("img, main script").count()).toBe(0);
    expect(faults).toEqual([]);
  });

  it("FACT-58: it fits a phone, light and dark", async () => {
    const { page, pageUrl, mcpUrl } = await open({});
    await begin(mcpUrl, asCaller({ sub: "somebody-with-a-rather-long-name@example.com" }));
    for (const colorScheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width: 360, height: 740 });
      await page.goto(pageUrl);
      await page.waitForSelector(LIVE);
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      expect(overflow).toBeLessThanOrEqual(0);
      const [ink, back] = await page.evaluate(() => {
        const { color, backgroundColor } = getComputedStyle(document.body);
        return [color, backgroundColor];
      });
      expect([ink, back]).toEqual(
        colorScheme === "light"
          ? ["rgb(27, 31, 36)", "rgb(245, 246, 248)"]
          : ["rgb(230, 237, 243)", "rgb(13, 17, 23)"],
      );
    }
  });

  it("FACT-52: without scripts it is complete, and ends sessions", async () => {
    const { page, pageUrl, mcpUrl, router } = await open({ scripts: false });
    await begin(mcpUrl, asCaller({ sub: "alice" }));
    await page.goto(pageUrl);
    expect(await page.textContent("#sessions")).toContain("alice");
    expect(await page.isVisible("#pause")).toBe(false);
    await page.fill("#q", "nobody");
    await page.click("text=Find >> nth=-1");
    await page.waitForSelector("text=No session is found.");
    await page.click("text=Show all");
    await page.click("#people a.button");
    await page.click("text=End their sessions");
    await page.waitForSelector("text=has ended");
    expect(router.sessions.size).toBe(0);
  });

  it("FACT-52: a thousand sessions do not freeze it", async () => {
    const { page, pageUrl, mcpUrl, faults } = await open();
    const all = Array.from({ length: 1_000 }, (_one, n) => asCaller({ sub: `user-${n}` }));
    while (all.length > 0) await Promise.all(all.splice(-20).map((who) => begin(mcpUrl, who)));
    await page.goto(pageUrl);
    await page.waitForSelector(LIVE);
    await page.waitForSelector("text=Page 1 of 20");
    const longest = await page.evaluate(
      () =>
        new Promise<number>((resolve) => {
          let [last, gap] = [performance.now(), 0];
          const look = (): void => {
            const now = performance.now();
            gap = Math.max(gap, now - last);
            last = now;
          };
          const timer = setInterval(look, 5);
          setTimeout(() => {
            clearInterval(timer);
            resolve(gap);
          }, 5_000);
        }),
    );
    expect(longest).toBeLessThan(1_000);
    await page.click("text=Next page");
    await page.waitForSelector("text=Page 2 of 20");
    expect(faults).toEqual([]);
  });
});
