// The start of a server as the hub tells it: the last step, without another page.
import { useEffect, useRef } from "preact/hooks";
import { Said } from "../../components/said";
import { useTitle } from "../../components/title";
import type { Step } from "./start-server";
import { t, word } from "../../lib/language";

interface Props {
  /** What is started, or "" where a panel around this says so. */
  title: string;
  steps: readonly Step[];
  /** Says something to those who do not see the page. */
  say: (text: string) => void;
}

const STARTING = word("Starting your server…");

export function StartPanel({ title, steps, say }: Props) {
  const heading = useRef<HTMLHeadingElement>(null);
  const last = steps.at(-1);
  const starting = t(STARTING);
  useTitle(title ? `${starting} · ${title}` : starting);
  useEffect(() => {
    heading.current?.focus();
    return () => {
      say("");
    };
  }, []);
  useEffect(() => {
    say(last?.message ? `${starting} ${last.message}` : starting);
  }, [last?.message]);
  const body = (
    <>
      <progress class="hk-start-bar" max={100} value={last?.percent ?? 0} aria-label={t("Start of the server")} />
      <ol class="hk-start-steps">
        {steps.map(({ message }, index) => (
          <li key={index} aria-current={index === steps.length - 1 ? "step" : undefined}>
            <Said text={message} />
          </li>
        ))}
      </ol>
    </>
  );
  if (!title) return body;
  return (
    <section class="hk-panel" aria-labelledby="hk-start-title">
      <header class="hk-panel-head">
        <h2 id="hk-start-title" tabIndex={-1} ref={heading}>
          {title}
        </h2>
      </header>
      <p class="hk-phase">{starting}</p>
      {body}
    </section>
  );
}
