// The way into an environment: where it runs already, by a start, or beside what runs where the hub allows that.
import type { Environment } from "../../lib/api-types";
import { t } from "../../lib/language";
import { rootOf } from "../../lib/opening";
import type { Page } from "../../lib/page";
import { isFull, isUp, nameBeside, runsIn, type Server } from "./servers";

interface Props {
  page: Page;
  one: Environment;
  servers: readonly Server[];
  name: string;
  /** Whether there is no other on the page, so that it need not be called by the environment's name. */
  alone?: boolean;
}

export function Starting({ page, one, servers, name, alone = false }: Props) {
  const look = `hk-button hk-button-${alone ? "primary" : "plain"}`;
  const running = servers.find((server) => runsIn(server, one.image));
  if (running) {
    return (
      <a class={look} href={running.url} aria-label={alone ? undefined : t("Open {name}", { name })}>
        {t("Open")}
      </a>
    );
  }
  if (one.state === "gone" && !alone) return null;
  const spawn = `${rootOf(page)}hub/spawn`;
  if (!servers.some((server) => server.name === "" && isUp(server))) {
    return (
      <a class={look} href={`${spawn}#environment=${one.id}`} aria-label={alone ? undefined : t("Start {name}", { name })}>
        {t("Start")}
      </a>
    );
  }
  // The hub leads whoever comes to start the default server to the one that runs, whatever it runs in.
  if (!page.namedServers) return <span class="hk-hint">{t("Starts once your server has stopped")}</span>;
  const beside = nameBeside(name, servers);
  // The hub would answer with nothing but an error, and what was chosen would be gone.
  if (isFull(page, servers) && !servers.some((server) => server.name === beside)) return <span class="hk-hint">{t("Starts once you have removed a server")}</span>;
  return (
    <a class={look} href={`${spawn}/${encodeURIComponent(page.user)}/${beside}#environment=${one.id}`} aria-label={alone ? undefined : t("Start beside: {name}", { name })}>
      {t("Start beside")}
    </a>
  );
}
