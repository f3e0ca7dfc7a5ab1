/** A session of process groups (setsid): who shares a controlling terminal. */

/** What a session needs of its controlling terminal. */
export interface ControllingTerminal {
  /** st_rdev of the terminal, for /proc/<pid>/stat. */
  readonly deviceNumber: number;
  /** The session's leader has exited: SIGHUP to the foreground group, and the terminal is nobody's. */
  leaderExited(session: Session): void;
}

export class Session {
  /** Process id of the leader. */
  readonly id: number;
  terminal: ControllingTerminal | undefined;

  constructor(id: number) {
    this.id = id;
  }
}
