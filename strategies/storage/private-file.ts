import { constants } from "node:fs";
import { mkdir, open, rename, stat, unlink } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { dirname } from "node:path";
import { geteuid } from "node:process";

/** Only the owner may read and write: the file may hold keys. */
const FILE_MODE = 0o600;

const FOLDER_MODE = 0o700;

/** Others may write. */
const WORLD_WRITABLE = 0o002;

/** In a folder with this bit, others cannot replace what is not theirs. */
const STICKY = 0o1000;

/** A new file; a link or a file that somebody put there is not used. */
const CREATE = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

/** Follows no link, and does not wait for whoever writes into a pipe. */
const READ = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

type Facts = Pick<Awaited<ReturnType<typeof stat>>, "uid" | "mode" | "isFile">;

/**
 * What speaks against trusting a file with keys and grants in it; `undefined`: nothing.
 *
 * Security decision: whoever may write the file, or put another in its place, grants themselves
 * what they like. So neither may be writable by everybody, it must be an ordinary file and no
 * link, and somebody's whom this process trusts: its own, root's, or the owner's of the folder.
 * A folder for all (`/tmp`) will do if nobody can replace in it what is another's.
 */
export function faultOfFile(
  folder: Pick<Facts, "uid" | "mode">,
  file: Facts | undefined,
  self: number,
): string | undefined {
  const { mode, uid } = folder;
  if ((Number(mode) & WORLD_WRITABLE) !== 0 && (Number(mode) & STICKY) === 0) {
    return "everybody may write to its folder; choose a folder of its own, or: chmod o-w";
  }
  if (file === undefined) return undefined;
  if (!file.isFile()) return "it is no file";
  if ((Number(file.mode) & WORLD_WRITABLE) !== 0) return "everybody may write to it";
  if (![self, 0, uid].includes(file.uid)) return "it is another user's";
  return undefined;
}

/** What is in a file; `""` when there is none. @throws Error for one that is not to be trusted. */
export async function readPrivate(path: string): Promise<string> {
  const folder = dirname(path);
  await mkdir(folder, { recursive: true, mode: FOLDER_MODE });
  const file = await open(path, READ).catch((error: unknown) => {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ELOOP") throw refusal(path, "it is a link; write the path of the file itself");
    unlessMissing(error);
    return undefined;
  });
  try {
    const self = geteuid?.();
    // Without user ids (Windows) modes say nothing.
    const fault =
      self === undefined ? undefined : faultOfFile(await stat(folder), await file?.stat(), self);
    if (fault !== undefined) throw refusal(path, fault);
    return (await file?.readFile("utf8")) ?? "";
  } finally {
    await file?.close();
  }
}

/** Puts a new file in the place of the old one, so that there always is a whole one. */
export async function replacePrivate(path: string, text: string): Promise<FileHandle> {
  const fresh = `${path}.new`;
  await unlink(fresh).catch(unlessMissing);
  const file = await open(fresh, CREATE, FILE_MODE);
  try {
    await file.writeFile(text);
    await file.datasync();
    await rename(fresh, path);
    await syncFolder(dirname(path));
    return file;
  } catch (error) {
    await file.close();
    await unlink(fresh).catch(() => undefined);
    throw error;
  }
}

/** Else the old file could be there again after a crash. Some systems cannot do this. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, constants.O_RDONLY).catch(() => undefined);
  await folder?.sync().catch(() => undefined);
  await folder?.close();
}

function refusal(path: string, fault: string): Error {
  return new Error(`FileStorage does not use ${path}: ${fault}.`);
}

function unlessMissing(error: unknown): undefined {
  if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
}
