import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import express from "express";
import session from "express-session";
import passport from "passport";
import { Strategy as LocalStrategy } from "passport-local";
import { createSseRouter, principalOf } from "express-mcp-sse";

const app = express();

// The app as it was: people sign in with a form and are kept in a session.
passport.use(
  new LocalStrategy((username, password, done) => {
    done(null, username === "ada" && password === "lovelace" ? { id: username } : false);
  }),
);
passport.serializeUser<string>((user, done) => done(null, (user as { id: string }).id));
passport.deserializeUser<string>((id, done) => done(null, { id }));
app.use(
  session({ secret: process.env.SESSION_SECRET!, resave: false, saveUninitialized: false }),
  passport.session(),
  express.json(),
);
app.post("/login", passport.authenticate("local"), (req, res) => void res.json(req.user));
app.get("/profile", (req, res) => {
  if (req.isAuthenticated()) res.json(req.user);
  else res.status(401).json({ error: "Sign in first." });
});

// What is new: an MCP endpoint below /mcp, for programs with an API key.
const mcp = createSseRouter({
  auth: {
    type: "apikey",
    options: { keys: [{ id: "reporting", key: process.env.API_KEY_1! }] },
  },
  createServer({ principal }) {
    const server = new McpServer({ name: "existing-app", version: "1.0.0" });
    server.registerTool("whoami", { description: "Tells who is calling" }, () => ({
      content: [{ type: "text", text: principal.id }],
    }));
    return server;
  },
});
app.use("/mcp", mcp);

// The same keys protect a route of the app.
app.get("/report", mcp.guard, (req, res) => {
  res.json({ madeFor: principalOf(req)?.id });
});

export const listener = app.listen(Number(process.env.PORT ?? 8080), "127.0.0.1");
process.once("SIGTERM", () => void mcp.close().then(() => listener.close()));
