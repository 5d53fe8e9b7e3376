import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";

/** Who waits for the end of a connection: one listener for all, since clients keep theirs for long. */
const waiting = new WeakMap<Socket, Set<() => void>>();

/**
 * Calls `listener` once when nothing of a response will leave any more: at once if that is so
 * already, since its client may have left while it was asked who it is, and no event tells of it again.
 *
 * The connection is asked, too: a response that waits behind another one is not told when that breaks.
 */
export function onResponseEnd(res: ServerResponse, listener: () => void): void {
  const { socket } = res.req;
  if (res.closed || res.destroyed || socket.destroyed) {
    listener();
    return;
  }
  const others = waitingFor(socket);
  const tell = (): void => {
    res.off("close", tell);
    others.delete(tell);
    listener();
  };
  res.once("close", tell);
  others.add(tell);
}

function waitingFor(socket: Socket): Set<() => void> {
  const known = waiting.get(socket);
  if (known !== undefined) return known;
  const added = new Set<() => void>();
  waiting.set(socket, added);
  socket.once("close", () => {
    for (const tell of added) tell();
  });
  return added;
}
