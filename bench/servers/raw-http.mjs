import { listen } from "./listen.mjs";
import { notifyAll, openStream, readAndAnswer } from "./raw-echo.mjs";

export async function start() {
  const port = await listen((req, res) => {
    if (req.method === "GET") openStream(res);
    else readAndAnswer(req, res);
  });
  return { port, notifyAll };
}
