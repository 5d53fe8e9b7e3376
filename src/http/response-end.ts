import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";

/** Who waits for the end of a connection: one listener for all, since clients keep theirs for long. */
const waiting = new WeakMap<Socket, { readonly all: Set<() => void>; readonly stop: () => void }>();

/**
 * Calls `listener` once when nothing of a response will leave any more: at once if that is so
 * already, since its client may have left while it was asked who it is, and no event tells of it again.
 *
 * The connection is asked, too: a response that waits behind another one is not told when that breaks.
 *
 * @returns what makes it not be called any more.
 */
export function onResponseEnd(res: ServerResponse, listener: () => void): () => void {
  const { socket } = res.req;
  if (res.closed || res.destroyed || socket.destroyed) {
    listener();
    return nothing;
  }
  const others = waitingFor(socket);
  const forget = (): void => {
    res.off("close", tell);
    // Nothing of ours is left on a connection that serves on. Once forgotten, it may have others by now.
    if (others.delete(tell) && others.size === 0) waiting.get(socket)?.stop();
  };
  const tell = (): void => {
    forget();
    listener();
  };
  res.once("close", tell);
  others.add(tell);
  return forget;
}

/** Whether a response waits for those before it on its connection: nobody was offered any of it. */
export function waitsForTurn({ socket }: ServerResponse): boolean {
  return socket === null;
}

/** Calls `listener` once those before a response on its connection have left; at once if there are none. */
export function onResponseTurn(res: ServerResponse, listener: () => void): void {
  if (waitsForTurn(res)) res.once("socket", listener);
  else listener();
}

function nothing(): void {
  // It was told.
}

function waitingFor(socket: Socket): Set<() => void> {
  const known = waiting.get(socket);
  if (known !== undefined) return known.all;
  const all = new Set<() => void>();
  const tellAll = (): void => {
    for (const tell of all) tell();
  };
  const stop = (): void => {
    waiting.delete(socket);
    socket.off("close", tellAll);
  };
  waiting.set(socket, { all, stop });
  socket.once("close", tellAll);
  return all;
}

/** Resolves when all that was given to a response has left this process, or never will. */
export function whenFinished(res: ServerResponse): Promise<void> {
  if (res.writableFinished || res.closed) return Promise.resolve();
  return new Promise((resolve) => {
    res.once("finish", resolve);
    onResponseEnd(res, resolve);
  });
}
