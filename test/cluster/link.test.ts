import fc from "fast-check";
import { Link } from "../../src/cluster/link.js";
import type { LinkHost } from "../../src/cluster/link.js";
import { cleanUpAfterEach } from "../kit/clean-up.js";
import { freezeTimers } from "../kit/clock.js";

cleanUpAfterEach();

/** Two halves of a link, and packets between them that anything may happen to. */
class Wire {
  now = 0;
  readonly heard: [number[], number[]] = [[], []];
  readonly packets: { to: 0 | 1; text: string }[] = [];
  readonly links: [Link, Link];
  unheardBytes = 0;
  readonly #wanting = new Set<Link>();
  #sent = [0, 0];

  constructor() {
    const host: LinkHost = {
      now: () => this.now,
      wantsToSend: (link) => void this.#wanting.add(link),
      changeUnheard: (bytes) => (this.unheardBytes += bytes),
    };
    const make = (side: 0 | 1): Link => {
      const link = new Link("peer", host, (frame) => this.heard[side].push(frame as number));
      link.establish("a.b");
      return link;
    };
    this.links = [make(0), make(1)];
  }

  send(side: 0 | 1, padding = 0): void {
    const text = `${++this.#sent[side]!}${" ".repeat(padding)}`;
    this.links[side].send({ text, tries: 0 });
  }

  /** What a node does at the end of a tick. */
  flush(): void {
    for (const side of [0, 1] as const) {
      const link = this.links[side];
      if (!this.#wanting.delete(link)) continue;
      for (let packet = link.take(); packet; packet = link.take()) {
        this.packets.push({ to: side === 0 ? 1 : 0, text: packet.text });
      }
    }
  }

  deliver(at: number, isKept = false): void {
    const [packet] = this.packets.slice(at % this.packets.length);
    if (packet === undefined) return;
    if (!isKept) this.packets.splice(at % this.packets.length, 1);
    const [, , first, acked, ...frames] = JSON.parse(packet.text) as [
      string,
      string,
      number,
      number,
    ];
    this.links[packet.to].receive(first, acked, frames, packet.text.length);
    this.flush();
  }

  pass(ms: number): void {
    this.now += ms;
    jest.advanceTimersByTime(ms);
    this.flush();
  }

  /** Nothing goes wrong any more. */
  settle(): void {
    this.flush();
    for (let round = 0; round < 1_000 && !this.links.every((link) => link.isHeard); round++) {
      while (this.packets.length > 0) this.deliver(0);
      this.pass(100);
    }
  }

  get sent(): [number[], number[]] {
    const upTo = (count: number) => Array.from({ length: count }, (_, at) => at + 1);
    return [upTo(this.#sent[1]!), upTo(this.#sent[0]!)];
  }
}

const side = fc.constantFrom(0 as const, 1 as const);
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant("send" as const), side }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("deliver" as const), at: fc.nat(50) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("drop" as const), at: fc.nat(50) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("double" as const), at: fc.nat(50) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("pass" as const), ms: fc.nat(900) }) },
);

it("CLUSTER-10: whatever is lost, doubled, late or out of order, each frame arrives once and in order", () => {
  freezeTimers();
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
      const wire = new Wire();
      for (const each of steps) {
        if (each.do === "send") wire.send(each.side);
        if (each.do === "deliver") wire.deliver(each.at);
        if (each.do === "double") wire.deliver(each.at, true);
        if (each.do === "drop") wire.packets.splice(each.at, 1);
        if (each.do === "pass") wire.pass(each.ms);
        // The end of a tick comes after some of them.
        if (each.do !== "send" || wire.packets.length % 2 === 0) wire.flush();
      }
      wire.settle();
      expect(wire.heard).toEqual(wire.sent);
      expect(wire.unheardBytes).toBe(0);
      for (const link of wire.links) link.lose();
    }),
    { numRuns: 400 },
  );
});

it("CLUSTER-10: what nobody acknowledges is sent again after 400 ms, a part of it at a time", () => {
  freezeTimers();
  const wire = new Wire();
  for (let n = 0; n < 40; n++) wire.send(0, 100_000);
  wire.flush();
  const sentFirst = wire.packets.splice(0).reduce((sum, { text }) => sum + text.length, 0);
  // The rest waits here, since more would only fill the engine.
  expect(sentFirst).toBeLessThan(2.2 * 1024 * 1024);
  wire.pass(399);
  expect(wire.packets).toEqual([]);
  wire.pass(1);
  const repeated = wire.packets.splice(0).reduce((sum, { text }) => sum + text.length, 0);
  expect(repeated).toBeGreaterThan(100_000);
  expect(repeated).toBeLessThan(300_000);
  wire.settle();
  expect(wire.heard).toEqual(wire.sent);
});

it("CLUSTER-10: an acknowledgement waits 25 ms for something to travel with", () => {
  freezeTimers();
  const wire = new Wire();
  wire.send(0);
  wire.flush();
  wire.deliver(0);
  expect(wire.packets).toEqual([]);
  wire.send(1);
  wire.flush();
  expect(wire.packets).toEqual([{ to: 0, text: '["d","a.b",1,1,1]' }]);
  wire.deliver(0);
  expect(wire.links[0].isHeard).toBe(true);
  wire.pass(24);
  expect(wire.packets).toEqual([]);
  wire.pass(1);
  expect(wire.packets).toEqual([{ to: 1, text: '["d","a.b",2,1]' }]);
});

it("an acknowledgement of what was not sent counts for nothing", () => {
  const wire = new Wire();
  wire.send(0);
  wire.flush();
  for (const acked of [2, 1_000, -1, 0]) wire.links[0].receive(1, acked, [], 0);
  expect(wire.links[0].isHeard).toBe(false);
  wire.links[0].lose();
  expect(wire.unheardBytes).toBe(0);
  expect(wire.links[0].take()).toBeUndefined();
});
