import { execFile } from "node:child_process";

/** The environment to work in: `process.env`, or a smaller one in tests. */
export type Environment = Readonly<Record<string, string | undefined>>;

export interface ProgramRun {
  readonly env: Environment;
  readonly timeoutMs: number;
  readonly cwd?: string;
  readonly signal?: AbortSignal | undefined;
}

/** `failed`: it ran and said no. `not_run`: it could not be started, or did not end before its deadline. */
export type ProgramResult =
  | { readonly kind: "ok"; readonly stdout: string }
  | { readonly kind: "failed"; readonly exitCode: number; readonly detail: string; readonly stderr: string }
  | { readonly kind: "not_run"; readonly detail: string };

const MAX_OUTPUT_BYTES = 4 * 1024 * 1024;

/**
 * Runs a program to its end, without a shell.
 * @throws the signal's reason, once it is aborted; nothing else
 */
export async function runProgram(path: string, args: readonly string[], run: ProgramRun): Promise<ProgramResult> {
  run.signal?.throwIfAborted();
  const result = await execute(path, args, run);
  run.signal?.throwIfAborted();
  return result;
}

function execute(path: string, args: readonly string[], run: ProgramRun): Promise<ProgramResult> {
  const options = {
    env: run.env,
    timeout: run.timeoutMs,
    killSignal: "SIGKILL" as const,
    maxBuffer: MAX_OUTPUT_BYTES,
    windowsHide: true,
    ...(run.cwd === undefined ? {} : { cwd: run.cwd }),
    ...(run.signal === undefined ? {} : { signal: run.signal }),
  };
  return new Promise((resolve) => {
    execFile(path, args, options, (error, stdout, stderr) => {
      if (error === null) resolve({ kind: "ok", stdout });
      else if (typeof error.code === "number")
        resolve({ kind: "failed", exitCode: error.code, detail: lastLine(stderr) ?? error.message, stderr });
      else resolve({ kind: "not_run", detail: error.killed === true ? `no end after ${run.timeoutMs / 1000} s` : error.message });
    });
  });
}

/** Programs explain themselves last: apt's and tar's final line holds the reason. */
function lastLine(text: string): string | undefined {
  return text.trim().split("\n").at(-1)?.trim() || undefined;
}
