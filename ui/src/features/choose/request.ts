// The build that the repository fields ask for.
import type { BuildRequest, Recognised } from "../../lib/api-types";
import { addressOf } from "../../lib/spec";
import type { Repository } from "./choice";

/** `found` is what the address means, if that is known: packages that were pasted are asked for as such. */
export function requestOf(repository: Repository, found: Recognised | null = null): BuildRequest {
  const request: BuildRequest = { spec: found?.kind === "packages" && found.spec ? addressOf(found.spec) : repository.address.trim() };
  if (repository.ref.trim()) request.ref = repository.ref.trim();
  if (repository.subdir.trim()) request.subdir = repository.subdir.trim();
  if (repository.asOf !== "today") request.as_of = repository.asOf === "date" ? repository.date : repository.asOf;
  if (repository.refresh) request.refresh = true;
  return request;
}
