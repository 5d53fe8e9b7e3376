/** Reads server-sent events from text, in whatever pieces it comes. */
export class EventReader {
  #onEvent;
  #rest = "";

  /** @param onEvent called with type and data of each event. */
  constructor(onEvent) {
    this.#onEvent = onEvent;
  }

  take(text) {
    // Where the last search ended: a megabyte that comes in pieces is searched once.
    let from = Math.max(0, this.#rest.length - 1);
    this.#rest += text;
    for (;;) {
      const end = this.#rest.indexOf("\n\n", from);
      if (end === -1) return;
      const event = this.#rest.slice(0, end);
      this.#rest = this.#rest.slice(end + 2);
      from = 0;
      this.#read(event);
    }
  }

  #read(event) {
    let type = "message";
    let data;
    for (const line of event.split("\n")) {
      if (line.startsWith("data: ")) data = line.slice(6);
      else if (line.startsWith("event: ")) type = line.slice(7);
    }
    // A comment that keeps the connection alive has no data.
    if (data !== undefined) this.#onEvent(type, data);
  }
}
