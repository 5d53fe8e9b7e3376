import { countLines, linesWithout } from "../../src/shared/raw-headers.js";

const LINES = ["Host", "a", "AUTHORIZATION", "authorization", "authorization", "host", "Hos", "b"];

it("counts header lines by their name, however it is written, and never by a value", () => {
  expect(countLines(LINES, "authorization")).toBe(2);
  expect(countLines(LINES, "host")).toBe(1);
  expect(countLines(LINES, "constructor")).toBe(0);
});

it("leaves out the lines of one name and keeps the rest as they came", () => {
  expect(linesWithout(LINES, "authorization")).toEqual(["Host", "a", "Hos", "b"]);
});
