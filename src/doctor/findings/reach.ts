import type { Unanswered } from "../contract.js";
import type { Evidence, Finder } from "../evidence.js";
import { told } from "../words.js";

/** Nothing comes back: the finding, by the codes with which Node says why. */
interface Silence {
  readonly id: string;
  readonly docs?: string;
  readonly codes: readonly (string | RegExp)[];
  readonly cause: string;
  readonly change: string;
}

const SILENCES: readonly Silence[] = [
  {
    id: "host-unknown",
    codes: ["ENOTFOUND", "EAI_AGAIN"],
    cause:
      "No name server knows this host: it is misspelt, not set up yet, or known inside another network only.",
    change:
      "Compare the host with the server's configuration; in Docker and Kubernetes, use the name of the service. Look the name up from this machine.",
  },
  {
    id: "nobody-listens",
    codes: ["ECONNREFUSED"],
    cause:
      "No program listens at this host and port; or it listens on another address, such as 127.0.0.1 inside a container.",
    change:
      "Start the server, and compare host and port with what it says when it starts. In a container it listens on 0.0.0.0: with express-mcp-sse, option `host` of `MCPServer`.",
  },
  {
    id: "host-unreachable",
    codes: ["EHOSTUNREACH", "ENETUNREACH", "ETIMEDOUT", "UND_ERR_CONNECT_TIMEOUT", "EADDRNOTAVAIL"],
    cause:
      "Packets to this address get no answer: a firewall, a VPN that is off, or a machine that is.",
    change:
      "Let this machine reach the port. A firewall that drops packets looks like this; a port without a program would refuse at once.",
  },
  {
    id: "certificate-expired",
    docs: "doctor.md#certificates",
    codes: ["CERT_HAS_EXPIRED", "CERT_NOT_YET_VALID"],
    cause:
      "The certificate is not valid now: it was not renewed, the server still has the old one loaded, or a clock is wrong.",
    change: "Renew it, have the server load it, and compare the clocks of both machines.",
  },
  {
    id: "certificate-wrong-host",
    docs: "doctor.md#certificates",
    codes: ["ERR_TLS_CERT_ALTNAME_INVALID"],
    cause: "The certificate is for other names than the host in this URL.",
    change:
      "Use a name that the certificate has, or have one issued for this name. Behind a proxy, its default certificate answers for names that it does not know.",
  },
  {
    id: "certificate-untrusted",
    docs: "doctor.md#certificates",
    codes: [/SELF_SIGNED/, /^UNABLE_TO_/, "CERT_UNTRUSTED", "CERT_SIGNATURE_FAILURE"],
    cause:
      "The certificate was signed by nobody whom clients trust: it is self-signed, of a company's own authority, or the server does not send the certificates between.",
    change:
      "Send the whole chain (nginx: `ssl_certificate` with the full chain). For an authority of your own, set NODE_EXTRA_CA_CERTS to its certificate, here and for each client.",
  },
  {
    id: "no-tls",
    docs: "doctor.md#certificates",
    codes: ["EPROTO", /^ERR_SSL/],
    cause: "The URL says https, and what listens there does not speak TLS.",
    change:
      "Write http://, if the port is meant to be without TLS; else end TLS there, at the proxy or in the server.",
  },
  {
    id: "head-too-large",
    codes: ["UND_ERR_HEADERS_OVERFLOW", "HPE_HEADER_OVERFLOW"],
    cause:
      "The head of the answer is larger than 16 KB, and clients on Node refuse it: cookies or another header that grows.",
    change: "Look at the headers with curl -i, and let server and proxy send fewer.",
  },
  {
    id: "no-http",
    codes: ["ECONNRESET", "EPIPE", "UND_ERR_SOCKET", /^HPE_/],
    cause:
      "Something listens, and does not answer in HTTP: it speaks TLS and the URL says http, it is another protocol's port, or it ends the connection.",
    change: "Try https://. Else look at the log of whatever listens at this port.",
  },
  {
    id: "no-answer",
    codes: ["TIMEOUT", "UND_ERR_HEADERS_TIMEOUT"],
    cause:
      "The connection is taken, and no answer comes: the server hangs, or a proxy waits for it.",
    change: "Look at the server's log for what it waits for. If it is only slow, say --timeout 60.",
  },
  {
    id: "port-blocked",
    codes: ["BAD_PORT"],
    cause:
      "Everything that asks with `fetch` refuses this port, browsers and the SDK's clients too: it is that of another protocol.",
    change:
      "Let the server listen on a port that is not in the list of the Fetch standard, such as 8080.",
  },
  {
    id: "not-asked",
    codes: [/./],
    cause: "The request could not be made as it is, or failed in a way that is not known here.",
    change: "Compare the URL and the credentials with what clients are given. The code is Node's.",
  },
];

/** Why nothing comes back from the URL. One of them at most: the last stands for every other reason. */
export const REACH: readonly Finder[] = SILENCES.map((silence, place) => ({
  id: silence.id,
  severity: "error",
  docs: silence.docs ?? "doctor.md#no-answer",
  step: "stranger",
  look: (evidence) => {
    const reply = silent(evidence);
    if (reply === undefined || SILENCES.findIndex((each) => isOf(each, reply)) !== place) {
      return undefined;
    }
    return { seen: told(reply), cause: silence.cause, change: silence.change };
  },
}));

/** The request that tells most, where none was answered. */
function silent({ stranger }: Evidence): Unanswered | undefined {
  if (stranger?.get.kind !== "unanswered" || stranger.post.kind !== "unanswered") return undefined;
  return stranger.post;
}

function isOf({ codes }: Silence, { code }: Unanswered): boolean {
  return codes.some((each) => (typeof each === "string" ? each === code : each.test(code)));
}
