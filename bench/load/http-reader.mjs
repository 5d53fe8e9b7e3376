/**
 * Reads HTTP/1.1 responses from a socket's bytes, as text in which every character is one byte.
 * Written by hand because node:http's client costs more than the fastest servers that are
 * measured with it.
 */
export class HttpReader {
  #onHead;
  #onText;
  #onEnd;
  #rest = "";
  #state = "head";
  #isChunked = false;
  #left = 0;

  /** Called with the status, with each part of the body, and at the end of each response. */
  constructor({ onHead, onText, onEnd }) {
    this.#onHead = onHead;
    this.#onText = onText;
    this.#onEnd = onEnd;
  }

  take(bytes) {
    this.#rest += bytes;
    while (this.#rest !== "" && this.#step());
  }

  /** @returns whether there may be more to do with what is there. */
  #step() {
    if (this.#state === "head") return this.#takeHead();
    if (this.#state === "size") return this.#takeSize();
    return this.#takeBody();
  }

  #takeHead() {
    const end = this.#rest.indexOf("\r\n\r\n");
    if (end === -1) return false;
    const head = this.#rest.slice(0, end);
    this.#rest = this.#rest.slice(end + 4);
    this.#isChunked = /\r\ntransfer-encoding: *chunked/i.test(head);
    const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
    // Without either the body ends with the connection.
    const isEndless = length === undefined && /\r\nconnection: *close/i.test(head);
    this.#left = isEndless ? Infinity : Number(length ?? 0);
    this.#onHead(Number(head.slice(9, 12)), head);
    if (this.#isChunked) this.#state = "size";
    else if (this.#left > 0) this.#state = "body";
    else this.#end();
    return true;
  }

  #takeSize() {
    const end = this.#rest.indexOf("\r\n");
    if (end === -1) return false;
    const size = parseInt(this.#rest.slice(0, end), 16);
    // The last chunk is empty, and nobody sends trailers here.
    if (size === 0 && this.#rest.length < end + 4) return false;
    this.#rest = this.#rest.slice(end + (size === 0 ? 4 : 2));
    this.#left = size;
    this.#state = "body";
    if (size === 0) this.#end();
    return true;
  }

  #takeBody() {
    if (this.#left > 0) {
      const text = this.#rest.slice(0, this.#left);
      this.#rest = this.#rest.slice(text.length);
      this.#left -= text.length;
      this.#onText(text);
      if (this.#left > 0) return false;
    }
    if (!this.#isChunked) {
      this.#end();
      return true;
    }
    // The line break that follows a chunk.
    if (this.#rest.length < 2) return false;
    this.#rest = this.#rest.slice(2);
    this.#state = "size";
    return true;
  }

  #end() {
    this.#state = "head";
    this.#onEnd();
  }
}
