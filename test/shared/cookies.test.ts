import { cookiesIn, cookieValues } from "../../src/shared/cookies.js";

it("reads every cookie of a name, and none of a longer or shorter one", () => {
  const field = "a=1; bb=2;b=3 ;  b=; b; c=x=y";
  expect(cookieValues(field, "b")).toEqual(["3", ""]);
  expect(cookieValues(field, "c")).toEqual(["x=y"]);
  expect(cookieValues(field, "constructor")).toEqual([]);
  expect(cookieValues(undefined, "b")).toEqual([]);
});

it("parts cookies at semicolons, whatever stands around them", () => {
  expect(cookiesIn("a=1;b=2 ; c=3")).toEqual(["a=1", "b=2", "c=3"]);
});
