import type { SessionRow } from "../../src/monitor/census.js";
import { chart } from "../../src/monitor/chart.js";
import { Ledger } from "../../src/monitor/ledger.js";
import { mainPage, renderParts } from "../../src/monitor/main-page.js";
import { CONTENT_POLICY } from "../../src/monitor/page.js";
import { readQuery } from "../../src/monitor/query.js";
import { referenceOf } from "../../src/monitor/person.js";
import { durationText } from "../../src/monitor/text.js";
import type { Look } from "../../src/monitor/view.js";
import { FactHub } from "../../src/observe/fact-hub.js";
import type { Call, DeniedFact } from "../../src/observe/facts.js";
import { endLinkOf, textIn } from "../kit/monitor.js";

const AT = 1_800_000_000_000;
const KEY = Buffer.alloc(32, 1);

function rowOf(more: Partial<SessionRow> = {}): SessionRow {
  return {
    node: undefined,
    id: "0a1b2c3d-0000",
    person: { id: "alice", method: "jwt", issuer: undefined, clientId: undefined },
    transport: "sse",
    era: "2024",
    state: "open",
    hasBegun: true,
    openedAt: AT - 120_000,
    activeAt: AT - 1_000,
    inFlight: 0,
    waitingBytes: 0,
    waitingSince: 0,
    client: "inspector 1.0",
    address: "203.0.113.7",
    ...more,
  };
}

function lookAt(sessions: readonly SessionRow[], hub = new FactHub("test", () => undefined)) {
  const ledger = new Ledger(hub);
  const look: Look = {
    at: AT,
    census: { sessions, cluster: undefined },
    ledger,
    referenceOf: (person) => referenceOf(KEY, person),
  };
  return { look, hub };
}

function search(text = "") {
  return readQuery(new URLSearchParams(text));
}

function partText(look: Look, id: string, query = search()): string {
  return textIn(renderParts(look, query).get(id) ?? "");
}

/** What somebody may call themselves, a client, a tool. */
const HOSTILE = [
  `<img src=x onerror="alert(1)">`,
  `</title></script><script>alert(1)</script>`,
  `" onmouseover="alert(1)" x="`,
  `' autofocus onfocus=alert(1) '`,
  `\u202egnp.exe\u202c`,
  `a\u0000b\u0007c\u001b[31m`,
  `line\r\nevent: parts\r\ndata: {}`,
  `{{constructor.constructor("alert(1)")()}}`,
  "x".repeat(10_000),
  "\u0300".repeat(500),
  "__proto__",
];

describe("FACT-52: text from outside", () => {
  it.each(HOSTILE)("is text, wherever it is shown: %j", (text) => {
    const person = { id: text, method: text, issuer: text, clientId: text };
    const { look, hub } = lookAt([
      rowOf({ person, client: text, address: text, id: text, state: text }),
    ]);
    const denied: DeniedFact = {
      ...{ kind: "tool", name: text, principal: person },
      denial: { code: "insufficient_scope", needed: [text], missing: [text] },
      session: {
        ...{ id: text, principal: person, transport: "sse", era: "2024", state: "open" },
        ...{ openedAt: 0, client: undefined, address: text, protocolVersion: text },
      },
    };
    hub.emit("denied", denied);
    const call = {
      ...{ session: denied.session, principal: person, id: text, method: "tools/call" },
      target: { kind: "tool", name: text, isKnown: true } as const,
      ...{ address: text, startedAt: 0, trace: { meta: undefined, http: undefined } },
    };
    hub.emit("call-started", { ...call, runWithin: () => undefined });
    hub.emit("call-ended", { call, outcome: "ok", rpcCode: undefined, durationMs: 1 });
    hub.emit("call-started", { ...call, runWithin: () => undefined });
    hub.emit("revoked", { by: "close-for", principal: person, ended: 1 });

    const markup = [...renderParts(look, search(new URLSearchParams({ q: text }).toString()))]
      .concat([...renderParts(look, search())])
      .map(([, part]) => part)
      .concat(JSON.stringify(mainPage(text, look, search()).content))
      .join("\n");
    const tags = new Set([...markup.matchAll(/<(\w+)/g)].map(([, tag]) => tag));
    expect([...tags].filter((tag) => ["img", "script", "title"].includes(tag!))).toEqual([]);
    // Every attribute is one of ours.
    const names = [...markup.matchAll(/<\w+((?:\s+[\w-]+(?:="[^"]*")?)*)\s*\/?>/g)].flatMap(
      ([, all]) => [...all!.replace(/="[^"]*"/g, "").matchAll(/[\w-]+/g)].map(([name]) => name),
    );
    expect(names.filter((name) => /^on|^style$|^autofocus$|^src/.test(name))).toEqual([]);
    expect(textIn(markup)).not.toMatch(/(?!\s)\p{C}/u);
    expect(markup.length).toBeLessThan(120_000);
  });
});

describe("FACT-52: a page with many sessions", () => {
  const rows = Array.from({ length: 1_000 }, (_row, n) =>
    rowOf({
      id: `${n}-0000`,
      person: { id: `user-${n % 300}`, method: "jwt", issuer: undefined, clientId: undefined },
    }),
  );

  it("shows fifty at a time, and says what it leaves out", () => {
    const { look } = lookAt(rows);
    const onPage = (text: string) =>
      [
        ...(renderParts(look, search(text)).get("sessions") ?? "").matchAll(/<tr id="s-(\d+)-/g),
      ].map(([, n]) => Number(n));
    expect(onPage("")).toEqual(Array.from({ length: 50 }, (_n, n) => n));
    expect(onPage("page=20").at(-1)).toBe(999);
    for (const page of ["0", "-1", "x", "1.5", "9".repeat(30)]) {
      expect(onPage(`page=${page}`)[0]).toBe(0);
    }
    expect(onPage("page=21")[0]).toBe(950);
    expect(partText(look, "sessions")).toMatch(/Sessions 1,000 .* Page 1 of 20 Next page$/);
    expect(partText(look, "people")).toMatch(/280 more principals\. .* search for others\.$/);
    expect(onPage("q=USER-7&page=1")).toHaveLength(44);
  });

  it("is small", () => {
    const { look } = lookAt(rows);
    const markup = [...renderParts(look, search()).values()].join("");
    expect(markup.length).toBeLessThan(100_000);
  });

  it("names nobody in a link", () => {
    const { look } = lookAt([rowOf()]);
    const markup = renderParts(look, search()).get("people") ?? "";
    expect(endLinkOf(markup, "alice")).toMatch(/^end\?who=[\w-]{16}$/);
    const others = { id: "alice", issuer: "https://issuer.example" };
    expect(referenceOf(KEY, others)).not.toBe(referenceOf(KEY, { id: "alice", issuer: undefined }));
    expect(referenceOf(Buffer.alloc(32, 2), others)).not.toBe(referenceOf(KEY, others));
  });
});

it("FACT-58: numbers that are only seen are said, too", () => {
  const { look } = lookAt([rowOf()]);
  const overview = renderParts(look, search()).get("overview") ?? "";
  expect(overview.match(/role="img"/g)).toHaveLength(4);
  expect(overview).toContain(
    'aria-label="Calls in the last ten minutes, for each ten seconds: at most 0"',
  );
  expect(chart([0, 1, 4], "Calls").text).toMatch(/viewBox="0 0 3 24".*v-24h\.75v24z/s);
});

it("FACT-58: a row stays the same one while what it counts goes on", () => {
  const { look, hub } = lookAt([]);
  const call: Call = {
    session: {
      ...{
        id: "s",
        principal: undefined,
        openedAt: 0,
        client: undefined,
        address: undefined,
        protocolVersion: undefined,
      },
      transport: "sse",
      era: "2024",
      protocolVersion: undefined,
      state: "open",
    },
    ...{ principal: undefined, id: 1, method: "ping", target: undefined, address: undefined },
    ...{ startedAt: 0, trace: { meta: undefined, http: undefined } },
  };
  const rowId = (): string | undefined => {
    hub.emit("call-ended", { call, outcome: "ok", rpcCode: undefined, durationMs: 5 });
    return /<tr id="([^"]+)"/.exec(renderParts(look, search()).get("done") ?? "")?.[1];
  };
  expect(rowId()).toMatch(/./);
  expect(rowId()).toBe(rowId());
});

it("FACT-58: tables name their columns and rows", () => {
  const { look } = lookAt([rowOf()]);
  const part = renderParts(look, search()).get("sessions") ?? "";
  expect(part).toMatch(/<th scope="col">\s*Principal/);
  expect(part).toMatch(/<th scope="row">/);
  expect(part).toMatch(/role="region"\s+aria-label="Sessions, the oldest first"\s+tabindex="0"/);
});

it.each([
  [-5_000, "0 s"],
  [999, "0 s"],
  [59_999, "59 s"],
  [60_000, "1 min"],
  [7_199_000, "1 h"],
  [172_800_000, "2 d"],
])("FACT-52: %i milliseconds are %s", (ms, text) => {
  expect(durationText(ms)).toBe(text);
});

it("FACT-52: the content policy lets nothing of others in", () => {
  expect(CONTENT_POLICY).not.toMatch(/unsafe|https?:|\*/);
});
