/** The command `skas`. The machine itself is loaded only once the command line and the program are known to make sense. */
import { MachineSetupError } from '../../emulator/host/files/setup-error.ts';
import { SKAS_VERSION } from '../version.ts';
import { askPs } from './ask-machine.ts';
import { parseCommandLine, type Command } from './command-line.ts';
import { say } from './messages.ts';
import { helpText } from './option-table.ts';
import { findCommand, inspectProgram } from './program-file.ts';
import { UserError } from './user-error.ts';

/** An error of ours (not the user's, not the guest's): BSD's EX_SOFTWARE. */
const STATUS_INTERNAL = 70;

async function start(command: Extract<Command, { kind: 'boot' | 'run' }>): Promise<number> {
  const { kind, program } = command;
  const file = kind === 'run' ? inspectProgram(program, findCommand(program), true) : inspectProgram(program, findCommand(program.includes('/') ? program : `./${program}`), false);
  const { startMachine } = await import('./start-machine.ts');
  return startMachine(command, file);
}

/** Does what the words say; gives the exit status. */
export async function main(words: readonly string[]): Promise<number> {
  try {
    const command = parseCommandLine(words);
    switch (command.kind) {
      case 'help':
        process.stdout.write(helpText());
        return 0;
      case 'version':
        process.stdout.write(`skas ${SKAS_VERSION}\n`);
        return 0;
      case 'ps':
        process.stdout.write(await askPs(command.address));
        return 0;
      default:
        return await start(command);
    }
  } catch (error) {
    if (error instanceof UserError) {
      say(error.message);
      return error.status;
    }
    if (error instanceof MachineSetupError) {
      say(error.message);
      return 1;
    }
    say(`internal error, please report it: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    return STATUS_INTERNAL;
  }
}
