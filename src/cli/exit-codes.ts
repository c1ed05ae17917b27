import type { ErrorCode } from "../core/errors.ts";

/** What a script may rely on; the README repeats the list. */
export const EXIT = {
  ok: 0,
  failed: 1,
  usage: 2,
  notFound: 3,
  cancelled: 4,
  timeout: 5,
  unreachable: 6,
  refused: 7,
  partial: 8,
  interrupted: 130,
} as const;

const BY_CODE: Partial<Record<ErrorCode, number>> = {
  bad_options: EXIT.usage,
  unknown_id: EXIT.notFound,
  unknown_type: EXIT.notFound,
  cancelled: EXIT.cancelled,
  no_answer: EXIT.timeout,
  timeout: EXIT.timeout,
  no_connection: EXIT.unreachable,
  no_host: EXIT.unreachable,
  cut_off: EXIT.unreachable,
  server_failed: EXIT.unreachable,
  server_unavailable: EXIT.unreachable,
  server_no_network: EXIT.unreachable,
  bad_request: EXIT.refused,
  unknown_lane: EXIT.refused,
  bad_address: EXIT.refused,
  bad_payload: EXIT.refused,
  invalid_input: EXIT.refused,
  reserved_event: EXIT.refused,
  bad_delay: EXIT.refused,
  bad_deadline: EXIT.refused,
  too_large: EXIT.refused,
  not_running: EXIT.refused,
  not_accepted: EXIT.refused,
  parked: EXIT.refused,
  in_full: EXIT.refused,
  incompatible_server: EXIT.refused,
  incompatible_stream: EXIT.refused,
  incompatible_release: EXIT.refused,
  clashing_definition: EXIT.refused,
  no_permission: EXIT.refused,
  not_provisioned: EXIT.refused,
};

export function exitCodeOf(code: string): number {
  return BY_CODE[code as ErrorCode] ?? EXIT.failed;
}
