import { constants } from "node:fs";
import { chmod, lstat, mkdir, open, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { geteuid } from "node:process";

/** Only the owner may read and write: the file may hold keys. */
const FILE_MODE = 0o600;

const FOLDER_MODE = 0o700;

/** Others may write. */
const WORLD_WRITABLE = 0o002;

/** A new file; a link or a file that somebody put there is not used. */
const CREATE = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

type Facts = Pick<Awaited<ReturnType<typeof stat>>, "uid" | "mode" | "isFile">;

/**
 * What speaks against trusting a file with keys and grants in it; `undefined`: nothing.
 *
 * Security decision: whoever may write the file, or put another in its place, grants themselves
 * what they like. So neither may be writable by everybody, it must be an ordinary file and no
 * link, and somebody's whom this process trusts: its own, root's, or the owner's of the folder.
 * A folder for all (`/tmp`) will not do, although nobody can replace in it what is another's:
 * SQLite makes files beside this one, and another could be there first.
 */
export function faultOfFile(
  folder: Pick<Facts, "uid" | "mode">,
  file: Facts | undefined,
  self: number,
): string | undefined {
  const { mode, uid } = folder;
  if ((Number(mode) & WORLD_WRITABLE) !== 0) {
    return "everybody may write to its folder; choose a folder of its own, or: chmod o-w";
  }
  if (file === undefined) return undefined;
  if (!file.isFile()) return "it is no file";
  if ((Number(file.mode) & WORLD_WRITABLE) !== 0) return "everybody may write to it";
  if (![self, 0, uid].includes(file.uid)) return "it is another user's";
  return undefined;
}

/**
 * Makes sure that a file is there, and that only its owner may read and write it.
 *
 * It is looked at by name and not opened: where a process closes a file, it gives up every lock
 * that it has on it, those of SQLite too. Nobody can exchange it meanwhile who may not write to the
 * folder.
 *
 * @param besides Ends of the names of files that may stand beside it.
 * @throws Error for one that is not to be trusted.
 */
export async function makePrivate(path: string, besides: readonly string[]): Promise<void> {
  const folder = dirname(path);
  await mkdir(folder, { recursive: true, mode: FOLDER_MODE });
  const facts = await stat(folder);
  for (const end of ["", ...besides]) await checkTrusted(`${path}${end}`, facts);
  const created = await open(path, CREATE, FILE_MODE).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    return undefined;
  });
  await created?.close();
  await chmod(path, FILE_MODE);
}

async function checkTrusted(path: string, folder: Facts): Promise<void> {
  const file = await lstat(path).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    return undefined;
  });
  if (file?.isSymbolicLink() === true) {
    throw refusal(path, "it is a link; write the path of the file itself");
  }
  const self = geteuid?.();
  // Without user ids (Windows) modes say nothing.
  const fault = self === undefined ? undefined : faultOfFile(folder, file, self);
  if (fault !== undefined) throw refusal(path, fault);
}

function refusal(path: string, fault: string): Error {
  return new Error(`FileStorage does not use ${path}: ${fault}.`);
}
