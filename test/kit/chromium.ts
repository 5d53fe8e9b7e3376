import { existsSync, mkdirSync } from "node:fs";
import { delimiter, join } from "node:path";
import { chromium } from "playwright-core";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { onDispose } from "./clean-up.js";

/** Where pictures of the pages are kept, for whoever wants to look at them. */
const PICTURES = join(__dirname, "../../artifacts/sign-in");

const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** A Chromium or Chrome of this machine. */
const executablePath = findChromium();

function findChromium(): string | undefined {
  const names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  return [
    ...folders.flatMap((folder) => names.map((name) => join(folder, name))),
    chromium.executablePath(),
  ].find((path) => existsSync(path));
}

/** Tests in a real browser; where there is none they are skipped, and say so. */
export function describeInChromium(title: string, tests: () => void): void {
  if (executablePath === undefined) {
    describe.skip(`${title} (skipped: install Chromium, or put it into PATH)`, tests);
    return;
  }
  describe(title, () => {
    afterAll(async () => {
      await (await running)?.close();
      running = undefined;
    });
    tests();
  });
}

let running: Promise<Browser> | undefined;

/** A browser with nothing in it, gone after the test; one program serves all tests of a file. */
export async function openBrowser({ scripts = true } = {}): Promise<BrowserContext> {
  running ??= chromium.launch({ executablePath: executablePath!, args: FLAGS, timeout: 0 });
  const context = await (await running).newContext({ javaScriptEnabled: scripts });
  // A busy machine is slow, and Jest's own limit is enough.
  context.setDefaultTimeout(0);
  onDispose(() => context.close());
  return context;
}

/** A page of such a browser. */
export async function openPage(options?: { scripts?: boolean }): Promise<Page> {
  return await (await openBrowser(options)).newPage();
}

/** Keeps a picture of a page, at the width of a desktop and of a phone. */
export async function picture(page: Page, name: string): Promise<void> {
  mkdirSync(PICTURES, { recursive: true });
  for (const [device, size] of [
    ["desktop", { width: 1024, height: 768 }],
    ["phone", { width: 360, height: 740 }],
  ] as const) {
    await page.setViewportSize(size);
    await page.screenshot({ path: join(PICTURES, `${name}-${device}.png`), fullPage: true });
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    expect(overflow).toBeLessThanOrEqual(0);
  }
}
