/** A program that has the package twice: required, and imported. There is one of everything. */
import assert = require("node:assert/strict");
import express = require("express");
import required = require("express-mcp-sse");

type Exports = Readonly<Record<string, unknown>>;

void checkAll();

async function checkAll(): Promise<void> {
  const imported = await import("express-mcp-sse");
  for (const specifier of process.argv.slice(2)) await sameExports(specifier);

  // What one knows of who is calling, the other knows, too.
  const extra = { authInfo: imported.authInfoFor({ id: "alice" }) };
  assert.equal(required.principalOf(extra)?.id, "alice");

  // A method of the one, in a router of the other.
  const auth = required.apikey({ keys: [{ id: "laptop", key: "0f5c1e9b7d2a4836" }] });
  const router = imported.createSseRouter({ auth, createServer: never });
  const app = express().use(router.guard, (req, res) => {
    res.json(required.principalOf(req)?.id);
  });
  const listener = app.listen(0, "127.0.0.1", () => {
    void ask().finally(() => listener.close());
  });

  async function ask(): Promise<void> {
    const { port } = listener.address() as { port: number };
    const headers = { "x-api-key": "0f5c1e9b7d2a4836", connection: "close" };
    const answer = await fetch(`http://127.0.0.1:${port}/`, { headers });
    assert.equal(await answer.json(), "laptop");
  }
}

/** Classes of errors, functions, symbols: what one module exports is what the other does. */
async function sameExports(specifier: string): Promise<void> {
  const byRequire = require(specifier) as Exports;
  const byImport = (await import(specifier)) as Exports;
  const names = Object.keys(byRequire).filter((name) => name !== "__esModule");
  assert.ok(names.length > 0, specifier);
  for (const name of names) {
    assert.equal(byImport[name], byRequire[name], `${specifier}: ${name}`);
  }
}

function never(): never {
  throw new Error("nobody opens a session here");
}
