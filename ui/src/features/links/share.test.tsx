import { fireEvent, render, screen } from "@testing-library/preact";
import { expect, test } from "vitest";
import { page } from "../../testing/samples";
import { Share } from "./share";

test.each([[2_000, false, false], [5_000, true, false], [12_000, true, true]])("a link of some %i characters: what does not hold it is said", async (length, code, link) => {
  render(<Share page={page} link={`inline/${"a".repeat(length)}`} subdir="" packages={[]} open="" />);
  const picture = screen.getByText("QR code").closest("details") as HTMLDetailsElement;
  picture.open = true;
  fireEvent(picture, new Event("toggle"));
  await screen.findByRole("status", { hidden: true });
  expect(screen.queryByText(/too long for a QR code/) !== null).toBe(code);
  expect(screen.queryByText(/longer than many proxies/) !== null).toBe(link);
});
