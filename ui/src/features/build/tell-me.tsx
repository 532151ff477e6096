// A notification at the build's end, for whoever asked for one and looks at something else by then.
import { useEffect, useState } from "preact/hooks";
import { Button } from "../../components/button";
import { t } from "../../lib/language";

interface Props {
  /** Whether the build has ended. */
  over: boolean;
  title: string;
  /** How it stands. */
  text: string;
}

/** Browsers have it on pages with https alone; where it is not there, or was refused, nothing is offered. */
const possible = (): boolean => "Notification" in window && window.isSecureContext !== false && Notification.permission !== "denied";

export function TellMe({ over, title, text }: Props) {
  const [wanted, setWanted] = useState(false);
  const [refused, setRefused] = useState(false);
  useEffect(() => {
    if (over && wanted && document.hidden) new Notification(title, { body: text, tag: "hubkiln-build" });
  }, [over]);
  if (over || !possible()) return null;
  const ask = async () => {
    const answer = await Notification.requestPermission();
    setWanted(answer === "granted");
    setRefused(answer !== "granted");
  };
  return (
    <p class="hk-hint hk-tell">
      <span role="status">
        {wanted && t("You will be told when it ends.")}
        {refused && t("Your browser shows no notifications of this page.")}
      </span>
      {!wanted && !refused && (
        <Button weight="quiet" onClick={() => void ask()}>
          {t("Notify me when it ends")}
        </Button>
      )}
    </p>
  );
}
