// What the service says, in its own words: names between backticks as code, and no control characters.
import { plainWords } from "../lib/words";

export const Said = ({ text }: { text: string }) => (
  <>
    {plainWords(text)
      .split(/`([^`]+)`/)
      .map((part, index) => (index % 2 ? <code key={index}>{part}</code> : part))}
  </>
);
