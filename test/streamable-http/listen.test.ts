import { endOfSubscription } from "../../src/streamable-http/listen.js";

test("STREAM-9: the end of a subscription has none of the line breaks that its client's id has", () => {
  const id = "a\u2028b\u2029c\n";
  const frame = endOfSubscription(id);
  expect(frame).not.toMatch(/[\u2028\u2029]/);
  expect(frame.split("\n")).toHaveLength(4);
  const { id: told } = JSON.parse(/^data: (.*)$/m.exec(frame)![1]!) as { id: string };
  expect(told).toBe(id);
});
