import jsQr from "jsqr";
import { generate } from "lean-qr";
import { describe, expect, test } from "vitest";
import { linkOf, NOTATIONS } from "./notations";

const page = { hubApi: "/jupyter/hub/api/" };
const ODD = [
  { link: "gh/lab/waves/feature%2Fx", subdir: "", packages: ["dask[array]>=1,<2", "pandas"], open: "a b.ipynb" },
  { link: "git/https%3A%2F%2Fhost.example%2Fa%20b.git/HEAD", subdir: "täler/süd", packages: [], open: "/rstudio/" },
  { link: "inline/numpy%3E%3D1,%3C3%20;%20python_version%3E'3'", subdir: "", packages: [], open: "" },
  { link: "gh/lab/(waves)/v1", subdir: "a&b", packages: [], open: 'say "hi".ipynb' },
];

describe("a link", () => {
  test.each(ODD)("in a QR code is read as it is: $link", (shared) => {
    const address = linkOf(page, shared, "https://hub.example");
    expect(new URL(address).href).toBe(address);
    expect(scanned(address)).toBe(address);
  });

  test.each(ODD)("stays whole in each notation: $link", (shared) => {
    const address = linkOf(page, shared, "https://hub.example");
    const [markdown, html] = ["Markdown", "HTML"].map((name) => NOTATIONS.find((one) => one.name === name)?.write(address, "https://hub.example/badge.svg") ?? "");
    const target = /\]\(([^()\s]+)\)$/.exec(markdown ?? "")?.[1] ?? "";
    expect(decodeURI(target.replaceAll("%28", "(").replaceAll("%29", ")"))).toBe(decodeURI(address));
    const anchor = new DOMParser().parseFromString(html ?? "", "text/html").querySelector("a");
    expect(anchor?.getAttribute("href")).toBe(address.replaceAll('"', "%22"));
  });
});

/** What a telephone reads: the code drawn as our page draws it, four dots a module, with its margin. */
function scanned(text: string): string | undefined {
  const code = generate(text);
  const [margin, scale] = [4, 4];
  const width = (code.size + 2 * margin) * scale;
  const pixels = new Uint8ClampedArray(width * width * 4).fill(255);
  for (let y = 0; y < width; y++) {
    for (let x = 0; x < width; x++) {
      if (code.get(Math.floor(x / scale) - margin, Math.floor(y / scale) - margin)) pixels.fill(0, (y * width + x) * 4, (y * width + x) * 4 + 3);
    }
  }
  return jsQr(pixels, width, width)?.data;
}
