import type { Client, Ref, WaitOptions } from "../../src/index.ts";
import { counter, greet } from "./counter.ts";

/** What a call is given: an actor that is alive, ids that nobody has, and its limits. */
export interface Scene {
  readonly client: Client;
  readonly alive: string;
  readonly fresh: string;
  readonly limits: WaitOptions;
}

type Call = (scene: Scene) => Promise<unknown>;

const alive = ({ client, alive: id }: Scene): Ref<typeof counter> => client.ref(counter, id);
const named = ({ client, alive: id }: Scene): Ref => client.ref("counter", id);

async function first<T>(items: AsyncIterable<T>): Promise<T | undefined> {
  for await (const item of items) return item;
  return undefined;
}

/** Messages on their way in. */
export const SENDS: Readonly<Record<string, Call>> = {
  start: async ({ client, fresh, limits }) => (await client.start(counter, { id: fresh, ...limits })).key,
  startMany: async ({ client, fresh, limits }) => {
    const [started] = await client.startMany(counter, [{ id: fresh, ...limits }]);
    if (started?.status === "rejected") throw started.reason;
  },
  send: (scene) => alive(scene).send({ type: "add" }, scene.limits),
  cancel: (scene) => alive(scene).cancel("enough", scene.limits),
  retry: (scene) => alive(scene).retry(scene.limits),
  "ref.ask": (scene) => alive(scene).ask({ type: "count" }, scene.limits),
  run: ({ client, fresh, limits }) => client.run(greet, undefined, { id: fresh, ...limits }),
};

/** What changes nothing, answered by the streams or by a host. */
export const LOOKS: Readonly<Record<string, Call>> = {
  get: (scene) => alive(scene).get(scene.limits),
  snapshot: (scene) => alive(scene).snapshot(scene.limits),
  can: (scene) => alive(scene).can({ type: "add" }, scene.limits),
  "can, by name": (scene) => named(scene).can({ type: "add" }, scene.limits),
  accepts: (scene) => alive(scene).accepts(scene.limits),
  "accepts, by name": (scene) => named(scene).accepts(scene.limits),
  list: ({ client, limits }) => first(client.list({ type: "counter", ...limits })),
  "client.ask": ({ client, limits }) => client.ask("host", {}, limits),
};

/** Until something happens. */
export const WAITS: Readonly<Record<string, Call>> = {
  waitFor: (scene) => alive(scene).waitFor(({ status }) => status === "active", scene.limits),
  result: ({ client, limits }) => client.ref("greet", "done").result(limits),
};
export const WATCH: Call = (scene) => first(alive(scene).watch(scene.limits.signal === undefined ? {} : { signal: scene.limits.signal }));
