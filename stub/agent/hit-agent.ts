/** What a breakpoint's conditions and commands, which the client has left to us, make of a hit. */
import type { HitFilter } from '../../emulator/debug/hit-filters.ts';
import type { Thread } from '../../emulator/host/process/thread.ts';
import { AgentError, evaluateAgent, type AgentContext } from './bytecode.ts';
import { agentPrintf } from './printf.ts';
import type { AgentVariables } from './variables.ts';

export interface AgentCode {
  /** Expressions: the breakpoint counts when one of them is not zero, or cannot be evaluated. None: it always does. */
  readonly conditions?: readonly Uint8Array[];
  /** Done in place of stopping. None: it stops. */
  readonly commands?: readonly Uint8Array[];
}

/** Registers and memory where the breakpoint was hit. */
export type HitPlace = Pick<AgentContext, 'register' | 'word' | 'memory'>;

/** Whose the breakpoints are. */
export interface AgentHost {
  readonly print: (text: string) => void;
  readonly variables: AgentVariables;
}

/** Registers and memory of the place a thread is at. */
export interface PlaceOfThread {
  of(thread: Thread): HitPlace;
}

const noOutput = (): never => {
  throw new AgentError('a condition does not print');
};

export class HitAgent {
  private readonly conditions: readonly Uint8Array[];
  private readonly commands: readonly Uint8Array[];
  private readonly host: AgentHost;
  private trouble: string | undefined;
  private counting = false;

  constructor({ conditions = [], commands = [] }: AgentCode, host: AgentHost) {
    this.conditions = conditions;
    this.commands = commands;
    this.host = host;
  }

  /** Whether there are commands to be done in place of stopping. */
  get acts(): boolean {
    return this.commands.length > 0;
  }

  /** Whether the hit counts. Each condition is evaluated: it may count hits of its own. */
  holds(place: HitPlace): boolean {
    const { conditions } = this;
    if (conditions.length === 0) return true;
    const context = this.contextOf(place, noOutput);
    let holds = false;
    for (const condition of conditions) {
      try {
        if (evaluateAgent(condition, context) !== 0n) holds = true;
      } catch (error) {
        // What was not to be missed must not be, only because nobody can tell whether it happened.
        this.trouble = `The breakpoint's condition cannot be evaluated: ${messageOf(error)}.`;
        holds = true;
      }
    }
    return holds;
  }

  /** Does the commands. */
  act(place: HitPlace): void {
    const { print } = this.host;
    const context = this.contextOf(place, (format, values) => print(agentPrintf(format, values, (address, length) => place.memory(address, length))));
    try {
      for (const command of this.commands) evaluateAgent(command, context);
    } catch (error) {
      print(`<dprintf: ${messageOf(error)}>\n`);
    }
  }

  /** What the machine asks at each hit. */
  filter(place: PlaceOfThread): HitFilter {
    const counts = (): boolean => this.counting;
    return {
      holds: (thread) => this.holds(place.of(thread)),
      trouble: () => this.takeTrouble(),
      get counts() {
        return counts();
      },
      ...(this.acts ? { act: (thread: Thread): void => this.act(place.of(thread)) } : {}),
    };
  }

  private contextOf(place: HitPlace, print: AgentContext['print']): AgentContext {
    const { variables } = this.host;
    return {
      register: (number) => place.register(number), word: (address, length) => place.word(address, length), memory: (address, length) => place.memory(address, length),
      variable: (number) => variables.get(number),
      setVariable: (number, value) => {
        this.counting = true;
        variables.set(number, value);
      },
      print,
    };
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
export function hitAgent(code: AgentCode, host: AgentHost): HitAgent | undefined {
  return (code.conditions?.length ?? 0) === 0 && (code.commands?.length ?? 0) === 0 ? undefined : new HitAgent(code, host);
}
