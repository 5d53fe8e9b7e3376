import type { BrowserContext, Page } from "playwright-core";
import { describeInChromium, openBrowser } from "../kit/chromium.js";
import { cleanUpAfterEach } from "../kit/clean-up.js";
import { runPageClient } from "../kit/faults/browser-page.js";
import type { PageClient } from "../kit/faults/browser-page.js";
import { Killer, WAYS } from "../kit/faults/killer.js";
import { FaultHost } from "../kit/faults/host.js";
import { survive } from "../kit/faults/storm.js";
import { RESUME } from "../kit/faults/load.js";
import { serverV1 } from "../kit/faults/servers.js";

cleanUpAfterEach();

const KEY = "a-key-for-the-pages-of-a-browser";

describeInChromium("a browser", () => {
  let context: BrowserContext;

  beforeEach(async () => (context = await openBrowser()));

  const serve = () =>
    FaultHost.start(serverV1, {
      ...RESUME,
      auth: {
        type: "apikey",
        options: { keys: [{ id: "page", key: KEY }], queryParam: "api_key" },
      },
      configure: (app) =>
        app.get("/", (_req, res) => void res.type("html").send("<title>t</title>")),
    });

  it("RESUME-1: gets every message exactly once and in order, though its stream is killed 60 times", async () => {
    const host = await serve();
    const tab = await Tab.open(context, host, "tab");
    await survive(host, [tab], async () => {
      while (tab.killer.kills < 60) await tab.drop();
      await tab.expectEverythingOnce();
    });
    const marks = tab.killer.streams
      .slice(1)
      .map(({ request }) => request.headers["last-event-id"]);
    expect(marks).not.toContain(undefined);
    expect(host.served.sessions.size).toBe(1);
  });

  it("RESUME-1, RESUME-2: two tabs that share their cookies never get each other's messages", async () => {
    const host = await serve();
    const tabs = [await Tab.open(context, host, "left"), await Tab.open(context, host, "right")];
    await survive(host, tabs, async () => {
      for (let round = 0; round < 15; round++) await Promise.all(tabs.map((tab) => tab.drop()));
      for (const tab of tabs) await tab.expectEverythingOnce();
    });
    expect(host.served.sessions.size).toBe(2);
  });
});

/** A page with a client, and the traffic with it. */
class Tab {
  #notifications = 0;
  readonly #calls: string[] = [];
  readonly #answers: Promise<string>[] = [];
  readonly #requests: Promise<string>[] = [];

  private constructor(
    readonly page: Page,
    readonly killer: Killer,
    readonly host: FaultHost,
    readonly tag: string,
  ) {}

  static async open(context: BrowserContext, host: FaultHost, name: string): Promise<Tab> {
    const killer = await Killer.start(host.served.origin);
    const page = await context.newPage();
    await page.goto(killer.origin);
    await page.evaluate(runPageClient, `/sse?client=${name}&api_key=${KEY}`);
    await page.evaluate(() => (window as unknown as PageClient).ready);
    return new Tab(page, killer, host, name);
  }

  notify(count: number): void {
    for (let index = 0; index < count; index++) {
      const text = `${this.tag} notification ${++this.#notifications}`;
      void this.host.serverOf(this.tag).notify(text);
    }
  }

  /** Calls a tool from the page. */
  call(tool: "echo" | "held"): string {
    const name = `${this.tag} ${tool} ${this.#calls.length + 1}`;
    this.#calls.push(name);
    this.#answers.push(
      this.page.evaluate((args) => (window as unknown as PageClient).call(args.tool, args.name), {
        tool,
        name,
      }),
    );
    return name;
  }

  ask(): void {
    const name = `${this.tag} request ${this.#requests.length + 1}`;
    this.#requests.push(this.host.serverOf(this.tag).ask(name));
  }

  /** Kills the stream, each time in another way, with traffic before, meanwhile and after. */
  async drop(): Promise<void> {
    const stream = await this.killer.attached();
    const held = this.call("held");
    await this.host.calls.started(held);
    this.notify(5);
    this.ask();
    const { kills } = this.killer;
    stream.killAfter(kills % 5, WAYS[kills % WAYS.length]!);
    this.notify(10);
    await stream.over;
    this.notify(5);
    this.ask();
    this.call("echo");
    this.host.calls.release(held);
  }

  async expectEverythingOnce(): Promise<void> {
    expect(await Promise.all(this.#answers)).toEqual(this.#calls);
    const asked = this.#requests.map((_answer, index) => `${this.tag} request ${index + 1}`);
    expect(await Promise.all(this.#requests)).toEqual(asked.map((name) => `answer to ${name}`));
    this.notify(1);
    const sent = Array.from(
      { length: this.#notifications },
      (_, index) => `${this.tag} notification ${index + 1}`,
    );
    await this.page.evaluate((text) => (window as unknown as PageClient).heard(text), sent.at(-1)!);
    const { notifications, requests, answers } = await this.page.evaluate(() => {
      const page = window as unknown as PageClient;
      return { notifications: page.notifications, requests: page.requests, answers: page.answers };
    });
    expect(notifications).toEqual(sent);
    expect(requests).toEqual(asked);
    expect(answers).toEqual(Object.fromEntries(this.#calls.map((name) => [name, 1])));
  }
}
