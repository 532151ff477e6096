// Times as people say them.
import { language, t } from "./language";

/** Seconds as `42 s`, `1 min 20 s` or `2 h 5 min`. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  if (whole < 60) return t("{seconds} s", { seconds: whole });
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return t("{minutes} min {seconds} s", { minutes, seconds: whole % 60 });
  return t("{hours} h {minutes} min", { hours: Math.floor(minutes / 60), minutes: minutes % 60 });
}

/** Seconds as people guess them: `5 s`, `20 s`, `3 min`, `2 h`. */
export function about(seconds: number): string {
  if (seconds < 10) return t("{seconds} s", { seconds: Math.max(1, Math.ceil(seconds)) });
  if (seconds < 55) return t("{seconds} s", { seconds: Math.ceil(seconds / 5) * 5 });
  return seconds < 5400 ? t("{minutes} min", { minutes: Math.round(seconds / 60) }) : t("{hours} h", { hours: Math.round(seconds / 3600) });
}

const STEPS: [Intl.RelativeTimeFormatUnit, number][] = [
  ["year", 31_536_000],
  ["month", 2_592_000],
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
];

/** A moment in the past as `3 days ago`. */
export function ago(moment: string, now: number): string {
  const seconds = (now - Date.parse(moment)) / 1000;
  if (Number.isNaN(seconds)) return "";
  const format = new Intl.RelativeTimeFormat(language(), { numeric: "auto" });
  for (const [unit, length] of STEPS) {
    if (seconds >= length) return format.format(-Math.floor(seconds / length), unit);
  }
  return t("just now");
}
