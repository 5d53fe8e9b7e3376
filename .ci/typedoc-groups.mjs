// For typedoc.config.mjs: what the package exports is grouped as in src/index.ts, whose comments say what each part is for.
import { readFileSync } from "node:fs";
import { Comment, CommentTag, Converter } from "typedoc";

/** The parts of src/index.ts, in their order: what each is for, and the names in it. */
const PARTS = partsOf(readFileSync("src/index.ts", "utf8"));

function partsOf(index) {
  const [, ...pieces] = index.split(/^\/\/ (.+)$/m);
  return pieces.flatMap((comment, at) =>
    at % 2 === 0 ? [{ title: titleOf(comment), names: namesIn(pieces[at + 1]) }] : [],
  );
}

/** What follows a colon explains. */
function titleOf(comment) {
  return comment.split(/[:.](?: |$)/)[0].replaceAll("`", "");
}

function namesIn(text) {
  const lists = [...text.matchAll(/^export (?:type )?\{([^}]*)\}/gm)];
  return lists.flatMap(([, names]) => names.match(/\w+/g));
}

/** For the option `groupOrder`; what has no part, such as the members of a type, comes after. */
export const GROUP_ORDER = [...PARTS.map(({ title }) => title), "*"];

/** A plugin. */
export function groupAsIndex(app) {
  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => {
    for (const reflection of project.getChildByName(["express-mcp-sse"]).children) {
      const part = PARTS.find(({ names }) => names.includes(reflection.name));
      if (part === undefined) throw new Error(`${reflection.name} is in no part of src/index.ts`);
      assign(reflection, part.title);
    }
  });
}

function assign(reflection, title) {
  // A function has its comment where its signature is.
  const commented = reflection.signatures?.[0] ?? reflection;
  if (reflection.isReference()) commented.comment = new Comment();
  // With one of ours, TypeDoc would not see that it has none of its own.
  if (commented.comment === undefined) return;
  commented.comment.blockTags.push(new CommentTag("@group", [{ kind: "text", text: title }]));
}
