/** A file that holds grants and keys, on a disk that fills, in a folder that others know. */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  truncate,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "libsql";
import { FileStorage } from "../../../src/index.js";
import { faultOfFile } from "../../../strategies/storage/private-file.js";
import { cleanUpAfterEach, onDispose } from "../../kit/clean-up.js";

cleanUpAfterEach();

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "sign-in-"));
  onDispose(() => rm(folder, { recursive: true }));
  return folder;
}

interface Answer {
  readonly value?: unknown;
  readonly error?: string;
}

/** A storage in another process, whose files the system can keep from growing. */
class RemoteStorage {
  readonly #child;

  private constructor(readonly path: string) {
    const program = join(__dirname, "../../kit/storage-program.ts");
    this.#child = spawn(process.execPath, ["--import", "tsx", program, path], {
      cwd: join(__dirname, "../../.."),
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
  }

  static async start(path: string): Promise<RemoteStorage> {
    const remote = new RemoteStorage(path);
    onDispose(() => remote.kill());
    await once(remote.#child, "message");
    return remote;
  }

  async call(name: "set" | "add" | "delete" | "get" | "take", ...args: string[]): Promise<Answer> {
    this.#child.send([name, ...args]);
    const [answer] = (await once(this.#child, "message")) as [Answer];
    return answer;
  }

  /** Lets files grow by so many bytes from where the largest ends; then writes fail, as on a full disk. */
  async leaveRoomFor(bytes: number): Promise<void> {
    const files = await Promise.all([stat(this.path), stat(`${this.path}-wal`)]);
    this.#limit(String(Math.max(...files.map(({ size }) => size)) + bytes));
  }

  makeRoom(): void {
    this.#limit("unlimited");
  }

  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.#child.kill("SIGKILL");
    await once(this.#child, "exit");
  }

  #limit(bytes: string): void {
    execFileSync("prlimit", ["--pid", String(this.#child.pid), `--fsize=${bytes}:unlimited`]);
  }
}

/** What is said of a change for which there is no room. */
const FULL = { error: expect.stringMatching(/^SQLITE_(?:FULL|IOERR)/) as string };

/** What another process finds in the file afterwards. */
async function reopened(path: string): Promise<FileStorage> {
  const storage = new FileStorage({ path });
  onDispose(() => storage.close());
  return storage;
}

describe("SIGNIN-42: a disk that fills", () => {
  async function start(): Promise<RemoteStorage> {
    const remote = await RemoteStorage.start(join(await temporaryFolder(), "sign-in.log"));
    for (const name of ["revoked", "kept"]) {
      expect(await remote.call("set", `Grant:${name}`, "granted")).toEqual({});
    }
    return remote;
  }

  test("in the middle of a change loses nothing that comes after it", async () => {
    const remote = await start();
    await remote.leaveRoomFor(50);
    expect(await remote.call("set", "Grant:big", "x".repeat(500))).toEqual(FULL);
    remote.makeRoom();
    expect(await remote.call("delete", "Grant:revoked")).toEqual({});
    expect(await remote.call("set", "Grant:new", "granted")).toEqual({});
    await remote.kill();
    const after = await reopened(remote.path);
    expect(await after.get("Grant:revoked")).toBeUndefined();
    expect(await after.get("Grant:big")).toBeUndefined();
    expect(await after.get("Grant:kept")).toBe("granted");
    expect(await after.get("Grant:new")).toBe("granted");
  });

  test("has room again for what fits once the torn change is taken away", async () => {
    const remote = await start();
    await remote.leaveRoomFor(40_000);
    expect(await remote.call("set", "Grant:big", "x".repeat(500_000))).toEqual(FULL);
    expect(await remote.call("delete", "Grant:revoked")).toEqual({});
    await remote.kill();
    expect(await (await reopened(remote.path)).get("Grant:revoked")).toBeUndefined();
  });

  test("a deletion that cannot be written says so each time, holds at once, and is written later", async () => {
    const remote = await start();
    await remote.leaveRoomFor(3);
    for (let tries = 0; tries < 2; tries++) {
      expect(await remote.call("delete", "Grant:revoked")).toEqual(FULL);
      expect(await remote.call("get", "Grant:revoked")).toEqual({});
    }
    remote.makeRoom();
    expect(await remote.call("set", "Grant:new", "granted")).toEqual({});
    await remote.kill();
    const after = await reopened(remote.path);
    expect(await after.get("Grant:revoked")).toBeUndefined();
    expect(await after.get("Grant:new")).toBe("granted");
  });

  test("a value that cannot be written does not count; the one before it does", async () => {
    const remote = await start();
    await remote.leaveRoomFor(10);
    expect(await remote.call("set", "Grant:kept", "changed")).toEqual(FULL);
    expect(await remote.call("get", "Grant:kept")).toEqual({ value: "granted" });
    expect(await remote.call("set", "Grant:new", "granted")).toEqual(FULL);
    expect(await remote.call("get", "Grant:new")).toEqual({});
  });

  test("a value that cannot be taken is gone all the same, and its taking is written later", async () => {
    const remote = await start();
    await remote.leaveRoomFor(10);
    expect(await remote.call("take", "Grant:kept")).toEqual(FULL);
    expect(await remote.call("take", "Grant:kept")).toEqual(FULL);
    expect(await remote.call("get", "Grant:kept")).toEqual({});
    remote.makeRoom();
    expect(await remote.call("take", "Grant:kept")).toEqual({});
    await remote.kill();
    expect(await (await reopened(remote.path)).get("Grant:kept")).toBeUndefined();
  });

  test("is room enough for a file that was written over and over", async () => {
    const remote = await start();
    for (let round = 0; round < 2_050; round++) await remote.call("set", "Grant:turning", "x");
    const { size } = await stat(remote.path);
    expect(size).toBeLessThan(60_000);
    await remote.leaveRoomFor(30);
    expect(await remote.call("delete", "Grant:revoked")).toEqual({});
    await remote.kill();
    expect(await (await reopened(remote.path)).get("Grant:revoked")).toBeUndefined();
  });
});

describe("SIGNIN-42: a file that others prepared", () => {
  test.each(["-wal", "-shm", "-journal"])(
    "a planted %s is not used: neither a link nor what everybody may write to",
    async (end) => {
      const folder = await temporaryFolder();
      const path = join(folder, "sign-in.db");
      const victim = join(folder, "victim");
      await writeFile(victim, "untouched");
      await symlink(victim, `${path}${end}`);
      await expect(new FileStorage({ path }).set("keys:0", "secret")).rejects.toThrow(/is a link/);
      expect(await readFile(victim, "utf8")).toBe("untouched");
      await rm(`${path}${end}`);
      await writeFile(`${path}${end}`, "");
      await chmod(`${path}${end}`, 0o666);
      await expect(new FileStorage({ path }).get("keys:0")).rejects.toThrow(/may write to it/);
      await rm(`${path}${end}`);
      await (await reopened(path)).set("keys:0", "secret");
      for (const name of await readdir(folder)) {
        if (name === "victim") continue;
        expect([name, (await stat(join(folder, name))).mode & 0o777]).toEqual([name, 0o600]);
      }
    },
  );

  test("a link in the place of the file is refused", async () => {
    const folder = await temporaryFolder();
    const path = join(folder, "sign-in.log");
    await writeFile(join(folder, "theirs"), '["Grant:1","granted",null]\n');
    await symlink(join(folder, "theirs"), path);
    await expect(new FileStorage({ path }).get("Grant:1")).rejects.toThrow(/it is a link/);
  });

  test("a file that everybody may write to, or in a folder of that kind, is refused", async () => {
    const folder = await temporaryFolder();
    const path = join(folder, "sign-in.db");
    const first = new FileStorage({ path });
    await first.set("Grant:1", "granted");
    await first.close();
    await chmod(path, 0o666);
    await expect(new FileStorage({ path }).get("Grant:1")).rejects.toThrow(/may write to it/);
    await chmod(path, 0o640);
    await chmod(folder, 0o777);
    await expect(new FileStorage({ path }).get("Grant:1")).rejects.toThrow(/its folder/);
    await chmod(folder, 0o750);
    const storage = await reopened(path);
    expect(await storage.get("Grant:1")).toBe("granted");
    expect((await stat(path)).mode & 0o777).toBe(0o600);
  });

  test("a folder that is made is the owner's alone", async () => {
    const path = join(await temporaryFolder(), "one", "two", "sign-in.log");
    await (await reopened(path)).set("a", "x");
    expect((await stat(join(path, ".."))).mode & 0o777).toBe(0o700);
  });

  test.each<[string, number, number, number, RegExp | undefined]>([
    ["one's own, in one's own folder", 1000, 0o755, 1000, undefined],
    ["root's", 0, 0o755, 0, undefined],
    [
      "one's own, in a folder for all where nobody replaces what is another's",
      0,
      0o1777,
      1000,
      /its folder/,
    ],
    ["another's", 0, 0o755, 1001, /another user's/],
    [
      "one's own, in a folder where everybody replaces what they like",
      0,
      0o777,
      1000,
      /its folder/,
    ],
  ])("%s", (_name, folderUid, folderMode, fileUid, fault) => {
    const found = faultOfFile(
      { uid: folderUid, mode: folderMode },
      { uid: fileUid, mode: 0o100600, isFile: () => true },
      1000,
    );
    if (fault === undefined) expect(found).toBeUndefined();
    else expect(found).toMatch(fault);
  });

  test("what is no file is refused, and not waited for", async () => {
    const folder = await temporaryFolder();
    const path = join(folder, "sign-in.log");
    execFileSync("mkfifo", [path]);
    await expect(new FileStorage({ path }).get("a")).rejects.toThrow(/no file/);
    await mkdir(join(folder, "folder"));
    await expect(new FileStorage({ path: join(folder, "folder") }).get("a")).rejects.toThrow();
  });

  test("a file of another kind is named, left as it is, and it is said what to do", async () => {
    const path = join(await temporaryFolder(), "sign-in.log");
    const log = '["Grant:1","granted",null]\n'.repeat(100);
    await writeFile(path, log);
    await expect(new FileStorage({ path }).get("Grant:1")).rejects.toThrow(
      /sign-in\.log: it is no SQLite database\. Move it away/,
    );
    expect(await readFile(path, "utf8")).toBe(log);
  });

  test("a file that was cut off is an error, and nobody's entries", async () => {
    const path = join(await temporaryFolder(), "sign-in.db");
    const first = new FileStorage({ path });
    for (let count = 0; count < 20; count++) await first.set(`a:${count}`, "x".repeat(5_000));
    await first.close();
    await truncate(path, 30_000);
    const second = new FileStorage({ path });
    await expect(second.get("a:19")).rejects.toThrow(/malformed/);
  });
});

describe("SIGNIN-42: a deletion that is still to be written", () => {
  test("takes nothing away that another process adds meanwhile", async () => {
    const path = join(await temporaryFolder(), "sign-in.db");
    const [one, other] = [await reopened(path), await reopened(path)];
    await one.set("Lock:1", "one's");
    const busy = new Database(path);
    onDispose(() => void busy.close());
    busy.exec("BEGIN IMMEDIATE");
    await expect(one.delete("Lock:1")).rejects.toThrow(/locked/);
    expect(await one.get("Lock:1")).toBeUndefined();
    busy.exec("ROLLBACK");
    expect(await other.take("Lock:1")).toBe("one's");
    expect(await other.add("Lock:1", "the other's")).toBe(true);
    expect(await one.get("Lock:1")).toBe("the other's");
    await one.set("Grant:1", "granted");
    expect(await other.get("Lock:1")).toBe("the other's");
  });
});

describe("SIGNIN-42: a path that a database would read as something else", () => {
  test.each([
    ":memory:",
    "file:sign-in.db",
    "file:sign-in.db?mode=memory",
    "http://127.0.0.1:9/sign-in.db",
    "libsql://127.0.0.1:9",
  ])("%s is the file of this name", async (path) => {
    const folder = await temporaryFolder();
    const before = process.cwd();
    process.chdir(folder);
    const storage = new FileStorage({ path });
    process.chdir(before);
    await storage.set("Grant:1", "granted");
    await storage.close();
    expect(await (await reopened(join(folder, path))).get("Grant:1")).toBe("granted");
  });
});

describe("SIGNIN-42: a file that two processes have open", () => {
  test("gives each value to one of them, and adds it for one of them", async () => {
    const path = join(await temporaryFolder(), "sign-in.db");
    const remotes = await Promise.all([RemoteStorage.start(path), RemoteStorage.start(path)]);
    const [one, other] = remotes;
    for (let round = 0; round < 20; round++) {
      const added = await Promise.all(remotes.map((remote) => remote.call("add", "code:1", "v")));
      expect(added.filter(({ value }) => value === true)).toHaveLength(1);
      expect(await other.call("get", "code:1")).toEqual({ value: "v" });
      const taken = await Promise.all(remotes.map((remote) => remote.call("take", "code:1")));
      expect(taken.filter(({ value }) => value === "v")).toHaveLength(1);
    }
    await one.call("set", "Grant:1", "granted");
    await one.kill();
    expect(await other.call("get", "Grant:1")).toEqual({ value: "granted" });
  });
});
