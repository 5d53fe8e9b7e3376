import type { IncomingHttpHeaders } from "node:http";
import { inspect } from "node:util";
import type { Logger } from "../../src/index.js";

/** Every way in which a value gets into a log: inspected with all that is hidden, as text, as JSON. */
export function printed(value: unknown): string {
  const all = { depth: Infinity, showHidden: true, maxArrayLength: Infinity };
  return [inspect(value, all), String(value), JSON.stringify(value)].join("\n");
}

/** Credentials that the tests have used, in every form in which they could be found again. */
const secrets = new Set<string>();

/** What has left the server: answers, events, log lines. Read when the test is over. */
const observed: (() => string)[] = [];

/** Shorter texts are found anywhere by chance. */
const SHORTEST_SECRET = 8;

/** Query parameters in which tests send keys. */
const KEY_PARAMETERS = ["api_key", "key"];

/** Notes a text that must not be seen again, and returns it. */
export function secret(text: string): string {
  if (text.length < SHORTEST_SECRET) return text;
  secrets.add(text).add(encodeURIComponent(text));
  secrets.add(new URLSearchParams({ "": text }).toString().slice(1));
  return text;
}

/** Notes the credentials of a request that is about to be sent. */
export function noteCredentials(url: string, headers: object): void {
  for (const [name, value] of Object.entries(headers) as [string, string | string[]][]) {
    if (!/^(authorization|x-api-key|x-key)$/i.test(name)) continue;
    for (const text of [value].flat()) {
      const token = text.replace(/^\w+ +/, "");
      secret(token);
      const signature = token.split(".")[2];
      if (signature !== undefined) secret(signature);
    }
  }
  const query = new URLSearchParams(url.split("?")[1]);
  for (const name of KEY_PARAMETERS) query.getAll(name).forEach(secret);
}

/** Adds something to be searched. */
export function observe(what: () => string): void {
  observed.push(what);
}

/** An answer to be searched; of an event stream all but the endpoint event, which repeats a query key. */
export function observeAnswer(headers: IncomingHttpHeaders | Headers, text: () => string): void {
  const head = JSON.stringify(headers instanceof Headers ? [...headers] : headers);
  observe(() => `${head}\n${text().replace(/^event: endpoint\n(id: .*\n)?data: .*$/gm, "")}`);
}

/** Forgets what was searched, and says which credential was seen where. */
export function takeLeaks(): string[] {
  const texts = observed.splice(0).map((read) => read());
  const leaks = [...secrets].flatMap((text) =>
    texts.filter((seen) => seen.includes(text)).map((seen) => excerpt(seen, text)),
  );
  secrets.clear();
  return leaks;
}

function excerpt(seen: string, text: string): string {
  const start = seen.indexOf(text);
  return seen.slice(Math.max(0, start - 100), start + text.length + 20);
}

/** A logger whose lines are kept, and searched for credentials. */
export interface RecordingLogger extends Logger {
  /** Each line, with its level in front. */
  readonly lines: string[];
}

export function recordingLogger(): RecordingLogger {
  const lines: string[] = [];
  const at = (level: string) => (message: string) => void lines.push(`${level}: ${message}`);
  observe(() => lines.join("\n"));
  return { lines, debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}
