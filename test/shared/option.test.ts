import * as opt from "../../src/shared/option.js";

const pages = opt.block({
  size: opt.wholeNumber("lines", 20, "for all", 100),
  order: opt.choice("newest", "oldest"),
  filter: opt.neverUnset(opt.optional(opt.text())),
  numbered: opt.flag(false),
});

const messageOf = (given: unknown) => {
  try {
    pages.read("pages", given);
  } catch (error) {
    expect(error).toBeInstanceOf(TypeError);
    return (error as Error).message;
  }
  return undefined;
};

describe("an object of options", () => {
  it("may be left out, and has all its defaults then", () => {
    const defaults = { size: 20, order: "newest", filter: undefined, numbered: false };
    expect(pages.read("pages", undefined)).toEqual(defaults);
    expect(pages.read("pages", { size: undefined })).toEqual(defaults);
  });

  it.each([
    [{ sizes: 1 }, "size"],
    [{ Order: 1 }, "order"],
    [{ fitler: 1 }, "filter"],
    [{ numberd: 1 }, "numbered"],
    [{ numb: 1 }, "numbered"],
  ])("guesses what %j means", (given, meant) => {
    expect(messageOf(given)).toMatch(
      `is not an option. It takes: size, order, filter, numbered. Did you mean "${meant}"?`,
    );
  });

  it.each<[object]>([[{ colour: 1 }], [{ s: 1 }], [{ constructor: 1 }]])(
    "makes no guess at %j",
    (given) => {
      expect(messageOf(given)).toMatch(/It takes: size, order, filter, numbered\.$/);
    },
  );

  it("takes no option for unset that is written, where leaving it out switches a check off", () => {
    expect(messageOf({ filter: undefined })).toBe(
      "pages.filter is undefined. If it comes from the environment: is that set?",
    );
  });

  it.each([
    [{ size: 1.5 }, "pages.size is no whole number. Write 0 for all."],
    [{ size: 101 }, "pages.size must be a number from 0 to 100. Leave it out for the default, 20."],
    [{ size: Number.NaN }, "pages.size must be a number from 0 to 100."],
    [{ order: "random" }, 'pages.order is unknown. Write "newest" or "oldest".'],
    [{ order: "secret-value" }, 'pages.order is unknown. Write "newest" or "oldest".'],
    [{ numbered: 1 }, "pages.numbered must be true or false. The default is false."],
    [[], "pages must be an object. It takes: size, order, filter, numbered."],
  ])("says what is wrong with %j, and shows no value", (given, says) => {
    expect(messageOf(given)).toContain(says);
    expect(messageOf(given)).not.toContain("secret-value");
  });
});

describe("an option that has moved", () => {
  const tuning = opt.block({ probes: opt.number("probes", 3, { min: 1 }) });
  const read = (given: unknown, old: unknown) =>
    opt.readMoved(tuning, "tuning", given, { before: old });

  it.each([
    ["in neither place", undefined, undefined, 3],
    ["where it stands now", { probes: 5 }, undefined, 5],
    ["where it stood", undefined, { probes: 5 }, 5],
    ["where an object may be off", undefined, false, 3],
  ])("counts %s", (_where, given, old, expected) => {
    expect(read(given, old)).toEqual({ probes: expected });
  });

  it("is checked where it stood, and must not be in both places", () => {
    expect(() => read(undefined, { probes: 0 })).toThrow("before.probes must be a number from 1");
    expect(() => read({ probes: 1 }, { probes: 1 })).toThrow(
      "before.probes is tuning.probes now, and written in both places. Keep tuning.probes.",
    );
  });
});
