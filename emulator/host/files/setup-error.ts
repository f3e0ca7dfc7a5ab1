/** Something the user asked of the machine cannot be had; the message is for them. */
export class MachineSetupError extends Error {}
