import { notifyAll } from "./echo-tool.mjs";
import { listen } from "./listen.mjs";
import { createApp } from "./sdk-express.mjs";

export async function start() {
  return { port: await listen(createApp()), notifyAll };
}
