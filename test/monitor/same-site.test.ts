import {
  comesFromHere,
  formToken,
  isForeign,
  isFormToken,
  isVisit,
  newVisit,
} from "../../src/monitor/same-site.js";

const KEY = Buffer.alloc(32, 1);
const HERE = {
  method: "POST",
  host: "admin.example.com",
  origin: "https://admin.example.com",
  fetchSite: undefined,
  isSecure: false,
};

describe("FACT-56: a form", () => {
  it.each([
    ["over https", HERE],
    ["over https, which no proxy has taken off", { ...HERE, isSecure: true }],
    ["over http", { ...HERE, origin: "http://admin.example.com" }],
    ["behind a proxy that changes Host", { ...HERE, host: "inner:8080", fetchSite: "same-origin" }],
  ])("of this page is taken: %s", (_how, request) => {
    expect(comesFromHere(request)).toBe(true);
  });

  it.each([
    [
      "over http, to us over https",
      { ...HERE, origin: "http://admin.example.com", isSecure: true },
    ],
    ["by GET", { ...HERE, method: "GET" }],
    ["without a method", { ...HERE, method: undefined }],
    ["of another site", { ...HERE, origin: "https://evil.example" }],
    ["of another site that is called alike", { ...HERE, origin: "https://admin.example.com.evil" }],
    ["of another port", { ...HERE, origin: "https://admin.example.com:8443" }],
    ["of another scheme", { ...HERE, origin: "ftp://admin.example.com" }],
    ["that does not say from where", { ...HERE, origin: undefined }],
    [
      "that does not say from where, but pretends",
      { ...HERE, origin: undefined, fetchSite: "same-origin" },
    ],
    ["of a sandboxed page", { ...HERE, origin: "null", fetchSite: "same-origin" }],
    ["of a page that says nothing of itself", { ...HERE, origin: "" }],
    ["of a neighbour", { ...HERE, fetchSite: "same-site" }],
    ["of another site, to a Host that it made up", { ...HERE, fetchSite: "cross-site" }],
    ["that no page has sent", { ...HERE, fetchSite: "none" }],
    ["without Host", { ...HERE, host: undefined }],
  ])("is not taken: %s", (_how, request) => {
    expect(comesFromHere(request)).toBe(false);
  });

  it("is worth something for its visit, its person, and an hour", () => {
    const act = { visit: newVisit(), target: ["end", "alice", null] };
    const token = formToken(KEY, act, 1_000);
    const isGood = (more: object, keys = [KEY], now = 1_000) =>
      isFormToken(token, keys, { ...act, ...more }, now);

    expect(isGood({})).toBe(true);
    expect(isGood({}, [Buffer.alloc(32, 2), KEY])).toBe(true);
    expect(isGood({}, [KEY], 3_600_000)).toBe(true);
    expect(isGood({}, [KEY], 3_602_000)).toBe(false);
    expect(isGood({ visit: newVisit() })).toBe(false);
    expect(isGood({ target: ["end", "bob", null] })).toBe(false);
    expect(isGood({ target: ["end", "alice", "https://issuer.example"] })).toBe(false);
    expect(isGood({}, [Buffer.alloc(32, 2)])).toBe(false);
    expect(isGood({}, [])).toBe(false);
  });

  it.each([
    "",
    ".",
    "a",
    "zzzzzzzzzzz.",
    "zzzzzzzzzzzz.x",
    "-1.x",
    "NaN.x",
    "1e9.x",
    "\u0000.\u0000",
  ])("is worth nothing with a token that nobody made: %j", (token) => {
    expect(isFormToken(token, [KEY], { visit: newVisit(), target: [] }, 1_000)).toBe(false);
  });

  it("is worth nothing for longer than it was made for", () => {
    const act = { visit: newVisit(), target: ["end", "alice", null] };
    const [, mac = ""] = formToken(KEY, act, 1_000).split(".");
    expect(isFormToken(`zzzzzzzz.${mac}`, [KEY], act, 1_000)).toBe(false);
  });
});

it("FACT-56: a visit is unguessable, and nothing else is taken for one", () => {
  expect(newVisit()).not.toBe(newVisit());
  expect(isVisit(newVisit())).toBe(true);
  expect(["", "a", `${newVisit()}a`, `${newVisit()}\n`].some(isVisit)).toBe(false);
});

it("FACT-53: a page of another site holds no stream", () => {
  expect([undefined, "same-origin", "none"].some(isForeign)).toBe(false);
  expect(["cross-site", "same-site", "x"].every(isForeign)).toBe(true);
});
