// Finding something in the log, and taking it away: as a copy, or as a file.
import { useEffect, useRef } from "preact/hooks";
import { Button } from "../../components/button";
import { useSaid } from "../../components/said";
import { problemOf } from "../../lib/failure";
import { t, tn } from "../../lib/language";
import { copy, download } from "../../lib/save";
import type { Service } from "../../lib/service";
import { BLANK, plainText, write } from "../../lib/terminal";
import { plainLog } from "./api";
import type { Watched } from "./build";
import type { Earlier } from "./use-earlier";
import type { Search } from "./use-search";

interface Props {
  state: Watched;
  service: Service;
  earlier: Earlier;
  search: Search;
  /** What came of copying a link to a line. */
  linked: string;
}

export function LogTools({ state, service, earlier, search, linked }: Props) {
  const [said, say] = useSaid();
  const { id } = state.build;
  useEffect(() => {
    say(linked);
  }, [linked]);
  const whole = useWholeLog(state, service, earlier);
  const copyLog = async () => {
    try {
      const text = await whole();
      say((await copy(text)) ? t("Log copied.") : t("The browser did not allow copying; press again, or download the log."));
    } catch (error) {
      say(problemOf(error));
    }
  };
  const saveLog = async () => {
    try {
      download(await plainLog(service, id), `build-${id}.log`);
      say(t("Log downloaded."));
    } catch (error) {
      say(problemOf(error));
    }
  };
  return (
    <div class="hk-log-tools">
      <Find search={search} earlier={earlier} />
      <Button weight="quiet" onClick={() => void copyLog()}>
        {t("Copy log")}
      </Button>
      <Button weight="quiet" onClick={() => void saveLog()}>
        {t("Download log")}
      </Button>
      <span role="status">{said}</span>
    </div>
  );
}

/** The log as plain text: from the screen if that has it all. What was read is kept, as browsers copy only at once after a press. */
function useWholeLog({ build, screen, shown }: Watched, service: Service, earlier: Earlier) {
  const kept = useRef({ to: -1, text: "" });
  return async () => {
    if (!earlier.lines) return plainText(screen);
    const to = shown?.to ?? 0;
    if (kept.current.to === to) return kept.current.text;
    const text = await (await plainLog(service, build.id)).text();
    kept.current = { to, text: withoutColours(text) };
    return kept.current.text;
  };
}

const withoutColours = (text: string): string =>
  text
    .split(/(?<=\n)/)
    .map((line) => (/[\x00-\x08\x0b-\x1f\x7f]/.test(line) ? plainText(write(BLANK, line)) : line))
    .join("");

function Find({ search, earlier }: { search: Search; earlier: Earlier }) {
  const { needle, hits, at } = search;
  useEffect(() => {
    // What is looked for may be in what has not been read.
    if (needle && earlier.brings && !earlier.busy && !earlier.problem) earlier.more();
  }, [needle, earlier.brings, earlier.busy, earlier.lines, earlier.problem]);
  const count = hits.length ? tn(hits.length, "{at} of {n} line", "{at} of {n} lines", { at: at + 1 }) : t("Not found");
  return (
    <div class="hk-find" role="search">
      <input
        type="search"
        aria-label={t("Find in log")}
        placeholder={t("Find in log")}
        value={needle}
        onInput={({ currentTarget }) => {
          search.find(currentTarget.value);
        }}
        onKeyDown={(event) => {
          if (event.key !== "Enter") return;
          event.preventDefault(); // else the hub's form is sent
          if (hits.length) search.step(event.shiftKey ? 1 : -1);
        }}
      />
      <span role="status">{needle && (earlier.busy ? t("Reading earlier lines…") : count)}</span>
      {hits.length > 1 && (
        <>
          <Button weight="quiet" label={t("Find the one before")} onClick={() => { search.step(-1); }}>
            ↑
          </Button>
          <Button weight="quiet" label={t("Find the next")} onClick={() => { search.step(1); }}>
            ↓
          </Button>
        </>
      )}
    </div>
  );
}
