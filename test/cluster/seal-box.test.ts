import fc from "fast-check";
import { SealBox } from "../../src/cluster/seal-box.js";

const SECRET = "a secret of a cluster that is long enough";
const OTHER = "another secret that is long enough as well";

describe("CLUSTER-12: what is sealed", () => {
  it("opens at its place, with its prefix and its secret, and nowhere else", () => {
    const box = new SealBox([SECRET], "p");
    const sealed = box.seal("text", "node a");
    const openedBy = (secret: readonly string[] | false, prefix: string, place: string) =>
      new SealBox(secret, prefix).open(sealed, place);
    expect(openedBy([SECRET], "p", "node a")).toBe("text");
    expect(openedBy([OTHER, SECRET], "p", "node a")).toBe("text");
    expect(openedBy([OTHER], "p", "node a")).toBeUndefined();
    expect(openedBy([SECRET], "q", "node a")).toBeUndefined();
    expect(openedBy([SECRET], "p", "node b")).toBeUndefined();
    expect(openedBy(false, "p", "node a")).toBeUndefined();
    expect(box.open(new SealBox(false, "p").seal("text", "node a"), "node a")).toBeUndefined();
  });

  it("is never sealed the same twice, and does not open when a bit of it was changed", () => {
    const box = new SealBox([SECRET], "p");
    const reader = new SealBox([SECRET], "p");
    fc.assert(
      fc.property(fc.string(), fc.nat(), (ascii, at) => {
        const text = `${ascii} é 🎈`;
        const sealed = box.seal(text, "key k");
        expect(box.seal(text, "key k")).not.toBe(sealed);
        expect(reader.open(sealed, "key k")).toBe(text);
        const [version, id, salt, body] = sealed.split(".") as [string, string, string, string];
        const bytes = Buffer.from(body, "base64url");
        bytes[at % bytes.length]! ^= 1 << (at % 8);
        const changed = [version, id, salt, bytes.toString("base64url")].join(".");
        expect(reader.open(changed, "key k")).toBeUndefined();
        const cut = [version, id, salt, body.slice(0, at % body.length)].join(".");
        expect(reader.open(cut, "key k")).toBeUndefined();
      }),
    );
  });

  it.each([
    "",
    ".",
    "...",
    "1",
    "1.-.-",
    "1.-.-.x",
    "2.a.b.c",
    "1.a.b",
    "1.a.b.c",
    "x".repeat(9_999),
  ])("%j is nothing that opens", (text) => {
    expect(new SealBox([SECRET], "p").open(text, "all")).toBeUndefined();
  });

  it("of a list the first secret seals, and what an older one has sealed is told apart", () => {
    const old = new SealBox([SECRET], "p").seal("text", "all");
    const box = new SealBox([OTHER, SECRET], "p");
    expect(box.isOfNewest(old)).toBe(false);
    expect(box.isOfNewest(box.seal("text", "all"))).toBe(true);
    expect(new SealBox([OTHER], "p").open(box.seal("text", "all"), "all")).toBe("text");
  });

  it("without a secret it is the text, dots and all", () => {
    const open = new SealBox(false, "p");
    const written = open.seal('{"a":"1.2.3.4"}', "all");
    expect(open.open(written, "all")).toBe('{"a":"1.2.3.4"}');
    expect(open.isOfNewest(written)).toBe(true);
  });
});
