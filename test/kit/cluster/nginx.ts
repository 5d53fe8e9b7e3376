import { lastingPort } from "../listen.js";
import { NginxProcess } from "../nginx.js";

/**
 * nginx in front of nodes, one after the other for each request whoever sends it, as docs/cluster.md has it. A
 * node is out of it before it drains.
 */
export class Nginx {
  readonly origin: string;
  readonly #port: number;
  readonly #ports: readonly number[];
  readonly #out = new Set<number>();
  #process: NginxProcess | undefined;

  private constructor(port: number, ports: readonly number[]) {
    this.#port = port;
    this.#ports = ports;
    this.origin = `http://127.0.0.1:${port}`;
  }

  static async start(ports: readonly number[]): Promise<Nginx> {
    const nginx = new Nginx(await lastingPort(), ports);
    nginx.#process = await NginxProcess.start(nginx.#configuration());
    return nginx;
  }

  /** Resolves when no request is given to a node any more. */
  async takeOut(port: number): Promise<void> {
    this.#out.add(port);
    await this.#process?.reconfigure(this.#configuration());
  }

  async putBack(port: number): Promise<void> {
    this.#out.delete(port);
    await this.#process?.reconfigure(this.#configuration());
  }

  async stop(): Promise<void> {
    await this.#process?.stop();
  }

  #configuration(): string {
    const servers = this.#ports.map(
      (port) => `server 127.0.0.1:${port} max_fails=0${this.#out.has(port) ? " down" : ""};`,
    );
    return `upstream mcp { ${servers.join(" ")} }
  server {
    listen 127.0.0.1:${this.#port};
    location / {
      proxy_pass http://mcp;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $http_host;
      proxy_buffering off;
      proxy_read_timeout 1h;
      proxy_next_upstream error;
    }
  }`;
  }
}
