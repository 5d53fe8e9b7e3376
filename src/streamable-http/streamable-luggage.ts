import { lostAnswer } from "../http/lost-calls.js";
import type { MovedSession, OpenCall } from "../http/moved-session.js";
import { emptyOutbox, LIFE_LENGTH } from "../http/outbox.js";
import type { KeptMessage } from "../http/outbox.js";
import type { KeptStream, KeptStreams } from "./kept-streams.js";

/**
 * With which streams a session goes on at another node: those that were kept, and one for each call that was
 * lost, on which its client finds that out when it comes back for the answer.
 */
export function streamsOf({ moves, kept, lost }: MovedSession): KeptStreams {
  const before = (kept as KeptStreams | undefined) ?? noStreams(moves);
  const finished = before.calls.filter(({ isFinished }) => isFinished);
  const known = new Set(finished.map(({ number }) => number));
  const told = lost.flatMap((call) => {
    const { place } = call;
    if (place === undefined || known.has(place)) return [];
    const begun = before.calls.find(({ number }) => number === place);
    return [lostStream(call, begun ?? emptyStream(place, moves))];
  });
  const calls = [...finished, ...told].sort((one, other) => one.number - other.number);
  return { ...before, calls };
}

/** Nothing is known of those of a node that has died: those of now must not be taken for them. */
function noStreams(moves: number): KeptStreams {
  return { lastNumber: moves * LIFE_LENGTH, standalone: emptyStream(0, moves), calls: [] };
}

function emptyStream(number: number, moves: number): KeptStream {
  const outbox = emptyOutbox(moves);
  return { number, outbox, leftSeq: 0, isFinished: false, hasBeenHeard: false };
}

function lostStream({ id }: OpenCall, begun: KeptStream): KeptStream {
  const answer: KeptMessage = { json: JSON.stringify(lostAnswer(id)), kind: "answer" };
  const { outbox } = begun;
  return {
    ...begun,
    outbox: { ...outbox, messages: [...outbox.messages, answer] },
    isFinished: true,
  };
}
