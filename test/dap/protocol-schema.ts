/** The Debug Adapter Protocol as JSON schema, made from its type definitions; every message of a session is checked against it. */
import { join } from 'node:path';
import type { DebugProtocol } from '@vscode/debugprotocol';
import { Ajv, type ValidateFunction } from 'ajv';
import { createGenerator } from 'ts-json-schema-generator';

const DEFINITIONS = join(import.meta.dirname, '..', '..', 'node_modules', '@vscode', 'debugprotocol', 'lib', 'debugProtocol.d.ts');

const upper = (name: string): string => name.charAt(0).toUpperCase() + name.slice(1);

export class ProtocolSchema {
  private readonly ajv = new Ajv({ strict: false, allErrors: true });
  private readonly names: ReadonlySet<string>;
  private readonly validators = new Map<string, ValidateFunction>();

  constructor() {
    const schema = createGenerator({ path: DEFINITIONS, type: '*', expose: 'all', skipTypeCheck: true, additionalProperties: true }).createSchema('*');
    const { definitions = {} } = schema;
    this.ajv.addSchema({ definitions }, 'dap');
    this.names = new Set(Object.keys(definitions));
  }

  /** What is wrong with a message; empty: nothing. `command` of the request a response answers. */
  errors(message: DebugProtocol.ProtocolMessage & { readonly command?: string; readonly event?: string; readonly success?: boolean }): string[] {
    const name = message.type === 'event' ? `${upper(message.event ?? '')}Event` : message.type === 'request' ? `${upper(message.command ?? '')}Request` : message.success === false ? 'ErrorResponse' : `${upper(message.command ?? '')}Response`;
    const type = `DebugProtocol.${name}`;
    // Requests of our own have no schema but the general one.
    const known = this.names.has(type) ? type : message.type === 'event' ? 'DebugProtocol.Event' : message.type === 'request' ? 'DebugProtocol.Request' : 'DebugProtocol.Response';
    let validate = this.validators.get(known);
    if (validate === undefined) {
      validate = this.ajv.compile({ $ref: `dap#/definitions/${encodeURIComponent(known)}` });
      this.validators.set(known, validate);
    }
    return validate(message) ? [] : (validate.errors ?? []).map(({ instancePath, message: text }) => `${name}${instancePath} ${text ?? ''}`);
  }

  get size(): number {
    return this.names.size;
  }
}
