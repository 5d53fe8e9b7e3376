/** What may be under way to the other side, or wait in its memory, for one request or response. */
const WINDOW = 65_536;

/** Of a window, after which the side that takes says so. */
export const WORTH_TELLING = WINDOW / 4;

/** The longest piece that is sent in one frame. */
const PIECE = 32_768;

/** Where text goes, and who hears what becomes of it. */
export interface TextSink {
  send(piece: string): void;
  /** There is room again, after `write` said that there was none. */
  drained(): void;
  /** All of it was sent, after `end`. */
  finished(): void;
}

/**
 * Text on its way to another node, in pieces, no more of them under way than the other side has
 * said that it took. So a reader who is slow there is slow here.
 */
export class PacedText {
  readonly #sink: TextSink;
  readonly #waiting: string[] = [];
  #waitingLength = 0;
  #untaken = 0;
  #taken = 0;
  #hasEnded = false;
  #isFull = false;

  constructor(sink: TextSink) {
    this.#sink = sink;
  }

  /** What was written, and is not known to be taken. */
  get length(): number {
    return this.#waitingLength + this.#untaken;
  }

  /** What the other side has taken in all. */
  get taken(): number {
    return this.#taken;
  }

  /** Whether nothing should be written until it has drained. */
  get needsDrain(): boolean {
    return this.#isFull;
  }

  /** @returns whether there is room for more. */
  write(text: string): boolean {
    if (text !== "") {
      this.#waiting.push(text);
      this.#waitingLength += text.length;
      this.#sendWaiting();
    }
    if (this.length >= WINDOW) this.#isFull = true;
    return !this.#isFull;
  }

  end(): void {
    this.#hasEnded = true;
    this.#look();
  }

  /** The other side has taken so much more. */
  took(length: number): void {
    this.#taken += length;
    this.#untaken = Math.max(0, this.#untaken - length);
    this.#sendWaiting();
    this.#look();
  }

  /** Nobody takes anything any more. */
  discard(): void {
    this.#waiting.length = 0;
    this.#waitingLength = 0;
    this.#untaken = 0;
  }

  #look(): void {
    // The other side may keep less than it would tell of.
    if (this.#isFull && this.length <= WINDOW - WORTH_TELLING) {
      this.#isFull = false;
      this.#sink.drained();
    }
    if (this.#hasEnded && this.#waitingLength === 0) {
      this.#hasEnded = false;
      this.#sink.finished();
    }
  }

  #sendWaiting(): void {
    for (;;) {
      const [text] = this.#waiting;
      if (text === undefined) return;
      const length = pieceOf(text, Math.min(PIECE, WINDOW - this.#untaken));
      if (length === 0) return;
      if (length === text.length) this.#waiting.shift();
      else this.#waiting[0] = text.slice(length);
      this.#waitingLength -= length;
      this.#untaken += length;
      this.#sink.send(text.slice(0, length));
    }
  }
}

/** How much of a text goes into one piece: a character of two code units must not come in two. */
function pieceOf(text: string, room: number): number {
  if (text.length <= room) return text.length;
  const last = text.charCodeAt(room - 1);
  return last >= 0xd800 && last <= 0xdbff ? room - 1 : Math.max(0, room);
}
