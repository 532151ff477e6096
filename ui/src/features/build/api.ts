// The build service's calls about builds.
import type { Build, BuildRequest } from "../../lib/api-types";
import type { Service } from "../../lib/service";

const at = (id: string) => `api/builds/${encodeURIComponent(id)}`;

export const startBuild = (service: Service, request: BuildRequest) => service.json<Build>("POST", "api/builds", request);

export const oneBuild = (service: Service, id: string) => service.json<Build>("GET", at(id));

export const recentBuilds = async (service: Service): Promise<Build[]> =>
  (await service.json<{ builds: Build[] }>("GET", "api/builds?limit=50")).builds;

/** Leaves the build, which stops unless others wait for it too. */
export const cancelBuild = (service: Service, id: string) => service.json<Build>("DELETE", at(id));

export const buildAgain = (service: Service, id: string) => service.json<Build>("POST", `${at(id)}/retry`);

/** The whole log, as the service keeps it. */
export const plainLog = async (service: Service, id: string): Promise<Blob> => (await service.send(`${at(id)}/log`)).blob();
