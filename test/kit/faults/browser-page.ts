/** What a page of the test offers to it, as `window`. */
export interface PageClient {
  /** Resolves when the session is initialised. */
  ready: Promise<void>;
  /** Notifications as they came. */
  notifications: string[];
  /** Requests of the server as they came. */
  requests: string[];
  /** How often each call was answered, by its name. */
  answers: Record<string, number>;
  /** Calls a tool; resolves with the text of its answer. */
  call(tool: string, name: string): Promise<string>;
  /** Resolves when a notification has come. */
  heard(text: string): Promise<void>;
}

/**
 * The smallest client that a page can have: an EventSource and fetch. It must not use anything of
 * this module, since its text is what the page runs.
 *
 * @param url of the event stream.
 */
export function runPageClient(url: string): void {
  const page = window as unknown as PageClient;
  const answered = new Map<number, (message: Record<string, unknown>) => void>();
  const waiting: { text: string; resolve: () => void }[] = [];
  let endpoint: string;
  let id = 0;
  const post = async (message: object): Promise<void> => {
    const body = JSON.stringify({ jsonrpc: "2.0", ...message });
    const { status } = await fetch(endpoint, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body,
    });
    if (status !== 202) throw new Error(`POST answered ${status}`);
  };
  const request = (method: string, params: object): Promise<Record<string, unknown>> => {
    const answer = new Promise<Record<string, unknown>>((resolve) => answered.set(++id, resolve));
    return post({ id, method, params }).then(() => answer);
  };
  page.notifications = [];
  page.requests = [];
  page.answers = {};
  page.heard = (text) =>
    new Promise((resolve) => {
      if (page.notifications.includes(text)) resolve();
      else waiting.push({ text, resolve });
    });
  page.call = async (tool, name) => {
    const { result } = await request("tools/call", { name: tool, arguments: { name } });
    return (result as { content: { text: string }[] }).content[0]!.text;
  };
  const receive = (message: Record<string, unknown>): void => {
    const { method, params } = message as { method?: string; params: unknown };
    if (method === "ping") void post({ id: message["id"], result: {} });
    else if (method === "notifications/message") {
      const { data } = params as { data: string };
      page.notifications.push(data);
      for (const { text, resolve } of waiting) if (text === data) resolve();
    } else if (method === "sampling/createMessage") {
      const [{ content }] = (params as { messages: [{ content: { text: string } }] }).messages;
      page.requests.push(content.text);
      const answer = { type: "text", text: `answer to ${content.text}` };
      void post({
        id: message["id"],
        result: { model: "page", role: "assistant", content: answer },
      });
    } else if (message["id"] !== undefined) {
      const text = (message["result"] as { content?: { text: string }[] }).content?.[0]?.text;
      if (text !== undefined) page.answers[text] = (page.answers[text] ?? 0) + 1;
      answered.get(message["id"] as number)?.(message);
    }
  };
  const events = new EventSource(url);
  events.onmessage = ({ data }) => receive(JSON.parse(data as string) as Record<string, unknown>);
  page.ready = new Promise((resolve) => {
    events.addEventListener("endpoint", ({ data }: MessageEvent<string>) => {
      const isFirst = (endpoint as string | undefined) === undefined;
      endpoint = data;
      if (!isFirst) return;
      const info = { clientInfo: { name: "page", version: "1" }, capabilities: { sampling: {} } };
      void request("initialize", { protocolVersion: "2025-06-18", ...info })
        .then(() => post({ method: "notifications/initialized" }))
        .then(resolve);
    });
  });
}
