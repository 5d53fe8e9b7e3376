/** Guards that operators write, and how somebody gets past one. */
import type { RequestHandler } from "express";
import { cleanUpAfterEach } from "../kit/clean-up.js";
import { asCaller } from "../kit/conversation.js";
import { endLinkOf, serveMonitor } from "../kit/monitor.js";
import { RawConnection, send } from "../kit/raw-http.js";
import { begin } from "../kit/streamable.js";

cleanUpAfterEach();

const PATHS = ["", "live", "end", "end?who=x"];

describe("FACT-50: a guard", () => {
  it.each(["route", "router"])(
    "keeps out by next(%j), which means what it means on any route",
    async (word) => {
      const guard: RequestHandler = (_req, _res, next) => next(word);
      const { pageUrl } = await serveMonitor({ monitor: { guard } });
      for (const path of PATHS) expect((await send(`${pageUrl}${path}`)).status).toBe(404);
    },
  );

  it("keeps out by an error, by a throw, and by a way to a login", async () => {
    const guards: readonly (readonly [RequestHandler, number])[] = [
      [(_req, _res, next) => next(Object.assign(new Error("no"), { status: 403 })), 403],
      [
        () => {
          throw Object.assign(new Error("no"), { status: 403 });
        },
        403,
      ],
      [(_req, res) => res.redirect("/login"), 302],
    ];
    for (const [guard, status] of guards) {
      const { pageUrl } = await serveMonitor({ monitor: { guard } });
      for (const path of PATHS) expect((await send(`${pageUrl}${path}`)).status).toBe(status);
    }
  });

  it("may take its time, and set a user", async () => {
    const users: unknown[] = [];
    const guard: readonly RequestHandler[] = [
      (req, _res, next) => {
        Object.assign(req, { user: "op" });
        setImmediate(next);
      },
      (req, _res, next) => next(void users.push(Reflect.get(req, "user"))),
    ];
    const { pageUrl } = await serveMonitor({ monitor: { guard } });
    expect([(await send(pageUrl)).status, users]).toEqual([200, ["op"]]);
  });

  it("that refuses and goes on all the same lets nobody see or end anything", async () => {
    let isOperator = true;
    const guard: RequestHandler = (_req, res, next) => {
      if (!isOperator) res.status(401).end("operators only");
      next();
    };
    const { pageUrl, mcpUrl, router, operator } = await serveMonitor({ monitor: { guard } });
    await begin(mcpUrl, asCaller({ sub: "alice" }));
    const page = await operator.visit(pageUrl);
    const question = await operator.visit(`${pageUrl}${endLinkOf(page.text, "alice")}`);
    isOperator = false;
    for (const path of PATHS) {
      const { status, text } = await send(`${pageUrl}${path}`);
      expect([status, text]).toEqual([401, "operators only"]);
    }
    expect((await operator.submit(question, {})).status).toBe(401);
    expect(router.sessions.size).toBe(1);
  });
});

describe("FACT-55: a name", () => {
  it.each([
    "a\nb",
    "a\r\nb",
    "a\rb",
    `"'><&amp;`,
    "\ud800 half",
    "é\u0301 \u202e",
    "x".repeat(8_000),
    "\n",
    " ",
  ])("of any kind is ended: %j", async (id) => {
    const { pageUrl, mcpUrl, operator, router } = await serveMonitor();
    await begin(mcpUrl, asCaller({ sub: id }));
    const page = await operator.visit(pageUrl);
    const link = /href="(end\?who=[^"]+)"/.exec(page.text)?.[1] ?? "";
    const question = await operator.visit(`${pageUrl}${link}`);
    // A browser ends lines of a form by CR and LF, whatever the page has.
    const fields = [...question.text.matchAll(/name="(\w+)" value="([^"]*)"/g)].map(
      ([, name = "", value = ""]) => [name, value.replace(/\r\n|\r|\n/g, "\r\n")] as const,
    );
    const decoded = Object.fromEntries(fields.filter(([, value]) => /[\r\n]/.test(value)));
    expect((await operator.submit(question, decoded)).status).toBe(200);
    expect(router.sessions.size).toBe(0);
  });
});

describe("FACT-56: a body", () => {
  it("that is too large, or does not come to its end, ends nothing and harms nobody", async () => {
    const { port, url, pageUrl, mcpUrl, operator, router } = await serveMonitor();
    await begin(mcpUrl, asCaller({ sub: "alice" }));
    const page = await operator.visit(pageUrl);
    const question = await operator.visit(`${pageUrl}${endLinkOf(page.text, "alice")}`);
    const head = [
      "POST /admin/mcp/end HTTP/1.1",
      `Host: ${new URL(url).host}`,
      `Origin: ${url}`,
      `Cookie: ${operator.cookies.for(question.url)}`,
      "Content-Type: application/x-www-form-urlencoded",
    ].join("\r\n");
    const large = await RawConnection.open(port);
    large.write(`${head}\r\nContent-Length: 9999999999\r\n\r\n`);
    expect((await large.nextAnswer()).status).toBe(403);
    const endless = await RawConnection.open(port);
    endless.write(
      `${head}\r\nTransfer-Encoding: chunked\r\n\r\n11170\r\n${"x".repeat(70_000)}\r\n`,
    );
    expect((await endless.nextAnswer()).status).toBe(403);
    const cut = await RawConnection.open(port);
    cut.write(`${head}\r\nContent-Length: 100\r\n\r\ntoken=`);
    cut.destroy();
    expect((await send(pageUrl)).status).toBe(200);
    expect(router.sessions.size).toBe(1);
  });
});
