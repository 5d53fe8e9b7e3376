import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { chromium } from "playwright-core";
import type { Browser, Page } from "playwright-core";
import { onDispose } from "./clean-up.js";

/** Where pictures of the pages are kept, for whoever wants to look at them. */
const PICTURES = join(__dirname, "../../artifacts/sign-in");

const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** The browser's program; `undefined` where there is none. */
export const CHROMIUM = findChromium();

function findChromium(): string | undefined {
  try {
    return execFileSync("which", ["chromium"], { encoding: "utf8" }).trim();
  } catch {
    return undefined;
  }
}

/** Tests in a real browser; where there is none they are skipped, and say so. */
export const describeInChromium: jest.Describe = CHROMIUM === undefined ? describe.skip : describe;

let running: Promise<Browser> | undefined;

/** A browser with nothing in it; one program serves all tests of a file. */
export async function openBrowser({ scripts = true } = {}): Promise<Page> {
  running ??= chromium.launch({ executablePath: CHROMIUM ?? "", args: FLAGS });
  const browser = await running;
  const context = await browser.newContext({ javaScriptEnabled: scripts });
  onDispose(() => context.close());
  return await context.newPage();
}

/** Call it after all tests of a file. */
export async function closeBrowser(): Promise<void> {
  await (await running)?.close();
  running = undefined;
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
