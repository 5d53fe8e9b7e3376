import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { execute, RunningProcess } from "./processes.js";

const here = { cwd: __dirname };

/** A program that begins another one, which connects to this port, and waits with it. */
const parentOf = (port: number): string => `
  const connect = "require('node:net').connect(${port}, '127.0.0.1')";
  require("node:child_process").spawn(process.execPath, ["--eval", connect], { stdio: "inherit" });
  setInterval(() => {}, 1000);
`;

const node = (code: string, timeoutMs = 60_000): RunningProcess =>
  new RunningProcess(process.execPath, ["--eval", code], { ...here, timeoutMs });

test("a process takes its children with it when it is stopped", async () => {
  const server = createServer();
  await once(server.listen(0, "127.0.0.1"), "listening");
  const parent = node(parentOf((server.address() as AddressInfo).port));
  const [socket] = (await once(server, "connection")) as [Socket];
  const childGone = once(socket.on("error", () => undefined).resume(), "close");
  expect(await parent.stop()).toBe("ended by SIGTERM");
  await childGone;
  server.close();
});

test("what a process runs ends when that is ended itself", async () => {
  const server = createServer();
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  const runner = `
    import { RunningProcess } from "./processes.js";
    const code = ${JSON.stringify(parentOf(port))};
    await new RunningProcess(process.execPath, ["--eval", code], { cwd: "." }).ended;`;
  const args = ["--import", "tsx", "--input-type=module", "--eval", runner];
  const child = spawn(process.execPath, args, { ...here, stdio: "inherit", timeout: 60_000 });
  const [socket] = (await once(server, "connection")) as [Socket];
  const grandchildGone = once(socket.on("error", () => undefined).resume(), "close");
  child.kill("SIGTERM");
  await grandchildGone;
  server.close();
});

test("a process that takes too long is killed, and says so", async () => {
  expect(await node("setInterval(() => {}, 1000)", 500).ended).toBe("took longer than 0.5 s");
});

test("waiting for what a process never says ends when the process does", async () => {
  await expect(node("console.error('no, this')").said(/that/)).rejects.toThrow(
    /it ended\nno, this/,
  );
});

test("a program that fails is an error with its name and what it printed", async () => {
  const args = ["--eval", "console.log('half'); process.exit(3)"];
  await expect(execute(process.execPath, args, here)).rejects.toThrow(/node.*: exit code 3\nhalf/);
  await expect(execute("no-such-program", [], here)).rejects.toThrow(/no-such-program.*ENOENT/);
});
