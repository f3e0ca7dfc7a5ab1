/** The way of a request: answered in its turn, refused with words fit for the user. */
import { DebugSession, OutputEvent } from '@vscode/debugadapter';
import type { DebugProtocol } from '@vscode/debugprotocol';
import { ExpressionError } from '../expressions/lexer.ts';
import { RspError } from '../rsp/rsp-error.ts';
import { SymbolFileError } from '../symbols/symbol-file.ts';
import { ValueError } from '../values/value.ts';
import { AttributeError } from './launch-attributes.ts';
import { LaunchError } from './machine-process.ts';
import { RequestError } from './stack-requests.ts';

const USER_ERRORS = [RequestError, RspError, SymbolFileError, ExpressionError, ValueError, AttributeError, LaunchError];

export abstract class RequestSession extends DebugSession {
  /** The target is gone, or left. */
  protected ended = false;
  private turn: Promise<void> = Promise.resolve();

  /** Answers requests one after the other: what they look at must not change under them. */
  protected answer<R extends DebugProtocol.Response>(response: R, work: () => Promise<R['body'] | undefined>): void {
    this.turn = this.turn.then(() => this.answerNow(response, work));
  }

  /** Not waiting for its turn. */
  protected answerNow<R extends DebugProtocol.Response>(response: R, work: () => Promise<R['body'] | undefined>): Promise<void> {
    return work().then((body) => {
      if (body !== undefined) response.body = body;
      this.sendResponse(response);
    }).catch((error: unknown) => this.refuse(response, error));
  }

  private refuse(response: DebugProtocol.Response, error: unknown): void {
    const known = USER_ERRORS.some((kind) => error instanceof kind);
    const text = error instanceof Error ? error.message : String(error);
    if (!known && error instanceof Error) this.tell(`${error.stack ?? text}\n`, 'stderr');
    // What was still asked when the session ended is nobody's concern any more.
    this.sendErrorResponse(response, { id: known ? 1 : 2, format: '{_text}', variables: { _text: known ? text : `internal error: ${text}` }, showUser: !this.ended });
  }

  protected tell(text: string, category: 'console' | 'stdout' | 'stderr' | 'important' = 'console'): void {
    this.sendEvent(new OutputEvent(text, category));
  }

  protected need<T>(part: T | undefined): T {
    if (part === undefined) throw new RequestError('there is no target: launch or attach first');
    return part;
  }
}
