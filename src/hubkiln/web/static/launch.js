// The button of a launch page: follows the build's stream, shows its log, and goes to the server when it is ready.

const data = JSON.parse(document.getElementById("data").dataset.launch);
const button = document.getElementById("start");
const phase = document.getElementById("phase");
const log = document.getElementById("log");

const COLOURS = /\u001b\[[0-9;]*[A-Za-z]/g;

/** Appends to the log: what programs write, which is English, or in `lang` what the page itself says. */
function say(text, lang = "en") {
  const atEnd = log.scrollTop + log.clientHeight >= log.scrollHeight - 4;
  if (log.lastChild?.lang !== lang) log.append(Object.assign(document.createElement("span"), { lang }));
  log.lastChild.append(text.replace(COLOURS, "").replaceAll("\r", "\n"));
  if (atEnd) log.scrollTop = log.scrollHeight;
}

function target(event) {
  const query = [data.query, event.token ? `token=${encodeURIComponent(event.token)}` : ""].filter(Boolean).join("&");
  return event.url + data.path + (query && `?${query}`) + (data.fragment && `#${data.fragment}`);
}

function shown(event) {
  if (event.message) say(event.message);
  phase.textContent = data.words[event.phase] ?? phase.textContent;
  if (event.phase === "ready") {
    phase.textContent = event.url ? data.words.ready : data.words.built;
    location.assign(event.url ? target(event) : data.home);
  }
  return event.phase === "ready" || event.phase === "failed";
}

async function follow() {
  const headers = { Accept: "text/event-stream" };
  if (data.xsrf) headers["X-Xsrftoken"] = data.xsrf;
  const answer = await fetch(data.build, { headers, cache: "no-store" });
  if (!answer.ok) return say(`${answer.status === 414 || answer.status === 431 ? data.words.long : data.words.silent}\n`, document.documentElement.lang);
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return false;
    const lines = (rest + value).split("\n");
    rest = lines.pop();
    for (const line of lines) {
      if (line.startsWith("data:") && shown(JSON.parse(line.slice(5)))) {
        await reader.cancel();
        return true;
      }
    }
  }
}

button.addEventListener("click", async () => {
  if (button.ariaDisabled === "true") return;
  button.ariaDisabled = "true"; // and not `disabled`, which would take the focus away
  log.hidden = false;
  log.textContent = "";
  phase.textContent = data.words.waiting;
  try {
    if ((await follow()) === false) say(`${data.words.lost}\n`, document.documentElement.lang);
  } catch {
    say(`${data.words.silent}\n`, document.documentElement.lang);
  }
  button.ariaDisabled = "false";
});
