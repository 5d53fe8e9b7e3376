/**
 * Header lines as they came: a name, then its value, and so on. Node joins or drops repeated lines
 * in `headers`; only these tell.
 */
type RawHeaders = readonly string[];

/** How many lines have a name. @param name in lower case. */
export function countLines(rawHeaders: RawHeaders, name: string): number {
  let count = 0;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    if (isNamed(rawHeaders[index], name)) count++;
  }
  return count;
}

/** The lines without those of one name. @param name in lower case. */
export function linesWithout(rawHeaders: RawHeaders, name: string): readonly string[] {
  const lines: string[] = [];
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const [text = "", value = ""] = [rawHeaders[index], rawHeaders[index + 1]];
    if (!isNamed(text, name)) lines.push(text, value);
  }
  return lines;
}

/** The length is compared first, since nearly every line has another name. */
function isNamed(text: string | undefined, name: string): boolean {
  return text?.length === name.length && text.toLowerCase() === name;
}
