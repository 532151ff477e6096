// How builds go on the fake hub; the repository's name says which story is told.
import type { FakeBuild } from "../src/testing/fake-build";

const SPEED = Number(process.env["FAKE_SPEED"] ?? 1);
const pause = (seconds: number) => new Promise((resolve) => setTimeout(resolve, (seconds * 1000) / SPEED));

export async function tellStory(build: FakeBuild): Promise<void> {
  const { repository } = build.build.spec;
  if (repository.includes("queue")) await queue(build);
  build.phase("resolving");
  await pause(0.5);
  build.tell({ type: "resolved", commit: "5f3a9c1e8d7b6a5f4e3d2c1b0a9f8e7d6c5b4a39" });
  build.phase("fetching");
  build.say("Fetching the repository at \x1b[36m5f3a9c1\x1b[0m\n");
  await pause(0.7);
  build.phase("planning");
  build.tell({ type: "planned", plan: "compose", why: ["requirements.txt names packages that all have wheels", "Python 3.11, the hub's own"] });
  build.phase("locking");
  build.say("\x1b[1mResolved 42 packages\x1b[0m in 312 ms\n");
  await pause(0.5);
  if (repository.includes("fail")) return fail(build);
  if (repository.includes("long")) {
    long(build);
    return; // it goes on until it is cancelled
  }
  await packages(build);
  build.phase("verifying");
  build.say("jupyterhub-singleuser --version: \x1b[32m5.2.1\x1b[0m\n");
  await pause(1);
  build.ready();
}

async function queue(build: FakeBuild): Promise<void> {
  for (const position of [3, 2, 1]) {
    build.tell({ type: "queued", position });
    await pause(2);
  }
}

async function packages(build: FakeBuild): Promise<void> {
  const lost = build.build.spec.repository.includes("lost");
  build.phase("building");
  for (let done = 1; done <= 42; done++) {
    build.tell({ type: "progress", done: done * 3_400_000, total: 42 * 3_400_000 });
    build.say(`\r\x1b[K\x1b[2mDownloading\x1b[0m ${String(done)}/42`);
    if (done % 3 === 0) build.say(`\r\x1b[K\x1b[32m+\x1b[0m package-${String(done)}==1.${String(done)}.0\n`);
    if (lost && done === 20) build.cut();
    await pause(0.25);
  }
  build.say("\r\x1b[K\x1b[33mwarning:\x1b[0m two packages are yanked\n");
}

function fail(build: FakeBuild): void {
  build.say("\x1b[31;1merror:\x1b[0m No solution found when resolving dependencies:\n  there is no version of \x1b[1mnumpyy\x1b[0m\n");
  build.fail(
    {
      code: "lock_failed",
      message: "There is no package named “numpyy”.",
      hint: "Correct its name in requirements.txt and build again.",
    },
    build.build.spec.repository.includes("again"),
  );
}

/** A hundred thousand lines as fast as they go, one in ten with colours. */
function long(build: FakeBuild): void {
  for (let at = 0; at < 100_000; at += 200) {
    const lines = Array.from({ length: 200 }, (_, index) => `${String(at + index)} Unpacking package number ${String(index)} ${index % 10 ? "" : "\x1b[32mdone\x1b[0m"} and going on with the next one of this long list\n`);
    build.say(lines.join(""));
  }
}
