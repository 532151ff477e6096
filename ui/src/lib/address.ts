// The page's own address: once the user has acted on a link, a reload is no visit by that link any more.

/** Takes out of the address what the link asked for; where to go after the start stays. */
export function forgetLink(): void {
  const address = new URL(window.location.href);
  for (const name of new Set(address.searchParams.keys())) if (name !== "next") address.searchParams.delete(name);
  window.history.replaceState(window.history.state, "", address);
}
