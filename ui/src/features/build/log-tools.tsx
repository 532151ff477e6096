// Taking the log away: as a copy of what is shown, or whole as a file.
import { useState } from "preact/hooks";
import { Button } from "../../components/button";
import { problemOf } from "../../lib/failure";
import { copy, download } from "../../lib/save";
import type { Service } from "../../lib/service";
import { plainText } from "../../lib/terminal";
import { plainLog } from "./api";
import type { Watched } from "./build";

export function LogTools({ state, service }: { state: Watched; service: Service }) {
  const [said, say] = useState("");
  const copyLog = async () => {
    say((await copy(plainText(state.screen))) ? "Log copied." : "The browser did not allow copying.");
  };
  const saveLog = async () => {
    try {
      download(await plainLog(service, state.build.id), `build-${state.build.id}.log`);
      say("Log downloaded.");
    } catch (error) {
      say(problemOf(error).message);
    }
  };
  return (
    <div class="hk-log-tools">
      <Button weight="quiet" onClick={() => void copyLog()}>
        Copy log
      </Button>
      <Button weight="quiet" onClick={() => void saveLog()}>
        Download log
      </Button>
      <span role="status">{said}</span>
    </div>
  );
}
