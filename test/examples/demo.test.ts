import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { constants } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { connectStreamable, statusOf, whoami } from "../../examples/support/client.js";
import { cleanUpAfterEach, onDispose } from "../kit/clean-up.js";
import { Terminal } from "../kit/terminal.js";

cleanUpAfterEach();

const DEMO = ["--import", "tsx", join(__dirname, "../../examples/demo.ts")];

const STAYS = /The server stays until you press a key/;
const COLOUR = "\u001B[";

/** The URL and the key that a viewer is told to paste. */
function pasted(output: string): { url: string; headers: { "X-API-Key": string } } {
  const [, url, key] = /mcp add --transport http demo (\S+) --header "X-API-Key: (\S+)"/.exec(
    output,
  )!;
  return { url: url!, headers: { "X-API-Key": key! } };
}

/** The documented port, taken by this test, or by somebody else already. */
async function takePort8080(): Promise<void> {
  const holder = createServer();
  await new Promise<void>((resolve) => {
    holder.once("error", () => resolve());
    holder.listen(8080, "127.0.0.1", resolve);
  });
  onDispose(() => new Promise<void>((resolve) => void holder.close(() => resolve())));
}

describe("the demo on a terminal", () => {
  it("keeps its server up until a key is pressed, and what it tells to paste works", async () => {
    const terminal = new Terminal(DEMO);
    await terminal.shows(STAYS);
    const { url, headers } = pasted(terminal.output);
    const visitor = "You are visitor, let in by apikey, vouched for by nobody.";
    expect(await whoami(url, headers, connectStreamable)).toBe(visitor);
    expect(await whoami(`${url}/sse`, headers)).toBe(visitor);
    await terminal.shows(/session \S+ opened: of "visitor"/);
    terminal.type("q");
    expect(await terminal.status).toBe(0);
    await expect(statusOf(url)).rejects.toThrow();
  });

  it("shows the way of a call in colour: a stranger's 401, the client, the tool, the principal", async () => {
    const terminal = new Terminal(DEMO);
    await terminal.shows(STAYS);
    const coloured = terminal.output
      .split(`${COLOUR}3`)
      .flatMap((piece) => [...(/^([0-7])m(.*)/.exec(piece) ?? [])].slice(1, 3));
    expect(coloured).toEqual([
      ...["6", pasted(terminal.output).url],
      ...["1", "401 Unauthorized"],
      ...["6", "Authorization: Bearer"],
      ...["3", "whoami"],
      ...["2", "You are alice, let in by jwt, vouched for by my-auth-service."],
    ]);
    terminal.type("\r");
    expect(await terminal.status).toBe(0);
  });

  it("ends at Ctrl-C, and has no colour with NO_COLOR", async () => {
    const terminal = new Terminal(DEMO, { NO_COLOR: "1" });
    await terminal.shows(STAYS);
    expect(terminal.output).not.toContain(COLOUR);
    terminal.type("\u0003");
    expect(await terminal.status).toBe(0);
  });

  it("takes another port where the documented one is taken, and no key that was pressed too soon", async () => {
    await takePort8080();
    const terminal = new Terminal(DEMO);
    terminal.type("\r");
    await terminal.shows(STAYS);
    const { url, headers } = pasted(terminal.output);
    expect(new URL(url).port).not.toBe("8080");
    expect(await whoami(url, headers, connectStreamable)).toContain("visitor");
    terminal.type(" ");
    expect(await terminal.status).toBe(0);
  });

  it("ends when the terminal is closed", async () => {
    const terminal = new Terminal(DEMO);
    await terminal.shows(STAYS);
    const { url } = pasted(terminal.output);
    await terminal.close();
    // As of any program whose terminal is closed.
    expect(await terminal.status).toBe(128 + constants.signals.SIGHUP);
    await expect(statusOf(url)).rejects.toThrow();
  });

  it("ends by itself in CI, where nobody sits at the terminal, with colour if asked for", async () => {
    const terminal = new Terminal(DEMO, { CI: "true", FORCE_COLOR: "1" });
    expect(await terminal.status).toBe(0);
    expect(terminal.output).toContain("The server ends now.");
    expect(terminal.output).toContain(COLOUR);
  });
});

it("the demo ends by itself without a terminal, although its input never ends, and has no colour", async () => {
  const env = { PATH: process.env["PATH"] };
  const child = spawn(process.execPath, DEMO, { env, stdio: ["pipe", "pipe", "pipe"] });
  onDispose(() => child.kill("SIGKILL"));
  const ended = once(child, "exit");
  const [out, errors] = await Promise.all([text(child.stdout), text(child.stderr)]);
  expect(await ended).toEqual([0, null]);
  expect(errors).toBe("");
  expect(out).toContain("The server ends now.");
  expect(out).not.toContain(COLOUR);
});
