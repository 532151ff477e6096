// The build service's calls about builds.
import type { Build, BuildOrder } from "../../lib/api-types";
import { Failure } from "../../lib/failure";
import type { Service } from "../../lib/service";

const at = (id: string) => `api/builds/${encodeURIComponent(id)}`;

/** Asks for a build whose environment is to keep `resources`; a service older than the page refuses what it does not know of, and builds without. */
export async function startBuild(service: Service, request: BuildOrder, resources: Record<string, string>): Promise<Build> {
  const order = (asked: BuildOrder) => service.json<Build>("POST", "api/builds", asked);
  if (!Object.keys(resources).length) return order(request);
  return order({ ...request, resources }).catch((error: unknown) => {
    if (error instanceof Failure && error.problem.code === "bad_request") return order(request);
    throw error;
  });
}

export const oneBuild = (service: Service, id: string) => service.json<Build>("GET", at(id));

export const recentBuilds = async (service: Service): Promise<Build[]> =>
  (await service.json<{ builds: Build[] }>("GET", "api/builds?limit=50")).builds;

/** Leaves the build, which stops unless others wait for it too. */
export const cancelBuild = (service: Service, id: string) => service.json<Build>("DELETE", at(id));

export const buildAgain = (service: Service, id: string) => service.json<Build>("POST", `${at(id)}/retry`);

/** The whole log, as the service keeps it. */
export const plainLog = async (service: Service, id: string): Promise<Blob> => (await service.send(`${at(id)}/log`)).blob();

/** Bytes read of an earlier part of a log at a time. */
const PIECE = 256 * 1024;

/** The whole lines before byte `end` of the log, the nearest of them, and the byte they begin at. */
export async function earlierLog(service: Service, id: string, end: number): Promise<{ text: string; from: number }> {
  const begin = Math.max(0, end - PIECE);
  const response = await service.send(`${at(id)}/log`, { headers: { Range: `bytes=${String(begin)}-${String(end - 1)}` } });
  const bytes = new Uint8Array(await response.arrayBuffer());
  const cut = begin ? bytes.indexOf(10) + 1 : 0;
  const skipped = cut < bytes.length ? cut : 0;
  return { text: new TextDecoder().decode(bytes.subarray(skipped)), from: begin + skipped };
}
