import { onDispose } from "../../kit/clean-up.js";
import { lastingPort } from "../../kit/listen.js";
import { NginxProcess } from "../../kit/nginx.js";

/** One nginx in front of many servers: each site has a port of its own. */
export class Front {
  readonly #blocks: string[] = [];

  /**
   * Adds a site, before nginx is started.
   *
   * @param server what its block `server` has.
   * @param outside what stands beside that.
   * @returns its origin.
   */
  async site(server: string, outside = ""): Promise<string> {
    const port = await lastingPort();
    this.#blocks.push(`${outside} server { listen 127.0.0.1:${port}; ${server} }`);
    return `http://127.0.0.1:${port}`;
  }

  async start(): Promise<void> {
    const nginx = await NginxProcess.start(this.#blocks.join("\n"));
    onDispose(() => nginx.stop());
  }
}

/** A location as docs/deploying.md has it. @param more what it has beside, which wins. */
export function location(path: string, upstream: string, more = ""): string {
  const usual: Record<string, string> = {
    proxy_http_version: "1.1",
    "proxy_set_header Connection": '""',
    "proxy_set_header Host": "$http_host",
  };
  const lines = Object.entries(usual)
    .filter(([name]) => !more.includes(name))
    .map(([name, value]) => `${name} ${value};`);
  return `location ${path} { proxy_pass ${upstream}; ${lines.join(" ")} ${more} }`;
}
