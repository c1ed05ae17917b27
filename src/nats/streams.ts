import { PROTOCOL } from "../core/protocol.ts";
import { METADATA, type Names, type SourceNames } from "./names.ts";

/** What a deployment decides when its streams are created. */
export interface LayoutOptions {
  readonly partitions: number;
  readonly replicas: number;
  /** IN refuses publishers beyond this: the buffer between the world and the hosts. */
  readonly inMaxBytes: number;
  readonly historyMaxAgeMs: number;
}

export const DEFAULT_LAYOUT: LayoutOptions = { partitions: 8, replicas: 1, inMaxBytes: 2 ** 30, historyMaxAgeMs: 7 * 24 * 3_600_000 };

/** A stream configuration as the API takes it. Only the fields that are named here are ours to check. */
export type StreamConfig = { readonly name: string } & Readonly<Record<string, unknown>>;

const NANOS_PER_MS = 1_000_000;
const DEDUPE_WINDOW_MS = 120_000;
/** Markers tell watchers that a record has expired. The server raises every message's time to live to this. */
const MARKER_TTL_MS = 60_000;
/** Recovery is by reset; this only must never be it. */
const ACK_WAIT_MS = 24 * 3_600_000;
const MOST_UNACKNOWLEDGED = 65_536;

export function streamConfigs(names: Names, layout: LayoutOptions): readonly StreamConfig[] {
  const metadata = { [METADATA.partitions]: String(layout.partitions), [METADATA.protocol]: String(PROTOCOL) };
  const common = { storage: "file", num_replicas: layout.replicas, metadata };
  return [coreConfig(names, common), ...derivedConfigs(names, layout, common), hostsConfig(names, layout), inConfig(names, layout, common)];
}

/**
 * What the world may write to: plain messages only, a header here can neither wipe nor schedule anything. Refuses when full.
 *
 * Not a work queue: when a consumer is reset while messages go to somebody's outstanding pull, a server that starts or is elected soon
 * after takes what has not been delivered again for acknowledged, and removes it (consumer.go, checkStateForInterestStream; seen on
 * 2.15.1 with three copies). It does so for every retention but this one. Owners purge what is absorbed.
 */
function inConfig(names: Names, layout: LayoutOptions, common: object): StreamConfig {
  return {
    ...common,
    name: names.streams.in,
    subjects: names.wayInSubjects,
    retention: "limits",
    discard: "new",
    max_bytes: layout.inMaxBytes,
    max_msgs: -1,
    max_age: 0,
    max_msgs_per_subject: -1,
    allow_direct: true,
    allow_rollup_hdrs: false,
    allow_msg_ttl: false,
    allow_atomic: false,
    allow_msg_schedules: false,
    duplicate_window: DEDUPE_WINDOW_MS * NANOS_PER_MS,
    subject_transform: names.wayInTransform(layout.partitions),
  };
}

/** Where commits happen. Any limit would silently evict records and timers, so there is none. */
function coreConfig(names: Names, common: object): StreamConfig {
  return {
    ...common,
    name: names.streams.core,
    subjects: names.coreSubjects,
    retention: "limits",
    discard: "old",
    max_bytes: -1,
    max_msgs: -1,
    max_age: 0,
    max_msgs_per_subject: 1,
    allow_direct: true,
    allow_rollup_hdrs: true,
    allow_msg_ttl: true,
    allow_atomic: true,
    allow_msg_schedules: true,
    subject_delete_marker_ttl: MARKER_TTL_MS * NANOS_PER_MS,
    duplicate_window: DEDUPE_WINDOW_MS * NANOS_PER_MS,
    republish: names.stateRepublish,
  };
}

/** Sourced from CORE, not captured: a stream that captures what is committed refuses the commit's own headers. */
function derivedConfigs(names: Names, layout: LayoutOptions, common: object): readonly StreamConfig[] {
  return [
    {
      ...common,
      name: names.streams.work,
      retention: "workqueue",
      discard: "old",
      max_age: 0,
      sources: [{ name: names.streams.core, filter_subject: names.workFilter }],
    },
    {
      ...common,
      name: names.streams.history,
      retention: "limits",
      discard: "old",
      max_age: layout.historyMaxAgeMs * NANOS_PER_MS,
      allow_direct: true,
      sources: [{ name: names.streams.core, subject_transforms: [names.historyTransform] }],
    },
  ];
}

/** A key-value bucket by its wire layout (ADR-8), so that `nats kv watch` shows who lives. */
function hostsConfig(names: Names, layout: LayoutOptions): StreamConfig {
  return {
    name: names.hostsStream,
    subjects: [names.hostKeys],
    storage: "file",
    num_replicas: layout.replicas,
    retention: "limits",
    discard: "new",
    max_msgs_per_subject: 1,
    allow_rollup_hdrs: true,
    deny_delete: true,
    allow_direct: true,
    allow_msg_ttl: true,
    subject_delete_marker_ttl: 1000 * NANOS_PER_MS,
  };
}

/**
 * Consumers are as replicated as their stream. Those of mail could live with one replica, since records know what they have
 * absorbed; but one whose server is down for an hour would hold its partition's mail back for as long.
 */
export function consumerRequest(source: SourceNames): object {
  const [first] = source.filters;
  return {
    stream_name: source.stream,
    config: {
      name: source.consumer,
      durable_name: source.consumer,
      ack_policy: "explicit",
      ack_wait: ACK_WAIT_MS * NANOS_PER_MS,
      max_deliver: -1,
      max_ack_pending: MOST_UNACKNOWLEDGED,
      deliver_policy: "all",
      ...(source.filters.length === 1 ? { filter_subject: first } : { filter_subjects: source.filters }),
    },
    action: "",
  };
}

/** Fetched work that is not acknowledged comes again after so long: its owner says whether it is wanted still. */
const WORK_ACK_WAIT_MS = 10_000;

/** The queue of one lane and type: whoever takes from it can run the type. */
export function workConsumerRequest(stream: string, consumer: string, filter: string): object {
  return {
    stream_name: stream,
    config: {
      name: consumer,
      durable_name: consumer,
      ack_policy: "explicit",
      ack_wait: WORK_ACK_WAIT_MS * NANOS_PER_MS,
      max_deliver: -1,
      max_ack_pending: MOST_UNACKNOWLEDGED,
      deliver_policy: "all",
      filter_subject: filter,
    },
    action: "",
  };
}

/** Of a consumer of the moment. */
interface ConsumerNames {
  readonly stream: string;
  readonly consumer: string;
  readonly filter: string;
}

/** One that lists subjects and goes away: no copy of it, nothing on disk, no bodies. */
export function censusRequest({ stream, consumer, filter }: ConsumerNames): object {
  return {
    stream_name: stream,
    config: {
      name: consumer,
      ack_policy: "none",
      deliver_policy: "all",
      filter_subject: filter,
      headers_only: true,
      mem_storage: true,
      num_replicas: 1,
      inactive_threshold: CENSUS_FORGOTTEN_AFTER_MS * NANOS_PER_MS,
    },
    action: "create",
  };
}

const CENSUS_FORGOTTEN_AFTER_MS = 20_000;

/** How often the server says that there is nothing to tell. */
export const FOLLOWER_BEAT_MS = 1_000;
const FOLLOWER_FORGOTTEN_AFTER_MS = 10_000;

/** One that tells the newest message of every subject, then every change: pushed, in memory, and counted by whoever hears it. */
export function followerRequest({ stream, consumer, filter }: ConsumerNames, inbox: string): object {
  return {
    stream_name: stream,
    config: {
      name: consumer,
      deliver_subject: inbox,
      deliver_policy: "last_per_subject",
      ack_policy: "none",
      filter_subject: filter,
      flow_control: true,
      idle_heartbeat: FOLLOWER_BEAT_MS * NANOS_PER_MS,
      mem_storage: true,
      num_replicas: 1,
      inactive_threshold: FOLLOWER_FORGOTTEN_AFTER_MS * NANOS_PER_MS,
    },
    action: "create",
  };
}
