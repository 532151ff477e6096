// The build service's calls about saved environments.
import type { Build, Contained, Environment, EnvironmentDetails } from "../../lib/api-types";
import type { Service } from "../../lib/service";

export const PAGE = 50;

const at = (id: string) => `api/environments/${encodeURIComponent(id)}`;

/** What a list can be sorted by, in the service's words. */
export type Column = "name" | "owner" | "size" | "packages" | "made" | "used" | "state" | "sharing";

export interface Asked {
  words: string;
  offset: number;
  /** Everybody's, for admins. */
  all: boolean;
  sort: Column;
  descending: boolean;
  state: Environment["state"] | "";
  whose: "mine" | "others" | "";
}

export const FIRST: Asked = { words: "", offset: 0, all: false, sort: "used", descending: true, state: "", whose: "" };

export interface Change {
  name?: string;
  description?: string;
  visibility?: Environment["visibility"];
  group?: string;
  pinned?: boolean;
  /** A profile and its options, all at once. */
  resources?: Record<string, string>;
  /** Of a version to go back to. */
  image?: string;
}

export interface Listed {
  environments: Environment[];
  total: number;
}

export function listed(service: Service, { words, offset, all, sort, descending, state, whose }: Asked): Promise<Listed> {
  const query = new URLSearchParams({ q: words, offset: String(offset), limit: String(PAGE), sort: `${descending ? "-" : ""}${sort}` });
  if (all) query.set("all", "true");
  if (state) query.set("state", state);
  if (whose) query.set("whose", whose);
  return service.json<Listed>("GET", `api/environments?${query.toString()}`);
}

export const details = (service: Service, id: string) => service.json<EnvironmentDetails>("GET", at(id));

export const change = (service: Service, id: string, what: Change) => service.json<Environment>("PATCH", at(id), what);

export const remove = (service: Service, id: string) => service.json("DELETE", at(id));

export const copied = (service: Service, id: string) => service.json<Environment>("POST", `${at(id)}/copies`);

/** Another list of packages, or another repository, ref or folder, as people type them. */
export interface Other {
  spec: string;
  ref?: string;
  subdir?: string;
}

export type Order = { what: "update" | "refresh" } | { what: "rebuild"; image?: string } | ({ what: "change" } & Other);

export const order = (service: Service, id: string, what: Order) => service.json<Build>("POST", `${at(id)}/builds`, what);

const ofVersion = (image: string) => (image ? `?image=${encodeURIComponent(image)}` : "");

export const packagesOf = (service: Service, id: string, image = "") => service.json<Contained>("GET", `${at(id)}/packages${ofVersion(image)}`);

export const exported = async (service: Service, id: string, kind: string): Promise<string> => (await service.send(`${at(id)}/exports/${kind}`)).text();

export const buildOf = (service: Service, id: string) => service.json<Build>("GET", `api/builds/${encodeURIComponent(id)}`);

export const everybodysBuilds = async (service: Service): Promise<Build[]> => (await service.json<{ builds: Build[] }>("GET", "api/builds?all=true&limit=200")).builds;

export const stopBuild = (service: Service, id: string) => service.json<Build>("DELETE", `api/builds/${encodeURIComponent(id)}`);
