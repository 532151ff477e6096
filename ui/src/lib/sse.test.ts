import { expect, test } from "vitest";
import { makeReader } from "./sse";

const TEXT = ': hello\n\nid: 1\ndata: {"a":1}\n\n:keepalive\r\n\r\nid:2\r\ndata:one\r\ndata: two\r\n\r\nevent: x\nid: 3\ndata\n\nid: 4\ndata: cut';
const MESSAGES = [
  { id: "1", data: '{"a":1}' },
  { id: "2", data: "one\ntwo" },
  { id: "3", data: "" },
];

test("reads messages, and leaves an incomplete one", () => {
  expect(makeReader()(TEXT)).toEqual(MESSAGES);
});

test("reads the same however the text is cut", () => {
  for (let size = 1; size < 12; size++) {
    const read = makeReader();
    const found = [];
    for (let at = 0; at < TEXT.length; at += size) found.push(...read(TEXT.slice(at, at + size)));
    expect(found).toEqual(MESSAGES);
  }
});
