import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describeInChromium, openPage } from "../kit/chromium.js";
import { cleanUpAfterEach } from "../kit/clean-up.js";
import { isPublished, PAGES, read, ROOT } from "./pages.js";

cleanUpAfterEach();

const PICTURES = readdirSync(join(ROOT, "docs"))
  .filter((name) => name.endsWith(".svg"))
  .map((name) => `docs/${name}`);

interface Box {
  readonly text: string;
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

const overlap = (one: Box, other: Box): boolean =>
  one.left < other.right &&
  other.left < one.right &&
  one.top < other.bottom &&
  other.top < one.bottom;

describeInChromium("the pictures of the documentation", () => {
  it("are there", () => {
    expect(PICTURES).toEqual(["docs/call.svg", "docs/resume.svg"]);
  });

  it.each(PICTURES)(
    "%s is whole, its texts stay inside of it and beside each other",
    async (picture) => {
      const page = await openPage();
      const svg = read(picture);
      const parsed = await page.evaluate((source) => {
        const { documentElement } = new DOMParser().parseFromString(source, "image/svg+xml");
        return [
          documentElement.nodeName,
          ...[...documentElement.children].map((child) => child.nodeName),
        ];
      }, svg);
      expect(parsed.slice(0, 3)).toEqual(["svg", "title", "desc"]);
      await page.setContent(svg);
      const { width, height, boxes } = await page.evaluate(() => {
        const root = document.querySelector("svg")!;
        const texts = [...root.querySelectorAll("text")];
        return {
          width: root.viewBox.baseVal.width,
          height: root.viewBox.baseVal.height,
          boxes: texts.map((element) => {
            const { x, y, width, height } = element.getBBox();
            const text = element.textContent;
            return { text, left: x, top: y, right: x + width, bottom: y + height };
          }),
        };
      });
      expect(boxes.length).toBeGreaterThan(8);
      expect(
        boxes.filter(
          (box) => box.left < 8 || box.top < 8 || box.right > width - 8 || box.bottom > height - 8,
        ),
      ).toEqual([]);
      expect(
        boxes.filter((one, index) => boxes.slice(index + 1).some((other) => overlap(one, other))),
      ).toEqual([]);
    },
  );

  it.each(PICTURES)("%s is dark on a dark page, and loads nothing", async (picture) => {
    const svg = read(picture);
    // Apart from the name of its language, which nobody loads.
    expect(svg.replace('xmlns="http://www.w3.org/2000/svg"', "")).not.toMatch(
      /\w:\/\/|@import|@font-face|<script|<image/,
    );
    const page = await openPage();
    const cardOn = async (colorScheme: "dark" | "light"): Promise<string> => {
      await page.emulateMedia({ colorScheme });
      await page.setContent(svg);
      return await page.evaluate(() => getComputedStyle(document.querySelector(".card")!).fill);
    };
    expect(await cardOn("light")).toBe("rgb(255, 255, 255)");
    expect(await cardOn("dark")).toBe("rgb(13, 17, 23)");
  });

  it.each(PICTURES)(
    "%s stands in a page, with words for those who do not see it, and is published",
    (picture) => {
      const shown = PAGES.flatMap((page) => [...read(page).matchAll(/!\[([^\]]*)\]\(([^)]*)\)/g)]);
      const words = shown.flatMap(([, alt, target]) => (target === picture ? [alt] : []));
      expect(words).toEqual([expect.stringMatching(/\w+ \w+ \w+/)]);
      expect(isPublished(picture)).toBe(true);
    },
  );
});
