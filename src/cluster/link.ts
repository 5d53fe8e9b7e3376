/** Milliseconds without an acknowledgement after which frames are sent again. */
export const REPEAT_MS = 400;

/** Milliseconds that an acknowledgement waits for something that it can travel with. */
const ACK_MS = 25;

/** What may be under way on one link, in bytes: more waits here, not in the engine's buffers. */
const WINDOW_BYTES = 2 * 1024 * 1024;

/** What is sent again at a time, to a node that may be unable to hear. */
const REPEAT_BYTES = 256 * 1024;

/** After so much, an acknowledgement does not wait: the other side's window may be full. */
const ACK_BYTES = 128 * 1024;

/** Size of one packet, unless a single frame is larger. */
const PACKET_BYTES = 256 * 1024;

/** What came too early and is kept, in frames; the rest is sent again. */
const MAX_EARLY = 1_024;

/** A frame on its way, until the other side is known to have it. */
export interface Outbound {
  /** JSON. What replaces it has the same length. */
  text: string;
  /** How many times it was sent, but for those that are certain not to have been heard. */
  tries: number;
  /** The other side is known to have it. */
  onHeard?: () => void;
}

/** What a link needs of the node that it belongs to. */
export interface LinkHost {
  /** Milliseconds on a clock that never goes back. */
  now(): number;
  /** There is something to be taken. At the end of the tick. */
  wantsToSend(link: Link): void;
  /** Frames that wait to be heard have become more, or fewer. */
  changeUnheard(bytes: number): void;
}

/** A packet that is ready, with the frames that are in it. */
export interface TakenPacket {
  readonly text: string;
  readonly frames: readonly Outbound[];
}

/**
 * Half of what two nodes say to each other: the frames of one of them, in order, each once.
 *
 * A frame has a number and is kept until it is acknowledged. What is not acknowledged is sent again, what
 * comes twice is dropped, and what comes too early waits. So whatever the engine loses, doubles or
 * mixes up, either everything arrives or the link is lost.
 */
export class Link {
  readonly peer: string;
  /** By which both sides know it, made of both sides' nonces; `undefined` until they have met. */
  id: string | undefined;
  isLost = false;
  /** What is kept, in order; the first has number `#base`. */
  readonly #queue: Outbound[] = [];
  #base = 1;
  /** How many of these are under way, and their bytes. */
  #flying = 0;
  #flyingBytes = 0;
  #window = WINDOW_BYTES;
  #unheardBytes = 0;
  /** When something was last acknowledged, or began to be under way. */
  #quietSince = 0;
  #repeatTimer: NodeJS.Timeout | undefined;
  /** The last frame of the other side that came with all before it. */
  #received = 0;
  readonly #early = new Map<number, unknown>();
  #owesAck = false;
  #bytesSinceAck = 0;
  #ackTimer: NodeJS.Timeout | undefined;
  readonly #host: LinkHost;
  readonly #deliver: (frame: unknown) => void;

  /** @param deliver called with each frame of the other side, in order. It must not throw. */
  constructor(peer: string, host: LinkHost, deliver: (frame: unknown) => void) {
    this.peer = peer;
    this.#host = host;
    this.#deliver = deliver;
  }

  get unheardBytes(): number {
    return this.#unheardBytes;
  }

  /** The number of the last frame of the other side that was delivered. */
  get received(): number {
    return this.#received;
  }

  /** Whether all that was sent is known to have arrived. */
  get isHeard(): boolean {
    return this.#queue.length === 0;
  }

  /** Sends a frame at the end of the tick, or when the other side has been met. @param text JSON. */
  send(frame: Outbound): void {
    if (this.isLost) return;
    this.#queue.push(frame);
    this.#changeUnheard(frame.text.length);
    this.#host.wantsToSend(this);
  }

  /** Says something without anything in it: whoever has lost the link says so. */
  probe(): void {
    this.#owesAck = true;
    this.#host.wantsToSend(this);
  }

  /** Both sides have met: what waits can go. */
  establish(id: string): void {
    this.id = id;
    this.#host.wantsToSend(this);
  }

  /** The next packet, if there is something to say now. */
  take(): TakenPacket | undefined {
    if (this.isLost || this.id === undefined) return undefined;
    const first = this.#base + this.#flying;
    const frames = this.#takeFrames();
    if (frames.length === 0 && !this.#owesAck) return undefined;
    this.#owesAck = false;
    this.#bytesSinceAck = 0;
    const head = `["d","${this.id}",${first},${this.#received}`;
    return { text: `${head}${frames.map(({ text }) => `,${text}`).join("")}]`, frames };
  }

  #takeFrames(): readonly Outbound[] {
    const begin = this.#flying;
    let bytes = 0;
    for (const frame of this.#queue.slice(begin, begin + MAX_EARLY)) {
      const size = frame.text.length;
      if (bytes > 0 && bytes + size > PACKET_BYTES) break;
      if (this.#flyingBytes > 0 && this.#flyingBytes + size > this.#window) break;
      if (this.#flying === 0) this.#quietSince = this.#host.now();
      bytes += size;
      this.#flyingBytes += size;
      this.#flying++;
      frame.tries++;
    }
    if (this.#flying > begin) this.#watch(REPEAT_MS);
    return this.#queue.slice(begin, this.#flying);
  }

  /** What of the other side has come. @param first number of the first of `frames`. @param acked the last of ours that it has. */
  receive(first: number, acked: number, frames: readonly unknown[], bytes: number): void {
    this.#noteAcked(acked);
    if (frames.length === 0) return;
    this.#oweAck(bytes, first + frames.length - 1 <= this.#received);
    frames.forEach((frame, at) => this.#keepEarly(first + at, frame));
    this.#deliverInOrder();
  }

  #keepEarly(number: number, frame: unknown): void {
    if (number > this.#received && number <= this.#received + MAX_EARLY) {
      this.#early.set(number, frame);
    }
  }

  #deliverInOrder(): void {
    let next = this.#received + 1;
    while (!this.isLost && this.#early.has(next)) {
      const frame = this.#early.get(next);
      this.#early.delete(next);
      this.#received = next++;
      this.#deliver(frame);
    }
  }

  #noteAcked(acked: number): void {
    const heard = acked - this.#base + 1;
    if (heard <= 0 || heard > this.#queue.length) return;
    const frames = this.#queue.splice(0, heard);
    this.#base += heard;
    const flown = frames.slice(0, this.#flying);
    this.#flyingBytes -= sizeOf(flown);
    this.#flying -= flown.length;
    this.#window = WINDOW_BYTES;
    this.#quietSince = this.#host.now();
    this.#changeUnheard(-sizeOf(frames));
    for (const frame of frames) frame.onHeard?.();
    if (this.#flying < this.#queue.length) this.#host.wantsToSend(this);
  }

  /** @param isRepeated it has come before: our acknowledgement may have been lost. */
  #oweAck(bytes: number, isRepeated: boolean): void {
    this.#owesAck = true;
    this.#bytesSinceAck += bytes;
    if (isRepeated || this.#bytesSinceAck > ACK_BYTES) this.#host.wantsToSend(this);
    else this.#ackTimer ??= setTimeout(() => this.#ackLate(), ACK_MS).unref();
  }

  #ackLate(): void {
    this.#ackTimer = undefined;
    if (this.#owesAck) this.#host.wantsToSend(this);
  }

  #watch(ms: number): void {
    this.#repeatTimer ??= setTimeout(() => this.#repeatIfQuiet(), ms).unref();
  }

  #repeatIfQuiet(): void {
    this.#repeatTimer = undefined;
    if (this.#flying === 0) return;
    const leftMs = REPEAT_MS - (this.#host.now() - this.#quietSince);
    if (leftMs > 0) this.#watch(leftMs);
    else this.repeat();
  }

  /** Sends again what is not known to have arrived, a part at a time. */
  repeat(): void {
    if (this.#flying === 0) return;
    this.#flying = 0;
    this.#flyingBytes = 0;
    this.#window = REPEAT_BYTES;
    this.#host.wantsToSend(this);
  }

  /** The other side has given it up, and acts on no frame behind number `last`: nobody hears those. */
  endBehind(last: number): void {
    this.#noteAcked(last);
    for (const frame of this.#queue) frame.tries = 0;
  }

  /** Nothing goes or comes any more. */
  lose(): void {
    this.isLost = true;
    clearTimeout(this.#repeatTimer);
    clearTimeout(this.#ackTimer);
    this.#early.clear();
    this.#queue.length = 0;
    this.#changeUnheard(-this.#unheardBytes);
  }

  #changeUnheard(bytes: number): void {
    this.#unheardBytes += bytes;
    this.#host.changeUnheard(bytes);
  }
}

function sizeOf(frames: readonly Outbound[]): number {
  return frames.reduce((sum, { text }) => sum + text.length, 0);
}
