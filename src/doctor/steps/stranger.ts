import { ACCEPT, initializeRequest, untilAnswered } from "../messages.js";
import type { Step } from "../step.js";
import { inShort } from "../words.js";

/** What anybody gets who shows nothing. */
export const stranger: Step<"stranger"> = {
  name: "stranger",
  title: "Without a credential",
  isNeeded: () => true,
  async gather({ ask, evidence }) {
    const { url } = evidence.target;
    const [get, post] = await Promise.all([
      ask(url, { headers: { accept: "text/event-stream" }, until: isSomething }),
      ask(url, {
        method: "POST",
        headers: { accept: ACCEPT },
        body: initializeRequest(1),
        until: untilAnswered(1),
      }),
    ]);
    return { get, post };
  },
  describe: ({ get, post }) => ({ text: `GET ${inShort(get)}, POST ${inShort(post)}` }),
};

/** A stream that lets strangers in is not read to its end, which never comes. */
function isSomething(text: string): boolean {
  return text.includes("\n\n");
}
