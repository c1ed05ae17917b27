import { expectTypeOf, it } from "vitest";
import { assign, fromTransition, setup, type AnyActorRef } from "xstate";
import { z } from "zod";
import {
  defineActor,
  defineTask,
  type ActorView,
  type Client,
  type Definition,
  type Ref,
  type TaskView,
  type View,
} from "../../src/index.ts";
import type { ActorEvent } from "../../src/core/envelope.ts";

/** What a definition says to whoever uses it. Checked by the type checker; nothing here runs. */
const order = defineActor({
  name: "order",
  machine: setup({
    types: {
      input: {} as { id: string },
      context: {} as { paid: number },
      output: {} as string,
      events: {} as { type: "paid"; amount: number } | { type: "price"; replyTo: AnyActorRef },
    },
  }).createMachine({
    context: { paid: 0 },
    initial: "open",
    states: {
      open: { initial: "asked", states: { asked: {}, told: {} }, on: { paid: { target: "shipped", actions: assign({ paid: 1 }) } } },
      shipped: { type: "final" },
    },
    output: () => "parcel",
  }),
});
const count = defineActor({ name: "count", machine: fromTransition((n: number, event: { type: "add"; by: number }) => n + event.by, 0) });
const till = defineActor({
  name: "till",
  machine: setup({
    types: {
      events: {} as { type: "paid"; amount: number; at: Date } | { type: "price"; of: string; replyTo: AnyActorRef } | { type: "close" },
    },
  }).createMachine({}),
  events: { paid: z.object({ amount: z.number(), at: z.coerce.date<string>() }), price: z.object({ of: z.string() }) },
});
const loose = defineActor({ name: "loose", machine: setup({}).createMachine({}), events: { paid: z.object({ amount: z.number() }) } });
const greet = defineTask({ name: "greet", input: z.object({ name: z.string() }), run: ({ input }) => input.name.length });

const never = (): boolean => false;
declare const client: Client;

it("an actor's ref knows its events, its states, its context, its input and its output", () => {
  if (never()) {
    const ref = client.ref(order, "7");
    expectTypeOf<Parameters<typeof ref.send>[0]>().toEqualTypeOf<
      { type: "paid"; amount: number } | { type: "price"; replyTo: AnyActorRef }
    >();
    // @ts-expect-error an event that the machine does not know
    void ref.send({ type: "cancelled" });
    // @ts-expect-error an event without what it needs
    void ref.send({ type: "paid" });
    void ref.ask({ type: "price" });
    // @ts-expect-error as it is for ask
    void ref.ask({ type: "prize" });
    expectTypeOf(ref.ask<{ type: "priced"; amount: number }>({ type: "price" })).resolves.toEqualTypeOf<{
      type: "priced";
      amount: number;
    }>();
    expectTypeOf(ref.ask({ type: "price" })).resolves.toEqualTypeOf<ActorEvent>();
    expectTypeOf(ref.result()).resolves.toEqualTypeOf<string>();
    void ref.waitFor((view) => {
      expectTypeOf(view.context).toEqualTypeOf<{ paid: number }>();
      expectTypeOf(view.value).toEqualTypeOf<"shipped" | { open: "asked" | "told" }>();
      expectTypeOf(view.output).toEqualTypeOf<string | undefined>();
      // @ts-expect-error a state that the machine has not
      view.matches("opne");
      // @ts-expect-error nor this one inside
      view.matches("open.shipped");
      // @ts-expect-error a task's words are a task's
      void view.attempt;
      return view.matches("open") || view.matches("open.told") || view.matches({ open: "told" });
    });
    void client.start(order, { input: { id: "7" } });
    // @ts-expect-error its input is checked
    void client.start(order, { input: { id: 7 } });
  }
});

it("a sender gives what an event's schema takes, and the schema makes what the machine hears", () => {
  if (never()) {
    const ref = client.ref(till, "7");
    void ref.send({ type: "paid", amount: 5, at: "2027-01-01" });
    // @ts-expect-error the schema takes a text
    void ref.send({ type: "paid", amount: 5, at: new Date() });
    void ref.ask({ type: "price", of: "tea" });
    void ref.send({ type: "close" });
    // @ts-expect-error an event that the machine does not know
    void ref.send({ type: "open" });
    void client.ref(loose, "7").send({ type: "paid", amount: 5 });
    // @ts-expect-error a machine that types no events takes those with a schema
    void client.ref(loose, "7").send({ type: "price" });
    const machine = setup({ types: { events: {} as { type: "paid"; amount: number } } }).createMachine({});
    // @ts-expect-error a schema that makes something else
    defineActor({ name: "other", machine, events: { paid: z.object({ amount: z.string() }) } });
    // @ts-expect-error a schema of an event that the machine does not know
    defineActor({ name: "other", machine, events: { pay: z.object({}) } });
  }
});

it("transition logic and tasks are typed as what they are", () => {
  if (never()) {
    void client.ref(count, "1").send({ type: "add", by: 1 });
    void client.ref(count, "1").waitFor((view) => view.context > 3);
    expectTypeOf(client.ref(greet, "1").get()).resolves.toEqualTypeOf<TaskView<number> | undefined>();
    expectTypeOf(client.run(greet, { name: "Ada" })).resolves.toEqualTypeOf<number>();
    void client.ref(greet, "1").send({ type: "cancel", reason: "enough" });
    // @ts-expect-error a task understands cancel and retry
    void client.ref(greet, "1").send({ type: "add" });
  }
});

it("the type of a definition is enough, and a bare name is unknown", () => {
  if (never()) {
    const ref = client.ref<typeof order>("order", "7");
    expectTypeOf(ref).toEqualTypeOf<Ref<typeof order>>();
    void ref.waitFor((view) => view.matches("shipped") && view.context.paid > 0);
    void client.start<typeof order>("order", { input: { id: "7" } });
    const bare = client.ref("order", "7");
    expectTypeOf<Parameters<typeof bare.send>[0]>().toEqualTypeOf<ActorEvent>();
    expectTypeOf(bare.result()).resolves.toEqualTypeOf<unknown>();
    expectTypeOf(bare.get()).resolves.toEqualTypeOf<View | undefined>();
    expectTypeOf(client.run("greet", 5)).resolves.toEqualTypeOf<unknown>();
  }
});

it("a view is told apart by its kind, and every definition is a definition", () => {
  if (never()) {
    const view = {} as View;
    if (view.kind === "actor") expectTypeOf(view.status).toEqualTypeOf<"active" | "done" | "error" | "stopped">();
    else expectTypeOf(view.state).toEqualTypeOf<"undo" | "doing" | "done" | "failed" | "expired">();
    expectTypeOf(view).extract<{ kind: "actor" }>().toExtend<ActorView>();
    const all: readonly Definition[] = [order, count, greet];
    void all;
  }
});
