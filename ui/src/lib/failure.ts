// One kind of error for everything that a request can meet, already in words for the user.
import type { Problem } from "./api-types";
import { t } from "./language";

export class Failure extends Error {
  constructor(
    readonly problem: Problem,
    /** HTTP status, or 0 when no answer came. */
    readonly status: number,
  ) {
    super(problem.message);
  }

  /** Whether the same request may go well later. */
  get passing(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

/** No answer came at all. */
export const unreachable = (what: string): Failure =>
  new Failure({ code: "unreachable", message: t("{what} does not answer.", { what: t(what) }), hint: t("Check your connection and try again."), own: true }, 0);

/** What an answer other than 2xx says, whoever wrote it. */
export async function failureOf(response: Response, what: string): Promise<Failure> {
  const text = await response.text().catch(() => "");
  return new Failure(ours(text) ?? hubs(text) ?? plain(response.status, what), response.status);
}

function parsed(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

function ours(text: string): Problem | null {
  const error = parsed(text)["error"] as Partial<Problem> | undefined;
  if (typeof error?.message !== "string") return null;
  return { code: error.code ?? "error", message: error.message, hint: error.hint ?? "" };
}

function hubs(text: string): Problem | null {
  const message = parsed(text)["message"];
  return typeof message === "string" && message ? { code: "hub", message, hint: "" } : null;
}

function plain(status: number, what: string): Problem {
  const hint = status >= 500 ? t("Try again in a moment; if it stays so, tell whoever runs this hub.") : t("Reload the page and try again.");
  return { code: "http", message: t("{what} answered with an error ({status}).", { what: t(what), status: String(status) }), hint, own: true };
}

/** Whatever was thrown, as a problem to show. */
export function problemOf(error: unknown): Problem {
  if (error instanceof Failure) return error.problem;
  return { code: "page", message: error instanceof Error ? error.message : String(error), hint: t("Reload the page and try again."), own: true };
}

/** What the machine, the network or the service was to blame for; the rest is the request's or the repository's. */
const PASSING = ["service_error", "service_silent", "unreachable", "disk_full", "engine_missing", "not_ready", "interrupted", "error"];

/** Whether the same build may go well later, with nothing changed. */
export const mayPass = (problem: Problem | null): boolean => problem === null || PASSING.includes(problem.code);
