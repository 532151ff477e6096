// Questions that change nothing, whose text may be a long list that was pasted.
import type { Service } from "./service";

/** Characters of a question in an address: proxies take 16 KB of address, cookies and the rest together, some of them 8. */
const LONGEST = 4000;

/** The answer to `query` at `path`. Raises Failure. */
export const ask = <T>(service: Service, path: string, query: string): Promise<T> =>
  query.length <= LONGEST ? service.json<T>("GET", `${path}?${query}`) : service.json<T>("POST", path, Object.fromEntries(new URLSearchParams(query)));
