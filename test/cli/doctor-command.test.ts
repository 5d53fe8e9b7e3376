import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import type { Report } from "../../src/doctor/report.js";
import { cleanUpAfterEach, onDispose } from "../kit/clean-up.js";
import { runCommand } from "../kit/command-terminal.js";
import { lastingPort, listen } from "../kit/listen.js";
import { serveRouter } from "../kit/serve.js";

cleanUpAfterEach();

const KEY = 'Ab3-"quoted"+and/signs=and-much-more';

/** Colours, and the beginning of a line anew. */
const OWN_SEQUENCES = new RegExp(String.raw`\u001b\[(?:\d+m|K)`, "g");

/** A server that repeats what it was shown wherever it can, and speaks to terminals. */
async function parrot(): Promise<string> {
  const { url } = await listen((req, res) => {
    const shown = [req.headers.authorization, req.headers["x-api-key"], req.url].join(" ");
    const ascii = encodeURIComponent(shown);
    res.writeHead(401, {
      "content-type": "application/json",
      "www-authenticate": `Bearer error="invalid_token", error_description="no: ${ascii}"`,
      location: `https://elsewhere.example/?${ascii}`,
    });
    const error_description = `\u001b[2J\u001b]0;owned\u0007bad: ${shown}, ${shown.slice(3, 30)}\u202e`;
    res.end(JSON.stringify({ error: "invalid_token", error_description, echoed: shown }));
  });
  return `${url}/mcp`;
}

function fileWith(text: string): string {
  const folder = mkdtempSync(join(tmpdir(), "doctor-test-"));
  onDispose(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, "secret"), text);
  return join(folder, "secret");
}

describe("secrets", () => {
  /** What a server gets when a credential is read from somewhere. */
  async function sent(source: string, setting: Parameters<typeof runCommand>[1]) {
    const keys = new Set<unknown>();
    const { url } = await listen(({ headers }, res) => {
      keys.add(headers["x-api-key"]);
      res.writeHead(404).end();
    });
    const args = ["doctor", `${url}/mcp`, "--header", `X-API-Key: ${source}`, "--quick"];
    const { status } = await runCommand(args, setting);
    expect(status).toBe(1);
    keys.delete(undefined);
    return [...keys];
  }

  it("CLI-6: come from standard input, a file, the environment or the argument, without one line end", async () => {
    expect(await sent("-", { input: `${KEY}\r\n` })).toEqual([KEY]);
    expect(await sent(`@${fileWith(`${KEY}\n`)}`, {})).toEqual([KEY]);
    expect(await sent("env:THE_KEY", { env: { THE_KEY: KEY } })).toEqual([KEY]);
    expect(await sent(KEY, {})).toEqual([KEY]);
  });

  it.each([
    ["an empty input", ["--bearer", "-"], /--bearer: the secret is empty/],
    ["an empty file", ["--bearer", "@EMPTY"], /--bearer: the secret is empty/],
    [
      "no file",
      ["--query", "key=@/no/such/file"],
      /--query key: the file cannot be read \(ENOENT\)/,
    ],
    [
      "no variable",
      ["--header", "X-Key: env:NOT_SET"],
      /--header X-Key: there is no such variable; write its name without a "\$"/,
    ],
    ["the value of a variable as its name", ["--bearer", `env:${KEY}`], /no such variable/],
    [
      "a name of a parameter that is a key in Base64",
      ["--query", `${KEY.replaceAll("=", "")}==`],
      /--query must be name=S/,
    ],
    ["an option twice", ["--bearer", KEY, "--bearer", "other"], /--bearer is there twice/],
    ["a header as an option", [`--X-API-Key:${KEY.replaceAll("=", "")}`], /knows no such option/],
    [
      "a second from standard input",
      ["--bearer", "-", "--query", "a=-"],
      /only one secret can be "-"/,
    ],
    ["a line end inside", ["--bearer", "one\ntwo-secret"], /--bearer: the secret has a line end/],
    ["a header without a name", ["--header", KEY], /--header must be "Name: S"/],
    ["a parameter without a name", ["--query", KEY.replaceAll("=", "")], /--query must be name=S/],
    [
      "a header twice",
      ["--header", `X-Key: ${KEY}`, "--header", `x-key: ${KEY}`],
      /the header x-key is there twice/,
    ],
    [
      "a header that is the bearer's",
      ["--bearer", KEY, "--header", `Authorization: Bearer ${KEY}`],
      /the header authorization is there twice/,
    ],
    [
      "a parameter twice",
      ["--query", `k=${KEY}`, "--query", `k=${KEY}`],
      /the parameter k is there twice/,
    ],
    ["an argument too many", [KEY], /takes one argument beside its options, and got 2/],
    ["an unknown option", [`--baerer=${KEY}`], /Unknown option '--baerer'/],
    ["a page that is none", ["--origin", KEY], /--origin must be the URL of a web page/],
    ["a time that is none", ["--timeout", KEY], /--timeout must be a number of seconds/],
  ])(
    "CLI-5, CLI-6: %s is wrong usage, which is said without a value",
    async (_what, args, says) => {
      const input = args.includes("--query") && args.includes("-") ? "a-secret" : "";
      const read = args.map((arg) => (arg === "@EMPTY" ? `@${fileWith("\n")}` : arg));
      const { status, out, err } = await runCommand(["doctor", "http://127.0.0.1:9/mcp", ...read], {
        input,
      });
      expect({ status, out }).toEqual({ status: 2, out: "" });
      expect(err).toMatch(says);
      expect(err).toContain("See: express-mcp-sse doctor --help");
      expect(err).not.toContain(KEY);
      expect(err).not.toContain("two-secret");
    },
  );

  it.each(["--bearer", "--header", "--query"])(
    "CLI-2, CLI-3: what %s shows is never printed, however a server repeats it, and nothing that a terminal obeys",
    async (option) => {
      const name = { "--bearer": "", "--header": "X-API-Key: ", "--query": "key=" }[option]!;
      const url = `${await parrot()}?also=${encodeURIComponent(`${KEY}-2`)}`;
      const args = ["doctor", url, option, `${name}env:KEY`, "--quick"];
      for (const more of [[], ["--json"]]) {
        const setting = { env: { KEY, FORCE_COLOR: "1" }, isTTY: true };
        const { status, out, err } = await runCommand([...args, ...more], setting);
        expect(status).toBe(1);
        expect(out).toContain("sha256:");
        for (const text of [out, err, stripVTControlCharacters(out).replace(/\s+/g, "")]) {
          for (const form of [KEY, encodeURIComponent(KEY), JSON.stringify(KEY).slice(1, -1)]) {
            for (let at = 0; at + 16 <= form.length; at++) {
              expect(text).not.toContain(form.slice(at, at + 16));
            }
          }
        }
        // Its own colours, and on standard error the line that is written anew, are all that there is.
        const rest = (out + err).replaceAll(OWN_SEQUENCES, "").replace(/[\n\r]/g, "");
        expect(rest).not.toMatch(/\p{C}/u);
      }
    },
  );
});

describe("the result", () => {
  it("CLI-5, CLI-7: goes to standard output, without colours and progress where nobody looks", async () => {
    const url = `http://127.0.0.1:${await lastingPort()}/mcp`;
    const { status, out, err } = await runCommand(["doctor", url]);
    expect({ status, err }).toEqual({ status: 1, err: "" });
    expect(out).not.toContain("\u001b");
    expect(out).toMatch(
      /^ {2}✗ error {3}Without a credential +GET ECONNREFUSED, POST ECONNREFUSED$/m,
    );
    expect(out).toMatch(/^✗ error nobody-listens$/m);
    expect(out).toMatch(/^ {2}more {4}https:\/\/\S+\/docs\/doctor\.md#no-answer$/m);
    expect(out).toMatch(/\n1 error\.\n$/);
  });

  it.each([
    [{ isTTY: true, env: {} }, [], true],
    [{ isTTY: true, env: { NO_COLOR: "1" } }, [], false],
    [{ isTTY: true, env: { TERM: "dumb" } }, [], false],
    [{ isTTY: true, env: {} }, ["--no-color"], false],
    [{ isTTY: false, env: { FORCE_COLOR: "1" } }, [], true],
    [{ isTTY: true, env: { FORCE_COLOR: "0" } }, [], false],
  ])("CLI-7: has colours where they are wanted: %j %j %s", async (setting, more, hasColours) => {
    const url = `http://127.0.0.1:${await lastingPort()}/mcp`;
    const { out, err } = await runCommand(["doctor", url, ...more], setting);
    expect(out.includes("\u001b[31m")).toBe(hasColours);
    // The line on which one waits is shown to whoever looks, and is gone at the end.
    expect(err).toMatch(setting.isTTY ? /Without a credential …/ : /^$/);
    expect(err.endsWith("\r\u001b[K")).toBe(setting.isTTY);
  });

  it("CLI-5, CLI-8: is JSON of schema 1 for programs, with the members that docs/doctor.md has", async () => {
    const { sseUrl } = await serveRouter({
      auth: { type: "apikey", options: { keys: ["a-key-of-some-length"] } },
    });
    const args = ["doctor", `${sseUrl}?a=b`, "--header", "X-API-Key: -", "--json", "--quick"];
    const { status, out, err } = await runCommand(args, { input: "a-key-of-some-length\n" });
    expect({ status, err }).toEqual({ status: 0, err: "" });
    const report = JSON.parse(out) as Report;
    expect(report).toEqual({
      schema: 1,
      url: `${sseUrl}?a=sha256:3e23e816`,
      credentials: [expect.stringMatching(/^header X-API-Key sha256:[0-9a-f]{8}$/)],
      lacksCredential: false,
      steps: expect.any(Array),
      findings: [],
    });
    expect(Object.keys(report.steps[0]!)).toEqual(["name", "title", "outcome", "text", "tookMs"]);
    expect(report.steps.find(({ name }) => name === "stream")?.outcome).toBe("fine");
  });

  it("says that a credential is needed to go on", async () => {
    const { sseUrl } = await serveRouter({
      auth: { type: "apikey", options: { keys: ["a-key-of-some-length"] } },
    });
    const { status, out } = await runCommand(["doctor", sseUrl]);
    expect(status).toBe(0);
    expect(out).toContain("No fault was found.\nStrangers are turned away");
  });
});

describe("the program", () => {
  it("CLI-5: says how it is called", async () => {
    for (const args of [
      ["--help"],
      ["doctor", "--help"],
      ["key", "-h"],
      ["token", "x", "--help"],
    ]) {
      const { status, out, err } = await runCommand(args);
      expect({ status, err }).toEqual({ status: 0, err: "" });
      expect(out).toMatch(/^express-mcp-sse /);
    }
    expect(await runCommand(["--version"])).toEqual({ status: 0, out: "0.0.0-test\n", err: "" });
  });

  it.each([
    [[], /needs a command: doctor, /],
    [["dcotor"], /knows no such command: doctor, /],
    [["doctor"], /needs the URL of a server/],
    [["doctor", "localhost:8080/mcp"], /must begin with http/],
    [["doctor", "http://127.0.0.1:99999/mcp"], /a host or a port that there cannot be/],
    [["doctor", "https://a:b@example.com/mcp"], /user name or a password/],
  ])("CLI-5: wrong usage is exit status 2, and where to look: %j", async (args, says) => {
    const { status, out, err } = await runCommand(args);
    expect({ status, out }).toEqual({ status: 2, out: "" });
    expect(err).toMatch(says);
    expect(err).toMatch(/^See: express-mcp-sse .*--help$/m);
  });
});
