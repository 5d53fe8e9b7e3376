import type { Visit } from "./person.js";

/** What every page of ours must be sent with. */
export function expectSafePage(page: Visit): void {
  const { headers } = page;
  expect(headers.get("content-type")).toBe("text/html; charset=utf-8");
  expect(headers.get("cache-control")).toBe("no-store");
  expect(headers.get("x-frame-options")).toBe("DENY");
  expect(headers.get("x-content-type-options")).toBe("nosniff");
  expect(headers.get("referrer-policy")).toBe("same-origin");
  const policy = headers.get("content-security-policy") ?? "";
  expect(policy).toMatch(/^default-src 'none'; style-src 'sha256-[\w+/]+=*'; img-src /);
  expect(policy).toContain("frame-ancestors 'none'");
  expect(policy).toContain("base-uri 'none'");
  expect(policy).not.toContain("script");
  expect(page.text).not.toMatch(/<script|<[^>]*\son\w+=|href="javascript:/i);
}

/** A page that says what went wrong, with no redirect to anybody. */
export function expectProblem(page: Visit, status: number, title: RegExp): void {
  expect({ status: page.status, title: /<h1>(.*?)<\/h1>/s.exec(page.text)?.[1] }).toEqual({
    status,
    title: expect.stringMatching(title),
  });
  expectSafePage(page);
}

/** An answer that was sent back to the client. */
export function expectErrorAnswer(
  page: Visit,
  redirectUri: string,
  error: string,
): URLSearchParams {
  expect(page.url.startsWith(`${redirectUri}?`)).toBe(true);
  const answer = new URL(page.url).searchParams;
  expect(answer.get("error")).toBe(error);
  expect(answer.has("code")).toBe(false);
  return answer;
}
