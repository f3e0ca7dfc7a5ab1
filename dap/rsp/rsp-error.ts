/** The stub refused, or what it said cannot be understood. The message is fit for the user. */
export class RspError extends Error {}

/** The connection is gone. */
export class RspClosedError extends RspError {}
