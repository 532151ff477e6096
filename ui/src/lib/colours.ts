// "Select graphic rendition": the part of ANSI escapes that says how text looks.

export interface Style {
  /** Palette index 0-15, or null for the usual colour. */
  fore: number | null;
  back: number | null;
  bold: boolean;
  dim: boolean;
  italic: boolean;
  underline: boolean;
  inverse: boolean;
}

export const PLAIN: Style = { fore: null, back: null, bold: false, dim: false, italic: false, underline: false, inverse: false };

const SWITCHES: Record<number, Partial<Style>> = {
  1: { bold: true },
  2: { dim: true },
  3: { italic: true },
  4: { underline: true },
  7: { inverse: true },
  22: { bold: false, dim: false },
  23: { italic: false },
  24: { underline: false },
  27: { inverse: false },
  39: { fore: null },
  49: { back: null },
};

/** The style after an `ESC [ … m` with these numbers. */
export function restyle(style: Style, codes: readonly number[]): Style {
  let now = style;
  for (let at = 0; at < codes.length; at++) {
    const code = codes[at] ?? 0;
    if (code === 38 || code === 48) {
      const [colour, used] = extended(codes.slice(at + 1));
      now = { ...now, [code === 38 ? "fore" : "back"]: colour };
      at += used;
    } else now = code === 0 ? PLAIN : { ...now, ...SWITCHES[code], ...basic(code) };
  }
  return now;
}

function basic(code: number): Partial<Style> {
  if (code >= 30 && code <= 37) return { fore: code - 30 };
  if (code >= 90 && code <= 97) return { fore: code - 82 };
  if (code >= 40 && code <= 47) return { back: code - 40 };
  if (code >= 100 && code <= 107) return { back: code - 92 };
  return {};
}

/** A 256-colour or true-colour code as the nearest of the sixteen, which are known to be readable, and its length. */
function extended(codes: readonly number[]): [number | null, number] {
  if (codes[0] === 5) return [nearestOf256(codes[1] ?? 0), 2];
  if (codes[0] === 2) return [nearest(codes[1] ?? 0, codes[2] ?? 0, codes[3] ?? 0), 4];
  return [null, codes.length];
}

function nearestOf256(index: number): number {
  if (index < 16) return index;
  if (index >= 232) return nearest(...grey(8 + (index - 232) * 10));
  const cube = index - 16;
  const level = (n: number) => (n === 0 ? 0 : 55 + n * 40);
  return nearest(level(Math.floor(cube / 36)), level(Math.floor(cube / 6) % 6), level(cube % 6));
}

const grey = (n: number): [number, number, number] => [n, n, n];

function nearest(red: number, green: number, blue: number): number {
  const most = Math.max(red, green, blue);
  if (most - Math.min(red, green, blue) < 32) return most < 64 ? 0 : most < 144 ? 8 : most < 224 ? 7 : 15;
  const bit = (value: number) => (value > most / 2 ? 1 : 0);
  return bit(red) + 2 * bit(green) + 4 * bit(blue) + (most > 170 ? 8 : 0);
}

/** CSS class names for a style, "" for plain text. */
export function classes(style: Style): string {
  const [fore, back] = style.inverse ? [style.back ?? 0, style.fore ?? 7] : [style.fore, style.back];
  const names = [
    fore !== null && `hk-f${String(fore)}`,
    back !== null && `hk-b${String(back)}`,
    style.bold && "hk-bold",
    style.dim && "hk-dim",
    style.italic && "hk-italic",
    style.underline && "hk-underline",
  ];
  return names.filter(Boolean).join(" ");
}
