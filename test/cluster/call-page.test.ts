/** Which calls of a session are open, as they are written down. */
import fc from "fast-check";
import { OpenCalls, readPage, textOfPage } from "../../src/cluster/call-page.js";
import type { NotedCall } from "../../src/cluster/call-page.js";

const step = fc.record({
  isOver: fc.boolean(),
  id: fc.oneof(
    fc.integer({ min: 1, max: 6 }),
    fc.constantFrom<string | number>("1", "a", 0.5, 2 ** 53),
  ),
  place: fc.option(fc.integer({ min: 1, max: 3 }), { nil: undefined }),
});

it("CLUSTER-37: whatever begins and ends, in whichever order and how often, a page says what is open", () => {
  const property = fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
    const calls = new OpenCalls("s:alice");
    const open = new Map<NotedCall["id"], NotedCall>();
    for (const { isOver, id, place } of steps) {
      if (isOver) expect(calls.delete(id)).toBe(open.delete(id));
      // A session has one call of an id at a time.
      else if (!open.has(id)) {
        calls.add(id, place);
        open.set(id, { id, place });
      }
      expect(calls.isEmpty).toBe(open.size === 0);
      const text = textOfPage(new Map([["s:alice", calls]]));
      const read = text === undefined ? [] : readPage(text, "s:alice");
      expect(read).toHaveLength(open.size);
      expect(read).toEqual(expect.arrayContaining([...open.values()]));
    }
  });
  fc.assert(property, { numRuns: 2_000 });
});
