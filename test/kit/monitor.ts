import express from "express";
import type { RequestHandler } from "express";
import type { MonitorOptions } from "../../src/index.js";
import { Person } from "./person.js";
import { serveMcp } from "./streamable.js";
import type { ServeMcpOptions } from "./streamable.js";

/** What a test asks for; everything has a default. */
export type ServeMonitorOptions = ServeMcpOptions & {
  /** Default: everybody may look. */
  readonly monitor?: Partial<MonitorOptions>;
  /** Middleware of the app in front of the monitor. */
  readonly before?: readonly RequestHandler[];
};

/** A guard that keeps nobody out. */
export const letIn: RequestHandler = (_req, _res, next) => next();

/** A router for all wires, and its monitor at `/admin/mcp`. */
export async function serveMonitor({ monitor, before = [], ...options }: ServeMonitorOptions = {}) {
  const admin = express.Router();
  const served = await serveMcp({
    ...options,
    configure: (app) => {
      for (const handler of before) app.use(handler);
      app.use("/admin/mcp", admin);
    },
  });
  admin.use(served.router.monitor({ guard: letIn, ...monitor }));
  return { ...served, pageUrl: `${served.url}/admin/mcp/`, operator: new Person([served.url]) };
}

/** The link by which the page has somebody's sessions ended. */
export function endLinkOf(page: string, name: string): string {
  const row = page.split("<tr").find((text) => text.includes(`<bdi>${name}</bdi>`)) ?? "";
  const link = /href="(end\?who=[^"]+)"/.exec(row)?.[1];
  if (link === undefined) throw new Error(`no link for ${name} in ${page}`);
  return link;
}

/** The text of a part of a page, without its markup. */
export function partOf(page: string, id: string): string {
  const part = new RegExp(`<section id="${id}"[^>]*>(.*?)</section>`, "s").exec(page)?.[1] ?? "";
  return textIn(part);
}

/** Markup as it is read. */
export function textIn(markup: string): string {
  return markup
    .replace(/<[^>]*>/g, " ")
    .replace(/\s+/g, " ")
    .trim();
}
