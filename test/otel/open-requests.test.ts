import { OpenRequests } from "../../src/otel/open-requests.js";

const request = (session: string, id: number | string, startedAt = 1) => ({
  session: { id: session },
  id,
  startedAt,
});

function opened(limit?: number) {
  const lost: string[] = [];
  return { lost, open: new OpenRequests<string>((value) => void lost.push(value), limit) };
}

test("what belongs to a request is given back once, and an id that is a text is another than the same number", () => {
  const { open, lost } = opened();
  open.add(request("a", 1), "number");
  open.add(request("a", "1"), "text");
  expect(open.take(request("a", "1"))).toBe("text");
  expect(open.take(request("a", "1"))).toBeUndefined();
  expect(open.take(request("b", 1))).toBeUndefined();
  expect(open.take(request("a", 1))).toBe("number");
  expect([open.size, lost]).toEqual([0, []]);
});

test("FACT-40: requests are lost when their session ends, when their id is used again, and when they are the oldest of too many", () => {
  const { open, lost } = opened(3);
  open.add(request("a", 1, 10), "first");
  open.add(request("a", 1, 20), "second");
  expect(lost).toEqual(["first"]);
  expect(open.take(request("a", 1, 10))).toBeUndefined();

  open.add(request("b", 1, 30), "third");
  open.add(request("b", "__proto__", 40), "fourth");
  open.add(request("c", 1, 50), "fifth");
  expect(lost).toEqual(["first", "second"]);

  open.endSession("b");
  expect(lost).toEqual(["first", "second", "third", "fourth"]);
  open.clear();
  expect([open.size, lost.at(-1)]).toEqual([0, "fifth"]);
});

test("the oldest request is that which began first, whatever its session", () => {
  const { open } = opened();
  expect(open.oldestAt).toBeUndefined();
  open.add(request("a", 1, 30), "");
  open.add(request("b", 1, 10), "");
  open.add(request("b", 2, 40), "");
  expect(open.oldestAt).toBe(10);
  open.take(request("b", 1, 10));
  expect(open.oldestAt).toBe(30);
});

test("a million requests that never end take no more than their bound", () => {
  const { open } = opened(100);
  for (let id = 0; id < 1_000_000; id++) open.add(request(`session ${id % 1000}`, id), "");
  expect(open.size).toBe(100);
});
