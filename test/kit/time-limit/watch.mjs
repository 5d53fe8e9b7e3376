// The thread beside the tests: says where a file hangs that is over its time, and ends its process,
// so that Jest reports the file and goes on with the others.
import { readFileSync, writeSync } from "node:fs";
import { Session } from "node:inspector";
import process from "node:process";
import { clearTimeout, setTimeout } from "node:timers";
import { parentPort } from "node:worker_threads";

const LIMIT_MS = 600_000;
/** How long the thread of the tests is asked for its stack. */
const ANSWER_MS = 10_000;

let timer;
let test = "none yet";

/** A file that begins or ends (`{}`), or a test of it that begins. */
parentPort.on("message", (event) => {
  test = event.test ?? "none yet";
  if (event.test !== undefined) return;
  clearTimeout(timer);
  if (event.file !== undefined) timer = setTimeout(() => report(event.file), LIMIT_MS);
});

function report(file) {
  say(`${file} is still running after ${LIMIT_MS} ms and is ended; its last test: ${test}`);
  const session = new Session();
  session.connectToMainThread();
  session.on("Debugger.paused", ({ params }) => end(stackOf(params.callFrames)));
  session.post("Debugger.enable");
  ask(session, "process.getActiveResourcesInfo().join(', ')", (held) => say(`it holds: ${held}`));
  session.post("Debugger.pause");
  setTimeout(() => end(`no JavaScript runs; the kernel says: ${kernelState()}`), ANSWER_MS);
}

function ask(session, expression, tell) {
  session.post("Runtime.evaluate", { expression, returnByValue: true }, (_error, answer) =>
    tell(answer?.result?.value),
  );
}

function stackOf(frames) {
  return frames
    .slice(0, 30)
    .map(
      ({ functionName, url, location }) =>
        `  at ${functionName || "?"} (${url}:${location.lineNumber + 1})`,
    )
    .join("\n");
}

/** What the process waits for, on Linux. */
function kernelState() {
  try {
    return readFileSync(`/proc/${process.pid}/status`, "utf8").replace(/\n/g, "; ").slice(0, 300);
  } catch {
    return "nothing";
  }
}

function end(found) {
  say(found);
  process.kill(process.pid, "SIGKILL");
}

function say(text) {
  writeSync(2, `${text}\n`);
}
