import { TroupeError } from "../core/errors.ts";
import { api, micro, namesOf, roleInbox, type Names } from "./names.ts";

const ROLES = ["publisher", "host", "worker", "inspector", "deployer"] as const;
export type Role = (typeof ROLES)[number];

interface Login {
  readonly user: string;
  /** Plain, or a bcrypt hash as `nats server passwd` makes it. */
  readonly password: string;
}

export type RolesOptions = { readonly namespace?: string } & { readonly [role in Role]?: Login };

interface Permissions {
  readonly publish: readonly string[];
  readonly subscribe: readonly string[];
}

/**
 * The `authorization` block of a nats-server configuration: one user for each role that has a login, with what it needs and no
 * more. Each role has an inbox prefix of its own (`inboxPrefix` of the connection), so that nobody reads another's answers.
 *
 * Permission on one subject of CORE is permission on all of it, since headers cannot be filtered: a rollup header empties the
 * stream (research/jetstream.md §7). So only hosts may write there, and clients write to IN, which takes no such header.
 * @throws bad_options
 */
export function rolesConfig(options: RolesOptions): string {
  const names = namesOf(options.namespace);
  const users = ROLES.flatMap((role) => {
    const login = options[role];
    if (login === undefined) return [];
    if (login.user === "" || login.password === "") throw new TroupeError("bad_options", `The ${role} needs a user and a password`);
    return [formatUser(role, login, permissionsOf(role, names))];
  });
  if (users.length === 0) throw new TroupeError("bad_options", `Give at least one of ${ROLES.join(", ")} a login`);
  return `authorization {\n  users: [\n${users.join("\n")}\n  ]\n}\n`;
}

/** What a connection of that role passes as `inboxPrefix`. */
export function inboxPrefixOf(role: Role): string {
  return roleInbox(role);
}

function permissionsOf(role: Role, names: Names): Permissions {
  const inbox = `${roleInbox(role)}.>`;
  switch (role) {
    case "publisher":
      return { publish: [...names.wayInSubjects, names.verbs], subscribe: [inbox] };
    case "host":
      return hostPermissions(names, inbox);
    case "worker":
      return workerPermissions(names, inbox);
    case "inspector":
      return {
        publish: [
          ...[names.streams.in, names.streams.core, names.streams.history].flatMap((stream) => [
            api.directGet(stream),
            api.directGetAll(stream),
            api.messageGet(stream),
          ]),
          ...everyStream(names).map(api.streamInfo),
        ],
        subscribe: [inbox, names.liveStates, names.events],
      };
    case "deployer":
      return {
        publish: [
          api.account,
          ...everyStream(names).flatMap((stream) => [api.streamCreate(stream), api.streamUpdate(stream), api.streamInfo(stream)]),
          ...readStreams(names).flatMap((stream) => [
            api.anyConsumerCreate(stream),
            api.consumerNames(stream),
            api.consumersOf("INFO", stream),
          ]),
        ],
        subscribe: [inbox],
      };
  }
}

/** Runs partitions and answers requests; may purge IN and CORE of what is absorbed, but neither create nor delete a stream. */
export function hostPermissions(names: Names, inbox: string): Permissions {
  const { core, work } = names.streams;
  const reads = [...readStreams(names), names.streams.history, names.hostsStream].flatMap((stream) => [
    api.messageGet(stream),
    api.directGet(stream),
    api.directGetAll(stream),
  ]);
  const consumers = readStreams(names).flatMap((stream) => [
    api.consumersOf("INFO", stream),
    api.consumersOf("RESET", stream),
    api.consumersOf("MSG.NEXT", stream),
    api.acksOf(stream),
  ]);
  const infos = everyStream(names).map(api.streamInfo);
  const consumerLists = readStreams(names).map(api.consumerNames);
  // Lists are read through consumers of the moment; whoever writes CORE could do worse.
  const passing = [api.anyConsumerCreate(core), api.consumerDelete(core)];
  const sharing = [
    api.anyConsumerCreate(work),
    api.consumersOf("MSG.NEXT", work),
    api.acksOf(work),
    api.streamPurge(work),
    api.messageGet(work),
    names.attempts,
  ];
  const purges = readStreams(names).flatMap((stream) => [api.streamPurge(stream), api.messageDelete(stream)]);
  // Answers go to whoever asked: to each role's inbox, and to that of clients that have no prefix.
  const inboxes = [...ROLES.map((role) => `${roleInbox(role)}.>`), names.commonInbox];
  const own = [...names.coreSubjects, ...names.wayInSubjects, names.verbs, names.events, names.hosts, names.hostKeys];
  return {
    publish: [...own, ...infos, ...consumerLists, ...reads, ...consumers, ...passing, ...sharing, ...purges, ...inboxes],
    subscribe: [inbox, names.hosts, names.attempts, names.verbs, names.liveStates, micro.all],
  };
}

/** Takes offered work and says how it went. What it says of others' work is not believed: it does not have their tokens. */
function workerPermissions(names: Names, inbox: string): Permissions {
  const { work } = names.streams;
  return { publish: [api.consumersOf("MSG.NEXT", work), api.acksOf(work), names.attempts, names.wayInEvents], subscribe: [inbox] };
}

function readStreams(names: Names): readonly string[] {
  return [names.streams.in, names.streams.core];
}

function everyStream(names: Names): readonly string[] {
  return [...Object.values(names.streams), names.hostsStream];
}

function formatUser(role: Role, login: Login, permissions: Permissions): string {
  const list = (subjects: readonly string[]): string =>
    `[\n${subjects.map((subject) => `          ${JSON.stringify(subject)}`).join("\n")}\n        ]`;
  return [
    `    # ${role}: connect with inboxPrefix "${roleInbox(role)}"`,
    "    {",
    `      user: ${JSON.stringify(login.user)}`,
    `      password: ${JSON.stringify(login.password)}`,
    "      permissions: {",
    `        publish: ${list(permissions.publish)}`,
    `        subscribe: ${list(permissions.subscribe)}`,
    "        allow_responses: true",
    "      }",
    "    }",
  ].join("\n");
}
