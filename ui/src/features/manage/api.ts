// The build service's calls about saved environments.
import type { Build, Contained, Environment, EnvironmentDetails } from "../../lib/api-types";
import type { Service } from "../../lib/service";

export const PAGE = 50;

const at = (id: string) => `api/environments/${encodeURIComponent(id)}`;

export interface Asked {
  words: string;
  offset: number;
  /** Everybody's, for admins. */
  all: boolean;
}

export interface Change {
  name?: string;
  description?: string;
  visibility?: Environment["visibility"];
  group?: string;
  pinned?: boolean;
  /** Of a version to go back to. */
  image?: string;
}

export const listed = (service: Service, { words, offset, all }: Asked) =>
  service.json<{ environments: Environment[]; total: number }>(
    "GET",
    `api/environments?${new URLSearchParams({ q: words, offset: String(offset), limit: String(PAGE), ...(all ? { all: "true" } : {}) }).toString()}`,
  );

export const details = (service: Service, id: string) => service.json<EnvironmentDetails>("GET", at(id));

export const change = (service: Service, id: string, what: Change) => service.json<Environment>("PATCH", at(id), what);

export const remove = (service: Service, id: string) => service.json("DELETE", at(id));

export type Order = "update" | "refresh" | "rebuild";

export const order = (service: Service, id: string, what: Order, image = "") => service.json<Build>("POST", `${at(id)}/builds`, { what, image });

const ofVersion = (image: string) => (image ? `?image=${encodeURIComponent(image)}` : "");

export const packagesOf = (service: Service, id: string, image = "") => service.json<Contained>("GET", `${at(id)}/packages${ofVersion(image)}`);

export const exported = async (service: Service, id: string, kind: string): Promise<string> => (await service.send(`${at(id)}/exports/${kind}`)).text();

export const buildOf = (service: Service, id: string) => service.json<Build>("GET", `api/builds/${encodeURIComponent(id)}`);

export const everybodysBuilds = async (service: Service): Promise<Build[]> => (await service.json<{ builds: Build[] }>("GET", "api/builds?all=true&limit=200")).builds;

export const stopBuild = (service: Service, id: string) => service.json<Build>("DELETE", `api/builds/${encodeURIComponent(id)}`);
