import { ServerResponse } from "node:http";
import type { Socket } from "node:net";

/**
 * Puts frames into a response, each as one chunk, one buffer and one write.
 *
 * Node writes a chunk in four pieces, which costs more than the frame itself. Where nothing
 * stands between a response and its socket, the same bytes are written in one piece. Where
 * something does, such as compression() or HTTP/2, the response is written to.
 *
 * @see RFC 9112, section 7.1
 */
export class FrameWriter {
  readonly #res: ServerResponse & { flush?: () => void };
  readonly #socket: Socket | undefined;

  /** @param res whose head has been sent. */
  constructor(res: ServerResponse) {
    this.#res = res;
    this.#socket = isDirect(res) ? res.socket : undefined;
  }

  /** Whether what was written must be taken before there is room for more. */
  get needsDrain(): boolean {
    return (this.#socket ?? this.#res).writableNeedDrain;
  }

  /**
   * @param bytes length of the frame in UTF-8.
   * @returns whether there is room for more.
   */
  write(frame: string, bytes: number): boolean {
    if (this.#socket !== undefined) {
      const chunk = `${bytes.toString(16)}\r\n${frame}\r\n`;
      // ASCII is the same bytes in both, and Latin-1 is a plain copy.
      return this.#socket.write(chunk, bytes === frame.length ? "latin1" : "utf8");
    }
    const hasRoom = this.#res.write(frame);
    // compression() holds bytes back until it is told to flush.
    this.#res.flush?.();
    return hasRoom;
  }

  /** Calls `listener` whenever there is room again. */
  onDrain(listener: () => void): void {
    (this.#socket ?? this.#res).on("drain", listener);
  }

  offDrain(listener: () => void): void {
    (this.#socket ?? this.#res).off("drain", listener);
  }
}

/** Whether a response's chunks go to its socket, and to nobody else on their way. */
function isDirect(res: ServerResponse): res is ServerResponse & { readonly socket: Socket } {
  return (
    res.chunkedEncoding &&
    res.socket !== null &&
    // Express puts a prototype of its own in front; whoever wants the bytes replaces the method.
    res.write === ServerResponse.prototype.write
  );
}
