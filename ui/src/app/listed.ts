// What of a link an admin has listed, so that it may start without another press.
import type { Recognised, Spec } from "../lib/api-types";
import type { Page } from "../lib/page";

type Lists = Pick<Page, "startByLink">;

/** Whether a repository lies below a source that is listed, and what is asked for is its owners' own. */
export function isListed({ startByLink }: Lists, found: Recognised | null): boolean {
  const spec = found?.kind === "repository" ? found.spec : null;
  if (!spec || spec.packages?.length || !isOwn(spec)) return false; // whoever wrote the link may have added anything
  const named = `${spec.provider}/${spec.repository}`;
  const fold = (text: string) => (spec.provider === "gh" ? text.toLowerCase() : text);
  return startByLink.sources.some((source) => beginsWith(fold(named), fold(source), "/"));
}

/** Whether an image lies below a repository of images, or on a host, that is listed; another port is another host. */
export const isListedImage = ({ startByLink }: Lists, image: string): boolean =>
  startByLink.images.some((listed) => beginsWith(image, listed, listed.includes("/") ? "/:@" : "/"));

/** Whether what is to be opened may ask the server for anything, such as the files of another repository. */
export const asksMore = (opens: readonly string[]): boolean => opens.some((one) => one.includes("?"));

/**
 * Whether nobody but who may write to the repository could have made what `ref` names: hosts have everybody's proposals
 * under a repository's name (`refs/pull/1/head`), and commits of its forks. A branch's name may go on in the folder.
 */
const isOwn = ({ ref, subdir }: Spec): boolean =>
  /^(?:HEAD|main|master|refs\/(?:heads|tags)\/.+)$/.test(ref) || !(subdir || ref.includes("/") || /^[0-9a-f]{4,64}$/i.test(ref));

const beginsWith = (text: string, listed: string, ends: string): boolean =>
  text === listed || (text.startsWith(listed) && ends.includes(text.charAt(listed.length)));
