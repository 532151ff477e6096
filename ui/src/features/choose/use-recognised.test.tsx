import { render } from "preact";
import { useReducer } from "preact/hooks";
import { expect, test, vi } from "vitest";
import type { Recognised } from "../../lib/api-types";
import type { Service } from "../../lib/service";
import { page } from "../../testing/samples";
import { firstChoice, reduce } from "./choice";
import { useRecognised } from "./use-recognised";

const found = (ref: string): Recognised =>
  ({ kind: "repository", value: "lab/waves", title: "lab/waves", source: "GitHub", opens: "", spec: { provider: "gh", repository: "lab/waves", ref, subdir: "" } }) as unknown as Recognised;

test("a letter typed as soon as the answer is there is kept", async () => {
  const asked: (string | null)[] = [];
  const json = (_: string, path: string) => {
    const ref = new URLSearchParams(path.split("?")[1]).get("ref") ?? "HEAD";
    asked.push(ref);
    return Promise.resolve(found(ref));
  };
  const service = { ports: { wait: () => Promise.resolve() }, json } as unknown as Service;
  const first = reduce(firstChoice(page), { type: "repository", change: { address: "lab/waves", ref: "faile" } });
  function Form() {
    const [{ repository }, tell] = useReducer(reduce, first);
    const { found } = useRecognised(service, repository, true, true, (found) => {
      tell({ type: "understood", found });
    });
    return <input data-found={found?.title} value={repository.ref} onInput={(event) => { tell({ type: "repository", change: { ref: event.currentTarget.value } }); }} />;
  }
  const box = document.createElement("div");
  render(<Form />, box);
  const input = box.querySelector("input") as HTMLInputElement;
  await new Promise<void>((done) => {
    const answered = new MutationObserver(() => {
      if (!input.dataset["found"]) return;
      answered.disconnect();
      done();
    });
    answered.observe(box, { attributes: true, subtree: true });
  });
  input.value = "failed";
  input.dispatchEvent(new Event("input"));
  await vi.waitFor(() => {
    expect(asked).toEqual(["faile", "failed"]);
    expect(input.value).toBe("failed");
  });
  render(null, box);
});
