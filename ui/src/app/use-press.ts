// The one button, pressed while what was typed is still being understood: it acts as soon as that is known.
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Visit } from "./use-visit";

/** Milliseconds; then it acts on what was typed as it stands. */
const PATIENCE = 2000;

export function usePress(visit: Visit, press: () => void): () => void {
  const { recognition, service } = visit;
  const [waits, setWaits] = useState(false);
  const latest = useRef(press);
  latest.current = press;
  const owed = useRef(false);
  const act = () => {
    if (!owed.current) return;
    owed.current = false;
    latest.current();
  };
  const chooses = visit.now.source === "repository" && !visit.flow.build;
  const pending = recognition.pending && chooses;
  useEffect(() => {
    if (!waits) return undefined;
    const gone = new AbortController();
    service.ports.wait(PATIENCE, gone.signal).then(() => { setWaits(false); act(); }).catch(() => undefined);
    return () => {
      gone.abort(new Error("understood"));
    };
  }, [waits]);
  useLayoutEffect(() => {
    if (!waits || pending) return;
    owed.current &&= chooses; // unless something else was chosen meanwhile
    setWaits(false);
    act();
  }, [waits, pending]);
  return () => {
    owed.current = pending;
    if (pending) setWaits(true);
    else press();
  };
}
