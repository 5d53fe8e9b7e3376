import { randomUUID } from "node:crypto";
import {
  CLOCK_SKEW_MS,
  idKeys,
  MAX_NAME_LENGTH,
  openName,
  sealName,
} from "../../src/streamable-http/sealed-id.js";

const SECRETS = ["s".repeat(32), "t".repeat(32)];
const KEYS = idKeys(SECRETS);
const ID = randomUUID();
const NOW = 1_800_000_000_000;
const AGE = { now: NOW, maxAgeMs: 60_000 };

const facts = {
  sealedAt: NOW,
  standing: { digest: "d".repeat(43), scopes: ["read"] },
  params: {
    protocolVersion: "2025-11-25",
    capabilities: { elicitation: {} },
    clientInfo: { name: "c", version: "1" },
  },
};

const sealed = sealName(ID, facts, KEYS[0]!)!;

it("RESTORE-4: a name carries what was sealed, for whoever has the key", () => {
  expect(openName(sealed, KEYS, AGE)).toEqual(facts);
  expect(openName(sealed, [...KEYS].reverse(), AGE)).toEqual(facts);
  expect(openName(sealed, KEYS.slice(1), AGE)).toBeUndefined();
  expect(openName(sealed, [], AGE)).toBeUndefined();
});

it("RESTORE-4: what a client left out stays out", () => {
  const name = sealName(ID, { ...facts, params: { protocolVersion: "2025-06-18" } }, KEYS[0]!)!;
  expect(openName(name, KEYS, AGE)?.params).toEqual({ protocolVersion: "2025-06-18" });
});

it("RESTORE-3: each change of one bit, in each character, makes it none", () => {
  for (let at = 0; at < sealed.length; at++) {
    for (let bit = 0; bit < 7; bit++) {
      const changed = String.fromCharCode(sealed.charCodeAt(at) ^ (1 << bit));
      const name = sealed.slice(0, at) + changed + sealed.slice(at + 1);
      expect([name, openName(name, KEYS, AGE)]).toEqual([name, undefined]);
    }
  }
});

it("RESTORE-3: so does each other spelling, each shorter one, and each longer one", () => {
  const [id, keyId, text] = sealed.split(".") as [string, string, string];
  const last = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  const spellings = Array.from(last, (letter) => text.slice(0, -1) + letter);
  const others = spellings.filter((one) => one !== text).map((one) => `${id}.${keyId}.${one}`);
  for (let length = 0; length < sealed.length; length++) others.push(sealed.slice(0, length));
  others.push(`${sealed}A`, `${sealed}=`, `${sealed}.`, ` ${sealed}`, `${sealed}\n`);
  others.push(`${id.toUpperCase()}.${keyId}.${text}`, `${sealed}${"A".repeat(MAX_NAME_LENGTH)}`);
  others.push(text, `${keyId}.${text}`, `${randomUUID()}.${keyId}.${text}`);
  for (const name of others) expect([name, openName(name, KEYS, AGE)]).toEqual([name, undefined]);
});

it("RESTORE-5: counts for its time, by clocks that differ by no more than clocks do", () => {
  const at = (now: number) => openName(sealed, KEYS, { now, maxAgeMs: 60_000 });
  expect(at(NOW + 60_000)).toBeDefined();
  expect(at(NOW + 60_001)).toBeUndefined();
  expect(at(NOW - CLOCK_SKEW_MS)).toBeDefined();
  expect(at(NOW - CLOCK_SKEW_MS - 1)).toBeUndefined();
});

it("RESTORE-6: is none where it would be too long", () => {
  const params = { ...facts.params, clientInfo: { name: "é".repeat(600), version: "1" } };
  expect(sealName(ID, { ...facts, params }, KEYS[0]!)).toBeUndefined();
  const standing = { ...facts.standing, scopes: Array.from({ length: 200 }, (_, at) => `s:${at}`) };
  expect(sealName(ID, { ...facts, standing }, KEYS[0]!)).toBeUndefined();
});
