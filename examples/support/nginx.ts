import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "./processes.js";

/** nginx in front of nodes on this machine. */
export interface Balancer {
  readonly origin: string;
  /** Gives no request to one of the nodes any more; without one, each gets some again. */
  leaveOut(node?: number): Promise<void>;
  stop(): Promise<void>;
}

/** Starts nginx, which gives each request to another node, whoever sends it. @param nodes their ports. */
export async function startNginx(nodes: readonly number[]): Promise<Balancer> {
  const folder = mkdtempSync(join(tmpdir(), "nginx-"));
  const port = await freePort();
  const origin = `http://127.0.0.1:${port}`;
  let version = 0;
  const write = (left?: number): void => {
    const text = configuration({ folder, port, nodes, left, version: ++version });
    writeFileSync(join(folder, "nginx.conf"), text);
  };
  /** Until it answers as the newest configuration says. */
  const isThere = async (): Promise<void> => {
    for (let attempt = 0; attempt < 500; attempt++) {
      const answer = await fetch(`${origin}/version`).then(
        (response) => response.text(),
        () => "",
      );
      if (answer === String(version)) return;
      await sleep(10);
    }
    throw new Error("nginx does not answer: is it installed? apt-get install nginx");
  };
  write();
  const args = ["-p", folder, "-c", join(folder, "nginx.conf"), "-e", "stderr"];
  const env = { PATH: `${process.env["PATH"] ?? ""}:/usr/sbin` };
  const child = spawn("nginx", args, { env, stdio: ["ignore", "ignore", "inherit"] });
  child.on("error", () => undefined);
  process.once("exit", () => child.kill());
  await isThere();
  return {
    origin,
    async leaveOut(node) {
      write(node);
      child.kill("SIGHUP");
      await isThere();
    },
    async stop() {
      child.kill();
      await once(child, "exit");
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

interface Configuration {
  readonly folder: string;
  readonly port: number;
  readonly nodes: readonly number[];
  readonly left: number | undefined;
  readonly version: number;
}

/** As docs/cluster.md has it, with what it takes to run beside another nginx. */
function configuration({ folder, port, nodes, left, version }: Configuration): string {
  const servers = nodes.map((node) => `server 127.0.0.1:${node}${node === left ? " down" : ""};`);
  const user = process.getuid?.() === 0 ? "user root;" : "";
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
    (what) => `${what}_temp_path ${folder}/${what};`,
  );
  return `${user} daemon off; pid ${folder}/pid; error_log stderr crit;
events {}
http {
  access_log off; ${temporary.join(" ")}
  keepalive_timeout 0; # a reload would end connections that clients are about to use
  upstream mcp { ${servers.join(" ")} }
  server {
    listen 127.0.0.1:${port};
    location = /version { return 200 "${version}"; }
    location /mcp {
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
