// The page of environments: the list, one of them (named behind the address's #), or a build in their place.
import type { ComponentProps } from "preact";
import { useEffect, useState } from "preact/hooks";
import { useKeptFocus } from "../components/kept-focus";
import { useSaid } from "../components/said";
import { KeepResources } from "../features/choose/keep-resources";
import { Share } from "../features/links/share";
import { FIRST, type Asked } from "../features/manage/api";
import { Details } from "../features/manage/details";
import { EnvironmentList } from "../features/manage/list";
import { Queue } from "../features/manage/queue";
import { Rules } from "../features/manage/rules";
import { Schedules } from "../features/manage/schedules";
import { ServerList } from "../features/manage/server-list";
import { serversOf, type Server } from "../features/manage/servers";
import { Storage } from "../features/manage/storage";
import type { Build } from "../lib/api-types";
import { t } from "../lib/language";
import { rootOf } from "../lib/opening";
import type { Page } from "../lib/page";
import type { Ports } from "../lib/ports";
import { makeService } from "../lib/service";
import { BuildPanel, usePartsSoon } from "./parts";
import { useBack } from "./use-back";

export function EnvironmentsApp({ page, ports }: { page: Page; ports: Ports }) {
  const [service] = useState(() => makeService(page, ports));
  const [asked, ask] = useState<Asked>(FIRST);
  const [build, watch] = useState<Build | null>(null);
  const [said, say] = useSaid();
  const id = useHash();
  const [servers, setServers] = useState<readonly Server[]>([]);
  const reload = async () => {
    setServers(await serversOf(page, service));
  };
  useEffect(() => {
    reload().catch(() => undefined); // the list of environments says what is wrong
  }, [service]);
  const leave = () => {
    watch(null);
  };
  useBack(service, build?.id ?? null, leave, watch);
  useKeptFocus();
  usePartsSoon();
  return (
    <>
      <p role="status" class="hk-unseen">
        {said}
      </p>
      {build ? (
        <>
          <h1>{t("Environments")}</h1>
          <BuildPanel
            key={build.id}
            {...{ service, say }}
            first={build}
            starting={null}
            onReady={() => undefined}
            onStart={() => {
              window.location.assign(`${rootOf(page)}hub/spawn${id ? `#environment=${id}` : ""}`);
            }}
            back={id ? t("Back to the environment") : t("Back to the list")}
            onChange={leave}
            onLeave={leave}
            onAgain={watch}
          />
        </>
      ) : id ? (
        <Details key={id} {...{ page, service, id, servers, watch, say }} {...ofOthers(page)} />
      ) : (
        <>
          <Head page={page} />
          <ServerList {...{ page, service, servers, reload, say }} />
          <EnvironmentList {...{ page, service, asked, ask, servers, watch }} />
          {page.admin && <ForAdmins {...{ service, watch, say }} />}
        </>
      )}
    </>
  );
}

const ForAdmins = ({ service, watch, say }: ComponentProps<typeof Queue>) => (
  <>
    <Queue {...{ service, watch, say }} />
    <Rules {...{ service, say }} />
    <Schedules {...{ service, say }} />
    <Storage service={service} />
  </>
);

/** What other features draw of an environment. */
const ofOthers = (page: Page): Pick<ComponentProps<typeof Details>, "share" | "resources"> => ({
  share: (one) => <Share page={page} link={one.link} subdir={one.spec.subdir} packages={one.spec.packages ?? []} open="" />,
  resources: (one, keep) => <KeepResources page={page} kept={one.resources} keep={keep} />,
});

const Head = ({ page }: { page: Page }) => (
  <header class="hk-head">
    <h1>{t("Environments")}</h1>
    <a class="hk-button hk-button-primary" href={`${rootOf(page)}hub/spawn`}>
      {t("New environment")}
    </a>
  </header>
);

/** Id of the environment that the address names, or "". */
function useHash(): string {
  const read = () => /^#([\w-]+)$/.exec(window.location.hash)?.[1] ?? "";
  const [id, setId] = useState(read);
  useEffect(() => {
    const changed = () => {
      setId(read());
    };
    window.addEventListener("hashchange", changed);
    return () => {
      window.removeEventListener("hashchange", changed);
    };
  }, []);
  return id;
}
