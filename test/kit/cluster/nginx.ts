import { spawn, spawnSync } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { get } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { lastingPort } from "../listen.js";

/** Where Debian has it, which is in no user's PATH. */
const PATH = `${process.env["PATH"] ?? ""}:/usr/sbin`;

/** Ends nginx, workers included, with whoever started it: then nothing is at the other end of its input any more. */
const GUARD = 'nginx "$@" & echo $!; cat >/dev/null; kill $!; wait';

/** Whether this machine has nginx. */
export const hasNginx = spawnSync("nginx", ["-v"], { env: { PATH }, timeout: 30_000 }).status === 0;

/**
 * nginx in front of nodes, one after the other for each request whoever sends it, as docs/cluster.md has it. A
 * node is out of it before it drains.
 */
export class Nginx {
  readonly origin: string;
  readonly #port: number;
  readonly #folder: string;
  readonly #ports: readonly number[];
  readonly #out = new Set<number>();
  #generation = 0;
  #guard: ChildProcess | undefined;
  #pid = 0;

  private constructor(folder: string, port: number, ports: readonly number[]) {
    this.#folder = folder;
    this.#port = port;
    this.#ports = ports;
    this.origin = `http://127.0.0.1:${port}`;
  }

  static async start(ports: readonly number[]): Promise<Nginx> {
    const folder = await mkdtemp(join(tmpdir(), "cluster-nginx-"));
    const nginx = new Nginx(folder, await lastingPort(), ports);
    await nginx.#write();
    const args = ["-p", folder, "-c", join(folder, "nginx.conf"), "-e", "stderr"];
    const child = spawn("sh", ["-c", GUARD, "sh", ...args], {
      env: { PATH },
      stdio: ["pipe", "pipe", "pipe"],
    });
    nginx.#guard = child;
    const said = text(child.stderr);
    const [pid] = (await once(child.stdout, "data")) as [Buffer];
    nginx.#pid = Number(pid.toString());
    const failed = said.then((why) => {
      throw new Error(`nginx has ended: ${why}`);
    });
    failed.catch(() => undefined);
    await Promise.race([nginx.#isUpToDate(), failed]);
    return nginx;
  }

  /** Resolves when no request is given to a node any more. */
  async takeOut(port: number): Promise<void> {
    this.#out.add(port);
    await this.#reload();
  }

  async putBack(port: number): Promise<void> {
    this.#out.delete(port);
    await this.#reload();
  }

  async stop(): Promise<void> {
    const guard = this.#guard;
    if (guard?.exitCode === null) {
      guard.stdin!.end();
      await once(guard, "exit");
    }
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #reload(): Promise<void> {
    await this.#write();
    process.kill(this.#pid, "SIGHUP");
    await this.#isUpToDate();
  }

  /** Resolves when it answers as the newest configuration says. */
  async #isUpToDate(): Promise<void> {
    for (;;) {
      const answer = await ask(`${this.origin}/generation`);
      if (answer === String(this.#generation)) return;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  async #write(): Promise<void> {
    this.#generation++;
    await writeFile(join(this.#folder, "nginx.conf"), this.#configuration());
  }

  #configuration(): string {
    const servers = this.#ports.map(
      (port) => `server 127.0.0.1:${port} max_fails=0${this.#out.has(port) ? " down" : ""};`,
    );
    const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
      (what) => `${what}_temp_path ${this.#folder}/${what};`,
    );
    // Workers of another user could not write into the folder, nor read it.
    const user = process.getuid?.() === 0 ? "user root;" : "";
    return `${user} daemon off; worker_processes 1; pid ${this.#folder}/pid; error_log stderr crit;
events { worker_connections 4096; }
http {
  access_log off; ${temporary.join(" ")}
  # A reload ends idle connections, and clients may be just about to use them.
  keepalive_timeout 0;
  upstream mcp { ${servers.join(" ")} }
  server {
    listen 127.0.0.1:${this.#port};
    location = /generation { return 200 "${this.#generation}"; }
    location / {
      proxy_pass http://mcp;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $http_host;
      proxy_buffering off;
      proxy_read_timeout 1h;
      proxy_next_upstream error;
    }
  }
}
`;
  }
}

/** What is answered to a GET on a connection of its own; `undefined` where nobody answers. */
function ask(url: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const asked = get(url, { agent: false }, (answer) => {
      text(answer).then(resolve, () => resolve(undefined));
    });
    asked.on("error", () => resolve(undefined));
  });
}
