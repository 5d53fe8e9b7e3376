import { createMcpRouter, createSseRouter } from "../../src/index.js";

const common = { auth: false, createServer: (): undefined => undefined } as const;

const create = (restore: unknown) => createMcpRouter({ ...common, sessions: { restore } } as never);

const LONG = "0123456789abcdef0123456789abcdef";

describe("sessions.restore", () => {
  it.each([
    ["nothing", undefined],
    ["an empty text", ""],
    ["31 characters", LONG.slice(1)],
    ["an empty list", []],
    ["a list with one that is too short", [LONG, "short"]],
    ["a list with one that is not there", [undefined, LONG]],
    ["what is no text", { length: 40 }],
  ])("RESTORE-4: takes no secret that is %s, and does not repeat it", (_what, secret) => {
    expect(() => create({ secret })).toThrow(
      new TypeError(
        "options.sessions.restore.secret must be a text with at least 32 characters, or a list of such. " +
          'Make one with randomBytes(32).toString("hex"). If it comes from the environment: is that set?',
      ),
    );
  });

  it("RESTORE-4: takes one secret, and several", () => {
    expect(() => create({ secret: LONG })).not.toThrow();
    expect(() => create({ secret: [LONG, `${LONG}!`], maxAgeMs: 1_000 })).not.toThrow();
    expect(() => create({ secret: LONG, maxAgeMs: 999 })).toThrow("sessions.restore.maxAgeMs");
  });

  it("RESTORE-9: means nothing where HTTP+SSE alone is served, and says so", () => {
    const sessions = { restore: { secret: LONG } };
    expect(() => createSseRouter({ ...common, sessions } as never)).toThrow(
      "options.sessions.restore has no meaning with HTTP+SSE alone.",
    );
  });
});
