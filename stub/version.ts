/** The version, from package.json. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

function read(): string {
  const text: unknown = JSON.parse(readFileSync(join(import.meta.dirname, '..', 'package.json'), 'utf8'));
  if (typeof text !== 'object' || text === null || !('version' in text) || typeof text.version !== 'string') throw new Error('package.json has no version');
  return text.version;
}

export const SKAS_VERSION = read();
