// The build that the repository fields ask for.
import type { BuildRequest } from "../../lib/api-types";
import type { Repository } from "./choice";

export function requestOf(repository: Repository): BuildRequest {
  const request: BuildRequest = { spec: repository.address.trim() };
  if (repository.ref.trim()) request.ref = repository.ref.trim();
  if (repository.subdir.trim()) request.subdir = repository.subdir.trim();
  if (repository.asOf !== "today") request.as_of = repository.asOf === "date" ? repository.date : repository.asOf;
  if (repository.refresh) request.refresh = true;
  return request;
}
