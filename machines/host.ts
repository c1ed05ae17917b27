import { setup } from "xstate";

/**
 * One host's life.
 *
 *   joining ── joined ──► active ── drain ──► draining ── drained ──► left
 *      │                    │                    │
 *      └──────── stop ──────┴────────────────────┴──────────────────► left
 */
export const hostMachine = setup({
  types: {
    events: {} as { readonly type: "joined" } | { readonly type: "drain" } | { readonly type: "drained" } | { readonly type: "stop" },
  },
}).createMachine({
  id: "host",
  initial: "joining",
  states: {
    joining: { on: { joined: "active", stop: "left" } },
    active: { on: { drain: "draining", stop: "left" } },
    draining: { on: { drained: "left", stop: "left" } },
    left: { type: "final" },
  },
});
