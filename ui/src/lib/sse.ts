// Reads `text/event-stream`: pieces of text in, whole messages out.

export interface Message {
  id: string;
  data: string;
}

/** A reader that keeps what is incomplete until the rest comes. */
export function makeReader(): (piece: string) => Message[] {
  let rest = "";
  let id = "";
  let data: string[] = [];

  return (piece) => {
    const found: Message[] = [];
    rest += piece;
    // A lone "\r" at the end may be half of "\r\n": wait for the next piece.
    const held = rest.endsWith("\r") ? "\r" : "";
    const lines = rest.slice(0, rest.length - held.length).split(/\r\n|\n|\r/);
    rest = (lines.pop() ?? "") + held;
    for (const line of lines) {
      if (line === "") {
        if (data.length) found.push({ id, data: data.join("\n") });
        data = [];
        continue;
      }
      const [, field, value] = /^([^:]*):? ?(.*)$/.exec(line) ?? [];
      if (field === "id") id = value ?? "";
      if (field === "data") data.push(value ?? "");
    }
    return found;
  };
}
