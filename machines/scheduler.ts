import { assign, setup } from "xstate";

/**
 * One partition's life in one host.
 *
 *   vacant ── claim ──► claiming ── claimed ──► recovering ── recovered ──► running
 *     ▲                    │ refused, lost, drain  │ lost  │ drain           │ lost  │ drain
 *     ├────────────────────┴───────────────────────┴───────│─────────────────┘       │
 *     └──────────────── drained, lost ──── draining ◄──────┴─────────────────────────┘
 *                                              └── stay ──► recovering
 *
 * The machine says where the partition stands; the loop that moves its mail is plain code (runtime/partition.ts).
 * `fence` is 0 unless the partition is ours.
 */
export const schedulerMachine = setup({
  types: {
    context: {} as { readonly partition: number; readonly fence: number },
    input: {} as { readonly partition: number },
    events: {} as
      | { readonly type: "claim" }
      | { readonly type: "refused" }
      | { readonly type: "claimed"; readonly fence: number }
      | { readonly type: "recovered" }
      | { readonly type: "lost" }
      | { readonly type: "drain" }
      | { readonly type: "drained" }
      | { readonly type: "stay" },
  },
  actions: {
    holdFence: assign({ fence: ({ event }) => ("fence" in event ? event.fence : 0) }),
    dropFence: assign({ fence: 0 }),
  },
}).createMachine({
  id: "scheduler",
  context: ({ input }) => ({ partition: input.partition, fence: 0 }),
  initial: "vacant",
  states: {
    vacant: { entry: "dropFence", on: { claim: "claiming" } },
    claiming: { on: { claimed: { target: "recovering", actions: "holdFence" }, refused: "vacant", lost: "vacant", drain: "vacant" } },
    recovering: { on: { recovered: "running", lost: "vacant", drain: "draining" } },
    running: { on: { lost: "vacant", drain: "draining" } },
    draining: { on: { drained: "vacant", lost: "vacant", stay: "recovering" } },
  },
});
