/** `npm start`: a nats-server of its own and a host with the examples, until a signal comes. */
import { createHost, drainOnSignals, startEmbeddedServer } from "../src/index.ts";
import { describeProgress } from "../src/server/progress.ts";
import * as tasks from "./tasks.ts";

const server = await startEmbeddedServer({
  dataDir: ".troupe",
  port: Number(process.env["PORT"] ?? 0),
  onProgress: (progress) => console.error(describeProgress(progress)),
});
const host = await createHost({ nats: server.url, actors: Object.values(tasks) });
console.log(`
server     ${server.url}
data       ${server.dataDir} (the token in the URL stays the same while it is kept)
host       ${host.id} with ${Object.keys(tasks).join(", ")}

Paste one of these into another terminal:

  export NATS_URL=${server.url}
  node dist/src/cli/main.js submit greet '{"name":"Ada"}' --wait
  nats req troupe.api.submit.greet '{"id":"42","input":{"name":"Ada"}}'
  nats pub troupe.in.normal.sleep.43 '{"seconds":20}'    # then kill -9 ${process.pid}, npm start, and it goes on
  node dist/src/cli/main.js watch sleep/43

Ctrl-C finishes what runs and stops.`);
await drainOnSignals(host);
await server.stop();
