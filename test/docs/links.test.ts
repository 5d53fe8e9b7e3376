import { dirname, join, normalize } from "node:path";
import { exists, isPublished, PAGES, read } from "./pages.js";

/** How a published document names one that is not: by its page in the repository. */
const REPOSITORY = "https://github.com/express-mcp-sse/express-mcp-sse/blob/main/";

/** What a document says beside its code. */
function prose(page: string): string {
  return page
    .replace(/^ *(```+)[^]*?^ *\1$/gm, "")
    .replace(/`[^`\n]*`/g, (code) => code.replace(/\]\(/g, "] ("));
}

/** The anchors of a document's headings, as GitHub makes them. */
function anchorsOf(page: string): ReadonlySet<string> {
  const anchors = new Set<string>();
  for (const [, heading = ""] of prose(page).matchAll(/^#+ (.*)$/gm)) {
    const text = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, "$1").toLowerCase();
    const anchor = text.replace(/[^\p{L}\p{N} _-]/gu, "").replaceAll(" ", "-");
    for (let number = 0, name = anchor; ; name = `${anchor}-${++number}`) {
      if (anchors.has(name)) continue;
      anchors.add(name);
      break;
    }
  }
  return anchors;
}

/** Links to other places of the project, from a document. */
function* linksIn(page: string): Iterable<{ target: string; path: string; anchor?: string }> {
  for (const [, target = ""] of prose(read(page)).matchAll(/\]\(([^()\s]+)\)/g)) {
    const isOurs = target.startsWith(REPOSITORY);
    if (!isOurs && /^[a-z]+:/.test(target)) continue;
    const [file = "", anchor] = (isOurs ? target.slice(REPOSITORY.length) : target).split("#");
    const path = file === "" ? page : isOurs ? file : normalize(join(dirname(page), file));
    yield { target, path, ...(anchor !== undefined && { anchor }) };
  }
}

/** What is wrong with the links of a document. */
function mistakesIn(page: string): string[] {
  return [...linksIn(page)].flatMap(({ target, path, anchor }) => {
    if (!exists(path)) return [`${target}: there is no ${path}`];
    if (anchor !== undefined && path.endsWith(".md") && !anchorsOf(read(path)).has(anchor)) {
      return [`${target}: ${path} has no such heading`];
    }
    if (isPublished(page) && !isPublished(path) && !target.startsWith(REPOSITORY)) {
      return [`${target}: npm does not publish ${path}; write ${REPOSITORY}${path}`];
    }
    return [];
  });
}

it.each(PAGES)("the links of %s lead to documents and headings that are there", (page) => {
  expect(mistakesIn(page)).toEqual([]);
});

it("anchors are those that GitHub makes of headings", () => {
  const page =
    '# A `code`, and *more*\n```sh\n# none\n```\n## Twice\n## Twice\n## `{ type: "jwt", options }`\n';
  expect([...anchorsOf(page)]).toEqual([
    "a-code-and-more",
    "twice",
    "twice-1",
    "-type-jwt-options-",
  ]);
});
