// The time, again every second while somebody needs it.
import { useEffect, useState } from "preact/hooks";

export function useClock(now: () => number, running: boolean): number {
  const [time, setTime] = useState(now);
  useEffect(() => {
    setTime(now());
    if (!running) return undefined;
    const timer = setInterval(() => {
      setTime(now());
    }, 1000);
    return () => {
      clearInterval(timer);
    };
  }, [running]);
  return time;
}
