import { spawn, spawnSync } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { get } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { lastingPort } from "./listen.js";

/** Where Debian has it, which is in no user's PATH. */
const PATH = `${process.env["PATH"] ?? ""}:/usr/sbin`;

/** Ends nginx, workers included, with whoever started it: then nothing is at the other end of its input any more. */
const GUARD = 'nginx "$@" & echo $!; cat >/dev/null; kill $!; wait';

/** Whether this machine has nginx. */
export const hasNginx = spawnSync("nginx", ["-v"], { env: { PATH }, timeout: 30_000 }).status === 0;

/** A real nginx, with whatever its block `http` is to have. */
export class NginxProcess {
  readonly #folder: string;
  /** Where it says which configuration it has. */
  readonly #port: number;
  #generation = 0;
  #guard: ChildProcess | undefined;
  #pid = 0;

  private constructor(folder: string, port: number) {
    this.#folder = folder;
    this.#port = port;
  }

  static async start(http: string): Promise<NginxProcess> {
    const folder = await mkdtemp(join(tmpdir(), "nginx-"));
    const nginx = new NginxProcess(folder, await lastingPort());
    await nginx.#write(http);
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

  /** Resolves when it does as the new configuration says. */
  async reconfigure(http: string): Promise<void> {
    await this.#write(http);
    process.kill(this.#pid, "SIGHUP");
    await this.#isUpToDate();
  }

  async stop(): Promise<void> {
    const guard = this.#guard;
    if (guard?.exitCode === null) {
      guard.stdin!.end();
      await once(guard, "exit");
    }
    await rm(this.#folder, { recursive: true, force: true });
  }

  /** Resolves when it answers as the newest configuration says. */
  async #isUpToDate(): Promise<void> {
    for (;;) {
      const answer = await ask(`http://127.0.0.1:${this.#port}/`);
      if (answer === String(this.#generation)) return;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  async #write(http: string): Promise<void> {
    this.#generation++;
    await writeFile(join(this.#folder, "nginx.conf"), this.#configuration(http));
  }

  #configuration(http: string): string {
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
  server { listen 127.0.0.1:${this.#port}; location = / { return 200 "${this.#generation}"; } }
  ${http}
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
