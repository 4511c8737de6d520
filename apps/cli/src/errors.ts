/** What a script can tell apart by the exit code. */
export const EXIT = {
  ok: 0,
  /** The server refused, or an operation failed. */
  failed: 1,
  /** The command line was wrong. */
  usage: 2,
  /** No such object. */
  notFound: 3,
  /** Somebody else changed it, or the name is taken. */
  conflict: 4,
  /** Not logged in, or not allowed. */
  denied: 5,
  /** The controller cannot be reached. */
  unreachable: 6,
  /** `--timeout` ran out while waiting. */
  timeout: 7,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** Ends the command with a message and an exit code. */
export class CliError extends Error {
  constructor(
    message: string,
    readonly exitCode: ExitCode = EXIT.failed,
  ) {
    super(message);
    this.name = 'CliError';
  }
}

/** The exit code for an HTTP status. */
export function exitCodeOf(status: number): ExitCode {
  if (status === 401 || status === 403 || status === 419) return EXIT.denied;
  if (status === 404) return EXIT.notFound;
  if (status === 409 || status === 412) return EXIT.conflict;
  return EXIT.failed;
}
