// What the hub writes into the page: where things are, and what there is to choose from.
import type { Engine } from "./api-types";
import { readPermalink } from "./permalink";

export interface Choice {
  display_name: string;
  description?: string;
  default?: boolean;
}

export interface UnlistedChoice {
  enabled: boolean;
  display_name?: string;
  display_name_in_choices?: string;
  description_in_choices?: string;
  validation_regex?: string;
  validation_message?: string;
}

export interface ProfileOption {
  display_name: string;
  choices?: Record<string, Choice>;
  unlisted_choice?: UnlistedChoice;
  dynamic_image_building?: { enabled: boolean };
}

export interface Profile {
  slug: string;
  display_name: string;
  description?: string;
  default?: boolean;
  profile_options?: Record<string, ProfileOption>;
}

export interface Page {
  profiles: Profile[];
  /** `user_options` of last time, or what a link asks for. */
  chosen: Record<string, unknown>;
  /** Whether a link asks for `chosen`: the user has chosen nothing yet. */
  linked: boolean;
  /** What the link wants to be opened: an address below the server's. */
  opens: string;
  /** Whether the link asks for a start without another press; granted only for what `startByLink` lists. */
  autoStart: boolean;
  /** What an admin lets links start. */
  startByLink: { images: readonly string[]; sources: readonly string[] };
  /** Id of a saved environment that the address names. */
  environment: string;
  /** Whether the user is one of the hub's admins, where the page tells. */
  admin: boolean;
  /** The hub's groups that the user is in, where the page tells. */
  groups: readonly string[];
  /** Whether users may have several servers side by side. */
  namedServers: boolean;
  /** How many beside the default one the hub keeps for the user, stopped ones too; 0 for as many as they like. */
  namedServerLimit: number;
  user: string;
  /** Who is logged in, "" if the hub's page does not say: an admin may start others' servers. */
  loggedIn: string;
  /** Address of the Hub's REST API, ending in a slash. */
  hubApi: string;
  /** Address of the build service, ending in a slash. */
  service: string;
  /** What the page's own token is for. */
  scopes: readonly string[];
  xsrf: string;
  serverName: string;
  /** Why the last attempt to start was refused, or "". */
  problem: string;
  /** What servers run in, where that is not the build service's machine. */
  engine?: Engine | null;
}

/** The option that offers environments; all others are resources. */
export const IMAGE = "image";

const EMPTY: Page = {
  profiles: [],
  chosen: {},
  linked: false,
  opens: "",
  autoStart: false,
  startByLink: { images: [], sources: [] },
  environment: "",
  admin: false,
  groups: [],
  namedServers: false,
  namedServerLimit: 0,
  user: "",
  loggedIn: "",
  hubApi: "/hub/api/",
  service: "/services/binder/",
  scopes: [],
  xsrf: "",
  serverName: "",
  problem: "",
};

/** The page's data out of its script element. */
export function readPage(from: Document): Page {
  const text = from.getElementById("hubkiln-page")?.textContent ?? "{}";
  const page = { ...EMPTY, ...(JSON.parse(text) as Partial<Page>), ...readPermalink(from.location.hash), environment: environmentIn(from.location.hash) };
  return { ...page, xsrf: page.xsrf || xsrfOf(from), loggedIn: page.loggedIn || (hubData()?.user ?? "") };
}

/** A saved environment, as the page of environments names it to the spawn page. */
const environmentIn = (hash: string): string => /^#environment=([\w-]+)$/.exec(hash)?.[1] ?? "";

/** The hub's token against cross-site requests, as its own page has it. */
function xsrfOf(from: Document): string {
  const action = from.getElementById("hubkiln")?.closest("form")?.getAttribute("action") ?? "";
  const query = new URLSearchParams(action.split("?")[1] ?? "");
  return query.get("_xsrf") ?? hubData()?.xsrf_token ?? "";
}

/** What the hub's own page tells its scripts. */
const hubData = () => (globalThis as { jhdata?: { user?: string; xsrf_token?: string } }).jhdata;

/** A profile's options that are no environments, in the admin's order. */
export function resourceOptions(profile: Profile | undefined): [string, ProfileOption][] {
  return Object.entries(profile?.profile_options ?? {}).filter(([key]) => key !== IMAGE);
}

/** A profile's option for environments, if it has one. */
export function imageOption(profile: Profile | undefined): ProfileOption | undefined {
  return profile?.profile_options?.[IMAGE];
}

/** The choice marked as default, else the first. */
export function defaultChoice(option: ProfileOption): string {
  const choices = Object.entries(option.choices ?? {});
  return (choices.find(([, choice]) => choice.default) ?? choices[0])?.[0] ?? "";
}
