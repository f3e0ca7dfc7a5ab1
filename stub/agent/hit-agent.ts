/** What a breakpoint's conditions and commands, which the client has left to us, make of a hit. */
import { AgentError, evaluateAgent, type AgentContext } from './bytecode.ts';
import { agentPrintf } from './printf.ts';

export interface AgentCode {
  /** Expressions: the breakpoint counts when one of them is not zero, or cannot be evaluated. None: it always does. */
  readonly conditions?: readonly Uint8Array[];
  /** Done in place of stopping. None: it stops. */
  readonly commands?: readonly Uint8Array[];
}

/** Registers and memory where the breakpoint was hit. */
export type HitPlace = Omit<AgentContext, 'print'>;

function contextOf(place: HitPlace, print: AgentContext['print']): AgentContext {
  return {
    register: (number) => place.register(number), word: (address, length) => place.word(address, length), memory: (address, length) => place.memory(address, length), print,
  };
}

const noOutput = (): never => {
  throw new AgentError('a condition does not print');
};

export class HitAgent {
  private readonly conditions: readonly Uint8Array[];
  private readonly commands: readonly Uint8Array[];
  private readonly print: (text: string) => void;
  private trouble: string | undefined;

  constructor({ conditions = [], commands = [] }: AgentCode, print: (text: string) => void) {
    this.conditions = conditions;
    this.commands = commands;
    this.print = print;
  }

  /** Whether there are commands to be done in place of stopping. */
  get acts(): boolean {
    return this.commands.length > 0;
  }

  /** Whether the hit counts. */
  holds(place: HitPlace): boolean {
    const { conditions } = this;
    if (conditions.length === 0) return true;
    const context = contextOf(place, noOutput);
    for (const condition of conditions) {
      try {
        if (evaluateAgent(condition, context) !== 0n) return true;
      } catch (error) {
        // What was not to be missed must not be, only because nobody can tell whether it happened.
        this.trouble = `The breakpoint's condition cannot be evaluated: ${messageOf(error)}.`;
        return true;
      }
    }
    return false;
  }

  /** Does the commands. */
  act(place: HitPlace): void {
    const context = contextOf(place, (format, values) => this.print(agentPrintf(format, values, (address, length) => place.memory(address, length))));
    try {
      for (const command of this.commands) evaluateAgent(command, context);
    } catch (error) {
      this.print(`<dprintf: ${messageOf(error)}>\n`);
    }
  }

  /** Why the last hit counted although its condition did not say so, once. */
  takeTrouble(): string | undefined {
    const { trouble } = this;
    this.trouble = undefined;
    return trouble;
  }
}

function messageOf(error: unknown): string {
  if (error instanceof AgentError) return error.message;
  throw error;
}

/** Undefined when there is neither a condition nor a command. */
export function hitAgent(code: AgentCode, print: (text: string) => void): HitAgent | undefined {
  return (code.conditions?.length ?? 0) === 0 && (code.commands?.length ?? 0) === 0 ? undefined : new HitAgent(code, print);
}
