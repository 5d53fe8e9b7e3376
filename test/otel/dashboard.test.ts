import { channel } from "node:diagnostics_channel";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { FactName, Facts, SessionFact, SessionRef } from "../../src/observe/facts.js";
import { cleanUpAfterEach } from "../kit/clean-up.js";
import { observeTelemetry, seriesIn } from "../kit/telemetry.js";
import { serveTraced, WIRES } from "../kit/traced.js";

cleanUpAfterEach();

interface Dashboard {
  readonly templating: { readonly list: readonly { readonly query: string }[] };
  readonly panels: readonly { readonly targets?: readonly { readonly expr: string }[] }[];
}

const DASHBOARD = join(__dirname, "../../docs/grafana-dashboard.json");

/** What a query asks for: names, or patterns of them, and the labels that it speaks of. */
interface Asked {
  readonly query: string;
  readonly names: readonly RegExp[];
  readonly labels: readonly string[];
}

function askedBy(query: string): Asked {
  const named = [...query.matchAll(/\b(\w+)\{|label_values\((\w+)/g)].map(([, a, b]) => a ?? b!);
  const patterns = [...query.matchAll(/__name__=~"([^"]+)"/g)].map(([, pattern]) => pattern!);
  const inBraces = [...query.matchAll(/(\w+)[!=]=?~?"/g)].map(([, label]) => label!);
  const grouped = [...query.matchAll(/by \(([^)]+)\)/g)].flatMap(([, list]) => list!.split(", "));
  return {
    query,
    names: [...named, ...patterns].map((name) => new RegExp(`^(?:${name})$`)),
    labels: [...inBraces, ...grouped].filter((label) => label !== "__name__"),
  };
}

const dashboard = JSON.parse(readFileSync(DASHBOARD, "utf8")) as Dashboard;
const ASKED = [
  ...dashboard.panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr)),
  ...dashboard.templating.list.map(({ query }) => query).filter((query) => query.includes("(")),
].map(askedBy);

/** As a router publishes it. What happens between nodes, and at issuers, does not happen in this test. */
function publish<K extends FactName>(name: K, fact: Facts[K]): void {
  channel(`express-mcp-sse:${name}`).publish({ router: "mcp", fact });
}

const session: SessionRef = {
  id: "0b6a1f3e-5a5e-4c2b-9d5e-0a1b2c3d4e5f",
  principal: undefined,
  transport: "sse",
  era: "2024",
  protocolVersion: undefined,
  state: "open",
  openedAt: Date.now(),
  client: undefined,
  address: undefined,
};

const of = (event: SessionFact["event"]): SessionFact => ({
  ...{ event, session, reason: undefined, mark: "event-id", from: "another" },
  waiting: () => ({ waitingBytes: 0, waitingSince: undefined }),
});

const UPSTREAM = { method: "oauth", request: "jwks", usesStale: true, durationMs: 1 } as const;

const LIMIT = { limit: "stallMs", outcome: "detached", session, principal: undefined } as const;

/** One of each that has a metric of its own. */
function publishWhatIsRare(): void {
  for (const event of ["moved", "detached", "resumed"] as const) publish("session", of(event));
  publish("limit", LIMIT);
  publish("denied", {
    ...{ kind: "tool", name: "refund", session, principal: undefined },
    denial: { code: "insufficient_scope", needed: ["a"], missing: ["a"] },
  });
  publish("revoked", { by: "close-for", principal: undefined, ended: 2 });
  publish("sign-in", {
    ...{ event: "approved", person: "alice", issuer: "https://issuer.example" },
    ...{ clientId: "client", method: "oauth" },
  });
  publish("upstream", { ...UPSTREAM, outcome: "failed" });
  publish("cluster", { event: "relayed", outcome: "answered", durationMs: 1 });
  publish("cluster", { event: "node-lost", node: "another" });
  publish("cluster", { event: "up" });
  publish("refusal", {
    ...{ code: "session_not_found", status: 404, leg: "message", reason: "" },
    ...{ principal: undefined, address: undefined, isOthers: true },
  });
  publish("caller", {
    ...{ outcome: "refused", leg: "stream", code: "missing_credential", durationMs: 1 },
    ...{ principal: undefined, method: undefined, reason: undefined, address: undefined },
  });
}

test("FACT-36, FACT-42: every query of the Grafana dashboard finds its metric, with its labels, in what Prometheus reads, and every metric is asked for", async () => {
  const { scrape } = await observeTelemetry();
  const { client, router } = await serveTraced(WIRES[0]!);
  await client.callTool({ name: "work", arguments: {} });
  await client.callTool({ name: "fail", arguments: {} });
  publishWhatIsRare();
  router.sessions.close(router.sessions.list()[0]!.id);
  const all = seriesIn(await scrape());

  expect(ASKED.length).toBeGreaterThan(20);
  for (const { query, names, labels } of ASKED) {
    expect([query, names.length > 0]).toEqual([query, true]);
    for (const name of names) {
      const found = all.filter((series) => name.test(series.name));
      const seen = new Set(found.flatMap((series) => Object.keys(series.labels)));
      expect([query, labels.filter((label) => !seen.has(label))]).toEqual([query, []]);
    }
  }
  const metrics = new Set(all.map(({ name }) => name.replace(/_(?:sum|count|bucket)$/, "")));
  const unasked = [...metrics].filter(
    (metric) => metric !== "target_info" && !ASKED.some(({ query }) => query.includes(metric)),
  );
  expect(unasked).toEqual([]);
});
