import type { Address, Lane, StartLane } from "../core/address.ts";
import { START_LANES } from "../core/address.ts";
import { TroupeError } from "../core/errors.ts";
import type { Ticket } from "../core/permit.ts";
import { SOURCES, type Source } from "../ports/mailbox.ts";
import { decodeToken, encodeToken } from "./token.ts";

/**
 * Every subject, header, stream, bucket and consumer name of the JetStream adapter. No other file spells one.
 */

const DEFAULT_NAMESPACE = "troupe";

/** Headers that the server reads or writes. Those of our own protocol are HEADERS in core/envelope.ts. */
export const NATS_HEADERS = {
  expectedSequence: "Nats-Expected-Last-Subject-Sequence",
  expectedStreamSequence: "Nats-Expected-Last-Sequence",
  expectedSubject: "Nats-Expected-Last-Subject-Sequence-Subject",
  ttl: "Nats-TTL",
  rollup: "Nats-Rollup",
  batchId: "Nats-Batch-Id",
  batchSequence: "Nats-Batch-Sequence",
  batchCommit: "Nats-Batch-Commit",
  schedule: "Nats-Schedule",
  scheduleTarget: "Nats-Schedule-Target",
  scheduler: "Nats-Scheduler",
  scheduleNext: "Nats-Schedule-Next",
  markerReason: "Nats-Marker-Reason",
  keyOperation: "KV-Operation",
  subject: "Nats-Subject",
  sequence: "Nats-Sequence",
  storedAt: "Nats-Time-Stamp",
  numPending: "Nats-Num-Pending",
  upTo: "Nats-UpTo-Sequence",
  lastConsumer: "Nats-Last-Consumer",
  consumerStalled: "Nats-Consumer-Stalled",
  pendingMessages: "Nats-Pending-Messages",
  messageId: "Nats-Msg-Id",
} as const;

/** Headers of ADR-32, the micro services. */
export const MICRO_HEADERS = { error: "Nats-Service-Error", code: "Nats-Service-Error-Code" } as const;

/** What micro services answer to, and how their answers are typed (ADR-32). */
export const micro = {
  subjects: (verb: string, name: string, id: string) => [`$SRV.${verb}`, `$SRV.${verb}.${name}`, `$SRV.${verb}.${name}.${id}`],
  all: "$SRV.>",
  schema: (kind: string) => `io.nats.micro.v1.${kind}_response`,
} as const;

/** A message that the server put in the place of one it removed. */
export function isMarker(header: (name: string) => string): boolean {
  return header(NATS_HEADERS.markerReason) !== "";
}

/** Stream metadata: what the streams were created for, and by which protocol hosts use them. */
export const METADATA = { partitions: "troupe.partitions", protocol: "troupe.protocol" } as const;

const API = "$JS.API";
const NAMESPACE_PATTERN = /^[A-Za-z0-9_-]{1,32}$/;

/** One source's names: where its messages are and how to read them off a delivery. */
export interface SourceNames {
  readonly partition: number;
  readonly source: Source;
  readonly stream: string;
  readonly consumer: string;
  readonly filters: readonly string[];
  /** What stands before `<type>.<id>` in the subject of a delivery; before `<lane>.<type>.<id>` where `lane` is undefined. */
  readonly subjectPrefix: string;
  readonly lane: Lane | undefined;
  /** What stands before `<delivered>.<stream seq>.<consumer seq>…` in a delivery's reply subject, domain-less form. */
  readonly ackPrefix: string;
  /** The same without its head: in the longer form a domain and an account hash stand before it. */
  readonly ackInfix: string;
  readonly pull: string;
  readonly reset: string;
  readonly info: string;
  readonly create: string;
}

export type Names = ReturnType<typeof namesOf>;

/** @throws bad_options when the namespace cannot be a subject token and part of a stream name */
export function namesOf(namespace: string = DEFAULT_NAMESPACE) {
  if (!NAMESPACE_PATTERN.test(namespace)) {
    throw new TroupeError("bad_options", `The namespace "${namespace}" may hold letters, digits, _ and -, at most 32`);
  }
  const upper = namespace.toUpperCase();
  const streams = { in: `${upper}_IN`, core: `${upper}_CORE`, work: `${upper}_WORK`, history: `${upper}_HISTORY` } as const;
  const hostsBucket = `${namespace}-hosts`;
  return {
    namespace,
    streams,
    hostsBucket,
    hostsStream: `KV_${hostsBucket}`,
    ...wayInNames(namespace),
    ...coreNames(namespace),
    ...liveNames(namespace, hostsBucket),
    ...outsideNames(namespace),
    ...workNames(namespace, streams.work),
    /** What is certain to be there once anything is: partitions are claimed before anything is stored, and a claim is replaced by another one. */
    landmarks: new Map([
      [streams.core, `${namespace}.own.*`],
      [`KV_${hostsBucket}`, `$KV.${hostsBucket}.>`],
    ]) as ReadonlyMap<string, string>,
    census: (consumer: string) => passingNames(streams.core, consumer, `${namespace}.state.>`),
    tickets: (consumer: string, type: string) => passingNames(streams.core, consumer, `${namespace}.limit.${type}.>`),
    /** What a source holds of one actor by one lane. */
    storedOf: (partition: number, source: Source, lane: Lane, { type, id }: Address) =>
      source.startsWith("in.")
        ? `${namespace}.in.${partition}.${lane}.${type}.${id}`
        : `${namespace}.mail.${partition}.${lane}.${type}.${id}.*`,
    sources: (partition: number) => SOURCES.map((source) => sourceNames(namespace, streams, partition, source)),
    source: (partition: number, source: Source) => sourceNames(namespace, streams, partition, source),
  };
}

function wayInNames(namespace: string) {
  return {
    wayIn: (lane: Lane, address: Address) => `${namespace}.in.${lane}.${address.type}.${address.id}`,
    wayInEvents: `${namespace}.in.event.*.*`,
    wayInSubjects: [...START_LANES, "event"].map((lane) => `${namespace}.in.${lane}.*.*`),
    /** Where a message lies once the stream has added its partition. */
    storedIn: (partition: number, lane: Lane, address: Address) => `${namespace}.in.${partition}.${lane}.${address.type}.${address.id}`,
    wayInTransform: (partitions: number) => ({
      src: `${namespace}.in.*.*.*`,
      dest: `${namespace}.in.{{partition(${partitions},2,3)}}.{{wildcard(1)}}.{{wildcard(2)}}.{{wildcard(3)}}`,
    }),
  };
}

function coreNames(namespace: string) {
  const state = `${namespace}.state.`;
  const dead = `${namespace}.dead.`;
  return {
    state: (address: Address) => `${state}${address.type}.${address.id}`,
    mail: (partition: number, lane: Lane, to: Address, message: string) =>
      `${namespace}.mail.${partition}.${lane}.${to.type}.${to.id}.${encodeToken(message)}`,
    mailStartsOf: (partition: number, to: Address) =>
      START_LANES.map((lane) => `${namespace}.mail.${partition}.${lane}.${to.type}.${to.id}.*`),
    part: (address: Address, index: number) => `${namespace}.part.${address.type}.${address.id}.${index}`,
    timer: (owner: Address, timer: string) => `${namespace}.timer.${owner.type}.${owner.id}.${encodeToken(timer)}`,
    ticket: ({ type, id }: Address, { stand, name }: Ticket) => `${namespace}.limit.${type}.${stand}.${id}.${name}`,
    ticketIn: (subject: string): { readonly id: string; readonly ticket: Ticket } => {
      const [, , , stand, id = "", name = ""] = subject.split(".");
      return { id, ticket: { stand: stand as Ticket["stand"], name } };
    },
    own: (partition: number) => `${namespace}.own.${partition}`,
    dead: (address: Address, name: string) => `${dead}${address.type}.${address.id}.${encodeToken(name)}`,
    turn: (partition: number, address: Address, revision: number) =>
      `${namespace}.turn.${partition}.${address.type}.${address.id}.${revision}`,
    turnsOf: (partition: number) => `${namespace}.turn.${partition}.>`,
    coreSubjects: ["mail.>", "state.>", "part.>", "timer.>", "own.*", "limit.>", "work.>", "turn.>", "dead.>"].map(
      (tail) => `${namespace}.${tail}`,
    ),
    stateRepublish: { src: `${state}>`, dest: `${namespace}.live.state.>` },
    workFilter: `${namespace}.work.>`,
    work: (lane: StartLane, { type, id }: Address) => `${namespace}.work.${lane}.${type}.${id}`,
    historyTransform: { src: `${namespace}.turn.*.*.*.*`, dest: `${namespace}.history.{{wildcard(2)}}.{{wildcard(3)}}` },
  };
}

function liveNames(namespace: string, hostsBucket: string) {
  return {
    event: (from: Address, name: string) => `${namespace}.event.${from.type}.${from.id}.${encodeToken(name)}`,
    hostKey: (host: string) => `$KV.${hostsBucket}.${host}`,
    hostKeys: `$KV.${hostsBucket}.>`,
    hostPing: (host: string) => `${namespace}.host.${host}.ping`,
    hostNotice: (host: string, kind: string) => `${namespace}.host.${host}.${kind}`,
    hostCall: (host: string) => `${namespace}.host.${host}.left`,
    hosts: `${namespace}.host.>`,
    events: `${namespace}.event.>`,
    verbs: `${namespace}.api.>`,
    liveState: (address: Address) => `${namespace}.live.state.${address.type}.${address.id}`,
    liveStates: `${namespace}.live.>`,
    commonInbox: "_INBOX.>",
  };
}

/** Where offered work is taken, and its owner heard. */
function workNames(namespace: string, stream: string) {
  const attempt = `${namespace}.attempt.`;
  const work = `${namespace}.work.`;
  const consumer = (lane: StartLane, type: string): string => `${type}-${lane}`;
  /** A type and an id behind a token of another kind. */
  const addressIn = (prefix: string, subject: string): Address => {
    const [, type = "", id = ""] = subject.slice(prefix.length).split(".");
    return { type, id };
  };
  return {
    attempt: (partition: number, { type, id }: Address) => `${attempt}${partition}.${type}.${id}`,
    attemptsOf: (partition: number) => `${attempt}${partition}.*.*`,
    attempts: `${attempt}>`,
    attemptAddress: (subject: string) => addressIn(attempt, subject),
    workOf: (lane: StartLane, type: string) => `${work}${lane}.${type}.*`,
    workAddress: (subject: string) => addressIn(work, subject),
    workConsumer: consumer,
    workPull: (lane: StartLane, type: string) => `${API}.CONSUMER.MSG.NEXT.${stream}.${consumer(lane, type)}`,
  };
}

/** What programs that run no actors use beside the way in. */
function outsideNames(namespace: string) {
  const addressIn = (prefix: string, subject: string): Address => {
    const [type = "", id = ""] = subject.slice(prefix.length).split(".");
    return { type, id };
  };
  const filter = (prefix: string, type: string | undefined, id: string | undefined, tail: string) =>
    `${prefix}${type ?? "*"}.${id ?? "*"}${tail}`;
  const state = `${namespace}.state.`;
  const dead = `${namespace}.dead.`;
  return {
    verbPrefix: `${namespace}.api.`,
    serviceName: namespace,
    serviceQueue: `${namespace}-api`,
    stateFilter: (type?: string, id?: string) => filter(state, type, id, ""),
    history: (address: Address) => `${namespace}.history.${address.type}.${address.id}`,
    stateAddress: (subject: string) => addressIn(state, subject),
    deadFilter: (type?: string, id?: string) => filter(dead, type, id, ".*"),
    deadAddress: (subject: string) => ({ address: addressIn(dead, subject), name: decodeToken(subject.split(".")[4] ?? "") }),
  };
}

function sourceNames(
  namespace: string,
  streams: { readonly in: string; readonly core: string },
  partition: number,
  source: Source,
): SourceNames {
  const [room, word] = source.split(".") as ["in" | "mail", string];
  const stream = room === "in" ? streams.in : streams.core;
  const consumer = `p${partition}-${word}`;
  const lane = word === "start" ? undefined : (word as Lane);
  const lanes: readonly Lane[] = lane === undefined ? START_LANES : [lane];
  const ackInfix = `.${stream}.${consumer}.`;
  return {
    partition,
    source,
    stream,
    consumer,
    filters: lanes.map((each) => `${namespace}.${room}.${partition}.${each}.>`),
    subjectPrefix: lane === undefined ? `${namespace}.${room}.${partition}.` : `${namespace}.${room}.${partition}.${lane}.`,
    lane,
    ackPrefix: `$JS.ACK${ackInfix}`,
    ackInfix,
    pull: `${API}.CONSUMER.MSG.NEXT.${stream}.${consumer}`,
    reset: `${API}.CONSUMER.RESET.${stream}.${consumer}`,
    info: api.consumerInfo(stream, consumer),
    create: api.consumerCreate(stream, consumer),
  };
}

/** A consumer of the moment, of everything that fits a filter. */
function passingNames(stream: string, consumer: string, filter: string) {
  const ackInfix = `.${stream}.${consumer}.`;
  return {
    stream,
    consumer,
    filter,
    ackInfix,
    ackPrefix: `$JS.ACK${ackInfix}`,
    pull: `${API}.CONSUMER.MSG.NEXT.${stream}.${consumer}`,
    create: api.consumerCreate(stream, consumer),
    remove: `${API}.CONSUMER.DELETE.${stream}.${consumer}`,
  };
}

/** Subjects of the JetStream API. */
export const api = {
  account: `${API}.INFO`,
  streamCreate: (stream: string) => `${API}.STREAM.CREATE.${stream}`,
  streamUpdate: (stream: string) => `${API}.STREAM.UPDATE.${stream}`,
  streamInfo: (stream: string) => `${API}.STREAM.INFO.${stream}`,
  streamPurge: (stream: string) => `${API}.STREAM.PURGE.${stream}`,
  messageDelete: (stream: string) => `${API}.STREAM.MSG.DELETE.${stream}`,
  messageGet: (stream: string) => `${API}.STREAM.MSG.GET.${stream}`,
  directGet: (stream: string) => `${API}.DIRECT.GET.${stream}`,
  directGetAll: (stream: string) => `${API}.DIRECT.GET.${stream}.>`,
  consumerNames: (stream: string) => `${API}.CONSUMER.NAMES.${stream}`,
  consumerInfo: (stream: string, consumer: string) => `${API}.CONSUMER.INFO.${stream}.${consumer}`,
  consumerCreate: (stream: string, consumer: string) => `${API}.CONSUMER.CREATE.${stream}.${consumer}`,
  consumersOf: (verb: "INFO" | "RESET" | "MSG.NEXT", stream: string) => `${API}.CONSUMER.${verb}.${stream}.*`,
  consumerDelete: (stream: string) => `${API}.CONSUMER.DELETE.${stream}.*`,
  anyConsumerCreate: (stream: string) => `${API}.CONSUMER.CREATE.${stream}.>`,
  acksOf: (stream: string) => `$JS.ACK.${stream}.>`,
} as const;

/** Each role's own inboxes: with the common `_INBOX.>` everybody would hear everybody's answers. */
export function roleInbox(role: string): string {
  return `_INBOX_${role}`;
}
