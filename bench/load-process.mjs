/** The process that makes the load; run.mjs tells it what to do, and with which server. */
import { serve } from "./child.mjs";
import { Credentials } from "./load/credentials.mjs";
import { Target } from "./load/target.mjs";

const COMMANDS = [
  "knock",
  "open",
  "start",
  "callEach",
  "tryAsStranger",
  "mark",
  "reach",
  "stop",
  "moveTo",
  "big",
  "expect",
  "heard",
];

let credentials;

/** By port. */
const targets = new Map();

function prepare(secrets) {
  credentials = new Credentials(secrets);
}

/** A server to work with from now on, until it is left. */
async function use({ port, era, credential, postPorts }) {
  targets.set(port, new Target(port, era, await credentials.of(credential), postPorts));
}

function leave({ port }) {
  targets.get(port).leave();
  targets.delete(port);
}

function forward(command) {
  return ({ port, ...args }) => targets.get(port)[command](args);
}

serve({
  prepare,
  use,
  leave,
  ...Object.fromEntries(COMMANDS.map((command) => [command, forward(command)])),
});
