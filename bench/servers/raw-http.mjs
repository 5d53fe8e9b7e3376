import { listen } from "./listen.mjs";
import { answer, notifyAll, openStream } from "./raw-echo.mjs";

export async function start() {
  const port = await listen((req, res) => {
    if (req.method === "GET") {
      openStream(res);
      return;
    }
    const chunks = [];
    req.on("data", (chunk) => chunks.push(chunk));
    req.on("end", () => answer(req.url, JSON.parse(chunks.join("")), res));
  });
  return { port, notifyAll };
}
