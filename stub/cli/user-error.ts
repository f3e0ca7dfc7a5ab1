/** Something the user asked for cannot be done. The message is one line and says what to do; it ends the program. */
export class UserError extends Error {
  /** Exit status. 2: the command line; 1: anything else. */
  readonly status: number;

  constructor(message: string, status = 1) {
    super(message);
    this.status = status;
  }
}

/** For mistakes on the command line. */
export function usageError(message: string): UserError {
  return new UserError(`${message}; 'skas --help' shows the usage`, 2);
}
