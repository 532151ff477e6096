// What a build does in each of its phases, in words.
import type { Phase } from "./api-types";
import { t, word } from "./language";

const DOING: Record<Phase, string> = {
  queued: word("Waiting for its turn"),
  resolving: word("Finding the repository"),
  fetching: word("Fetching the files"),
  planning: word("Reading what it needs"),
  locking: word("Choosing package versions"),
  building: word("Building the environment"),
  pushing: word("Storing the environment"),
  verifying: word("Checking that Jupyter starts in it"),
  ready: word("Ready"),
  failed: word("The build failed"),
  cancelled: word("The build was cancelled"),
  interrupted: word("The build was interrupted"),
};

/** What is going on, in a few words. */
export const doing = (phase: Phase): string => t(DOING[phase]);
