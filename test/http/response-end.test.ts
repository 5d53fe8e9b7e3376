import { IncomingMessage, ServerResponse } from "node:http";
import { Socket } from "node:net";
import { onResponseEnd } from "../../src/http/response-end.js";

const responseOn = (socket: Socket) => new ServerResponse(new IncomingMessage(socket));

it("who waits for one response of a connection is not forgotten with an earlier one that has ended", () => {
  const socket = new Socket();
  const [earlier, later] = [responseOn(socket), responseOn(socket)];
  const told: string[] = [];
  const forgetEarlier = onResponseEnd(earlier, () => told.push("earlier"));
  earlier.emit("close");
  onResponseEnd(later, () => told.push("later"));
  forgetEarlier();
  socket.emit("close");
  expect(told).toEqual(["earlier", "later"]);
});

it("who is forgotten hears nothing, and leaves nothing on the connection", () => {
  const socket = new Socket();
  const listeners = socket.listenerCount("close");
  const response = responseOn(socket);
  const listener = jest.fn();
  const forget = onResponseEnd(response, listener);
  expect(socket.listenerCount("close")).toBe(listeners + 1);
  forget();
  expect(socket.listenerCount("close")).toBe(listeners);
  response.emit("close");
  socket.emit("close");
  expect(listener).not.toHaveBeenCalled();
});
