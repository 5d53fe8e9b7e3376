import fc from "fast-check";
import { weightOf } from "../../src/session/message-json.js";
import { Outbox } from "../../src/http/outbox.js";
import type { MessageMetadata } from "../../src/http/outbox.js";
import { planResume } from "../../src/sse/resume.js";
import type { ResumableSession, ResumeHints } from "../../src/sse/resume.js";
import type { OwnSessions } from "../../src/session/own-sessions.js";

/** What may happen to an outbox. */
type Step =
  | { do: "send"; size: number; kind: "request" | "notification" | "answer" }
  | { do: "acknowledge"; back: number }
  | { do: "settle"; request: number }
  | { do: "settle first answer" }
  | { do: "shrink"; back: number };

const steps = fc.array(
  fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({
        do: fc.constant("send" as const),
        size: fc.nat(80),
        kind: fc.constantFrom("request" as const, "notification" as const, "answer" as const),
      }),
    },
    fc.record({ do: fc.constant("acknowledge" as const), back: fc.integer({ min: -2, max: 6 }) }),
    fc.record({ do: fc.constant("settle" as const), request: fc.nat(30) }),
    fc.constant({ do: "settle first answer" as const }),
    fc.record({ do: fc.constant("shrink" as const), back: fc.nat(6) }),
  ),
  { maxLength: 60 },
);

const message = (seq: number, size: number) => ({ number: seq, text: "x".repeat(size) });

/** The outbox as it should be: every message is there until it is known to have arrived, or is over the bound. */
class Model {
  kept: { seq: number; json: string; kind: MessageMetadata["kind"] }[] = [];
  sent = 0;
  forgotten = 0;
  acknowledged = 0;

  constructor(readonly maxBytes: number) {}

  get isOverfull(): boolean {
    return this.bytes > this.maxBytes && this.kept.length > 1;
  }

  get bytes(): number {
    return this.kept.reduce((sum, { json }) => sum + weightOf(json, json.length), 0);
  }

  acknowledge(seq: number): void {
    if (seq > this.sent) return;
    this.kept = this.kept.filter((entry) => entry.seq > seq);
    this.acknowledged = Math.max(this.acknowledged, seq);
  }

  settle(request: number): void {
    if (this.kept.some(({ seq, kind }) => kind === "request" && seq === request))
      this.acknowledge(request);
  }

  settleFirstAnswer(): void {
    const answer = this.kept.find(({ kind }) => kind === "answer");
    if (answer !== undefined) this.acknowledge(answer.seq);
  }

  shrink(written: number): void {
    while (this.isOverfull && this.kept[0]!.seq <= written) {
      this.forgotten = this.kept.shift()!.seq;
    }
  }
}

describe("an outbox", () => {
  it("RESUME-9: keeps every message in order until it arrived or is over the bound, whatever happens", () => {
    fc.assert(
      fc.property(steps, fc.nat(2_000), (all: Step[], maxBytes) => {
        const outbox = new Outbox(maxBytes);
        const model = new Model(maxBytes);
        for (const step of all) {
          switch (step.do) {
            case "send": {
              const json = JSON.stringify(message(model.sent + 1, step.size));
              const { kind } = step;
              const metadata: MessageMetadata =
                kind === "request" ? { kind, requestId: model.sent + 1 } : { kind };
              const bytes = Buffer.byteLength(json);
              const weight = weightOf(json, bytes);
              const { seq } = outbox.append({ json, bytes, weight }, metadata);
              expect(seq).toBe(++model.sent);
              model.kept.push({ seq, json, kind });
              break;
            }
            case "acknowledge":
              outbox.acknowledge(model.sent - step.back);
              model.acknowledge(model.sent - step.back);
              break;
            case "settle":
              outbox.settle(step.request);
              model.settle(step.request);
              break;
            case "settle first answer":
              outbox.settleFirstAnswer();
              model.settleFirstAnswer();
              break;
            case "shrink":
              outbox.shrink(model.sent - step.back);
              model.shrink(model.sent - step.back);
          }
          expect(outbox.entries.map(({ seq, json }) => ({ seq, json }))).toEqual(
            model.kept.map(({ seq, json }) => ({ seq, json })),
          );
          expect(outbox.bytes).toBe(model.bytes);
          expect(outbox.lastSeq).toBe(model.sent);
          expect(outbox.forgottenSeq).toBe(model.forgotten);
          expect(outbox.keptSeq).toBe((model.kept[0]?.seq ?? model.sent + 1) - 1);
          expect(outbox.isWaiting).toBe(model.kept.length > 0);
          expect(outbox.isOverfull).toBe(model.isOverfull);
          expect(outbox.hasGap).toBe(model.forgotten > model.acknowledged);
        }
      }),
      { numRuns: 500 },
    );
  });
});

/** A session as a plan sees it, and what the plan must not see. */
interface Owned extends ResumableSession {
  id: string;
  owner: string;
  /** Whether it was opened by a GET like the one that is planned for. */
  isAlike: boolean;
}

type Headers = ResumeHints["headers"];

const instance = fc.option(fc.constantFrom("one", "two"), { nil: undefined });
const version = fc.constantFrom<Headers>({}, { "mcp-protocol-version": "2025-06-18" });
const program = fc.constantFrom<Headers>(
  { "user-agent": "node" },
  { "user-agent": "node", "cache-control": "no-cache" },
  { "user-agent": "node", accept: "text/event-stream" },
  { "user-agent": "python-httpx/0.28.1" },
  {},
);
const headers = fc.tuple(program, version).map(([one, two]): Headers => ({ ...one, ...two }));
const sessions = fc.uniqueArray(
  fc
    .record({
      id: fc.constantFrom("a", "b", "c", "d", "e"),
      owner: fc.constantFrom("ann", "bob"),
      isAlike: fc.boolean(),
      instance,
      isDetached: fc.boolean(),
      request: fc.record({ headers }),
      phase: fc.constantFrom("new", "initializing", "initialized"),
      namesVersion: fc.option(fc.boolean(), { nil: undefined }),
      keepsOwnCookies: fc.boolean(),
    })
    .map(({ phase, instance: name, namesVersion, keepsOwnCookies, ...session }): Owned => ({
      ...session,
      handshake: {
        isInitialized: phase === "initialized",
        isInitializing: phase === "initializing",
      },
      channel: { instance: name, namesVersion, keepsOwnCookies },
    })),
  { selector: ({ id }) => id },
);
const marks: fc.Arbitrary<ResumeHints> = fc
  .record({
    lastEvent: fc.option(
      fc.record({ sessionId: fc.constantFrom("a", "b", "c", "d", "gone"), seq: fc.nat(5) }),
      { nil: undefined },
    ),
    cookieSession: fc.option(fc.constantFrom("a", "b", "c", "d", "gone"), { nil: undefined }),
    instance,
    headers,
  })
  .map((given) => ({
    ...given,
    namesVersion: given.headers["mcp-protocol-version"] !== undefined,
  }));

function ownedBy(owner: string, all: readonly Owned[]): OwnSessions<Owned> {
  const own = all.filter((session) => session.owner === owner);
  return {
    byId: (id) => own.find((session) => session.id === id),
    has: (session) => own.includes(session),
    openedAlike: ({ isAlike }) => isAlike,
    all: (isMeant) => own.filter(isMeant),
  };
}

describe("a plan", () => {
  const property = (
    check: (
      marks: ResumeHints,
      own: OwnSessions<Owned>,
      plan: ReturnType<typeof planResume<Owned>>,
    ) => void,
  ) =>
    fc.assert(
      fc.property(marks, sessions, (given, all) => {
        const own = ownedBy("ann", all);
        check(given, own, planResume(given, own));
      }),
      { numRuns: 2_000 },
    );

  it("RESUME-4, RESUME-5: never names another owner's session, and does not depend on any", () => {
    fc.assert(
      fc.property(marks, sessions, (given, all) => {
        const plan = planResume(given, ownedBy("ann", all));
        if (plan.kind === "resume") expect(plan.session.owner).toBe("ann");
        const alone = all.filter(({ owner }) => owner === "ann");
        expect(planResume(given, ownedBy("ann", alone))).toEqual(plan);
      }),
      { numRuns: 2_000 },
    );
  });

  it("RESUME-3, RESUME-4, RESUME-5: asks a client only if a session may miss it that is of the same program, and it can answer", () => {
    property((given, own, plan) => {
      if (plan.kind !== "probe") return;
      const missing = own
        .all(() => true)
        .filter(
          ({ handshake, request }) =>
            (handshake.isInitialized || handshake.isInitializing) &&
            request.headers["user-agent"] === given.headers["user-agent"] &&
            request.headers["cache-control"] === given.headers["cache-control"],
        );
      if (given.namesVersion) {
        const greetings = missing.map(({ request }) => request.headers["mcp-protocol-version"]);
        expect(greetings).toContain(undefined);
      } else {
        // Before its endpoint event only a client on Node's fetch can be asked.
        expect(given.headers["user-agent"]).toBe("node");
        expect(given.instance).toBeDefined();
        const isOfSdk = given.headers.accept === "text/event-stream";
        expect(
          missing
            .map(({ channel }) => channel)
            .filter(({ namesVersion }) => !(isOfSdk && namesVersion === true)),
        ).toContainEqual(expect.objectContaining({ instance: given.instance }));
      }
    });
  });

  it("RESUME-1: continues the session of the last event, and knows what the client has", () => {
    property((given, own, plan) => {
      const named = own.byId(given.lastEvent?.sessionId ?? "");
      if (named !== undefined) {
        expect(plan).toEqual({ kind: "resume", session: named, seq: given.lastEvent?.seq });
      } else if (plan.kind === "resume") {
        expect(plan.seq).toBeUndefined();
      }
    });
  });

  it("RESUME-2, RESUME-5: without asking continues only what one client can name, but for the session that waits for the answer to initialize", () => {
    property(({ cookieSession, instance: name, lastEvent, namesVersion }, own, plan) => {
      if (plan.kind !== "resume") return;
      const { session } = plan;
      if (session.id === lastEvent?.sessionId) return;
      if (session.id === cookieSession && session.channel.keepsOwnCookies && namesVersion) return;
      // It comes for the first time, as far as it says, and nobody has named the session.
      expect({ lastEvent, name, namesVersion }).toEqual({
        lastEvent: undefined,
        name: undefined,
        namesVersion: false,
      });
      const isWaiting = ({ isDetached, handshake, isAlike, channel }: Owned) =>
        isDetached && handshake.isInitializing && isAlike && channel.instance === undefined;
      expect(own.all(() => true).filter(isWaiting)).toEqual([session]);
    });
  });

  it("RESUME-14: tells a client that names a session that is gone, or has been initialised before, that it is lost", () => {
    property(({ lastEvent, namesVersion }, _own, plan) => {
      if (plan.kind === "fresh") {
        expect(plan.isStale).toBe(lastEvent !== undefined || namesVersion);
      }
    });
  });
});
