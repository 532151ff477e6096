// What a terminal would show of a stream of text: colours, carriage returns and erasing; a pure value.
import { PLAIN, classes, restyle, type Style } from "./colours";

/** A run of characters that look the same; `look` is CSS class names. */
export interface Span {
  text: string;
  look: string;
}

export type Line = readonly Span[];

/** Finished lines, at most `PAGE` of them. */
export type Page = readonly Line[];

interface Cell {
  char: string;
  look: string;
}

export interface Terminal {
  /** Finished lines in pages, so that only the last page ever changes. */
  pages: readonly Page[];
  /** The number of the first page; each keeps its number when others come before it or are dropped. */
  first: number;
  /** Older lines that are not kept any more; the plain log has them all. */
  dropped: number;
  /** The line being written. */
  open: readonly Cell[];
  column: number;
  style: Style;
  /** An escape sequence whose end has not come yet. */
  held: string;
}

const PAGE = 200;
/** Half a million lines. */
const MOST_PAGES = 2500;
const LONGEST_LINE = 4000;

export const BLANK: Terminal = { pages: [], first: 0, dropped: 0, open: [], column: 0, style: PLAIN, held: "" };

const TOKEN = /\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[PX^_][^\x1b]*\x1b\\|\x1b[ -/]*[0-Z\\-~]|[\n\r\b]|[^\x1b\n\r\b]+|\x1b/g;
const UNFINISHED = /\x1b(?:\[[0-?]*[ -/]*|\][^\x07\x1b]{0,500}\x1b?|[PX^_][^\x1b]{0,500}\x1b?|[ -/]*)?$/;

/** The screen after `text` was written to it. */
export function write(screen: Terminal, text: string): Terminal {
  let input = screen.held + text;
  const held = UNFINISHED.exec(input)?.[0] ?? "";
  input = input.slice(0, input.length - held.length);
  const pen = { open: [...screen.open], column: screen.column, style: screen.style, done: [] as Line[] };
  for (const line of input.split(/(?<=\n)/)) {
    if (isPlain(line, pen)) pen.done.push(line === "\n" ? [] : [{ text: line.slice(0, -1), look: classes(pen.style) }]);
    else for (const [token] of line.matchAll(TOKEN)) put(pen, token);
  }
  const pages = withLines(screen.pages, pen.done);
  const kept = pages.slice(-MOST_PAGES);
  const gone = pages.slice(0, pages.length - kept.length);
  const [first, dropped] = [screen.first + gone.length, screen.dropped + lineCount(gone)];
  return { pages: kept, first, dropped, open: pen.open, column: pen.column, style: pen.style, held };
}

/** The screen with `text`, whole lines that came before all that it has, in front. */
export function writeBefore(screen: Terminal, text: string): Terminal {
  if (screen.dropped) return screen;
  const earlier = write(BLANK, text).pages;
  const pages = [...earlier, ...screen.pages];
  return pages.length > MOST_PAGES ? screen : { ...screen, pages, first: screen.first - earlier.length };
}

export const lineCount = (pages: readonly Page[]): number => pages.reduce((sum, page) => sum + page.length, 0);

/** Whether a line is the next one and has nothing in it that moves or colours: most lines by far. */
const isPlain = (line: string, { open, column }: Pen): boolean =>
  !open.length && !column && line.length <= LONGEST_LINE && line.endsWith("\n") && !/[\x00-\x08\x0b-\x1f\x7f]/.test(line);

interface Pen {
  open: Cell[];
  column: number;
  style: Style;
  done: Line[];
}

function put(pen: Pen, token: string): void {
  if (token === "\n") {
    pen.done.push(spans(pen.open));
    pen.open = [];
    pen.column = 0;
  } else if (token === "\r") pen.column = 0;
  else if (token === "\b") pen.column = Math.max(0, pen.column - 1);
  else if (token.startsWith("\x1b")) control(pen, token);
  else type(pen, token);
}

function type(pen: Pen, text: string): void {
  const look = classes(pen.style);
  for (const char of text.replace(/[\x00-\x08\x0b-\x1f\x7f]/g, "")) {
    if (pen.column >= LONGEST_LINE) return;
    while (pen.open.length < pen.column) pen.open.push({ char: " ", look: "" });
    pen.open[pen.column++] = { char, look };
  }
}

function control(pen: Pen, token: string): void {
  const numbers = token.slice(2, -1).split(/[;:]/).map(Number);
  const first = numbers[0] ?? 0;
  if (!token.startsWith("\x1b[")) return;
  if (token.endsWith("m")) pen.style = restyle(pen.style, numbers);
  else if (token.endsWith("K") && first === 0) pen.open.length = Math.min(pen.open.length, pen.column);
  else if (token.endsWith("K") && first === 2) pen.open = [];
  else if (token.endsWith("G")) pen.column = Math.min(Math.max(first, 1), LONGEST_LINE) - 1;
}

function withLines(pages: Terminal["pages"], lines: readonly Line[]): Terminal["pages"] {
  if (!lines.length) return pages;
  const last = pages.at(-1);
  const kept = last && last.length < PAGE ? pages.slice(0, -1) : [...pages];
  const all = last && last.length < PAGE ? [...last, ...lines] : lines;
  const added: Line[][] = [];
  for (let at = 0; at < all.length; at += PAGE) added.push(all.slice(at, at + PAGE));
  return [...kept, ...added];
}

/** A line's cells as runs that look the same. */
export function spans(cells: readonly Cell[]): Line {
  const line: Span[] = [];
  for (const { char, look } of cells) {
    const last = line.at(-1);
    if (last?.look === look) last.text += char;
    else line.push({ text: char, look });
  }
  return line;
}

/** A line without its looks. */
export const lineText = (line: Line): string => (line.length === 1 ? (line[0]?.text ?? "") : line.map(({ text }) => text).join(""));

/** Everything on the screen as plain text. */
export const plainText = (screen: Terminal): string => [...screen.pages.flat(), spans(screen.open)].map(lineText).join("\n");
