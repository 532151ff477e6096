import { expect, test } from "vitest";
import { ask } from "./ask";
import type { Service } from "./service";

test("a list that is too long for an address is posted, with all that was asked", async () => {
  const asked: unknown[][] = [];
  const json = (...request: unknown[]) => {
    asked.push(request);
    return Promise.resolve({});
  };
  const service = { json } as unknown as Service;
  const text = Array.from({ length: 400 }, (_, number) => `package-${String(number)}==1.0`).join("\n");
  await ask(service, "api/recognised", new URLSearchParams({ text: "lab/waves" }).toString());
  await ask(service, "api/recognised", new URLSearchParams({ text, ref: "v1" }).toString());
  expect(asked).toEqual([["GET", "api/recognised?text=lab%2Fwaves"], ["POST", "api/recognised", { text, ref: "v1" }]]);
});
