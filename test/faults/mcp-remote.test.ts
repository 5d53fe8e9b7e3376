import type { ResumeConfig } from "../../src/options/resume-options.js";
import { cleanUpAfterEach } from "../kit/clean-up.js";
import { throughMcpRemote } from "../kit/mcp-remote.js";

import { Killer, WAYS } from "../kit/faults/killer.js";
import type { Way } from "../kit/faults/killer.js";
import { FaultHost } from "../kit/faults/host.js";
import { Load, expectNothingLost, RESUME } from "../kit/faults/load.js";
import { survive } from "../kit/faults/storm.js";

import { serverV1 } from "../kit/faults/servers.js";

cleanUpAfterEach();

const start = async (resume: ResumeConfig = RESUME.resume) => {
  const host = await FaultHost.start(serverV1, { resume });
  const killer = await Killer.start(host.served.origin);
  const load = await Load.start(host, await throughMcpRemote(), { killer });
  return { host, killer, load };
};

/** Kills the stream while no call is running: mcp-remote fails those by itself. */
async function drop(load: Load, way: Way): Promise<void> {
  const stream = await load.killer.attached();
  load.burst();
  await load.settle();
  const killed = stream.kill(way);
  load.notify(1);
  await killed;
  load.notify(3);
  load.ask();
}

const sessionIn = (url: string) =>
  new URL(url, "http://path.invalid").searchParams.get("sessionId");
const initializing = ({ posts }: Killer) =>
  posts.filter(({ body }) => body.includes('"method":"initialize"'));

describe("mcp-remote", () => {
  it("RESUME-2, RESUME-5, RESUME-10: goes on in its session when its stream is killed, and nothing is lost", async () => {
    const { host, killer, load } = await start();
    const ways = WAYS.filter((way) => way !== "half open");
    await survive(host, [load], async () => {
      // Each time it waits until its endpoint changes; that takes it ten seconds if it does not.
      for (const way of [...ways, ...ways, ...ways]) await drop(load, way);
      await load.settle();
    });
    expectNothingLost(load.report());
    const posts = initializing(killer);
    expect(posts.map(({ status }) => status)).toEqual(posts.map(() => 202));
    expect(posts.length).toBeGreaterThan(ways.length * 3);
    expect(new Set(posts.map(({ url }) => url)).size).toBe(posts.length);
    expect(new Set(posts.map(({ url }) => sessionIn(url))).size).toBe(1);
    expect(killer.trace.join("\n")).not.toContain("-probe-");
  });

  it("RESUME-2: a call that is running when the stream is killed fails once, and the next succeeds", async () => {
    const { host, killer, load } = await start();
    await survive(host, [load], async () => {
      const held = await load.hold();
      await (await killer.attached()).kill("destroy");
      await killer.attached();
      load.release(held);
      load.call("echo");
      await load.settle();
    });
    expect(load.report().calls).toMatchObject({ made: 2, answered: 1, lost: 1, wrong: 0 });
    expect(host.served.sessions.size).toBeGreaterThan(0);
  });

  it("RESUME-2: goes on in its session even if its old stream seems to be alive", async () => {
    const { killer, load } = await start();
    await (await killer.attached()).kill("half open");
    await killer.attached();
    load.burst();
    await load.settle();
    expectNothingLost(load.report());
    const posts = initializing(killer);
    expect(new Set(posts.map(({ url }) => sessionIn(url))).size).toBe(1);
  });

  it("RESUME-5: the streams that it opens and does not use are gone when it closes them", async () => {
    const { host, killer, load } = await start();
    const used = sessionIn(initializing(killer)[0]!.url);
    const unused = killer.streams.slice(0, -1);
    expect(unused).toHaveLength(2);
    const closed: string[] = [];
    host.served.sessions.on("closed", ({ id }) => void closed.push(id));
    await Promise.all(unused.map((stream) => stream.kill("destroy")));
    while (host.served.sessions.size > 1) {
      await new Promise((resolve) => host.served.sessions.on("closed", resolve));
    }
    expect(closed).not.toContain(used);
    await load.ping();
    expect(load.report().calls.lost).toBe(0);
  });
});
