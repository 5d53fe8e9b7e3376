import compression from "compression";
import { BRIEF } from "./case.js";
import type { Case, Patient } from "./case.js";
import { location } from "./front.js";
import { CREDENTIAL, handWired, handWritten, ours } from "./upstreams.js";

/** One location of nginx in front of a router of ours. */
export function behind(
  more: string,
  path = "/mcp/sse",
  rest: Omit<Patient, "url"> = {},
): Case["serve"] {
  return async (front) => {
    const { url, credential } = await ours();
    return { url: (await front.site(location("/", url, more))) + path, credential, ...rest };
  };
}

/** What stands before a server, and breaks it. */
export const PROXIES: readonly Case[] = [
  {
    name: "an nginx that buffers, whatever the server says",
    finding: "stream-held",
    serve: behind(
      "proxy_http_version 1.0; proxy_ignore_headers X-Accel-Buffering;",
      "/mcp/sse",
      BRIEF,
    ),
  },
  {
    name: "an nginx that compresses event streams",
    finding: "stream-compressed",
    serve: behind("gzip on; gzip_types text/event-stream; gzip_min_length 0;"),
  },
  {
    name: "a middleware that compresses event streams",
    finding: "stream-held-by-compression",
    serve: async () => {
      const headers = { "Cache-Control": "no-cache" };
      const { url } = await handWritten({ headers, before: [compression()] });
      return { url: `${url}/sse`, ...BRIEF };
    },
  },
  {
    name: "an nginx that takes a prefix away",
    finding: "endpoint-prefix-lost",
    serve: async (front) => {
      const { url, credential } = await ours();
      return { url: `${await front.site(location("/app/", `${url}/`))}/app/mcp`, credential };
    },
  },
  {
    name: "an nginx that gives each request to another of two routers without a cluster",
    finding: "replicas-without-routing",
    serve: async (front) => {
      const nodes = [await ours(), await ours()];
      const servers = nodes.map(({ port }) => `server 127.0.0.1:${port};`).join(" ");
      const upstream = `upstream apart { ${servers} }`;
      const site = await front.site(location("/", "http://apart"), upstream);
      return { url: `${site}/mcp/sse`, credential: CREDENTIAL };
    },
  },
  {
    name: "an nginx that drops the credential of POSTs",
    finding: "post-credential-lost",
    serve: async (front) => {
      const { url, credential } = await ours();
      const map = 'map $request_method $key { default $http_x_api_key; POST ""; }';
      const site = location("/", url, "proxy_set_header X-API-Key $key;");
      return { url: `${await front.site(site, map)}/mcp/sse`, credential };
    },
  },
  {
    name: "an nginx that ends what is idle",
    finding: "stream-cut",
    serve: async (front) => {
      const { url } = await handWired();
      const cut = location("/sse", url, "proxy_buffering off; proxy_read_timeout 500ms;");
      return { url: `${await front.site(cut + location("/", url))}/sse`, isWatched: true };
    },
  },
  {
    name: "an nginx that takes small bodies only",
    finding: "post-too-large",
    serve: behind("client_max_body_size 50;"),
  },
  {
    name: "an nginx that redirects POSTs",
    finding: "post-redirected",
    serve: async (front) => {
      const { url, credential } = await ours();
      const redirect = "location /mcp/messages { return 301 https://mcp.example$request_uri; }";
      return { url: `${await front.site(location("/", url) + redirect)}/mcp/sse`, credential };
    },
  },
  {
    name: "an nginx that changes the type of POSTs",
    finding: "post-media-type",
    serve: behind("proxy_set_header Content-Type text/plain;"),
  },
  {
    name: "an nginx that changes the type of the stream",
    finding: "stream-type",
    serve: behind("proxy_hide_header Content-Type; add_header Content-Type text/plain;"),
  },
  {
    name: "an nginx that calls it by another name",
    finding: "host-not-allowed",
    serve: behind("proxy_set_header Host mcp.example;"),
  },
  {
    name: "an nginx that answers for a server that is away",
    finding: "stream-ended",
    serve: async (front) => {
      const later =
        'location / { default_type text/event-stream; return 200 "retry: 1000\\n\\n"; }';
      return { url: `${await front.site(later)}/sse` };
    },
  },
];
