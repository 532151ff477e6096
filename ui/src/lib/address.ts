// Addresses: the page's own, which is no visit by a link any more once the user has acted on it; and those of repositories.

/** Takes out of the address what the link asked for; where to go after the start stays. */
export function forgetLink(): void {
  const address = new URL(window.location.href);
  for (const name of new Set(address.searchParams.keys())) if (name !== "next") address.searchParams.delete(name);
  window.history.replaceState(window.history.state, "", address);
}

/** A repository's address without the name and password that may stand in front of its host. */
export const withoutSecret = (address: string): string => address.replace(/^(\s*https?:\/\/)[^/]*@/i, "$1");
